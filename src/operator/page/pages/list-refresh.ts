/** Keeps a long list fresh while the gateway says that it changes. */
import { useEffect } from "preact/hooks";
import type { List } from "../../api/live.ts";
import { onChanged } from "../live.ts";

/** Between two askings because of changes, in milliseconds. */
const GAP = 1_000;

/** Runs after a change of a list, at most once a second. */
export function useRefresh(list: List, refresh: () => void): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = onChanged([list], () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        refresh();
      }, GAP);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [list, refresh]);
}
