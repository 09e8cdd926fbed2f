/** Reading the numbers and names of the binary format. WebAssembly core specification 2.0, section 5.2. */
import { Unfit } from "./rejection.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Bytes read front to back, never past `end`. Every method throws `malformed` where the bytes end early or are no
 * number of its width: a LEB128 of N bits has at most ceil(N / 7) bytes, and the unused bits of the last repeat the sign.
 */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  /** Exclusive. */
  end: number;

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  byte(): number {
    if (this.at >= this.end) throw malformed("bytes are missing", this.at);
    return this.bytes[this.at++] ?? 0;
  }

  skip(count: number): void {
    if (count > this.end - this.at) throw malformed("bytes are missing", this.at);
    this.at += count;
  }

  /** 0..2^32 - 1. */
  u32(): number {
    const first = this.byte();
    return first < 0x80 ? first : this.#longU32(first);
  }

  #longU32(first: number): number {
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const next = this.byte();
      value |= (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    const last = this.byte();
    if (last > 0x0f) throw malformed("a number is longer than 32 bits", this.at);
    return (value | (last << 28)) >>> 0;
  }

  s32(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const next = this.byte();
      value |= (next & 0x7f) << shift;
      if (next < 0x80) return (value << (25 - shift)) >> (25 - shift);
    }
    const last = this.byte();
    if (last > 0x7f || ((last & 0x78) !== 0 && (last & 0x78) !== 0x78)) {
      throw malformed("a number is longer than 32 bits", this.at);
    }
    return value | (last << 28);
  }

  /** A block type: -64 for none, -1..-63 for the one-byte value types, else a type index. */
  s33(): number {
    const first = this.byte();
    if (first < 0x80) return (first << 25) >> 25;
    let value = first & 0x7f;
    for (let scale = 2 ** 7; scale < 2 ** 35; scale *= 2 ** 7) {
      const next = this.byte();
      value += (next & 0x7f) * scale;
      if (next >= 0x80) continue;
      const bits = scale * 2 ** 7;
      if (next < 0x40 && value < 2 ** 32) return value;
      if (next >= 0x40 && value - bits >= -(2 ** 32)) return value - bits;
      break;
    }
    throw malformed("a number is longer than 33 bits", this.at);
  }

  skipS64(): void {
    for (let count = 1; count < 10; count++) if (this.byte() < 0x80) return;
    const last = this.byte();
    if (last !== 0 && last !== 0x7f) throw malformed("a number is longer than 64 bits", this.at);
  }

  /** A length and so many bytes of UTF-8. */
  name(): string {
    const start = this.at;
    const length = this.u32();
    const from = this.at;
    this.skip(length);
    try {
      return utf8.decode(this.bytes.subarray(from, this.at));
    } catch {
      throw malformed("a name is not UTF-8", start);
    }
  }
}

/** A `malformed` that says where. */
export function malformed(what: string, at: number): Unfit {
  return new Unfit("malformed", `${what} at byte ${at}`);
}
