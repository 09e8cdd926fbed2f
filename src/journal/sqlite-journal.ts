/**
 * The journal on disk: one SQLite file in write-ahead mode, one writer, any number of readers beside it.
 *
 * A commit returns after its fsync (`synchronous=FULL`), so an acknowledged entry survives power loss. The single
 * writer holds an exclusive transaction on a second, empty file: the operating system drops that lock when the
 * process ends, however it ends.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { Fault, isFault } from "../base/fault.ts";
import { sha256 } from "../kernels/digest.ts";
import { brokenEntry, GENESIS, openEntry, type StoredEntry, sealEntry } from "./entry.ts";
import type { Draft, Entry, Head, Journal, Snapshot } from "./journal.ts";

/** Marks the file as a journal of ours: "hire" in ASCII. */
const APPLICATION_ID = 0x68697265;
/** Raised whenever entries of an earlier one can no longer be read. */
const FORMAT = 3;

/** Entries per read: a reader that pauses between two batches holds no lock and stops no checkpoint. */
const BATCH = 256;

const SCHEMA = `
  CREATE TABLE entry (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE TABLE snapshot (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

/** A journal whose entries can also be read as they lie there. */
export interface StoredJournal extends Journal {
  /**
   * The entries after index `after` (default 0, all) as they are stored, checked in nothing.
   *
   * @throws {@link Fault} `journal_broken` where the file is damaged
   */
  stored(after?: number): Iterable<StoredEntry>;
}

export type JournalOptions = {
  /** Reads beside a writer; makes nothing. */
  readonly readOnly?: boolean;
  /** Pages of 4 KiB that the file may have in all: an append that needs more fails as on a full disk. */
  readonly maxPages?: number;
};

/**
 * Opens the journal in `folder`; a writer makes folder and file where there are none.
 *
 * @throws {@link Fault} `journal_locked` when another writer has it, `journal_broken` for a torn or foreign file,
 * `file_format` for one of another hirewire's format, `config_missing` when there is nothing to read, `disk_failed`
 */
export function openJournal(folder: string, options: JournalOptions = {}): StoredJournal {
  const file = journalFile(folder);
  if (options.readOnly) {
    if (!existsSync(file)) {
      throw new Fault("config_missing", `no journal in ${folder}: name the gateway's folder with --data`);
    }
    const database = guarded(() => new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }));
    return opened(database, null, () => checkFormat(database, file));
  }
  guarded(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  const lock = takeLock(folder);
  try {
    if (!existsSync(file)) create(folder, file);
    const database = guarded(() => new DatabaseSync(file, { timeout: BUSY_MS }));
    return opened(database, lock, () => prepare(database, file, options.maxPages));
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Where the journal of a data folder lies. */
export function journalFile(folder: string): string {
  return join(folder, "journal.sqlite");
}

/**
 * Writes what a journal holds at this moment into a new file, beside its writer; reads every entry of it again.
 *
 * @param folder - of the journal
 * @param target - another folder, which has no journal yet
 * @returns the newest entry of the copy
 * @throws {@link Fault} `journal_broken` at the first entry that does not hold, `file_format`, `config_missing`,
 * `disk_failed`; what stands at the target is then of no use
 */
export function copyJournal(folder: string, target: string): Head {
  openJournal(folder, { readOnly: true }).close();
  guarded(() => {
    const source = new DatabaseSync(journalFile(folder), { readOnly: true, timeout: BUSY_MS });
    try {
      // One read transaction: the writer goes on, and the copy is of the moment it began.
      source.prepare("VACUUM INTO ?").run(journalFile(target));
    } finally {
      source.close();
    }
  });
  return walkJournal(target);
}

/**
 * Reads every entry of a journal that nobody writes to, and gives the newest.
 *
 * @throws {@link Fault} as {@link openJournal}, and `journal_broken` at the first entry that does not hold
 */
export function walkJournal(folder: string): Head {
  const journal = openJournal(folder, { readOnly: true });
  try {
    let head: Head = GENESIS;
    for (const { index, hash } of journal.entries()) head = { index, hash };
    return head;
  } finally {
    journal.close();
  }
}

/** How long a statement waits for another process's short lock (a checkpoint, a recovery), milliseconds. */
const BUSY_MS = 5_000;

function opened(database: DatabaseSync, lock: DatabaseSync | null, check: () => void): StoredJournal {
  try {
    check();
    return new SqliteJournal(database, lock);
  } catch (error) {
    database.close();
    throw error;
  }
}

function takeLock(folder: string): DatabaseSync {
  const lock = guarded(() => new DatabaseSync(join(folder, "journal.lock")));
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    throw sqliteCode(cause) === SQLITE.busy ? taken(folder, cause) : asFault(cause);
  }
}

function taken(folder: string, cause: unknown): Fault {
  const message = `the journal in ${folder} belongs to a running gateway: stop that one, or use another folder`;
  return new Fault("journal_locked", message, { cause, facts: { folder } });
}

/** Makes an empty journal under another name first, so that a crash never leaves half a file behind. */
function create(folder: string, file: string): void {
  const draft = join(folder, "journal.new");
  guarded(() => {
    rmSync(draft, { force: true });
    const database = new DatabaseSync(draft);
    database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
    database.close();
    renameSync(draft, file);
    const directory = openSync(folder, "r");
    fsyncSync(directory);
    closeSync(directory);
  });
}

function prepare(database: DatabaseSync, file: string, maxPages?: number): void {
  checkFormat(database, file);
  guarded(() => database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  if (maxPages !== undefined) guarded(() => database.exec(`PRAGMA max_page_count = ${maxPages}`));
}

function checkFormat(database: DatabaseSync, file: string): void {
  const { id, format } = guarded(() => {
    return { id: pragma(database, "application_id"), format: pragma(database, "user_version") };
  });
  if (id !== APPLICATION_ID || format < 1) {
    throw new Fault("journal_broken", `${file} is no hirewire journal`, { facts: { file } });
  }
  if (format === FORMAT) return;
  const [age, remedy] =
    format > FORMAT ? ["a newer", "update this one"] : ["an older", "read it with that one"];
  const message = `${file} is of format ${format}, that of ${age} hirewire; this one reads ${FORMAT}: ${remedy}`;
  throw new Fault("file_format", message, { facts: { file, format, reads: FORMAT } });
}

function pragma(database: DatabaseSync, name: "application_id" | "user_version"): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

class SqliteJournal implements StoredJournal {
  readonly #database: DatabaseSync;
  /** Null for a reader. */
  readonly #lock: DatabaseSync | null;
  #head: Head;
  /** Set once a write failed for another reason than a full disk. */
  #failed: Fault | null = null;

  constructor(database: DatabaseSync, lock: DatabaseSync | null) {
    this.#database = database;
    this.#lock = lock;
    this.#head = this.#readHead();
    if (lock) this.#checkNewest();
  }

  head(): Head {
    return this.#lock ? this.#head : this.#readHead();
  }

  append(drafts: readonly Draft[]): readonly Entry[] {
    const sealed: Entry[] = [];
    for (const draft of drafts) sealed.push(sealEntry(sealed.at(-1) ?? this.#head, draft));
    this.#write(() => {
      const insert = this.#database.prepare("INSERT INTO entry (idx, hash, text) VALUES (?, ?, ?)");
      for (const entry of sealed) insert.run(entry.index, entry.hash, entry.text);
    });
    const newest = sealed.at(-1);
    if (newest) this.#head = { index: newest.index, hash: newest.hash };
    return sealed;
  }

  *entries(after = 0): Iterable<Entry> {
    let before = after === 0 ? GENESIS : this.#storedHead(after);
    for (const row of this.stored(before.index)) {
      const entry = openEntry(row, before);
      yield entry;
      before = entry;
    }
  }

  *stored(after = 0): Iterable<StoredEntry> {
    for (let at = after; ; ) {
      const batch = this.#batch(at);
      if (batch.length === 0) return;
      for (const row of batch) {
        yield row;
        at = row.index;
      }
    }
  }

  entry(index: number): Entry | null {
    const row = this.#row(index);
    return row ? openEntry(row) : null;
  }

  saveSnapshot(index: number, bytes: Uint8Array): void {
    if (index > this.#head.index) throw new Fault("impossible", `snapshot ${index} is ahead of the journal`);
    this.#write(() => {
      const insert = "INSERT OR REPLACE INTO snapshot (idx, hash, bytes) VALUES (?, ?, ?)";
      this.#database.prepare(insert).run(index, sha256(bytes), bytes);
      const newest = "SELECT idx FROM snapshot ORDER BY idx DESC LIMIT 2";
      this.#database.exec(`DELETE FROM snapshot WHERE idx NOT IN (${newest})`);
    });
  }

  newestSnapshot(): Snapshot | null {
    const query = "SELECT idx, hash, bytes FROM snapshot ORDER BY idx DESC";
    for (const row of guarded(() => this.#database.prepare(query).all())) {
      const bytes = row["bytes"];
      if (bytes instanceof Uint8Array && sha256(bytes) === row["hash"]) {
        return { index: Number(row["idx"]), bytes };
      }
    }
    return null;
  }

  close(): void {
    this.#database.close();
    this.#lock?.close();
  }

  #write(work: () => void): void {
    if (!this.#lock) throw new Fault("impossible", "this journal was opened to be read");
    if (this.#failed) throw this.#failed;
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      work();
      this.#database.exec("COMMIT");
    } catch (cause) {
      const fault = asFault(cause);
      // After a failed fsync the kernel may drop the pages and report the next one as good, so only a plain
      // "disk full", which comes before any fsync, leaves this journal usable.
      if (sqliteCode(cause) !== SQLITE.full) this.#failed = fault;
      this.#rollback();
      throw fault;
    }
  }

  #rollback(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    } catch (cause) {
      this.#failed = asFault(cause);
    }
  }

  #readHead(): Head {
    const [newest] = this.#rows("ORDER BY idx DESC LIMIT 1");
    return newest ? { index: newest.index, hash: newest.hash as Head["hash"] } : GENESIS;
  }

  #storedHead(index: number): Head {
    const entry = this.entry(index);
    if (entry) return entry;
    if (index < this.#readHead().index) throw brokenEntry(index, "it is missing");
    return { index, hash: GENESIS.hash };
  }

  #checkNewest(): void {
    const [newest, before] = this.#rows("ORDER BY idx DESC LIMIT 2");
    if (newest) openEntry(newest, before ? openEntry(before) : GENESIS);
  }

  /** The next entries; where a page of them is torn, those before it, and then a fault that names the first in it. */
  #batch(after: number): StoredEntry[] {
    try {
      return this.#rows("WHERE idx > ? ORDER BY idx LIMIT ?", after, BATCH);
    } catch (cause) {
      if (!isFault(cause, "journal_broken")) throw cause;
      const row = this.#row(after + 1);
      if (row) return [row];
      throw brokenEntry(after + 1, `the file is damaged there: ${cause.message}`, cause);
    }
  }

  #row(index: number): StoredEntry | undefined {
    try {
      return this.#rows("WHERE idx = ?", index)[0];
    } catch (cause) {
      if (!isFault(cause, "journal_broken")) throw cause;
      throw brokenEntry(index, `the file is damaged there: ${cause.message}`, cause);
    }
  }

  #rows(clause: string, ...values: number[]): StoredEntry[] {
    const query = `SELECT idx, hash, text FROM entry ${clause}`;
    return guarded(() => this.#database.prepare(query).all(...values)).map(storedEntry);
  }
}

function storedEntry(row: Record<string, SQLOutputValue>): StoredEntry {
  return { index: Number(row["idx"]), hash: String(row["hash"]), text: String(row["text"]) };
}

/** Primary result codes, https://sqlite.org/rescode.html. */
const SQLITE = { busy: 5, full: 13 } as const;

/**
 * Codes that speak of the machine: perm, busy, locked, nomem, readonly, ioerr, full, cantopen, protocol, nolfs, auth.
 * With any other one it is the file's content that makes no sense, down to its SQL not being SQL.
 */
const MACHINE: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 10, 13, 14, 15, 22, 23]);

function sqliteCode(error: unknown): number | null {
  const code = error instanceof Error && "errcode" in error ? error.errcode : null;
  return typeof code === "number" ? code & 0xff : null;
}

function asFault(cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  const code = sqliteCode(cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  // A range error is an index or a size that no journal has.
  if (code === null ? cause instanceof RangeError : !MACHINE.has(code)) {
    return new Fault("journal_broken", `the journal file is damaged: ${text}`, { cause });
  }
  if (code === SQLITE.full)
    return new Fault("disk_failed", "the disk is full: nothing was appended", { cause });
  const facts = code === null ? {} : { sqlite: code };
  return new Fault("disk_failed", `the journal's disk failed: ${text}`, { cause, facts });
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw asFault(cause);
  }
}
