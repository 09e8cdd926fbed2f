/**
 * The memory of one instance, from its heap base up.
 *
 * The kernels allocate nothing: whoever calls them says where everything lies. What stays (tables, cells) is reserved
 * and never moves; what one call needs (columns, workspaces, points) shares one scratch area.
 */
import { Fault } from "../base/fault.ts";

/** Of everything reserved: what SIMD loads want. */
const ALIGNMENT = 16;

const PAGE = 65_536;

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export class Memory {
  readonly #memory: WebAssembly.Memory;
  #end: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #scratch: { at: number; length: number };

  constructor(memory: WebAssembly.Memory, base: number) {
    this.#memory = memory;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#end = aligned(base);
    this.#scratch = { at: this.#end, length: 0 };
  }

  /** All of it. Growing makes a new view, so none is kept from one call to the next. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#memory.buffer);
    return this.#bytes;
  }

  /** `count` little-endian words of 32 bits at an address that 4 divides. */
  words(at: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, at, count);
  }

  /** Bytes reserved and used for scratch so far. */
  get size(): number {
    return this.#end;
  }

  /** The address of `length` bytes, for good. Fresh memory is zero; what scratch had is not. */
  reserve(length: number): number {
    const at = this.#end;
    this.#extend(at + aligned(length));
    return at;
  }

  /**
   * Reserves what `fill` writes: it gets the first free address and returns the first one after it.
   *
   * @param atMost - bytes that it may need
   */
  claim(atMost: number, fill: (at: number) => number): void {
    const at = this.#end;
    this.#extend(at + atMost);
    const end = fill(at) >>> 0;
    if (end < at || end > at + atMost) throw new Fault("impossible", `a table of ${end - at} bytes`);
    this.#end = aligned(end);
  }

  /**
   * The address of at least `length` bytes, until the next call of this. Grows in place while nothing was reserved
   * after it, else it moves and leaves its old place unused: to twice the size, so that all old places together stay
   * below the newest.
   */
  scratch(length: number): number {
    const { at, length: had } = this.#scratch;
    if (length <= had) return at;
    if (at + had === this.#end) {
      this.#extend(at + aligned(length));
      this.#scratch = { at, length: aligned(length) };
    } else {
      const wanted = aligned(Math.max(length, 2 * had));
      this.#scratch = { at: this.reserve(wanted), length: wanted };
    }
    return this.#scratch.at;
  }

  /** Copies bytes in. */
  write(at: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, at);
  }

  /** Copies bytes out. */
  read(at: number, length: number): Uint8Array {
    return this.bytes.slice(at, at + length);
  }

  /** @throws RangeError when the machine has no more, or at 4 GiB */
  #extend(end: number): void {
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
    this.#end = end;
  }
}
