/**
 * The reliable serial link: an unreliable line of bytes in, one fresh lossless stream per session out.
 *
 * `frame.ts` has the bytes on the wire. What either end does with them:
 *
 * - The board picks a session id, another one at each start, and sends `syn` every 100 to 500 ms until a
 *   `synack` repeats the id. The gateway answers each. An id that is new, or comes again after the board has
 *   spoken in that session, is a restart: the old stream is destroyed.
 * - Data goes out while the peer's credit lasts, at least once and until acknowledged. Whatever a read brought
 *   is answered at once: by data where there is any to send, else by `ack`, or by `nak` when it ended broken.
 *   To repeat after a timeout is enough; a sender that also uses `selective` and `nak` is faster.
 * - Who has said nothing for 500 ms sends `ack`; who has heard nothing for 3 s gives the session up.
 * - A data, ack or nak frame of a session that is not here is answered by `reset`, unless a `syn` is out. A gateway
 *   whose port comes back says `reset` to the session that it had there: the board may not have noticed.
 * - On `reset`, and after silence, the board begins again at once with a new id. Who ends a session of its own accord
 *   soon after it began waits first, ever longer: the board with its `syn`, the gateway with its `synack`.
 * - A payload may be as long as both ends have said. How long is best depends on the errors: see `payload-size.ts`.
 *
 * The stream carries plain MQTT. A broker may destroy it: that ends the session, not the line.
 */
import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Clock, Instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { encodeFrame, type Frame, MAX_MTU, MAX_WINDOW, stuffedFrameBytes } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { decodeHello, encodeHello, HELLO_BYTES } from "./hello.ts";
import { FIRST_PAYLOAD_BYTES } from "./payload-size.ts";
import { Session } from "./session.ts";
import { countDiscarded, countRefused, emptyStatistics, type LinkStatistics } from "./statistics.ts";

/** A session outlives five lost heartbeats: at bit errors of 1e-3 a tenth of them are lost. */
const HEARTBEAT_MS = 500;
const FIRST_HELLO_MS = 100;
const LAST_HELLO_MS = 500;
/** Who ends a session sooner than this waits before the next one, twice as long each time. */
const SHORT_SESSION_MS = 3_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 3_200;
/** A start bit, eight and a stop bit. */
const BITS_PER_BYTE = 10;
/** On top of two full windows on the line: what drivers and schedulers may take. */
const FIRST_TIMEOUT_SLACK_MS = 100;
/** A full window of the longest payloads holds up what is written after it no longer than this, on any but slow lines. */
const LONGEST_WINDOW_MS = 1_250;

/** A line that may lose, change and invent bytes, but keeps their order. */
export interface BytePort {
  write(bytes: Uint8Array): void;
  /** Sets the one listener. It is never called from within `write`. */
  onBytes(listener: (bytes: Uint8Array) => void): void;
}

export interface LinkOptions {
  port: BytePort;
  /** The board begins sessions, the gateway answers. */
  role: "gateway" | "board";
  clock: Clock;
  /** Called with the stream of each new session. The stream before it is destroyed by then. */
  onSession(stream: Duplex): void;
  /** Bits per second; sizes the first timeout only. */
  baud: number;
  /** Largest data payload to receive and to send, 1..240 bytes; 240 by default. */
  mtu?: number;
  /** Frames to receive out of order, 1..16; 16 by default. */
  window?: number;
  /** Counts go here. */
  statistics?: LinkStatistics;
  /** The {@link SerialLink.tag} of the link that was on this port before: its session has ended without a word. */
  resetTag?: number;
  /** A board's source of session ids, 32 bits, each different from the one before; random by default. */
  nextSessionId?: () => number;
}

export class SerialLink {
  readonly statistics: LinkStatistics;
  readonly #options: LinkOptions;
  readonly #mtu: number;
  readonly #window: number;
  readonly #reader: FrameReader;
  #session: Session | undefined;
  #startedAt: Instant;
  #pauseMs = FIRST_PAUSE_MS;
  /** The session id that a board is asking for. */
  #asking: number | undefined;
  #cancelHello = () => {};
  /** The newest syn that came while the gateway waits with its answer; `null` before one has come. */
  #unanswered: Frame | null | undefined;
  #tag: number | undefined;
  #cancelTick = () => {};
  #isClosed: boolean = false;

  /** @throws {@link Fault} `usage` for an mtu or a window out of range */
  constructor(options: LinkOptions) {
    this.#options = options;
    this.#mtu = whole("mtu", options.mtu ?? MAX_MTU, MAX_MTU);
    this.#window = whole("window", options.window ?? MAX_WINDOW, MAX_WINDOW);
    this.statistics = options.statistics ?? emptyStatistics();
    this.#reader = new FrameReader(Math.max(this.#mtu, HELLO_BYTES), this.statistics);
    this.#startedAt = options.clock.now();
  }

  /** The low byte of the newest session's id; `undefined` before the first. */
  get tag(): number | undefined {
    return this.#tag;
  }

  /** Of the session that lives, milliseconds, smoothed; null before it was measured. */
  get roundTripMs(): number | null {
    return this.#session?.roundTripMs ?? null;
  }

  /** Listens; a board asks for its first session. */
  start(): void {
    const { port, role, resetTag } = this.#options;
    port.onBytes((bytes) => this.#receive(bytes));
    this.#tick();
    if (role === "board") this.#ask();
    else if (resetTag !== undefined) {
      this.#endTornFrame();
      this.#transmitReset(resetTag);
    }
  }

  /** Ends the session, with `fault` as its stream's error, and writes and hears nothing more. */
  close(fault?: Fault): void {
    if (this.#isClosed) return;
    this.#session?.destroy(fault);
    this.#isClosed = true;
    this.#reader.close();
    this.#cancelHello();
    this.#cancelTick();
  }

  #tick(): void {
    this.#session?.tick();
    if (!this.#isClosed) this.#cancelTick = this.#options.clock.after(HEARTBEAT_MS, () => this.#tick());
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isClosed) {
      countDiscarded(this.statistics, "closed", bytes);
      return;
    }
    const found = this.#reader.push(bytes);
    let strayTag: number | undefined;
    for (const frame of found) {
      if (frame !== undefined && this.#route(frame) === "stray") strayTag = frame.session;
    }
    if (found.length > 0) this.#session?.settle(found.at(-1) === undefined);
    if (strayTag !== undefined) this.#transmitReset(strayTag);
  }

  /** Gives the frame to whom it concerns; "stray" when it belongs to a session that is not here. */
  #route(frame: Frame): "taken" | "stray" {
    const isOurs = this.#session !== undefined && frame.session === (this.#session.id & 0xff);
    switch (frame.type) {
      case "data":
      case "ack":
      case "nak":
        if (isOurs) {
          this.#session?.receive(frame);
          return "taken";
        }
        countRefused(this.statistics, frame);
        // A board that is asking has said so already.
        return this.#asking === undefined ? "stray" : "taken";
      case "syn":
        this.#answer(frame);
        return "taken";
      case "synack":
        this.#agree(frame);
        return "taken";
      case "reset":
        if (isOurs) this.#abandon("reset");
        else countRefused(this.statistics, frame);
        return "taken";
    }
  }

  /** The gateway's half of the handshake. */
  #answer(frame: Frame): void {
    const hello = decodeHello(frame.payload);
    if (this.#options.role !== "gateway" || hello === undefined || frame.credit === 0) {
      countRefused(this.statistics, frame);
      return;
    }
    // The line keeps order: once the board has spoken in a session, a syn with its id is a restart that
    // happened to choose the same id again.
    if (this.#session?.id === hello.session && !this.#session.hasHeardPeer) {
      this.#transmitHello("synack", hello.session);
      return;
    }
    this.#abandon("restarted");
    if (this.#unanswered !== undefined) {
      this.#unanswered = frame;
      return;
    }
    this.#transmitHello("synack", hello.session);
    this.#begin(hello.session, hello.mtu, frame.credit);
  }

  /** The board's half of the handshake. */
  #agree(frame: Frame): void {
    const hello = decodeHello(frame.payload);
    if (hello === undefined || frame.credit === 0 || hello.session !== this.#asking) {
      if (hello === undefined || hello.session !== this.#session?.id) countRefused(this.statistics, frame);
      return;
    }
    this.#asking = undefined;
    this.#cancelHello();
    this.#begin(hello.session, hello.mtu, frame.credit);
  }

  #begin(id: number, peerMtu: number, peerWindow: number): void {
    const { clock, baud } = this.#options;
    const frameBytesInTime = (baud * LONGEST_WINDOW_MS) / 1_000 / BITS_PER_BYTE / MAX_WINDOW;
    const inTime = Math.floor(frameBytesInTime) - stuffedFrameBytes(0) - 1;
    const mtu = Math.min(this.#mtu, peerMtu, Math.max(FIRST_PAYLOAD_BYTES, inTime));
    const firstFrameBytes = stuffedFrameBytes(Math.min(mtu, FIRST_PAYLOAD_BYTES)) + 1;
    const windowBits = MAX_WINDOW * firstFrameBytes * BITS_PER_BYTE;
    const session = new Session({
      id,
      mtu,
      peerWindow,
      window: this.#window,
      firstTimeoutMs: FIRST_TIMEOUT_SLACK_MS + Math.ceil((2_000 * windowBits) / baud),
      clock,
      statistics: this.statistics,
      transmit: (frame) => this.#transmit(frame),
      onEnd: (ended) => this.#onEnd(ended),
    });
    this.#session = session;
    this.#tag = id & 0xff;
    this.#startedAt = clock.now();
    this.statistics.sessions++;
    this.#options.onSession(session);
  }

  /** The peer has given up the session, so it needs no reset. */
  #abandon(reason: "reset" | "restarted"): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    session.destroy(
      session.isComplete
        ? undefined
        : new Fault("link_lost", "the other end of the serial line began anew", { facts: { reason } }),
    );
    if (this.#options.role === "board" && !this.#isClosed) this.#ask();
  }

  #onEnd(session: Session): void {
    if (session !== this.#session) return;
    this.#session = undefined;
    this.#transmitReset(session.id & 0xff);
    if (this.#isClosed) return;
    if (session.isSilent) this.#again();
    else this.#pause();
  }

  /** Whoever uses the streams here ends them: a program that does so at once must not keep the line busy. */
  #pause(): void {
    const { clock, role } = this.#options;
    const isShort = clock.now() - this.#startedAt < SHORT_SESSION_MS;
    const pauseMs = isShort ? this.#pauseMs : 0;
    this.#pauseMs = isShort ? Math.min(2 * this.#pauseMs, LAST_PAUSE_MS) : FIRST_PAUSE_MS;
    if (role === "gateway") this.#unanswered = null;
    this.#cancelHello = clock.after(pauseMs, () => this.#again());
  }

  #again(): void {
    if (this.#options.role === "board") {
      this.#ask();
      return;
    }
    const syn = this.#unanswered;
    this.#unanswered = undefined;
    if (syn) this.#answer(syn);
  }

  #ask(): void {
    const id = this.#options.nextSessionId?.() ?? randomInt(2 ** 32);
    this.#asking = id;
    const repeat = (waitMs: number) => {
      this.#transmitHello("syn", id);
      this.#cancelHello = this.#options.clock.after(waitMs, () =>
        repeat(Math.min(2 * waitMs, LAST_HELLO_MS)),
      );
    };
    repeat(FIRST_HELLO_MS);
  }

  #transmitHello(type: "syn" | "synack", session: number): void {
    const payload = encodeHello({ session, mtu: this.#mtu });
    this.#endTornFrame();
    this.#transmit({
      type,
      session: session & 0xff,
      sequence: 0,
      acknowledged: 0,
      selective: 0,
      credit: this.#window,
      payload,
    });
  }

  /** Whatever boot log or part of a frame stands on the line must not swallow what comes next. */
  #endTornFrame(): void {
    this.#options.port.write(Uint8Array.of(0));
  }

  #transmitReset(session: number): void {
    this.#transmit({
      type: "reset",
      session,
      sequence: 0,
      acknowledged: 0,
      selective: 0,
      credit: 0,
      payload: new Uint8Array(0),
    });
  }

  #transmit(frame: Frame): void {
    if (this.#isClosed) return;
    this.statistics.framesSent++;
    this.#options.port.write(encodeFrame(frame));
  }
}

function whole(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Fault("usage", `serial ${name} must be 1..${most}, got ${value}`);
}
