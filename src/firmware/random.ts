/** Numbers that look random and are the same for the same seed. */

/**
 * xoshiro128** 1.1 (Blackman and Vigna). Not for secrets.
 */
export class Xoshiro128 {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** The first 16 bytes of `seed`, little-endian, are the state; not all of them may be zero. */
  constructor(seed: Uint8Array) {
    const view = new DataView(seed.buffer, seed.byteOffset, 16);
    this.#a = view.getInt32(0, true);
    this.#b = view.getInt32(4, true);
    this.#c = view.getInt32(8, true);
    this.#d = view.getInt32(12, true);
  }

  /** Fills `bytes` with words, little-endian; what is left of the last word is lost. */
  fill(bytes: Uint8Array): void {
    let word = 0;
    for (let i = 0; i < bytes.length; i++) {
      word = i % 4 === 0 ? this.#next() : word >>> 8;
      bytes[i] = word;
    }
  }

  #next(): number {
    const word = Math.imul(rotated(Math.imul(this.#b, 5), 7), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotated(this.#d, 11);
    return word;
  }
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
