/** Texts of blocks, which need those of the blocks before them: the run that was read last is remembered. */
import { toHex } from "../base/bytes.ts";
import { type Block, headOf, linesOf, MAX_RUN } from "./block.ts";
import { Dictionary } from "./compression.ts";
import { brokenEntry } from "./entry.ts";

type Known = { readonly hash: string; readonly lines: readonly string[] };

export class BlockTexts {
  readonly #load: (from: number, to: number) => readonly Block[];
  #key = 0;
  /** Index of the first entry that the next block of the run would have. */
  #next = 0;
  readonly #dictionary = new Dictionary();
  /** By the index of the first entry. */
  #known = new Map<number, Known>();

  /** @param load - gives the blocks from one key block to before another block, in order */
  constructor(load: (from: number, to: number) => readonly Block[]) {
    this.#load = load;
  }

  /**
   * The text of a block; reads those of its run that it needs.
   *
   * @throws {@link Fault} `journal_broken` which names the first entry of the block that cannot be read
   */
  of(block: Block): readonly string[] {
    const { first, key } = block;
    const known = key === this.#key ? this.#known.get(first) : undefined;
    if (known && known.hash === toHex(block.hash)) return known.lines;
    if (key === first) this.#begin(key);
    else if (key !== this.#key || this.#next !== first) {
      this.#begin(key);
      for (const before of this.#load(key, first)) this.#take(before, block);
    }
    return this.#take(block, block);
  }

  #begin(key: number): void {
    this.#key = key;
    this.#next = key;
    this.#dictionary.clear();
    // a map that was cleared leads from its old table to all that comes later, and keeps it from being collected
    this.#known = new Map();
  }

  /** @param wanted - the block for whose sake this one is read */
  #take(block: Block, wanted: Block): readonly string[] {
    const { first, key, hash } = block;
    if (key !== this.#key || first !== this.#next || this.#known.size === MAX_RUN) {
      throw brokenEntry(wanted.first, "the blocks that its own is compressed with are not there");
    }
    const lines = linesOf(block, this.#dictionary);
    this.#known.set(first, { hash: toHex(hash), lines });
    this.#next = headOf(block).index + 1;
    return lines;
  }
}
