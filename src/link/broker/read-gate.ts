/**
 * Decides when a stream is read. What is not read stays in the socket, and so with whoever sent it.
 *
 * `read` is hooked, as aedes goes on reading while messages of a session wait: each new segment that arrives makes it
 * forget one that it has not finished.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { BrokerLimits } from "./limits.ts";

/** Whoever is within its rates for so long, in milliseconds, is no flood any more. */
const PAUSE_MS = 1_000;

type GateLimits = Pick<BrokerLimits, "underWay" | "floodMs">;

export class ReadGate {
  readonly #stream: Duplex;
  readonly #limits: GateLimits;
  readonly #clock: Clock;
  readonly #onOpen: () => void;
  readonly #onFlood: () => void;
  /** Messages under way. */
  #underWay = 0;
  /** Milliseconds since 1970. */
  #shutUntil = 0;
  /** Since when one delay has followed another, and all the room there is was full at the end of each. */
  #floodingSince: number | null = null;
  #openedAt = 0;
  #stopTimer: (() => void) | null = null;

  /** @param on - `open` is called whenever the stream is read again, `flood` when the peer keeps on sending too much */
  constructor(stream: Duplex, limits: GateLimits, clock: Clock, on: { open(): void; flood(): void }) {
    this.#stream = stream;
    this.#limits = limits;
    this.#clock = clock;
    this.#onOpen = on.open;
    this.#onFlood = on.flood;
    const read = stream.read.bind(stream);
    // asking for nothing only makes the stream fetch more
    stream.read = (size?: number) => (size === 0 || this.isOpen ? read(size) : null);
  }

  get isOpen(): boolean {
    return this.#stopTimer === null && this.#underWay < this.#limits.underWay;
  }

  /** Keeps the stream from being read for some milliseconds from now. False if it was kept from it already. */
  delay(ms: number): boolean {
    const now = this.#clock.now();
    this.#shutUntil = Math.max(this.#shutUntil, now + ms);
    const isNew = this.#stopTimer === null;
    if (isNew) {
      if (now - this.#openedAt > PAUSE_MS) this.#floodingSince = null;
      this.#wait(now);
    }
    if (ms > this.#limits.floodMs) this.#onFlood();
    return isNew;
  }

  /** A message is under way until {@link finish}. */
  start(): void {
    this.#underWay++;
  }

  finish(): void {
    const wasOpen = this.isOpen;
    this.#underWay--;
    if (!wasOpen) this.#open();
  }

  /** The stream is not read again. */
  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#underWay = Number.POSITIVE_INFINITY;
  }

  #wait(now: number): void {
    this.#stopTimer = this.#clock.after(this.#shutUntil - now, () => this.#waited(now));
  }

  #waited(since: number): void {
    const now = this.#clock.now();
    // a clock that was set back would make us wait for as long
    if (now < this.#shutUntil && now >= since) {
      this.#wait(now);
      return;
    }
    this.#stopTimer = null;
    this.#openedAt = now;
    const isFull = this.#stream.readableLength >= this.#stream.readableHighWaterMark;
    this.#floodingSince = isFull ? (this.#floodingSince ?? now) : null;
    if (this.#floodingSince !== null && now - this.#floodingSince >= this.#limits.floodMs) this.#onFlood();
    else this.#open();
  }

  #open(): void {
    if (!this.isOpen) return;
    this.#onOpen();
    this.#stream.emit("readable");
  }
}
