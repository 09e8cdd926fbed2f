/**
 * One session of the serial link as a stream: whole bytes in order, or an error; never a wrong, lost or
 * repeated byte.
 *
 * A write is called back when at most one window of bytes awaits its first transmission, so `writableLength`
 * shows how far behind the board is. Ending the stream waits until the peer has everything. Destroying it
 * ends the session on both sides.
 */
import { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Frame } from "./frame.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { RoundTrip } from "./round-trip.ts";
import { SendWindow } from "./send-window.ts";
import { countDuplicate, countRefused, type LinkStatistics } from "./statistics.ts";

/** Heartbeats that may stay away before the line counts as dead. */
const MAX_SILENT_TICKS = 6;

type WriteCallback = (error?: Error | null) => void;

export interface SessionOptions {
  /** 32 bits */
  id: number;
  /** Largest payload to send, in bytes. */
  mtu: number;
  /** The peer's receive window, in frames. */
  peerWindow: number;
  /** Our receive window, in frames. */
  window: number;
  /** First acknowledgement timeout, until round trips are measured. */
  firstTimeoutMs: number;
  clock: Clock;
  statistics: LinkStatistics;
  transmit(frame: Frame): void;
  /** Called once, while the stream is being destroyed, whoever asked for it. */
  onEnd(session: Session): void;
}

export class Session extends Duplex {
  readonly id: number;
  readonly #options: SessionOptions;
  readonly #outbound: SendWindow;
  readonly #inbound: ReceiveWindow;
  readonly #roundTrip: RoundTrip;
  readonly #queueLimit: number;
  #cancelTimeout: (() => void) | undefined;
  #writer: WriteCallback | undefined;
  #finisher: WriteCallback | undefined;
  #isReaderReady: boolean = true;
  #isInboundEnded: boolean = false;
  #isAckDue: boolean = false;
  #hasHeardPeer: boolean = false;
  #hasSpoken: boolean = false;
  #silentTicks = 0;

  constructor(options: SessionOptions) {
    super({ allowHalfOpen: false, readableHighWaterMark: 16_384, writableHighWaterMark: 4_096 });
    this.id = options.id;
    this.#options = options;
    this.#outbound = new SendWindow(options.mtu, options.peerWindow);
    this.#inbound = new ReceiveWindow(options.window);
    this.#roundTrip = new RoundTrip(options.firstTimeoutMs);
    this.#queueLimit = options.mtu * options.peerWindow;
    // Without a listener an 'error' ends the process, and a line may die after the stream's user let go of it.
    this.on("error", () => {});
  }

  /** Whether the peer has sent anything in this session. */
  get hasHeardPeer(): boolean {
    return this.#hasHeardPeer;
  }

  /** From sending to the acknowledgement, milliseconds, smoothed; null before it was measured. */
  get roundTripMs(): number | null {
    return this.#roundTrip.smoothedMs;
  }

  /** Whether it was given up because nothing was heard. */
  get isSilent(): boolean {
    return this.#silentTicks > MAX_SILENT_TICKS;
  }

  /** Whether both directions have ended in order, with nothing left to send or acknowledge. */
  get isComplete(): boolean {
    return this.#isInboundEnded && this.#outbound.isFinished;
  }

  /** Takes in one data, ack or nak frame of this session. Answers go out with {@link settle}. */
  receive(frame: Frame): void {
    const { clock, statistics } = this.#options;
    const outcome = this.#outbound.acknowledge(frame, clock.now());
    if (outcome === undefined) {
      countRefused(statistics, frame);
      return;
    }
    this.#hasHeardPeer = true;
    this.#silentTicks = 0;
    if (outcome.roundTripMs !== undefined) this.#roundTrip.sample(outcome.roundTripMs);
    if (frame.type === "nak") this.#outbound.repeatOldest();
    if (outcome.isProgress || frame.type === "nak") this.#disarm();
    if (frame.type === "data") this.#receiveData(frame);
  }

  /**
   * Sends what the frames received so far call for.
   *
   * @param isBroken - whether the last thing on the line was a broken frame
   */
  settle(isBroken: boolean): void {
    const hasSentData = this.#pump();
    if (isBroken) this.#send("nak");
    else if (this.#isAckDue && !hasSentData) this.#send("ack");
  }

  /** One heartbeat: speaks if the stream was quiet, and gives up on a peer that stays silent. */
  tick(): void {
    this.#silentTicks++;
    if (this.#silentTicks > MAX_SILENT_TICKS) {
      this.destroy(
        new Fault("link_lost", "nothing heard on the serial line", { facts: { reason: "silent" } }),
      );
      return;
    }
    if (!this.#hasSpoken) this.#send("ack");
    this.#hasSpoken = false;
  }

  override _read(): void {
    this.#isReaderReady = true;
    const creditBefore = this.#inbound.credit;
    this.#inbound.open();
    if (creditBefore * 2 < this.#options.window && !this.#isInboundEnded) this.#send("ack");
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: WriteCallback): void {
    this.#outbound.write(chunk);
    this.#writer = callback;
    this.#pump();
  }

  override _writev(parts: { chunk: Buffer }[], callback: WriteCallback): void {
    for (const part of parts) this.#outbound.write(part.chunk);
    this.#writer = callback;
    this.#pump();
  }

  override _final(callback: WriteCallback): void {
    this.#outbound.end();
    this.#finisher = callback;
    this.#pump();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#disarm();
    this.#options.onEnd(this);
    const unfinished = this.#writer ?? this.#finisher;
    this.#writer = undefined;
    this.#finisher = undefined;
    unfinished?.(error ?? new Fault("link_lost", "the session ended", { facts: { reason: "destroyed" } }));
    callback(error);
  }

  #receiveData(frame: Frame): void {
    const verdict = this.#inbound.accept(frame.sequence, frame.payload);
    if (verdict === "outside") countRefused(this.#options.statistics, frame);
    if (verdict === "duplicate") countDuplicate(this.#options.statistics, frame);
    this.#isAckDue = true;
    // Everything in order leaves the window before the reader runs: the reader may write, and what is then
    // sent must acknowledge all of it.
    const ready: Uint8Array[] = [];
    for (let next = this.#inbound.take(); next !== undefined; next = this.#inbound.take()) ready.push(next);
    for (const payload of ready) this.#deliver(payload);
    if (this.#isReaderReady) this.#inbound.open();
  }

  #deliver(payload: Uint8Array): void {
    if (this.#isInboundEnded || this.destroyed) return;
    this.#isInboundEnded = payload.length === 0;
    this.#isReaderReady = this.push(this.#isInboundEnded ? null : payload);
  }

  /** Transmits what there is and the peer has room for; true if that was anything. */
  #pump(): boolean {
    if (this.destroyed) return false;
    const { clock, statistics } = this.#options;
    let sent = 0;
    for (let out = this.#outbound.take(clock.now()); out; out = this.#outbound.take(clock.now())) {
      if (out.isRepeat) statistics.framesResent++;
      this.#send("data", out.sequence, out.payload);
      sent++;
    }
    this.#arm();
    this.#callBack();
    return sent > 0;
  }

  /** Last in every path: the callbacks may write at once. */
  #callBack(): void {
    const writer = this.#writer;
    if (writer !== undefined && this.#outbound.queuedBytes <= this.#queueLimit) {
      this.#writer = undefined;
      writer();
    }
    const finisher = this.#finisher;
    if (finisher !== undefined && this.#outbound.isFinished) {
      this.#finisher = undefined;
      finisher();
    }
  }

  #send(type: "data" | "ack" | "nak", sequence = 0, payload: Uint8Array = new Uint8Array(0)): void {
    if (this.destroyed) return;
    this.#hasSpoken = true;
    this.#isAckDue = false;
    this.#options.transmit({
      type,
      session: this.id & 0xff,
      sequence,
      acknowledged: this.#inbound.wanted,
      selective: this.#inbound.selective,
      credit: this.#inbound.credit,
      payload,
    });
  }

  #arm(): void {
    if (this.#cancelTimeout !== undefined || !this.#outbound.isWaiting) return;
    this.#cancelTimeout = this.#options.clock.after(this.#roundTrip.timeoutMs, () => {
      this.#cancelTimeout = undefined;
      this.#roundTrip.backOff();
      this.#outbound.repeatAll();
      this.#pump();
    });
  }

  #disarm(): void {
    this.#cancelTimeout?.();
    this.#cancelTimeout = undefined;
  }
}
