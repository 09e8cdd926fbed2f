/** One variant at work: its exports, its memory, and where in it everything lies. */
import { Memory } from "./memory.ts";
import { Slots } from "./slots.ts";
import { type Exports, instantiate, moduleOf, type Variant } from "./variant.ts";

/** Areas for calls on one thing, by length in bytes. A call leaves nothing in them that the next one needs. */
const CELLS = {
  /** A hash in progress. */
  state: 512,
  signature: 64,
  digest: 32,
  key: 64,
  point: 64,
  /** What the kernels answer. */
  out: 64,
  /** What is hashed, in pieces of at most this. */
  staging: 16_384,
} as const;

export type Cell = keyof typeof CELLS;

/** Bytes of {@link CELLS}' staging area. */
export const STAGING = CELLS.staging;

/** Most bytes of the generator's tables, of singles and of groups each. */
const MOST_TABLES = 4 * 2 ** 20;

/** Room for what is computed once for a key: its comb's table, and its terms in a batch. */
type Curve = { readonly tables: Slots; readonly terms: Slots };

export class Instance {
  readonly variant: Variant;
  readonly exports: Exports;
  readonly memory: Memory;
  /** Address of each cell. */
  readonly cells: Readonly<Record<Cell, number>>;
  #curve: Curve | null = null;

  /** @throws what {@link moduleOf} and {@link instantiate} do */
  constructor(variant: Variant, module: WebAssembly.Module = moduleOf(variant)) {
    this.variant = variant;
    this.exports = instantiate(module);
    this.memory = new Memory(this.exports.memory, this.exports.heapBase() >>> 0);
    const cells = Object.entries(CELLS).map(([name, length]) => [name, this.memory.reserve(length)]);
    this.cells = Object.fromEntries(cells);
  }

  /** Computes the generator's tables, once: some milliseconds that programs without signatures need not wait for. */
  prepareCurve(): Curve {
    if (this.#curve) return this.#curve;
    const { exports, memory } = this;
    memory.claim(MOST_TABLES, (at) => exports.initCurve(at));
    memory.claim(MOST_TABLES, (at) => exports.initBatch(at));
    const tables = new Slots(memory, exports.keyTableBytes());
    const terms = new Slots(memory, exports.keyTermsBytes());
    this.#curve = { tables, terms };
    return this.#curve;
  }
}
