/** Turns at something scarce: so many at a time in all, and one at a time for each who asks. */

type Waiting = { readonly who: string; readonly start: () => void };

/**
 * First come, first served among those who have no turn yet. So whoever asks for many keeps the others waiting no
 * longer than whoever asks for one.
 */
export class Turns {
  readonly #limit: number;
  /** Who has a turn. */
  readonly #busy = new Set<string>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();

  /** @param limit - turns at the same time, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Waits for a turn of `who` and does the work in it; the turn is over when the work's promise settles.
   *
   * Rejects with `signal.reason` if aborted before the work begins. Work that has begun has to heed the signal itself.
   */
  async take<T>(who: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#begin(who, signal);
    try {
      return await work();
    } finally {
      this.#busy.delete(who);
      this.#admit();
    }
  }

  #begin(who: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiting.delete(waiting);
      reject(signal.reason);
    };
    const start = () => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const waiting = { who, start };
    if (signal.aborted) {
      leave();
    } else {
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiting);
      this.#admit();
    }
    return promise;
  }

  #admit(): void {
    for (const waiting of this.#waiting) {
      if (this.#busy.size >= this.#limit) return;
      if (this.#busy.has(waiting.who)) continue;
      this.#waiting.delete(waiting);
      this.#busy.add(waiting.who);
      waiting.start();
    }
  }
}
