/** What a bad cable does to bytes, drawn from a seed: the same seed and the same bytes give the same harm. */
import { randomFrom } from "../slow/exchange/random.ts";

/** Chances between 0 and 1; what is left out never happens. */
export type Noise = {
  /** Of each bit to arrive flipped. */
  bitErrorRate?: number;
  /** Of each byte to be lost. */
  dropRate?: number;
  /** Of each byte to be followed by one that nobody has sent. */
  insertRate?: number;
  /** Of each byte to begin a burst, in which every byte arrives as another. */
  burstRate?: number;
  /** Longest burst, bytes; 40 unless told. */
  burstBytes?: number;
};

export class Spoiler {
  noise: Noise = {};
  /** Bits flipped, and bytes lost, invented or changed in bursts. */
  harm = 0;
  readonly #random: ReturnType<typeof randomFrom>;
  /** Bits left until the next one flips, where drawn for the rate beside it. */
  #good = { rate: 0, bits: 0 };
  #burst = 0;

  /** @param seed - 32 bits */
  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** What arrives of `bytes`. */
  spoil(bytes: Buffer): Buffer {
    const { dropRate = 0, insertRate = 0, burstRate = 0, bitErrorRate = 0 } = this.noise;
    const flipped = bitErrorRate > 0 ? this.#flip(bytes, bitErrorRate) : bytes;
    if (dropRate + insertRate + burstRate === 0 && this.#burst === 0) return flipped;
    const arrived: number[] = [];
    for (const byte of flipped) {
      if (burstRate > 0 && this.#random.chance(burstRate)) {
        this.#burst = 1 + this.#random.below(this.noise.burstBytes ?? 40);
      }
      const isBurst = this.#burst > 0 && this.#burst-- > 0;
      const isLost = dropRate > 0 && this.#random.chance(dropRate);
      const isFollowed = insertRate > 0 && this.#random.chance(insertRate);
      if (!isLost) arrived.push(isBurst ? this.#random.below(256) : byte);
      if (isFollowed) arrived.push(this.#random.below(256));
      this.harm += Number(isBurst) + Number(isLost) + Number(isFollowed);
    }
    return Buffer.from(arrived);
  }

  /** Draws how far the next error is, rather than a number for every bit. */
  #flip(bytes: Buffer, rate: number): Buffer {
    if (this.#good.rate !== rate) this.#good = { rate, bits: this.#distance(rate) };
    const arrived = Buffer.from(bytes);
    const end = arrived.length * 8;
    while (this.#good.bits < end) {
      const at = this.#good.bits;
      arrived[at >> 3] = (arrived[at >> 3] ?? 0) ^ (1 << (at & 7));
      this.harm++;
      this.#good.bits += 1 + this.#distance(rate);
    }
    this.#good.bits -= end;
    return arrived;
  }

  /** Good bits before the next flipped one: geometric. */
  #distance(rate: number): number {
    return rate >= 1 ? 0 : Math.floor(Math.log1p(-this.#random.draw()) / Math.log1p(-rate));
  }
}
