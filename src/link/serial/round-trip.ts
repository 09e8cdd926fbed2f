/**
 * How long to wait for an acknowledgement: RFC 6298, with a floor and ceiling that fit a serial line.
 *
 * The caller gives clean samples only (Karn and Partridge, SIGCOMM 1987): frames sent once and acknowledged by
 * the first answer after them. A doubled timeout stays doubled until the next clean sample, otherwise a line
 * slower than the first guess would never be measured at all.
 */

const FLOOR_MS = 20;
const CEILING_MS = 1_000;
/** UARTs behind USB deliver in bursts (FTDI: every 16 ms), which a short run of samples does not show. */
const JITTER_MS = 5;
/** A clock that was set forward would otherwise freeze the link for as long as it jumped. */
const LARGEST_SAMPLE_MS = 10_000;

export class RoundTrip {
  #smoothedMs: number | undefined;
  #deviationMs = 0;
  #factor = 1;
  readonly #firstGuessMs: number;

  constructor(firstGuessMs: number) {
    this.#firstGuessMs = firstGuessMs;
  }

  /** What it is just now, smoothed; null before the first sample. */
  get smoothedMs(): number | null {
    return this.#smoothedMs ?? null;
  }

  get timeoutMs(): number {
    const measured =
      this.#smoothedMs === undefined
        ? this.#firstGuessMs
        : Math.max(FLOOR_MS, this.#smoothedMs + Math.max(JITTER_MS, 4 * this.#deviationMs));
    return Math.min(measured * this.#factor, Math.max(CEILING_MS, this.#firstGuessMs));
  }

  sample(ms: number): void {
    if (ms < 0 || ms > LARGEST_SAMPLE_MS) return;
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = ms;
      this.#deviationMs = ms / 2;
    } else {
      this.#deviationMs += (Math.abs(ms - this.#smoothedMs) - this.#deviationMs) / 4;
      this.#smoothedMs += (ms - this.#smoothedMs) / 8;
    }
    this.#factor = 1;
  }

  backOff(): void {
    this.#factor = Math.min(this.#factor * 2, 64);
  }
}
