/** Which entries a journal has given to its archive: a row for each file, in the journal's own SQLite file. */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { Head } from "./journal.ts";
import { guarded } from "./sqlite-fault.ts";

export const ARCHIVED_TABLE = `
  CREATE TABLE archived (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL,
    file TEXT NOT NULL, bytes INTEGER NOT NULL
  ) STRICT;
`;

/** Entries that are in a file of the archive. */
export type Period = {
  readonly first: number;
  readonly last: number;
  /** Hash of the entry before the first. */
  readonly previous: Hex;
  /** Hash of the last one. */
  readonly hash: Hex;
  /** Name of the file. */
  readonly file: string;
  /** Its length. */
  readonly bytes: number;
};

/** The names that files of an archive have: nothing else is opened, whatever a row says. */
export const ARCHIVE_NAME = /^journal-\d{4}-\d{2}(-\d{1,4})?\.hwa$/;

export class ArchivedTable {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** All periods in order. @throws {@link Fault} `journal_broken`, `disk_failed` */
  all(): Period[] {
    return this.#periods("ORDER BY first");
  }

  /** The period that has an entry; null where it is in no file. @throws {@link Fault} as {@link all} */
  holding(index: number): Period | null {
    const [period] = this.#periods("WHERE first <= ? ORDER BY first DESC LIMIT 1", index);
    return period && period.last >= index ? period : null;
  }

  /** The newest entry that is in a file; null where none is. @throws {@link Fault} as {@link all} */
  end(): Head | null {
    const [newest] = this.#periods("ORDER BY first DESC LIMIT 1");
    return newest ? { index: newest.last, hash: newest.hash } : null;
  }

  /** Throws as SQLite does. */
  insert({ first, last, previous, hash, file, bytes }: Period): void {
    const insert =
      "INSERT INTO archived (first, last, previous, hash, file, bytes) VALUES (?, ?, ?, ?, ?, ?)";
    this.#database.prepare(insert).run(first, last, fromHex(previous), fromHex(hash), file, bytes);
  }

  #periods(clause: string, ...values: number[]): Period[] {
    const query = `SELECT first, last, previous, hash, file, bytes FROM archived ${clause}`;
    return guarded(() => this.#database.prepare(query).all(...values)).map(periodOf);
  }
}

function periodOf(row: Record<string, SQLOutputValue>): Period {
  const [first, last, bytes] = [Number(row["first"]), Number(row["last"]), Number(row["bytes"])];
  const { previous, hash, file } = row;
  const isHash = previous instanceof Uint8Array && hash instanceof Uint8Array;
  if (!(isHash && typeof file === "string" && ARCHIVE_NAME.test(file) && first >= 1 && last >= first)) {
    throw new Fault("journal_broken", `the journal file is damaged: a period from ${first} to ${last}`);
  }
  return { first, last, bytes, file, previous: toHex(previous), hash: toHex(hash) };
}
