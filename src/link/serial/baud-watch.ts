/**
 * Says why a line has no session though bytes come: the board speaks at another rate, and which; or it only prints text.
 *
 * It stands between port and link and hears everything. When for a while bytes have come, no frame has, and there is no
 * session to disturb, it listens at the standard rates in turn, by the port that is open, and goes back. A whole frame is
 * proof of a rate: a CRC-32 does not match by chance.
 */
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { MAX_MTU } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import type { OpenPort } from "./open-port.ts";
import { findConnect } from "./packet-header.ts";
import type { BytePort } from "./reliable.ts";
import { countDiscarded, emptyStatistics, type LinkStatistics } from "./statistics.ts";

/** What a serial line may be set to, bits per second. */
export const BAUD = { least: 9_600, most: 921_600, usual: 115_200 } as const;

/** The rates that boards use, the commonest first. */
const STANDARD_RATES = [
  ...[115_200, 9_600, 57_600, 38_400, 19_200, 230_400, 460_800, 921_600],
  ...[250_000, 500_000, 74_880, 76_800, 28_800, 14_400],
];

/** A board without a session asks for one every half second. */
const LISTEN_MS = 700;
/** How long bytes without a frame are borne. */
const FIRST_PATIENCE_MS = 3_000;
/** … once there was a frame: then noise is likelier than another rate. */
const LATER_PATIENCE_MS = 15_000;
const LAST_PATIENCE_MS = 60_000;
/** Silence after which a stretch of bytes is over. */
const GAP_MS = 10_000;
/** Fewer bytes say nothing. More would be too many: of a rate fifty times as high hardly a byte is heard. */
const LEAST_BYTES = 4;
/** A rate so many times as high may be heard as nothing at all: none of its bits lasts as long as one of ours. */
const INAUDIBLE = 8;
const SAMPLE_BYTES = 512;
/** Text with some noise in it; of what another rate makes of text or frames, far less is printable. */
const LEAST_PRINTABLE = 0.85;

export interface BaudWatchOptions {
  port: OpenPort;
  /** For what is said. */
  path: string;
  /** The rate that the port is open at. */
  baud: number;
  clock: Clock;
  /** Of the link that listens to this. */
  statistics: LinkStatistics;
  hasSession(): boolean;
  /**
   * `wrong_baud`, first with the rate that is set and then with what has been found out; or `link_lost` when all that
   * comes is text, or plain MQTT. The same thing is said once.
   */
  onFound(fault: Fault): void;
}

export class BaudWatch implements BytePort {
  readonly #options: BaudWatchOptions;
  #listener: (bytes: Uint8Array) => void = () => {};
  /** Hears what comes while other rates are tried; null otherwise. */
  #probe: ((bytes: Uint8Array) => void) | null = null;
  #since: number | null = null;
  #latest = 0;
  #byteCount = 0;
  #sample: Uint8Array = new Uint8Array(0);
  readonly #firstFrames: number;
  #frames: number;
  #patienceMs = FIRST_PATIENCE_MS;
  readonly #said = new Set<string>();
  #isSearching: boolean = false;
  #endListening = (_isHeard: boolean) => {};
  #cancelSilence = () => {};
  #isClosed: boolean = false;

  constructor(options: BaudWatchOptions) {
    this.#options = options;
    this.#firstFrames = options.statistics.framesReceived;
    this.#frames = this.#firstFrames;
  }

  write(bytes: Uint8Array): void {
    this.#options.port.write(bytes);
  }

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
    this.#options.port.onBytes((bytes) => this.#receive(bytes));
    this.#awaitSilence(GAP_MS);
  }

  /** Looks at nothing more, and leaves the port as it is. */
  close(): void {
    this.#isClosed = true;
    this.#endListening(false);
    this.#cancelSilence();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#probe !== null && !this.#isClosed) {
      countDiscarded(this.#options.statistics, "probing", bytes);
      this.#probe(bytes);
      return;
    }
    this.#listener(bytes);
    if (!this.#isClosed) this.#judge(bytes);
  }

  #judge(bytes: Uint8Array): void {
    const { clock, statistics, hasSession } = this.#options;
    const now = clock.now();
    if (hasSession() || statistics.framesReceived !== this.#frames) {
      this.#frames = statistics.framesReceived;
      this.#patienceMs = LATER_PATIENCE_MS;
      this.#said.clear();
      this.#since = null;
      return;
    }
    if (this.#isSearching) return;
    if (this.#since === null || Math.abs(now - this.#latest) > GAP_MS) {
      this.#since = now;
      this.#byteCount = 0;
      this.#sample = new Uint8Array(0);
    }
    this.#latest = now;
    this.#byteCount += bytes.length;
    this.#sample = Buffer.concat([this.#sample, bytes]).subarray(-SAMPLE_BYTES);
    if (this.#byteCount < LEAST_BYTES || now - this.#since < this.#patienceMs) return;
    this.#since = null;
    this.#conclude();
  }

  #conclude(): void {
    const { path, baud, port } = this.#options;
    if (isText(this.#sample)) {
      const text = `only text comes from ${path} at ${baud} baud: is hirewire's firmware on the board?`;
      this.#say(new Fault("link_lost", text, { facts: { path, baud, reason: "text" } }));
    } else if (findConnect(this.#sample, 0) !== -1) {
      const text = `the board on ${path} speaks MQTT without the reliable link: it needs that, or profile = "raw" if it is a USB device`;
      this.#say(new Fault("link_lost", text, { facts: { path, reason: "raw" } }));
    } else if (port.setBaud === null) {
      const text = `what comes from ${path} is no frame: compare the rate that the server gives its port with the board's`;
      this.#say(new Fault("wrong_baud", text, { facts: { path } }));
    } else {
      const text = `what comes from ${path} at ${baud} baud is no frame: is that the board's rate?`;
      this.#say(new Fault("wrong_baud", text, { facts: { path, baud } }));
      void this.#explain(port.setBaud);
    }
  }

  /** Looks once in a while for a board that is too fast to be heard, on a line where nothing ever was. */
  #awaitSilence(ms: number): void {
    const { baud, clock, port } = this.#options;
    const rates = STANDARD_RATES.filter((rate) => rate > INAUDIBLE * baud);
    const { setBaud } = port;
    if (rates.length === 0 || setBaud === null) return;
    this.#cancelSilence = clock.after(ms, () => {
      void this.#listenInSilence(rates, setBaud).then(() => {
        if (!this.#isClosed) this.#awaitSilence(Math.min(2 * ms, LAST_PATIENCE_MS));
      });
    });
  }

  async #listenInSilence(rates: readonly number[], setBaud: (baud: number) => Promise<void>): Promise<void> {
    const { statistics, hasSession } = this.#options;
    const wasHeard = statistics.framesReceived !== this.#firstFrames || this.#byteCount >= LEAST_BYTES;
    if (wasHeard || hasSession() || this.#isSearching) return;
    const found = await this.#search(rates, setBaud);
    if (typeof found === "number") this.#sayRate(found);
  }

  async #explain(setBaud: (baud: number) => Promise<void>): Promise<void> {
    const { path, baud } = this.#options;
    const found = await this.#search(STANDARD_RATES, setBaud);
    if (this.#isClosed || found === "not needed") return;
    this.#patienceMs = Math.min(2 * this.#patienceMs, LAST_PATIENCE_MS);
    if (found !== null) {
      this.#sayRate(found);
      return;
    }
    const text = `what comes from ${path} is no frame at ${baud} baud, nor at another usual rate: check the wiring and the board's firmware`;
    this.#say(new Fault("wrong_baud", text, { facts: { path, baud } }));
  }

  #sayRate(found: number): void {
    const { path, baud } = this.#options;
    const text = `the board on ${path} speaks ${found} baud, not ${baud}: set baud = ${found}`;
    this.#say(new Fault("wrong_baud", text, { facts: { path, baud, found } }));
  }

  /**
   * The first of the rates at which there are frames, or null; "not needed" once one has come at the port's own rate, to
   * which it goes back after each: a board that starts meanwhile is not to wait.
   */
  async #search(
    rates: readonly number[],
    setBaud: (baud: number) => Promise<void>,
  ): Promise<number | null | "not needed"> {
    const { baud, statistics, hasSession } = this.#options;
    const before = statistics.framesReceived;
    this.#isSearching = true;
    try {
      for (const rate of rates) {
        if (rate === baud) continue;
        const isFound = await this.#hearsFrame(rate, setBaud);
        if (this.#isClosed) return null;
        await setBaud(baud).catch(() => {});
        this.#probe = null;
        if (isFound) return rate;
        await this.#listen();
        if (this.#isClosed) return null;
        if (hasSession() || statistics.framesReceived !== before) return "not needed";
      }
      return null;
    } finally {
      this.#isSearching = false;
    }
  }

  /** Whether a whole frame comes at a rate; false also when the port does not take it. */
  async #hearsFrame(rate: number, setBaud: (baud: number) => Promise<void>): Promise<boolean> {
    const reader = new FrameReader(MAX_MTU, emptyStatistics());
    this.#probe = () => {};
    try {
      await setBaud(rate);
    } catch {
      return false;
    }
    if (this.#isClosed) return false;
    this.#probe = (bytes) => {
      if (reader.push(bytes).some((frame) => frame !== undefined)) this.#endListening(true);
    };
    return this.#listen();
  }

  /** Waits for {@link LISTEN_MS}, or until told that enough was heard, or closed. */
  #listen(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stopTimer = this.#options.clock.after(LISTEN_MS, () => resolve(false));
    this.#endListening = (isHeard) => {
      stopTimer();
      resolve(isHeard);
    };
    return promise;
  }

  #say(fault: Fault): void {
    if (this.#said.has(fault.message)) return;
    this.#said.add(fault.message);
    this.#options.onFound(fault);
  }
}

/** Whether bytes are a terminal's: printable ASCII, white space, and the escapes of colours. */
function isText(bytes: Uint8Array): boolean {
  let printable = 0;
  for (const byte of bytes) {
    if ((byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d) || byte === 0x1b) printable++;
  }
  return printable >= LEAST_PRINTABLE * bytes.length;
}
