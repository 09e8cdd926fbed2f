/** The blocks of a journal's SQLite file, row by row; nothing is checked here but that a row can be read. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { Fault, isFault } from "../base/fault.ts";
import { type Block, headOf, MAX_RUN } from "./block.ts";
import { brokenEntry } from "./entry.ts";
import type { Head } from "./journal.ts";
import { guarded } from "./sqlite-fault.ts";

export const BLOCK_TABLE = `
  CREATE TABLE block (
    first INTEGER PRIMARY KEY, count INTEGER NOT NULL, key INTEGER NOT NULL,
    marks BLOB NOT NULL, hash BLOB NOT NULL, bytes BLOB NOT NULL
  ) STRICT;
`;

/** Blocks per read: a reader that pauses between two batches holds no lock and stops no checkpoint. */
const BATCH = 32;

/** The block that has an entry, or the newest before it, and those that follow. */
const REACHING = `WHERE first >= (SELECT first FROM block WHERE first <= ? ORDER BY first DESC LIMIT 1)
  ORDER BY first LIMIT ?`;

export class BlockTable {
  readonly #database: DatabaseSync;
  readonly #queries = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Within the caller's transaction. Throws as SQLite does. */
  insert(blocks: readonly Block[]): void {
    const insert = this.#prepared(
      "INSERT INTO block (first, count, key, marks, hash, bytes) VALUES (?, ?, ?, ?, ?, ?)",
    );
    for (const { first, count, key, marks, hash, bytes } of blocks) {
      insert.run(first, count, key, marks, hash, bytes);
    }
  }

  /** Where the newest block begins; null of an empty table. */
  newestFirst(): number | null {
    const row = guarded(() => this.#prepared("SELECT first FROM block ORDER BY first DESC LIMIT 1").get());
    return row ? Number(row["first"]) : null;
  }

  /** Its newest entry; null of an empty table. */
  head(): Head | null {
    return this.#head("ORDER BY first DESC LIMIT 1");
  }

  /** The newest entry before one that begins a block; null where none is kept here. */
  headBefore(first: number): Head | null {
    return this.#head("WHERE first < ? ORDER BY first DESC LIMIT 1", first);
  }

  /** The first entry of the first block whose entries come after one; null where there is none. */
  firstAfter(index: number): number | null {
    const query = "SELECT first FROM block WHERE first > ? ORDER BY first LIMIT 1";
    const row = guarded(() => this.#prepared(query).get(index));
    return row ? Number(row["first"]) : null;
  }

  /**
   * The block that has an entry, or the newest one before it, and some that follow.
   *
   * @throws {@link Fault} `journal_broken` which names the entry, where the file is damaged there
   */
  reaching(index: number): Block[] {
    try {
      return this.#blocks(REACHING, index, BATCH);
    } catch (cause) {
      if (!isFault(cause, "journal_broken")) throw cause;
      return this.#one(index);
    }
  }

  /** The block that has an entry; null where none has it. @throws {@link Fault} as {@link reaching} */
  having(index: number): Block | null {
    const [block] = this.#one(index);
    return block && headOf(block).index >= index ? block : null;
  }

  /** Where a page of a batch is torn, the block itself may still be whole. */
  #one(index: number): Block[] {
    try {
      return this.#blocks(REACHING, index, 1);
    } catch (cause) {
      if (!isFault(cause, "journal_broken") || cause.facts["index"] !== undefined) throw cause;
      throw brokenEntry(index, `the file is damaged there: ${cause.message}`, cause);
    }
  }

  /** The runs of blocks in order, each by its first entry and its last. */
  runs(): { readonly key: number; readonly last: number }[] {
    const query = "SELECT key, max(first + count - 1) AS last FROM block GROUP BY key ORDER BY key";
    return guarded(() => this.#prepared(query).all()).map((row) => {
      return { key: Number(row["key"]), last: Number(row["last"]) };
    });
  }

  /** How many bytes the blocks of some entries have. */
  bytes(first: number, last: number): number {
    const query =
      "SELECT sum(length(marks) + length(bytes)) AS bytes FROM block WHERE first >= ? AND first <= ?";
    return Number(guarded(() => this.#prepared(query).get(first, last))?.["bytes"] ?? 0);
  }

  /** Removes the blocks of some entries. Throws as SQLite does. */
  forget(first: number, last: number): void {
    this.#prepared("DELETE FROM block WHERE first >= ? AND first <= ?").run(first, last);
  }

  /** Blocks from one to before another, more than a run has at most. */
  between(from: number, to: number): Block[] {
    return this.#blocks("WHERE first >= ? AND first < ? ORDER BY first LIMIT ?", from, to, MAX_RUN + 1);
  }

  #blocks(clause: string, ...values: number[]): Block[] {
    const query = `SELECT first, count, key, marks, hash, bytes FROM block ${clause}`;
    return guarded(() => this.#prepared(query).all(...values)).map(blockOf);
  }

  #head(clause: string, ...values: number[]): Head | null {
    const row = guarded(() =>
      this.#prepared(`SELECT first, count, key, hash FROM block ${clause}`).get(...values),
    );
    return row ? headOf(blockOf(row)) : null;
  }

  #prepared(query: string): StatementSync {
    let statement = this.#queries.get(query);
    if (!statement) {
      statement = this.#database.prepare(query);
      this.#queries.set(query, statement);
    }
    return statement;
  }
}

/** SQLite reads a page that is cut off as zeros, and gives rows out of it. */
function blockOf(row: Record<string, SQLOutputValue>): Block {
  const { marks, hash, bytes } = row;
  const [first, count, key] = [Number(row["first"]), Number(row["count"]), Number(row["key"])];
  if (!(first >= 1)) throw new Fault("journal_broken", `the journal file is damaged: a block at ${first}`);
  if (!(count >= 1 && key >= 1 && key <= first)) throw brokenEntry(first, "its block makes no sense");
  return { first, count, key, marks: blob(marks), hash: blob(hash), bytes: blob(bytes) };
}

/** A rotten row may have anything in a column; what reads it finds that no entry holds. */
function blob(value: SQLOutputValue | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}
