/**
 * How large a payload is best on this line now.
 *
 * A larger one spends less on headers, a smaller one loses less when a bit flips. With `o` bytes around each payload
 * and a chance `q` for each byte to spoil its frame, `n / (n + o) · (1 - q)^(n + o)` of the line is of use, and that
 * is most where `n · (n + o) = o / q`.
 */

/** Header and check of `frame.ts`, the byte that COBS adds and the zero that ends the frame. */
const AROUND_BYTES = 12;
const LEAST_BYTES = 32;
/** Payload of a line that nothing is known of. */
export const FIRST_PAYLOAD_BYTES = 64;
/** Frames that were transmitted longer ago than this many bytes count half, and again half for each time as many. */
const MEMORY_BYTES = 8_192;
/** Losses that are believed in before anything was sent: few, so that the line is soon heard. */
const FIRST_LOSSES = 2;

export class PayloadSize {
  readonly #most: number;
  #lost = FIRST_LOSSES;
  #sentBytes = (FIRST_LOSSES / AROUND_BYTES) * FIRST_PAYLOAD_BYTES * (FIRST_PAYLOAD_BYTES + AROUND_BYTES);

  /** @param most - what both ends and the line allow, 1..240 bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** Of the next payload: between 32 and the most, or the most where that is less. */
  get bytes(): number {
    const spoiling = this.#lost / this.#sentBytes;
    const best = (Math.sqrt(AROUND_BYTES ** 2 + (4 * AROUND_BYTES) / spoiling) - AROUND_BYTES) / 2;
    return Math.min(this.#most, Math.max(LEAST_BYTES, Math.round(best)));
  }

  /** A frame with a payload of `payloadBytes` goes out. */
  sent(payloadBytes: number): void {
    this.#sentBytes += payloadBytes + AROUND_BYTES;
    if (this.#sentBytes < 2 * MEMORY_BYTES) return;
    this.#sentBytes /= 2;
    this.#lost /= 2;
  }

  /** One of them did not arrive. */
  lost(): void {
    this.#lost++;
  }
}
