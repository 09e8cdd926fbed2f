/** A clock that stands still until told: timers run in order of their time, then of their making. */
import { type Clock, instant } from "../../../src/base/clock.ts";

interface Timer {
  at: number;
  then(): void;
}

export class VirtualClock implements Clock {
  #timers: Timer[] = [];
  /** Milliseconds since the start, with fractions: serial bytes are shorter than a millisecond. */
  elapsedMs = 0;
  /** Added to what `now` shows, as when someone sets the machine's clock. */
  offsetMs = 1_700_000_000_000;

  now() {
    return instant(this.offsetMs + Math.floor(this.elapsedMs));
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  after(ms: number, then: () => void): () => void {
    const timer: Timer = { at: this.elapsedMs + Math.max(ms, 0), then };
    const later = this.#timers.findIndex((other) => other.at > timer.at);
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /**
   * Runs timers until `isDone`; streams get their turns in between.
   *
   * @throws Error when `limitMs` have passed or no timer is left
   */
  async runUntil(isDone: () => boolean, limitMs = 600_000): Promise<void> {
    const until = this.elapsedMs + limitMs;
    await turn();
    while (!isDone()) {
      const next = this.#timers[0];
      if (next === undefined || next.at > until) throw new Error(`not done after ${limitMs} virtual ms`);
      this.#timers.shift();
      this.elapsedMs = next.at;
      next.then();
      await turn();
    }
  }

  /** Runs every timer of the next `ms`. */
  async run(ms: number): Promise<void> {
    let isOver = false;
    this.after(ms, () => {
      isOver = true;
    });
    await this.runUntil(() => isOver, ms);
  }
}

/** Lets promises, next ticks and immediates run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
