/** The rows of the settlement log in their order: full blocks in the file, the newest one in memory too. */
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

const TALLY = "SELECT tally FROM block WHERE id = ?";

export class RowLog {
  readonly #store: Store;
  /** Of every block, the newest one's last. */
  readonly #digests: Digest[] = [];
  #newest: Block;
  #isKept: boolean = true;

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
    const words = "INSERT OR REPLACE INTO block (id, digest, tally) VALUES (?, ?, ?)";
    this.#store.run(words, id, textOf(digest), tally);
    for (const column of COLUMNS) {
      const bytes = this.#newest.stored(column);
      this.#store.run("INSERT OR REPLACE INTO part (id, bytes) VALUES (?, ?)", partId(id, column), bytes);
    }
    this.#isKept = true;
  }

  /** A block by its number; null where there is none. */
  block(id: number): Block | null {
    return id === this.#newest.id ? this.#newest : this.#stored(id);
  }

  /** What a full block comes to by its columns, see `tally.ts`; null for the newest one. */
  tally(id: number): Uint8Array | null {
    const tally = id === this.#newest.id ? null : this.#store.get(TALLY, id)?.["tally"];
    return tally instanceof Uint8Array ? tally : null;
  }

  /** A row by its sequence; null where there is none. */
  row(sequence: number): Row | null {
    if (sequence < 1 || sequence > this.count) return null;
    return this.block(Math.floor((sequence - 1) / BLOCK_ROWS))?.rowAt((sequence - 1) % BLOCK_ROWS) ?? null;
  }

  #stored(id: number): Block | null {
    const count = this.#digests[id]?.count;
    if (count === undefined) return null;
    const load = (column: Column) => {
      const bytes = this.#store.get("SELECT bytes FROM part WHERE id = ?", partId(id, column))?.["bytes"];
      if (bytes instanceof Uint8Array) return bytes;
      throw new Fault("impossible", `block ${id} of the views has no column ${column}`);
    };
    return new Block(id, { count, load });
  }
}

/** Where a column of a block is stored. */
function partId(id: number, column: Column): number {
  return id * 16 + COLUMNS.indexOf(column);
}

function textOf({ sums, most, ...rest }: Digest): string {
  return JSON.stringify({ ...rest, sums: sums.map(String), most: most.map(String) });
}

function digestOf(text: string): Digest {
  const { sums, most, ...rest } = JSON.parse(text);
  const amounts = (list: string[]) => MOVEMENTS.map((_, at) => BigInt(list[at] ?? "0"));
  return { ...rest, sums: amounts(sums), most: amounts(most) };
}
