/** A clock that stands still until it is moved. */
import { type Clock, instant } from "../../src/base/clock.ts";

type Timer = { readonly at: number; readonly then: () => void };

export class ManualClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #timers = new Set<Timer>();

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

  /** Moves on by steps, and lets whatever that wakes run until it waits again. */
  async advance(ms: number): Promise<void> {
    for (const end = this.#now + ms; ; ) {
      await idle();
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) {
        this.#now = end;
        return;
      }
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.then();
    }
  }
}

/** Everything that waits for nothing but promises has run. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
