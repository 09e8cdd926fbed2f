/**
 * The sending half of selective repeat: bytes in, numbered payloads out, each repeated until acknowledged.
 *
 * A line keeps order, so loss can be proven: when a transmission has arrived and an earlier one has not, the
 * earlier one is lost. Each transmission therefore gets an ordinal, and an acknowledgement condemns whatever
 * was last transmitted before the newest transmission it proves.
 */
import type { Instant } from "../../base/clock.ts";
import { MAX_WINDOW } from "./frame.ts";
import { PayloadSize } from "./payload-size.ts";

interface Flight {
  payload: Uint8Array;
  sentAt: Instant;
  /** Ordinal of the earliest transmission that may be the one that arrives. */
  provableAs: number;
  /** Ordinal of the latest transmission. */
  lastSentAs: number;
  isHeld: boolean;
  /** Waiting to be transmitted again: the earlier transmissions are known to be lost, or only guessed to be. */
  again: "no" | "proven" | "guessed";
}

interface Outgoing {
  sequence: number;
  payload: Uint8Array;
  isRepeat: boolean;
}

export class SendWindow {
  readonly #size: PayloadSize;
  readonly #flights: Flight[] = [];
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #end: "open" | "wanted" | "sent" = "open";
  /** Sequence number of the oldest flight. */
  #base = 0;
  /** Flights the peer has room for, from `#base` on. */
  #room: number;
  #ordinal = 0;

  /**
   * @param mtu - largest payload, in bytes; how large they are is up to what the line has lost
   * @param room - the peer's receive window at the start, in frames
   */
  constructor(mtu: number, room: number) {
    this.#size = new PayloadSize(mtu);
    this.#room = Math.min(room, MAX_WINDOW);
  }

  /** Bytes accepted and not transmitted yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether something transmitted awaits its acknowledgement. */
  get isWaiting(): boolean {
    return this.#flights.length > 0;
  }

  /** Whether the end of the stream, and so everything before it, is acknowledged. */
  get isFinished(): boolean {
    return this.#end === "sent" && this.#flights.length === 0;
  }

  /** Copies `bytes` to the end of the stream. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#queue.push(Uint8Array.from(bytes));
    this.#queuedBytes += bytes.length;
  }

  end(): void {
    this.#end = "wanted";
  }

  /** The next payload to transmit, repetitions first, or `undefined` when there is nothing or no room. */
  take(now: Instant): Outgoing | undefined {
    const index = this.#flights.findIndex((flight) => flight.again !== "no");
    const repeated = this.#flights[index];
    if (repeated !== undefined) {
      repeated.lastSentAs = ++this.#ordinal;
      if (repeated.again === "proven") repeated.provableAs = repeated.lastSentAs;
      repeated.again = "no";
      repeated.sentAt = now;
      this.#size.sent(repeated.payload.length);
      return { sequence: (this.#base + index) & 0xff, payload: repeated.payload, isRepeat: true };
    }
    if (this.#flights.length >= this.#room) return undefined;
    const payload = this.#nextPayload();
    if (payload === undefined) return undefined;
    const sequence = (this.#base + this.#flights.length) & 0xff;
    const ordinal = ++this.#ordinal;
    this.#size.sent(payload.length);
    this.#flights.push({
      payload,
      sentAt: now,
      provableAs: ordinal,
      lastSentAs: ordinal,
      isHeld: false,
      again: "no",
    });
    return { sequence, payload, isRepeat: false };
  }

  /**
   * Takes in one frame's acknowledgement fields.
   *
   * @returns whether anything was acknowledged for the first time, and the round trip of the newest such
   *   transmission where it is unambiguous; `undefined` when the fields acknowledge what was never sent
   */
  acknowledge(
    fields: { acknowledged: number; selective: number; credit: number },
    now: Instant,
  ): { isProgress: boolean; roundTripMs: number | undefined } | undefined {
    const count = (fields.acknowledged - this.#base) & 0xff;
    if (count > this.#flights.length) return undefined;
    const arrived = this.#flights.splice(0, count).filter((flight) => !flight.isHeld);
    this.#base = fields.acknowledged;
    this.#room = fields.credit;
    for (let bit = 0; bit < MAX_WINDOW; bit++) {
      const flight = this.#flights[bit + 1];
      if (flight === undefined || flight.isHeld || (fields.selective & (1 << bit)) === 0) continue;
      flight.isHeld = true;
      flight.again = "no";
      arrived.push(flight);
    }
    const newest = arrived.reduce<Flight | undefined>(
      (best, flight) => (best === undefined || flight.provableAs > best.provableAs ? flight : best),
      undefined,
    );
    if (newest === undefined) return { isProgress: false, roundTripMs: undefined };
    for (const flight of this.#flights) {
      if (flight.isHeld || flight.lastSentAs >= newest.provableAs) continue;
      if (flight.again === "no") this.#size.lost();
      flight.again = "proven";
    }
    const isUnambiguous = newest.provableAs === newest.lastSentAs;
    return { isProgress: true, roundTripMs: isUnambiguous ? now - newest.sentAt : undefined };
  }

  /**
   * The peer heard something broken last: most likely the oldest transmission still out. Only likely, because
   * one flipped bit can make two broken frames; taken for proof, a false guess would condemn the frames after it.
   */
  repeatOldest(): void {
    const out = this.#flights.filter((flight) => !flight.isHeld && flight.again === "no");
    const oldest = out.reduce<Flight | undefined>(
      (best, flight) => (best === undefined || flight.lastSentAs < best.lastSentAs ? flight : best),
      undefined,
    );
    if (oldest === undefined) return;
    oldest.again = "guessed";
    this.#size.lost();
  }

  /**
   * Nothing was heard for a whole timeout: everything the peer is not known to hold goes out again. That says nothing
   * of the line's errors: the peer may just have been busy.
   */
  repeatAll(): void {
    for (const flight of this.#flights) {
      if (!flight.isHeld && flight.again === "no") flight.again = "guessed";
    }
  }

  /** Up to one payload's size of the queue; the empty payload that ends the stream; or nothing. */
  #nextPayload(): Uint8Array | undefined {
    if (this.#queuedBytes === 0) {
      if (this.#end !== "wanted") return undefined;
      this.#end = "sent";
      return new Uint8Array(0);
    }
    const payload = new Uint8Array(Math.min(this.#size.bytes, this.#queuedBytes));
    let filled = 0;
    while (filled < payload.length) {
      const head = this.#queue[0] ?? new Uint8Array(0);
      const part = head.subarray(0, payload.length - filled);
      payload.set(part, filled);
      filled += part.length;
      if (part.length === head.length) this.#queue.shift();
      else this.#queue[0] = head.subarray(part.length);
    }
    this.#queuedBytes -= payload.length;
    return payload;
  }
}
