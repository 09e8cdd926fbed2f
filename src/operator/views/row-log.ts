/** The rows of the settlement log in their order: full blocks in the file, the newest one in memory too. */
import { crc32 } from "node:zlib";
import { Fault } from "../../base/fault.ts";
import { MOVEMENTS } from "../api/settlement.ts";
import {
  BLOCK_ROWS,
  Block,
  COLUMNS,
  type Column,
  type Digest,
  digestRow,
  emptyDigest,
  type Row,
} from "./block.ts";
import type { Store } from "./store.ts";
import { tallyOf } from "./tally.ts";

/** Bytes of columns that are held in memory: those of the newest million rows. */
const MOST_HELD = 24 * 2 ** 20;

/** The columns that are held, by their numbers. */
const HELD: ReadonlySet<number> = new Set(
  (["kind", "device", "counterparty", "firmware", "low", "middle", "high"] as const).map((one) =>
    COLUMNS.indexOf(one),
  ),
);

const CHECKED = "SELECT crc, bytes FROM part WHERE id = ?";

export class RowLog {
  readonly #store: Store;
  /** Of every block, the newest one's last. */
  readonly #digests: Digest[] = [];
  #newest: Block;
  #isKept: boolean = true;
  /** Columns of full blocks that filters look at, the newest blocks first: they never change. */
  readonly #held = new Map<number, Uint8Array>();
  #heldBytes = 0;
  /** Stored columns that were looked at. */
  readonly #checked = new Set<number>();

  constructor(store: Store) {
    this.#store = store;
    for (const row of store.each("SELECT digest FROM block ORDER BY id")) {
      this.#digests.push(digestOf(String(row["digest"])));
    }
    const last = this.#digests.length - 1;
    const isFull = this.#digests[last]?.count === BLOCK_ROWS;
    const partial = isFull ? null : this.#stored(last);
    if (!partial) this.#digests.push(emptyDigest());
    this.#newest = partial ? Block.reopened(partial) : new Block(this.#digests.length - 1);
  }

  /** How many rows there are, which is the newest one's sequence. */
  get count(): number {
    return this.#newest.id * BLOCK_ROWS + this.#newest.count;
  }

  /** What each block comes to, oldest first. */
  get digests(): readonly Digest[] {
    return this.#digests;
  }

  /** Adds a row and gives its sequence. */
  push(row: Row): number {
    if (this.#newest.count === BLOCK_ROWS) {
      this.keep();
      this.#newest = new Block(this.#newest.id + 1);
      this.#digests.push(emptyDigest());
    }
    const digest = this.#digests[this.#newest.id];
    if (digest) digestRow(digest, row);
    this.#newest.push(row);
    this.#isKept = false;
    return this.count;
  }

  /** Writes the newest block where it has changed. */
  keep(): void {
    const digest = this.#digests[this.#newest.id];
    if (this.#isKept || !digest) return;
    const { id, count } = this.#newest;
    const tally = count === BLOCK_ROWS ? tallyOf(this.#newest) : null;
    this.#store.run("INSERT OR REPLACE INTO block (id, digest) VALUES (?, ?)", id, textOf(digest));
    for (const column of COLUMNS) this.#keepPart(partId(id, column), this.#newest.stored(column));
    if (tally) this.#keepPart(partId(id, "tally"), tally);
    this.#isKept = true;
  }

  #keepPart(id: number, bytes: Uint8Array): void {
    const words = "INSERT OR REPLACE INTO part (id, crc, bytes) VALUES (?, ?, ?)";
    this.#store.run(words, id, crc32(bytes), bytes);
    // what was held is of the block before it was full
    this.#heldBytes -= this.#held.get(id)?.length ?? 0;
    this.#held.delete(id);
  }

  /** A block by its number; null where there is none. */
  block(id: number): Block | null {
    return id === this.#newest.id ? this.#newest : this.#stored(id);
  }

  /** What a full block comes to by its columns, see `tally.ts`; null for the newest one. */
  tally(id: number): Uint8Array | null {
    return id === this.#newest.id ? null : this.#part(partId(id, "tally"));
  }

  /** A row by its sequence; null where there is none. */
  row(sequence: number): Row | null {
    if (sequence < 1 || sequence > this.count) return null;
    return this.block(Math.floor((sequence - 1) / BLOCK_ROWS))?.rowAt((sequence - 1) % BLOCK_ROWS) ?? null;
  }

  #stored(id: number): Block | null {
    const count = this.#digests[id]?.count;
    if (count === undefined) return null;
    const load = (column: Column) => this.#part(partId(id, column));
    return new Block(id, { count, load });
  }

  /**
   * A column's bytes; what a card has made of them is looked at once in a process.
   *
   * @throws {@link Fault} `file_format` when they are not what was written
   */
  #part(id: number): Uint8Array {
    const held = this.#held.get(id);
    if (held) return held;
    const isKnown = this.#checked.has(id);
    const row = this.#store.get(isKnown ? "SELECT bytes FROM part WHERE id = ?" : CHECKED, id);
    const bytes = row?.["bytes"];
    const isWhole = bytes instanceof Uint8Array && (isKnown || crc32(bytes) === row?.["crc"]);
    if (!isWhole) throw new Fault("file_format", "the views are not what was written: they are made anew");
    this.#checked.add(id);
    if (HELD.has(id % 16) && this.#heldBytes + bytes.length <= MOST_HELD) {
      this.#held.set(id, bytes);
      this.#heldBytes += bytes.length;
    }
    return bytes;
  }
}

/** Where a column of a block is stored, and behind them all its tally. */
function partId(id: number, what: Column | "tally"): number {
  return id * 16 + (what === "tally" ? COLUMNS.length : COLUMNS.indexOf(what));
}

function textOf({ sums, most, ...rest }: Digest): string {
  return JSON.stringify({ ...rest, sums: sums.map(String), most: most.map(String) });
}

function digestOf(text: string): Digest {
  const { sums, most, ...rest } = JSON.parse(text);
  const amounts = (list: string[]) => MOVEMENTS.map((_, at) => BigInt(list[at] ?? "0"));
  return { ...rest, sums: amounts(sums), most: amounts(most) };
}
