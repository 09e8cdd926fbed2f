/** One short sentence on what was done. */
import { useEffect } from "preact/hooks";
import { cell, useCell } from "../cell.ts";

const saidLast = cell<{ readonly text: string } | null>(null);

/** Says that something was done: shown for some seconds, and read out. */
export function tell(text: string): void {
  saidLast.set({ text });
}

/** Where it is said: once, in the shell. */
export function Toast() {
  const last = useCell(saidLast);
  useEffect(() => {
    if (!last) return;
    const timer = setTimeout(() => saidLast.set(null), 6_000);
    return () => clearTimeout(timer);
  }, [last]);
  return (
    <div class="toast" role="status">
      {last && <p>{last.text}</p>}
    </div>
  );
}
