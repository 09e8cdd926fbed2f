/** A value that says when it changes, for what every part of the page shares. */
import { useEffect, useState } from "preact/hooks";

export type Cell<T> = {
  readonly value: T;
  readonly set: (next: T) => void;
  readonly subscribe: (listener: () => void) => () => void;
};

/** A cell with its first value. Setting the same value again tells nobody. */
export function cell<T>(initial: T): Cell<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get value() {
      return value;
    },
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/** A cell's value; what uses it is drawn again when it changes. */
export function useCell<T>(from: Cell<T>): T {
  const [, redraw] = useState(0);
  useEffect(() => {
    // It may have changed between drawing and subscribing.
    redraw((count) => count + 1);
    return from.subscribe(() => redraw((count) => count + 1));
  }, [from]);
  return from.value;
}
