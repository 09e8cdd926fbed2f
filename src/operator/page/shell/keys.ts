/** Keys of the whole page. */
import { useEffect } from "preact/hooks";

const WRITES = "input, textarea, select, [contenteditable]";

/** `/` goes to the filter of the list that is shown. */
export function useKeys(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof Element && event.target.matches(WRITES)) return;
      const filter = document.querySelector<HTMLElement>("[data-filter]");
      if (!filter || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      filter.focus();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}
