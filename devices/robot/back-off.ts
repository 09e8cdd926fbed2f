/** The pauses between a device's tries to reach its gateway: spread at random, so that a fleet does not come back as one. */

const FIRST_MS = 50;
const MOST_MS = 5_000;

export class BackOff {
  readonly #mostMs: number;
  #tries = 0;

  /** @param mostMs - the longest pause, milliseconds: 5 s unless told */
  constructor(mostMs = MOST_MS) {
    this.#mostMs = mostMs;
  }

  /**
   * Milliseconds until the next try: anything from none to a bound, alike, that doubles from 50 ms to the
   * longest pause (AWS Architecture Blog, "Exponential Backoff and Jitter", full jitter).
   *
   * @param upMs - how long the session lasted that has ended, 0 if there was none: only one that was up for 5 s makes a
   * beginning again, so that a gateway which throws its devices out, or two devices of one name, are not asked ever faster
   * @param draw - a random number from `0..1`, below 1
   */
  pause(upMs: number, draw: number): number {
    if (upMs >= MOST_MS) this.#tries = 0;
    const most = Math.min(this.#mostMs, FIRST_MS * 2 ** Math.min(this.#tries, 16));
    this.#tries++;
    return draw * most;
  }
}
