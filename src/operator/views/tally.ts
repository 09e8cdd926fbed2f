/**
 * What a full block comes to by one column: rows and sums for each kind and each device, counterparty or firmware in it.
 *
 * A filter on one of them reads these in place of the rows, at an eighth of the bytes or less.
 */
import { type Block, KIND } from "./block.ts";

export const TALLIED = ["device", "counterparty", "firmware"] as const;
export type Tallied = (typeof TALLIED)[number];

/** Rows of one kind with one number in the column. */
export type Group = {
  readonly kind: number;
  readonly number: number;
  readonly rows: number;
  readonly sum: bigint;
};

/** Words of a group: its column and kind, its number, its rows, and four of the sum. */
const WORDS = 7;
const LIMB = 2n ** 32n;
const KINDS = Object.keys(KIND).length;

/** The tallies of a block by all columns, to be stored. */
export function tallyOf(block: Block): Uint8Array {
  const groups = new Map<number, { rows: number; low: number; middle: number; high: number }>();
  for (let place = 0; place < block.count; place++) {
    for (const [at, column] of TALLIED.entries()) {
      const number = block[column][place] ?? 0;
      const key = (number * TALLIED.length + at) * KINDS + (block.kind[place] ?? 0);
      const group = groups.get(key) ?? { rows: 0, low: 0, middle: 0, high: 0 };
      groups.set(key, group);
      group.rows += 1;
      group.low += block.low[place] ?? 0;
      group.middle += block.middle[place] ?? 0;
      group.high += block.high[place] ?? 0;
    }
  }
  const words = new Uint32Array(groups.size * WORDS);
  let at = 0;
  for (const [key, { rows, low, middle, high }] of groups) {
    const column = Math.floor(key / KINDS) % TALLIED.length;
    const sum = (BigInt(high) * LIMB + BigInt(middle)) * LIMB + BigInt(low);
    words[at] = column * KINDS + (key % KINDS);
    words[at + 1] = Math.floor(key / KINDS / TALLIED.length);
    words[at + 2] = rows;
    for (let limb = 0; limb < 4; limb++) words[at + 3 + limb] = Number((sum >> BigInt(32 * limb)) % LIMB);
    at += WORDS;
  }
  return new Uint8Array(words.buffer);
}

/** The groups of one column, out of what was stored. */
export function* groupsIn(stored: Uint8Array, column: Tallied): Generator<Group> {
  const words = new Uint32Array(stored.slice().buffer);
  const wanted = TALLIED.indexOf(column);
  for (let at = 0; at < words.length; at += WORDS) {
    const head = words[at] ?? 0;
    if (Math.floor(head / KINDS) !== wanted) continue;
    const limbs = [words[at + 3] ?? 0, words[at + 4] ?? 0, words[at + 5] ?? 0, words[at + 6] ?? 0];
    const sum = limbs.reduceRight(
      (total, limb) => (limb === 0 && total === 0n ? 0n : total * LIMB + BigInt(limb)),
      0n,
    );
    yield { kind: head % KINDS, number: words[at + 1] ?? 0, rows: words[at + 2] ?? 0, sum };
  }
}
