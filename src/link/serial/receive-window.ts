/**
 * The receiving half of selective repeat: frames in any order in, payloads in sequence order out, each once.
 *
 * The edge is the first sequence number without room. It only moves forward, and stands still while the
 * reader of the stream is behind, so a slow reader costs a bounded buffer and no retransmissions.
 */

export class ReceiveWindow {
  readonly #size: number;
  readonly #held = new Map<number, Uint8Array>();
  #wanted = 0;
  #edge: number;

  /** @param size - frames, 1..16 */
  constructor(size: number) {
    this.#size = size;
    this.#edge = size;
  }

  /** The next sequence number wanted. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Frames from {@link wanted} on that there is room for. */
  get credit(): number {
    return (this.#edge - this.#wanted) & 0xff;
  }

  /** Bit i: `wanted + 1 + i` is held. */
  get selective(): number {
    let bits = 0;
    for (const sequence of this.#held.keys()) bits |= 1 << ((sequence - this.#wanted - 1) & 0xff);
    return bits;
  }

  /** Opens the window to its full size again. */
  open(): void {
    this.#edge = (this.#wanted + this.#size) & 0xff;
  }

  /** Keeps one frame's payload, or says why not. */
  accept(sequence: number, payload: Uint8Array): "kept" | "duplicate" | "outside" {
    const ahead = (sequence - this.#wanted) & 0xff;
    if (ahead < this.credit) {
      if (this.#held.has(sequence)) return "duplicate";
      this.#held.set(sequence, payload);
      return "kept";
    }
    return ahead >= 0x100 - this.#size ? "duplicate" : "outside";
  }

  /** Removes and returns the payload that is next in order, if it is here. */
  take(): Uint8Array | undefined {
    const payload = this.#held.get(this.#wanted);
    if (payload === undefined) return undefined;
    this.#held.delete(this.#wanted);
    this.#wanted = (this.#wanted + 1) & 0xff;
    return payload;
  }
}
