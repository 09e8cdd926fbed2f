/**
 * Entries as they lie on disk: one block for each commit.
 *
 * A block has the texts of its entries without the hash that each begins with, since that is the hash of the entry before
 * it; a line each, compressed with the texts of the blocks before it. So blocks form runs, each of which begins with a
 * *key block* that needs no other. Of every entry the first bytes of its hash stand beside the texts: whatever was
 * changed, the first entry that does not hold is known.
 */
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { sha256 } from "../kernels/digest.ts";
import { compress, Dictionary, decompress } from "./compression.ts";
import { brokenEntry, type StoredEntry } from "./entry.ts";
import type { Head } from "./journal.ts";
import { monthOf } from "./month.ts";

export type Block = {
  /** Index of its first entry. */
  readonly first: number;
  /** How many entries it has, at least one. */
  readonly count: number;
  /** Index of the first entry of the key block of its run; its own where it is one. */
  readonly key: number;
  /** {@link MARK} bytes of each entry's hash. */
  readonly marks: Uint8Array;
  /** Of its newest entry, 32 bytes. */
  readonly hash: Uint8Array;
  /** The texts, compressed. */
  readonly bytes: Uint8Array;
};

/** Bytes of a hash that are kept of every entry. */
export const MARK = 8;

/** Entries, and bytes of text, after which a block ends. */
export const MAX_COUNT = 256;
export const MAX_BYTES = 262_144;

/** Characters of one entry, each of which may be four bytes: with {@link MAX_BYTES} it stays below what can be read back. */
const MAX_ENTRY = 2 ** 22;

/** Blocks after which a run ends; it ends after {@link MAX_BYTES} of text as well. Reading one entry reads its run. */
export const MAX_RUN = 64;

/** As small as higher ones on texts that are mostly hashes and signatures, and the fastest. */
const LEVEL = 1;

/** Of what is written once; those above save a hundredth more. */
const TIGHT = 12;

/** `["0x…",`: the hash of the entry before, with which every text begins. */
const PREVIOUS = 70;

/** An entry that is to be packed. */
export type Packed = StoredEntry & { readonly at: number };

/** The blocks since a key block, as far as the next one needs to know them. */
type Run = {
  readonly key: number;
  readonly blocks: number;
  /** Of text, in all. */
  readonly bytes: number;
  /** That all its entries are of. */
  readonly month: string;
};

/** Packs entries into blocks, in order; a run has entries of one month alone. */
export class BlockPacker {
  readonly #dictionary = new Dictionary();
  #run: Run | null = null;

  /**
   * The next blocks.
   *
   * @param entries - which follow one another, and those before them
   * @throws {@link Fault} `impossible` for an entry of more than {@link MAX_ENTRY} characters
   */
  pack(entries: readonly Packed[]): Block[] {
    for (const { index, text } of entries) {
      if (text.length <= MAX_ENTRY) continue;
      throw new Fault("impossible", `entry ${index} has ${text.length} characters`, { facts: { index } });
    }
    const blocks: Block[] = [];
    try {
      for (let left = entries; left.length > 0; left = left.slice(blocks.at(-1)?.count)) {
        blocks.push(this.#packOne(left));
      }
      return blocks;
    } catch (cause) {
      this.restart();
      throw cause;
    }
  }

  /** The next block begins a run: what was packed last was not kept. */
  restart(): void {
    this.#run = null;
  }

  /** The block of as many entries as fit into one. */
  #packOne(entries: readonly Packed[]): Block {
    const month = monthOf(entries[0]?.at ?? 0);
    const lines: string[] = [];
    let length = 0;
    for (const { at, text } of entries) {
      const isFull = lines.length === MAX_COUNT || length > MAX_BYTES || monthOf(at) !== month;
      if (lines.length > 0 && isFull) break;
      lines.push(text.slice(PREVIOUS));
      length += text.length;
    }
    const taken = entries.slice(0, lines.length);
    const text = Buffer.from(lines.join("\n"));
    const { key } = this.#extend(taken[0]?.index ?? 0, month, text.length);
    return blockOf(taken, key, compress(text, this.#dictionary, LEVEL));
  }

  /** The run with another block: that of the block before, as long as it may go on. */
  #extend(first: number, month: string, bytes: number): Run {
    const before = this.#run;
    const all = (before?.bytes ?? 0) + bytes;
    if (before && before.month === month && before.blocks < MAX_RUN && all <= MAX_BYTES) {
      this.#run = { ...before, blocks: before.blocks + 1, bytes: all };
    } else {
      this.#dictionary.clear();
      this.#run = { key: first, blocks: 1, bytes, month };
    }
    return this.#run;
  }
}

/**
 * Packs entries into one block that needs no other, as small as it gets: for what is written once.
 *
 * @param entries - at least one, which follow one another
 */
export function packTightly(entries: readonly StoredEntry[]): Block {
  const text = Buffer.from(entries.map((entry) => entry.text.slice(PREVIOUS)).join("\n"));
  return blockOf(entries, entries[0]?.index ?? 0, compress(text, null, TIGHT));
}

function blockOf(entries: readonly StoredEntry[], key: number, bytes: Uint8Array): Block {
  return {
    ...{ first: entries[0]?.index ?? 0, count: entries.length, key },
    marks: marksOf(entries),
    hash: fromHex(entries.at(-1)?.hash ?? ""),
    bytes,
  };
}

function marksOf(entries: readonly StoredEntry[]): Uint8Array {
  const marks = new Uint8Array(MARK * entries.length);
  for (const [at, { hash }] of entries.entries()) marks.set(fromHex(hash.slice(2, 2 + 2 * MARK)), MARK * at);
  return marks;
}

/**
 * The texts of a block as they were compressed; adds them to the dictionary.
 *
 * @throws {@link Fault} `journal_broken`, which names its first entry
 */
export function linesOf(
  { first, bytes }: Pick<Block, "first" | "bytes">,
  dictionary: Dictionary | null,
): string[] {
  try {
    return decompress(bytes, dictionary);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw brokenEntry(first, `its block cannot be read: ${why}`, cause);
  }
}

/**
 * The entries of a block, each of which was hashed and is what was written.
 *
 * @param lines - of the block
 * @param previous - hash of the entry before it
 * @throws {@link Fault} `journal_broken` at the first entry that is not
 */
export function* entriesOf(
  { first, count, marks, hash }: Pick<Block, "first" | "count" | "marks" | "hash">,
  lines: readonly string[],
  previous: string,
): Iterable<StoredEntry> {
  const kept = toHex(marks);
  const newest = toHex(hash);
  let before = previous;
  for (const [at, line] of lines.entries()) {
    const index = first + at;
    const whole = `["${before}",${line}`;
    before = sha256(whole);
    const mark = kept.slice(2 + 2 * MARK * at, 2 + 2 * MARK * (at + 1));
    const isMarked = at < count && mark === before.slice(2, 2 + 2 * MARK);
    if (!isMarked || (at === count - 1 && before !== newest)) {
      throw brokenEntry(index, "its text does not have its hash");
    }
    yield { index, hash: before, text: whole, isHashed: true };
  }
  if (lines.length !== count) throw brokenEntry(first + lines.length, "its block ends before it");
}

/** The newest entry of a block. */
export function headOf({ first, count, hash }: Pick<Block, "first" | "count" | "hash">): Head {
  return { index: first + count - 1, hash: toHex(hash) satisfies Hex };
}
