/**
 * Plain MQTT on a serial path, for USB devices whose bytes the bus checks from end to end: no frames, no repetition.
 *
 * A session begins with a CONNECT and is a stream of its own; what comes before one is thrown away, so a board may print
 * its boot log. The packets of a session are followed by their lengths alone: where one should begin and something else
 * does, such as a boot log, or a second CONNECT, the board has started anew on the same open path, and the session ends.
 *
 * What cannot be known without frames: a board that starts anew in the middle of a packet is noticed at its next CONNECT
 * only if it was silent for 100 ms in between; otherwise once the packet has swallowed so much that it is over, or when
 * the broker has heard nothing for one and a half times the keep-alive. A board does not learn that its session was
 * ended: it waits for its own keep-alive. And a wrong byte is delivered, where the device lets one pass.
 */
import { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { OpenPort } from "./open-port.ts";
import { beginsConnect, findConnect, packetBytes } from "./packet-header.ts";
import type { LinkStatistics } from "./statistics.ts";

/** So long nothing comes within a packet unless its sender has stopped. */
const TORN_MS = 100;
/** So long bytes may come without a CONNECT before that is said. */
const PATIENCE_MS = 3_000;

export interface RawOptions {
  port: OpenPort;
  /** For what is said. */
  path: string;
  clock: Clock;
  statistics: LinkStatistics;
  /** Called with the stream of each new session. The stream before it is destroyed by then. */
  onSession(stream: Duplex): void;
  /** Bytes come, and no CONNECT among them: `link_lost`, once until the next session. */
  onFound(fault: Fault): void;
}

export class RawLink {
  readonly #options: RawOptions;
  #session: RawSession | null = null;
  /** What may become a header with the bytes to come. */
  #held: Uint8Array = new Uint8Array(0);
  /** Bytes of the session's packet that are still to come. */
  #remaining = 0;
  /** Whether a packet has stopped in its middle. */
  #isTorn: boolean = false;
  #latest = 0;
  /** Since when bytes come without a session; infinite once that was said. */
  #deafSince: number | null = null;
  #isClosed: boolean = false;

  constructor(options: RawOptions) {
    this.#options = options;
  }

  /** Listens. */
  start(): void {
    this.#options.port.onBytes((bytes) => this.#receive(bytes));
  }

  /** Ends the session, with `fault` as its stream's error, and hears nothing more. */
  close(fault?: Fault): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.statistics.discarded.unfinished += this.#held.length;
    this.#held = new Uint8Array(0);
    this.#session?.destroy(fault);
  }

  #receive(chunk: Uint8Array): void {
    const { clock, statistics } = this.#options;
    statistics.bytesReceived += chunk.length;
    if (this.#isClosed) {
      statistics.discarded.closed += chunk.length;
      return;
    }
    const now = clock.now();
    if (this.#remaining > 0 && now - this.#latest >= TORN_MS) this.#isTorn = true;
    this.#latest = now;
    let bytes: Uint8Array = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = new Uint8Array(0);
    while (bytes.length > 0 && this.#held.length === 0) bytes = this.#take(bytes);
  }

  /** Deals with the first of the bytes, and gives the others. */
  #take(bytes: Uint8Array): Uint8Array {
    if (this.#session === null) return this.#seek(bytes);
    if (this.#remaining > 0) return this.#pass(bytes);
    if (beginsConnect(bytes, 0) === true) return this.#begin(bytes);
    const packet = packetBytes(bytes, 0);
    if (packet === "none") this.#restart();
    else if (packet === "short") this.#held = bytes;
    else this.#remaining = packet;
    return bytes;
  }

  /** Throws away what comes before a CONNECT. */
  #seek(bytes: Uint8Array): Uint8Array {
    const { statistics } = this.#options;
    const at = findConnect(bytes, 0);
    statistics.discarded.beforeSync += at === -1 ? bytes.length : at;
    if (at === -1) {
      this.#complain();
      return bytes.subarray(bytes.length);
    }
    const rest = bytes.subarray(at);
    if (beginsConnect(rest, 0) === true) return this.#begin(rest);
    this.#held = rest;
    return rest;
  }

  #complain(): void {
    const { clock, path, onFound } = this.#options;
    this.#deafSince ??= clock.now();
    if (clock.now() - this.#deafSince < PATIENCE_MS) return;
    this.#deafSince = Number.POSITIVE_INFINITY;
    const text = `no MQTT CONNECT comes from ${path}, but something else: is its program running, and does it speak plain MQTT?`;
    onFound(new Fault("link_lost", text, { facts: { path, reason: "no-connect" } }));
  }

  /** Hands on what belongs to the packet that has begun. */
  #pass(bytes: Uint8Array): Uint8Array {
    const part = bytes.subarray(0, Math.min(this.#remaining, bytes.length));
    const connectAt = this.#isTorn ? findConnect(bytes, 0) : -1;
    if (connectAt === -1 || connectAt >= part.length) {
      this.#deliver(part);
      return bytes.subarray(part.length);
    }
    this.#deliver(bytes.subarray(0, connectAt));
    const rest = bytes.subarray(connectAt);
    if (beginsConnect(rest, 0) === true) return this.#begin(rest);
    this.#held = rest;
    return rest;
  }

  #deliver(part: Uint8Array): void {
    this.#remaining -= part.length;
    if (this.#remaining === 0) this.#isTorn = false;
    if (part.length === 0) return;
    this.#options.statistics.frameBytes += part.length;
    this.#session?.deliver(part);
  }

  /** The board has begun anew, so whatever session there is is over. */
  #restart(): void {
    const before = this.#session;
    this.#session = null;
    before?.destroy(new Fault("link_lost", "the board began anew", { facts: { reason: "restarted" } }));
  }

  /** Begins a session with the CONNECT that the bytes begin with. */
  #begin(bytes: Uint8Array): Uint8Array {
    const { port, clock, statistics, onSession } = this.#options;
    this.#restart();
    const packet = packetBytes(bytes, 0);
    this.#remaining = typeof packet === "number" ? packet : 0;
    this.#isTorn = false;
    this.#deafSince = null;
    const session = new RawSession(port, {
      onResume: () => {
        this.#latest = clock.now();
      },
      onEnd: () => {
        if (this.#session === session) this.#session = null;
      },
    });
    this.#session = session;
    statistics.sessions++;
    onSession(session);
    if (this.#session === session) return this.#pass(bytes);
    statistics.discarded.closed += bytes.length;
    return bytes.subarray(bytes.length);
  }
}

/** One session as a stream; it is lossless only if the device is. */
class RawSession extends Duplex {
  readonly #port: OpenPort;
  readonly #events: { readonly onResume: () => void; readonly onEnd: () => void };
  #isPaused: boolean = false;

  constructor(port: OpenPort, events: { readonly onResume: () => void; readonly onEnd: () => void }) {
    super({ allowHalfOpen: false, readableHighWaterMark: 16_384, writableHighWaterMark: 4_096 });
    this.#port = port;
    this.#events = events;
    // Without a listener an 'error' ends the process, and a line may die after the stream's user let go of it.
    this.on("error", () => {});
    this.once("finish", () => this.destroy());
  }

  deliver(bytes: Uint8Array): void {
    if (this.destroyed || this.push(bytes)) return;
    this.#isPaused = true;
    this.#port.pause();
  }

  override _read(): void {
    this.#resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#port.send(chunk, callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#resume();
    this.#events.onEnd();
    callback(error);
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#events.onResume();
    this.#port.resume();
  }
}
