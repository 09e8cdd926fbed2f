/** Entries out of the blocks of a journal's file, each hashed and in its place. */
import { type Block, entriesOf, headOf } from "./block.ts";
import type { BlockTable } from "./block-table.ts";
import { BlockTexts } from "./block-texts.ts";
import { brokenEntry, GENESIS, type StoredEntry } from "./entry.ts";
import type { Head } from "./journal.ts";

export class BlockReader {
  readonly #table: BlockTable;
  readonly #texts: BlockTexts;
  readonly #archivedEnd: () => Head | null;

  /** @param archivedEnd - the newest entry that was given to the archive, before which no block need be here */
  constructor(table: BlockTable, archivedEnd: () => Head | null) {
    this.#table = table;
    this.#texts = new BlockTexts((from, to) => table.between(from, to));
    this.#archivedEnd = archivedEnd;
  }

  /** The newest entry, as its block names it; {@link GENESIS} of an empty journal. */
  head(): Head {
    return this.#table.head() ?? this.#archivedEnd() ?? GENESIS;
  }

  /**
   * Some of the entries after index `after`: whole blocks, none only when there are no more.
   *
   * @param read - the entry of index `after` when it was read just before: these must follow it
   * @throws {@link Fault} `journal_broken` at the first entry that does not hold, or is missing
   */
  *batch(after: number, read: Head | null): Iterable<StoredEntry> {
    let before = read;
    let next = after + 1;
    const blocks = this.#table.reaching(next);
    for (const block of blocks) {
      const end = headOf(block).index;
      if (end < next) continue;
      if (block.first > next || (before && block.first < next)) throw missing(next, block.first);
      before ??= this.#before(block);
      for (const stored of entriesOf(block, this.#texts.of(block), before.hash)) {
        if (stored.index >= next) yield stored;
      }
      before = headOf(block);
      next = end + 1;
    }
    if (next > after + 1 || this.head().index <= after) return;
    throw missing(next, this.#table.firstAfter(after) ?? this.head().index);
  }

  /**
   * One entry; null where no block has it.
   *
   * @throws {@link Fault} `journal_broken` at the first entry of its block that does not hold
   */
  entry(index: number): StoredEntry | null {
    const block = this.#table.having(index);
    if (!block) return null;
    for (const stored of entriesOf(block, this.#texts.of(block), this.#before(block).hash)) {
      if (stored.index === index) return stored;
    }
    return null;
  }

  /** The hash that the entry before a block has, as it is kept. */
  #before({ first }: Block): Head {
    if (first === GENESIS.index + 1) return GENESIS;
    const before = this.#table.headBefore(first) ?? this.#archivedEnd() ?? GENESIS;
    if (before.index !== first - 1) throw missing(before.index + 1, first);
    return before;
  }
}

function missing(index: number, next: number) {
  return brokenEntry(index, `it is missing; the next one is ${next}`);
}
