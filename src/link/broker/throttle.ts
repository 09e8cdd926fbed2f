/**
 * Token buckets: how often something may be done on average, and how much of it at once.
 *
 * A bucket is kept as the one number that says it all: when it will be full again (the generic cell rate algorithm,
 * ITU-T I.371). One that is full is as good as none, so it is forgotten: memory goes by those that have taken tokens
 * in the time that a bucket takes to fill.
 */
import type { Clock, Instant } from "../../base/clock.ts";

/** Buckets before full ones are looked for. */
const FEW = 1_024;

export class Throttle {
  readonly #clock: Clock;
  /** Milliseconds that one token takes to come back. */
  readonly #interval: number;
  /** Milliseconds that an empty bucket takes to fill. */
  readonly #filling: number;
  /** Whence times are counted: the fractions of a millisecond would be lost in those since 1970. */
  readonly #start: Instant;
  /** When each bucket is full again, milliseconds. */
  readonly #fullAt = new Map<string, number>();
  #lookAt = FEW;
  #latest = 0;

  /**
   * @param rate - tokens a second that come back to each bucket, above 0
   * @param burst - tokens in a full bucket, at least 1
   */
  constructor(rate: number, burst: number, clock: Clock) {
    this.#clock = clock;
    this.#interval = 1_000 / rate;
    this.#filling = burst * this.#interval;
    this.#start = clock.now();
  }

  /** Buckets that are remembered. */
  get size(): number {
    return this.#fullAt.size;
  }

  /** Takes a token from a bucket, on credit if it is empty. Returns the milliseconds until the debt is paid, or 0. */
  take(key: string): number {
    const now = this.#clock.now() - this.#start;
    // the machine's clock was set back: by the old times nobody would be let in for as long
    if (now < this.#latest) this.#fullAt.clear();
    this.#latest = now;
    const fullAt = Math.max(now, this.#fullAt.get(key) ?? now) + this.#interval;
    this.#fullAt.set(key, fullAt);
    if (this.#fullAt.size > this.#lookAt) this.#forget(now);
    return Math.max(0, fullAt - now - this.#filling);
  }

  /** Takes a token from a bucket if one is there. Returns the milliseconds until there will be one, or 0 when it was. */
  tryTake(key: string): number {
    const wait = this.take(key);
    if (wait > 0) this.#fullAt.set(key, (this.#fullAt.get(key) ?? 0) - this.#interval);
    return wait;
  }

  #forget(now: number): void {
    for (const [key, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(key);
    this.#lookAt = Math.max(FEW, 2 * this.#fullAt.size);
  }
}
