/** One direction of a serial cable: bytes leave it no faster than the line's rate, and not always as they came. */
import { performance } from "node:perf_hooks";
import { type Noise, Spoiler } from "./noise.ts";

/** A start bit, eight and a stop bit. */
const BITS_PER_BYTE = 10;
/** What a UART's driver holds before it lets its writer wait, bytes. */
const DRIVER_BYTES = 4_096;
/** How often the line moves while there is something on it. */
const STEP_MS = 1;

/** Whom a direction takes its bytes from. */
export type Tap = { pause(): unknown; resume(): unknown };

export class Direction {
  /** Bytes that have left this direction, after all harm. */
  carried = 0;
  readonly #spoiler: Spoiler;
  readonly #perMs: number;
  #queue: Buffer[] = [];
  #queued = 0;
  #texts: Buffer[] = [];
  /** Up to when the line has been paid out. */
  #paidAt = 0;
  #owed = 0;
  #timer: NodeJS.Timeout | undefined;
  #tap: Tap | undefined;
  #watcher: ((bytes: Buffer) => void) | null = null;
  readonly #deliver: (bytes: Buffer) => void;

  /** @param baud - bits a second, ten to a byte; null for a line that takes no time */
  constructor(baud: number | null, seed: number, deliver: (bytes: Buffer) => void) {
    this.#perMs = baud === null ? Number.POSITIVE_INFINITY : baud / BITS_PER_BYTE / 1_000;
    this.#spoiler = new Spoiler(seed);
    this.#deliver = deliver;
  }

  /** How often a bit or a byte was harmed. */
  get harm(): number {
    return this.#spoiler.harm;
  }

  /** Is shown what leaves this direction. */
  set watcher(watcher: ((bytes: Buffer) => void) | null) {
    this.#watcher = watcher;
  }

  get noise(): Noise {
    return this.#spoiler.noise;
  }

  set noise(noise: Noise) {
    this.#spoiler.noise = noise;
  }

  /** Who is told to wait while the driver is full. */
  set tap(tap: Tap) {
    this.#tap = tap;
  }

  /** Puts bytes on the line. */
  take(bytes: Buffer): void {
    if (this.#queued === 0) this.#paidAt = performance.now();
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (this.#perMs === Number.POSITIVE_INFINITY) {
      this.#send(this.#next(this.#queued));
      return;
    }
    if (this.#queued > DRIVER_BYTES) this.#tap?.pause();
    this.#timer ??= setTimeout(() => this.#move(), STEP_MS);
  }

  /** Puts bytes on the line that its sender has not written, after the frame under way, or at once on a quiet line. */
  interject(text: string | Buffer): void {
    this.#texts.push(Buffer.from(text));
    if (this.#queued === 0) this.take(Buffer.alloc(0));
  }

  /** Forgets what is on the line. */
  cut(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    [this.#queue, this.#queued, this.#owed, this.#texts] = [[], 0, 0, []];
    this.#tap?.resume();
  }

  #move(): void {
    this.#timer = undefined;
    const now = performance.now();
    this.#owed += (now - this.#paidAt) * this.#perMs;
    this.#paidAt = now;
    const bytes = this.#next(Math.floor(this.#owed));
    this.#owed = this.#queued > 0 ? this.#owed - bytes.length : 0;
    if (this.#queued <= DRIVER_BYTES) this.#tap?.resume();
    if (this.#queued > 0) this.#timer = setTimeout(() => this.#move(), STEP_MS);
    this.#send(bytes);
  }

  #next(count: number): Buffer {
    const all = this.#queue.length === 1 ? (this.#queue[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#queue);
    const [bytes, rest] = [all.subarray(0, count), all.subarray(count)];
    this.#queue = rest.length > 0 ? [rest] : [];
    this.#queued = rest.length;
    return bytes;
  }

  #send(bytes: Buffer): void {
    const spoilt = this.#spoiler.spoil(this.#withTexts(bytes));
    this.carried += spoilt.length;
    if (spoilt.length === 0) return;
    this.#watcher?.(spoilt);
    this.#deliver(spoilt);
  }

  /** Texts go where a frame ends. */
  #withTexts(bytes: Buffer): Buffer {
    if (this.#texts.length === 0) return bytes;
    const zeroAt = bytes.indexOf(0);
    if (zeroAt === -1 && this.#queued > 0) return bytes;
    const at = zeroAt === -1 ? bytes.length : zeroAt + 1;
    return Buffer.concat([bytes.subarray(0, at), ...this.#texts.splice(0), bytes.subarray(at)]);
  }
}
