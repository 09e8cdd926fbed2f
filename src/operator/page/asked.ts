/** An answer of the gateway that a page shows and keeps fresh. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { List } from "../api/live.ts";
import { type Answer, type Asking, ask, Problem, type RouteKey } from "./fetch.ts";
import { onChanged } from "./live.ts";

/** Between two askings because of changes. */
const GAP = 1_000;

export type Asked<Key extends RouteKey> = {
  /** The newest answer; of the question before while a changed one is being asked. */
  readonly answer: Answer<Key> | null;
  readonly problem: Problem | null;
  /** Whether the answer is not, or not yet, that of the question. */
  readonly isLoading: boolean;
  readonly reload: () => void;
};

/**
 * Asks a route, again whenever the question changes or one of the lists does. A null key asks nothing.
 *
 * A problem does not take the answer before it away: it is shown beside it.
 */
export function useAsk<Key extends RouteKey>(
  key: Key | null,
  asking: Asking<Key> = {},
  lists: readonly List[] = [],
): Asked<Key> {
  const question = JSON.stringify([key, asking]);
  const newest = useRef(asking);
  newest.current = asking;
  const [state, setState] = useState<{
    question: string;
    answer: Answer<Key> | null;
    problem: Problem | null;
  }>({
    question: "",
    answer: null,
    problem: null,
  });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((count) => count + 1), []);

  // biome's rule wants every value named: the question stands for key and asking.
  useEffect(() => {
    if (key === null) return;
    const stop = new AbortController();
    ask(key, { ...newest.current, signal: stop.signal })
      .then((answer) => setState({ question, answer, problem: null }))
      .catch((reason: unknown) => {
        if (stop.signal.aborted) return;
        const problem = reason instanceof Problem ? reason : new Problem(0, { title: String(reason) });
        setState((before) => ({ question, answer: before.answer, problem }));
      });
    return () => stop.abort();
  }, [question, turn]);

  const wanted = lists.join();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = onChanged(lists, () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
      }, GAP);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [wanted]);

  return { ...state, isLoading: key !== null && state.question !== question, reload };
}
