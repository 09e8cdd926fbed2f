/** Writing the binary format. WebAssembly core specification 2.0, section 5.2. */

const utf8 = new TextEncoder();

/** Bytes in a buffer that grows. Numbers take as few bytes as they can. Every method returns the writer. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): this {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** All of `bytes`, or those from `start` to before `end`. */
  bytes(bytes: Uint8Array, start = 0, end: number = bytes.length): this {
    const count = end - start;
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    // a view costs more than a handful of bytes does
    if (count < 16) for (let i = 0; i < count; i++) this.#bytes[this.#length + i] = bytes[start + i] ?? 0;
    else this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length += count;
    return this;
  }

  /** 0..2^32 - 1. */
  u32(value: number): this {
    let rest = value >>> 0;
    for (; rest >= 0x80; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
    return this.byte(rest);
  }

  s32(value: number): this {
    let rest = value | 0;
    for (; rest < -64 || rest >= 64; rest >>= 7) this.byte((rest & 0x7f) | 0x80);
    return this.byte(rest & 0x7f);
  }

  /** A number must be a safe integer. */
  s64(value: number | bigint): this {
    if (typeof value === "number" && (value | 0) === value) return this.s32(value);
    let rest = BigInt(value);
    for (; rest < -64n || rest >= 64n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
    return this.byte(Number(rest & 0x7fn));
  }

  /** Its length and its bytes in UTF-8. */
  name(text: string): this {
    const encoded = utf8.encode(text);
    return this.u32(encoded.length).bytes(encoded);
  }

  /** What was written, as a copy of just that length. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** What was written so far, until more is. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(count: number): void {
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}
