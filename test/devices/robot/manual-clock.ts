/** A clock that stands still until told to move. */
import { type Clock, instant } from "../../../src/base/clock.ts";

type Timer = { readonly at: number; readonly then: () => void };

export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now = () => instant(this.#now);

  after = (ms: number, then: () => void) => {
    const timer = { at: this.#now + ms, then };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  };

  sleep = (ms: number, signal?: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = this.after(ms, resolve);
    const stop = () => {
      cancel();
      reject(signal?.reason);
    };
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    return promise;
  };

  /** Moves on, calling what is due in its order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.then();
    }
    this.#now = end;
  }
}
