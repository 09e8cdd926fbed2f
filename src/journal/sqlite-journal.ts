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
import { Fault } from "../base/fault.ts";
import { brokenEntry, GENESIS, openEntry, type StoredEntry, sealEntry, sha256 } from "./entry.ts";
import type { Draft, Entry, Head, Journal, Snapshot } from "./journal.ts";

/** Marks the file as a journal of ours: "hire" in ASCII. */
const APPLICATION_ID = 0x68697265;
const FORMAT = 1;

/** Entries per read: a reader that pauses between two batches holds no lock and stops no checkpoint. */
const BATCH = 256;

const SCHEMA = `
  CREATE TABLE entry (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE TABLE snapshot (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

/**
 * Opens the journal in `folder`; a writer makes folder and file where there are none.
 *
 * @throws {@link Fault} `journal_locked` when another writer has it, `journal_broken` for a torn or foreign file,
 * `config_missing` when there is nothing to read, `disk_failed`
 */
export function openJournal(folder: string, options: { readOnly?: boolean } = {}): Journal {
  const file = join(folder, "journal.sqlite");
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
    return opened(database, lock, () => prepare(database, file));
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** How long a statement waits for another process's short lock (a checkpoint, a recovery), milliseconds. */
const BUSY_MS = 5_000;

function opened(database: DatabaseSync, lock: DatabaseSync | null, check: () => void): Journal {
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

function prepare(database: DatabaseSync, file: string): void {
  checkFormat(database, file);
  guarded(() => database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
}

function checkFormat(database: DatabaseSync, file: string): void {
  guarded(() => {
    const format = pragma(database, "user_version");
    if (pragma(database, "application_id") !== APPLICATION_ID || format !== FORMAT) {
      throw new Fault("journal_broken", `${file} is no hirewire journal of format ${FORMAT}`, {
        facts: { file },
      });
    }
  });
}

function pragma(database: DatabaseSync, name: "application_id" | "schema_version" | "user_version"): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

class SqliteJournal implements Journal {
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
    for (;;) {
      const batch = this.#rows("WHERE idx > ? ORDER BY idx LIMIT ?", before.index, BATCH);
      for (const row of batch) {
        const entry = openEntry(row, before);
        yield entry;
        before = entry;
      }
      if (batch.length < BATCH) return;
    }
  }

  entry(index: number): Entry | null {
    const [row] = this.#rows("WHERE idx = ?", index);
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

  #rows(clause: string, ...values: number[]): StoredEntry[] {
    const query = `SELECT idx, hash, text FROM entry ${clause}`;
    return guarded(() => this.#database.prepare(query).all(...values)).map(storedEntry);
  }
}

function storedEntry(row: Record<string, SQLOutputValue>): StoredEntry {
  return { index: Number(row["idx"]), hash: String(row["hash"]), text: String(row["text"]) };
}

/** Primary result codes, https://sqlite.org/rescode.html. */
const SQLITE = { busy: 5, corrupt: 11, full: 13, notDatabase: 26 } as const;

function sqliteCode(error: unknown): number | null {
  const code = error instanceof Error && "errcode" in error ? error.errcode : null;
  return typeof code === "number" ? code & 0xff : null;
}

function asFault(cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  const code = sqliteCode(cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  if (code === SQLITE.corrupt || code === SQLITE.notDatabase) {
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
