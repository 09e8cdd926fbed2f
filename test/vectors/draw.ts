/** Numbers that look random and are the same on every machine, by the hash of a seed and a count. */
import { createHash } from "node:crypto";
import { integer } from "./arithmetic.ts";

export class Draw {
  readonly #seed: string;
  #count = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  bytes(length: number): Uint8Array {
    const name = `${this.#seed}:${this.#count++}`;
    return new Uint8Array(createHash("shake256", { outputLength: length }).update(name).digest());
  }

  /** In `0..limit-1`; the bias of 64 more bits than it takes is below 2^-64. */
  below(limit: bigint): bigint {
    return integer(this.bytes(Math.ceil(limit.toString(2).length / 8) + 8)) % limit;
  }

  index(limit: number): number {
    return Number(this.below(BigInt(limit)));
  }

  /** @throws RangeError for an empty list */
  of<T>(list: readonly T[]): T {
    const found = list.at(this.index(Math.max(1, list.length)));
    if (found === undefined) throw new RangeError("nothing to draw from");
    return found;
  }
}
