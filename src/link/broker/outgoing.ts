/**
 * What one session is sent: a window of unacknowledged QoS 1 messages, and a bounded queue behind it.
 *
 * MQTT 3.1.1 leaves the window to the broker, and aedes has none. Here nothing is sent twice and nothing outlives the
 * session: what a device did not acknowledge it is told again when it comes back, from the journal. So whoever does not
 * keep up loses its session instead of costing memory.
 */
import type { Duplex } from "node:stream";
import type { Clock, Instant } from "../../base/clock.ts";
import { SEAL_BYTES, type Sealer } from "../../protocol/seal.ts";
import type { BrokerLimits } from "./limits.ts";
import { publishPacket, sealPayload, writeMessageId } from "./publish-packet.ts";

type OutgoingLimits = Pick<
  BrokerLimits,
  "inFlight" | "queuedMessages" | "queuedBytes" | "unsentBytes" | "drainTimeoutMs"
>;

export class Outgoing {
  readonly #stream: Duplex;
  readonly #limits: OutgoingLimits;
  readonly #clock: Clock;
  readonly #onSlow: () => void;
  readonly #inFlight = new Set<number>();
  #sealer: Sealer | null = null;
  #queue: Buffer[] = [];
  /** The queue's first message; those before it are gone. */
  #head = 0;
  #queuedBytes = 0;
  #lastId = 0;
  #isCorked: boolean = false;
  #isClosed: boolean = false;
  /** Since when nothing more may be sent, and nothing was acknowledged or read. */
  #stalledAt: Instant | null = null;
  #stopTimer: (() => void) | null = null;

  /** @param onSlow - called at most once, when the device does not keep up; nothing is sent from then on */
  constructor(stream: Duplex, limits: OutgoingLimits, clock: Clock, onSlow: () => void) {
    this.#stream = stream;
    this.#limits = limits;
    this.#clock = clock;
    this.#onSlow = onSlow;
    stream.on("drain", () => this.pardon());
  }

  /** Messages that wait for the window. */
  get queuedMessages(): number {
    return this.#queue.length - this.#head;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Sends a message, or queues it; at QoS 0 one that the socket has no room for is dropped. */
  send(topic: string, payload: Uint8Array, qos: 0 | 1): void {
    if (this.#isClosed) return;
    if (qos === 0) {
      if (this.#stream.writableLength <= this.#limits.unsentBytes) {
        this.#hand(publishPacket(topic, payload, 0, this.#room));
      }
    } else {
      const packet = publishPacket(topic, payload, 1, this.#room);
      this.#queue.push(this.#inFlight.size < this.#limits.inFlight ? packet : unpooled(packet));
      this.#queuedBytes += packet.length;
      this.#fill();
      const { queuedMessages, queuedBytes } = this.#limits;
      if (this.queuedMessages > queuedMessages || this.#queuedBytes > queuedBytes) this.#slow();
    }
    this.look();
  }

  /** Takes note of a PUBACK; false when no such message is in flight. */
  acknowledged(id: number): boolean {
    if (!this.#inFlight.delete(id)) return false;
    this.#fill();
    this.pardon();
    return true;
  }

  /** Seals all that is sent from now on. What waits was said before anybody was known here, and is forgotten. */
  seal(sealer: Sealer): void {
    this.#sealer = sealer;
    this.#forget();
  }

  /** Looks how full the socket is; to be called now and then, as others write to it too. */
  look(): void {
    const isStalled = this.#inFlight.size >= this.#limits.inFlight || this.#stream.writableNeedDrain;
    if (!isStalled || this.#isClosed) {
      this.#stalledAt = null;
    } else if (this.#stalledAt === null) {
      this.#stalledAt = this.#clock.now();
      this.#stopTimer ??= this.#clock.after(this.#limits.drainTimeoutMs, () => this.#checkStall());
    }
  }

  /** Gives the device all the time there is again: it has acknowledged, or read, or we have not listened. */
  pardon(): void {
    this.#stalledAt = null;
    this.look();
  }

  /** Sends nothing more and forgets what waits. */
  close(): void {
    this.#isClosed = true;
    this.#forget();
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  #forget(): void {
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
  }

  #fill(): void {
    while (this.#inFlight.size < this.#limits.inFlight) {
      const packet = this.#queue[this.#head];
      if (packet === undefined) break;
      this.#head++;
      this.#queuedBytes -= packet.length;
      const id = this.#nextId();
      this.#inFlight.add(id);
      writeMessageId(packet, id);
      this.#hand(packet);
    }
    if (this.#head === this.#queue.length) {
      if (this.#head > 0) this.#queue = [];
      this.#head = 0;
    } else if (this.#head >= 1_024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  /** 1 to 65,535 in turn, without those in flight. */
  #nextId(): number {
    do this.#lastId = (this.#lastId % 65_535) + 1;
    while (this.#inFlight.has(this.#lastId));
    return this.#lastId;
  }

  get #room(): number {
    return this.#sealer === null ? 0 : SEAL_BYTES;
  }

  /** Writes a PUBLISH, sealed here: in the order in which the device will read it. */
  #hand(packet: Buffer): void {
    if (this.#sealer?.isSpent) {
      // the next session counts from one again
      this.#slow();
      return;
    }
    if (this.#sealer) sealPayload(packet, this.#sealer);
    this.#write(packet);
  }

  /** All that one turn writes goes to the socket at once. */
  #write(packet: Uint8Array): void {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#stream.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#stream.uncork();
      });
    }
    if (!this.#stream.destroyed && !this.#stream.writableEnded) this.#stream.write(packet);
  }

  #checkStall(): void {
    this.#stopTimer = null;
    this.look();
    if (this.#stalledAt === null) return;
    const now = this.#clock.now();
    // a clock that was set back would make us wait for as long
    if (now < this.#stalledAt) this.#stalledAt = now;
    const left = this.#stalledAt + this.#limits.drainTimeoutMs - now;
    if (left <= 0) this.#slow();
    else this.#stopTimer = this.#clock.after(left, () => this.#checkStall());
  }

  #slow(): void {
    this.close();
    this.#onSlow();
  }
}

/** A copy in memory of its own: what waits would keep the whole slab alive that Node's buffer pool cut it from. */
function unpooled(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
