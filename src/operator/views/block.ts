/**
 * A block: up to 4,096 consecutive rows of the settlement log as columns of fixed width.
 *
 * Rows are written once and never changed: how far their money has come follows from their lane (`lane-book.ts`). So a
 * block is stored once, column by column, and a whole log is read at the speed of memory without an index.
 */
import { MOVEMENTS, type Movement } from "../api/settlement.ts";

export const BLOCK_ROWS = 4_096;

const LIMB = 2n ** 32n;

/** Largest amount that a row holds: three words. */
const MOST = 2n ** 96n - 1n;

/** One movement of money, by the numbers that the directory gives. 0 stands for nobody and nothing. */
export type Row = {
  readonly at: number;
  readonly entry: number;
  readonly kind: Movement;
  readonly device: number;
  readonly counterparty: number;
  readonly firmware: number;
  readonly task: number;
  /** Atomic units; of gas, the smallest native ones. */
  readonly amount: bigint;
  /** Of pay: a second leg of the same task in its record. Of a claim: it has paid the device. */
  readonly isMarked: boolean;
};

/** The place of a kind in {@link MOVEMENTS}, as the column has it. */
export const KIND = Object.fromEntries(MOVEMENTS.map((kind, at) => [kind, at])) as Readonly<
  Record<Movement, number>
>;

/** What a block comes to, so that most need not be read. */
export type Digest = {
  count: number;
  /** By kind, in the order of {@link MOVEMENTS}, as the sums and the largest amounts below. */
  readonly counts: number[];
  minAt: number;
  maxAt: number;
  firstEntry: number;
  lastEntry: number;
  /** Of the tasks that rows are about, by number. */
  minTask: number;
  maxTask: number;
  readonly sums: bigint[];
  readonly most: bigint[];
  /** Rows of pay that are not a second leg, and rows of spending. */
  earnedTasks: number;
  spentTasks: number;
};

/** A block without rows, as its digest says. */
export function emptyDigest(): Digest {
  const zeros = () => MOVEMENTS.map(() => 0n);
  const [none, least] = [Number.MAX_SAFE_INTEGER, 0];
  const times = {
    minAt: none,
    maxAt: least,
    firstEntry: none,
    lastEntry: least,
    minTask: none,
    maxTask: least,
  };
  return {
    count: 0,
    counts: MOVEMENTS.map(() => 0),
    ...times,
    sums: zeros(),
    most: zeros(),
    earnedTasks: 0,
    spentTasks: 0,
  };
}

/** Takes one row into a digest, in place. */
export function digestRow(digest: Digest, row: Row): void {
  const kind = KIND[row.kind];
  digest.count += 1;
  digest.counts[kind] = (digest.counts[kind] ?? 0) + 1;
  digest.minAt = Math.min(digest.minAt, row.at);
  digest.maxAt = Math.max(digest.maxAt, row.at);
  digest.firstEntry = Math.min(digest.firstEntry, row.entry);
  digest.lastEntry = Math.max(digest.lastEntry, row.entry);
  if (row.task > 0) digest.minTask = Math.min(digest.minTask, row.task);
  digest.maxTask = Math.max(digest.maxTask, row.task);
  digest.sums[kind] = (digest.sums[kind] ?? 0n) + row.amount;
  if (row.amount > (digest.most[kind] ?? 0n)) digest.most[kind] = row.amount;
  if (row.kind === "earned" && !row.isMarked) digest.earnedTasks += 1;
  if (row.kind === "spent") digest.spentTasks += 1;
}

/** A block's columns in the order in which they are numbered where they are stored. */
export const COLUMNS = [
  "at",
  "entry",
  "kind",
  "isMarked",
  "device",
  "counterparty",
  "firmware",
  "task",
  "low",
  "middle",
  "high",
] as const;
export type Column = (typeof COLUMNS)[number];

/** Gives the bytes of a stored column; empty where all of them are zero. */
type Load = (column: Column) => Uint8Array;

const NO_WORDS = new Uint32Array(BLOCK_ROWS);
const NO_BYTES = new Uint8Array(BLOCK_ROWS);

/** Columns of a stored block are read when they are looked at: most questions look at few. */
export class Block {
  /** Counts from 0; its first row's sequence is `id * BLOCK_ROWS + 1`. */
  readonly id: number;
  count: number;
  readonly #load: Load | null;
  #at: Float64Array | null = null;
  #entry: Uint32Array | null = null;
  #kind: Uint8Array | null = null;
  #isMarked: Uint8Array | null = null;
  #device: Uint32Array | null = null;
  #counterparty: Uint32Array | null = null;
  #firmware: Uint32Array | null = null;
  #task: Uint32Array | null = null;
  #low: Uint32Array | null = null;
  #middle: Uint32Array | null = null;
  #high: Uint32Array | null = null;

  /** A new block has room for rows, a stored one has those that it was stored with. */
  constructor(id: number, stored: { readonly count: number; readonly load: Load } | null = null) {
    this.id = id;
    this.count = stored?.count ?? 0;
    this.#load = stored?.load ?? null;
  }

  get at(): Float64Array {
    this.#at ??= this.#times();
    return this.#at;
  }

  get entry(): Uint32Array {
    this.#entry ??= this.#words("entry");
    return this.#entry;
  }

  get kind(): Uint8Array {
    this.#kind ??= this.#bytes("kind");
    return this.#kind;
  }

  get isMarked(): Uint8Array {
    this.#isMarked ??= this.#bytes("isMarked");
    return this.#isMarked;
  }

  get device(): Uint32Array {
    this.#device ??= this.#words("device");
    return this.#device;
  }

  get counterparty(): Uint32Array {
    this.#counterparty ??= this.#words("counterparty");
    return this.#counterparty;
  }

  get firmware(): Uint32Array {
    this.#firmware ??= this.#words("firmware");
    return this.#firmware;
  }

  get task(): Uint32Array {
    this.#task ??= this.#words("task");
    return this.#task;
  }

  /** Amounts in three words: this is the least one. */
  get low(): Uint32Array {
    this.#low ??= this.#words("low");
    return this.#low;
  }

  get middle(): Uint32Array {
    this.#middle ??= this.#words("middle");
    return this.#middle;
  }

  get high(): Uint32Array {
    this.#high ??= this.#words("high");
    return this.#high;
  }

  /** Sequence of the row at a place. */
  sequenceAt(place: number): number {
    return this.id * BLOCK_ROWS + place + 1;
  }

  /** Adds a row to a new block; the caller knows that it is not full. */
  push(row: Row): void {
    const place = this.count;
    const sum = row.amount > MOST ? MOST : row.amount;
    this.at[place] = row.at;
    this.entry[place] = row.entry;
    this.device[place] = row.device;
    this.counterparty[place] = row.counterparty;
    this.firmware[place] = row.firmware;
    this.task[place] = row.task;
    this.low[place] = Number(sum % LIMB);
    this.middle[place] = Number((sum / LIMB) % LIMB);
    this.high[place] = Number(sum / LIMB / LIMB);
    this.kind[place] = KIND[row.kind];
    this.isMarked[place] = row.isMarked ? 1 : 0;
    this.count = place + 1;
  }

  amountAt(place: number): bigint {
    const [low = 0, middle = 0, high = 0] = [this.low[place], this.middle[place], this.high[place]];
    return (BigInt(high) * LIMB + BigInt(middle)) * LIMB + BigInt(low);
  }

  rowAt(place: number): Row {
    return {
      at: this.at[place] ?? 0,
      entry: this.entry[place] ?? 0,
      kind: MOVEMENTS[this.kind[place] ?? 0] ?? "earned",
      device: this.device[place] ?? 0,
      counterparty: this.counterparty[place] ?? 0,
      firmware: this.firmware[place] ?? 0,
      task: this.task[place] ?? 0,
      amount: this.amountAt(place),
      isMarked: this.isMarked[place] === 1,
    };
  }

  /** The bytes of one column's rows, to be stored; empty where all of them are zero. */
  stored(column: Column): Uint8Array {
    const part = this[column].subarray(0, this.count);
    if (part.every((value) => value === 0)) return NO_BYTES.subarray(0, 0);
    return new Uint8Array(part.buffer, part.byteOffset, part.byteLength).slice();
  }

  /** A block with room for more, with the rows of one that was stored before it was full. */
  static reopened(partial: Block): Block {
    const block = new Block(partial.id);
    for (let place = 0; place < partial.count; place++) block.push(partial.rowAt(place));
    return block;
  }

  #times(): Float64Array {
    if (!this.#load) return new Float64Array(BLOCK_ROWS);
    const bytes = this.#load("at");
    return bytes.length === 0 ? new Float64Array(this.count) : new Float64Array(aligned(bytes));
  }

  #words(column: Column): Uint32Array {
    if (!this.#load) return new Uint32Array(BLOCK_ROWS);
    const bytes = this.#load(column);
    return bytes.length === 0 ? NO_WORDS : new Uint32Array(aligned(bytes));
  }

  #bytes(column: Column): Uint8Array {
    if (!this.#load) return new Uint8Array(BLOCK_ROWS);
    const bytes = this.#load(column);
    return bytes.length === 0 ? NO_BYTES : bytes;
  }
}

/** A buffer that holds these bytes and nothing else: wider numbers must begin where one can. */
function aligned({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  const isWhole = byteOffset === 0 && byteLength === buffer.byteLength;
  return (isWhole ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)) as ArrayBuffer;
}
