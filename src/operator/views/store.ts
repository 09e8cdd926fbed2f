/**
 * The file of the views: what the journal comes to, kept so that it need not be read again at every start.
 *
 * Derived, so it is never repaired: a file that is missing, damaged, of another format or of another journal is made
 * anew. It is written without fsync, in one transaction for many entries; after a power cut nobody knows what of that is
 * on the disk, so a file that was not closed in the same run of the machine is made anew too.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { deserialize, serialize } from "node:v8";

/** Marks the file as views of ours: "hirv" in ASCII. */
const APPLICATION_ID = 0x68697276;
/** Raised whenever rows are numbered, or columns laid out, in another way. */
const FORMAT = 5;

/** How long a statement waits for another process's short lock, milliseconds. */
const BUSY_MS = 2_000;

const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE party (id INTEGER PRIMARY KEY, address TEXT NOT NULL, name TEXT, owner TEXT, isDevice INTEGER NOT NULL) STRICT;
  CREATE TABLE firmware (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, name TEXT) STRICT;
  CREATE TABLE pair (device INTEGER, counterparty INTEGER, PRIMARY KEY (device, counterparty)) STRICT, WITHOUT ROWID;
  CREATE TABLE used (device INTEGER, firmware INTEGER, PRIMARY KEY (device, firmware)) STRICT, WITHOUT ROWID;
  CREATE TABLE block (id INTEGER PRIMARY KEY, digest TEXT NOT NULL) STRICT;
  CREATE TABLE part (id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE promise (lane INTEGER, sequence INTEGER, epoch INTEGER NOT NULL, cumulative BLOB NOT NULL,
    PRIMARY KEY (lane, sequence)) STRICT, WITHOUT ROWID;
  CREATE TABLE mark (lane INTEGER, upTo INTEGER, tx INTEGER NOT NULL, PRIMARY KEY (lane, upTo)) STRICT, WITHOUT ROWID;
  CREATE INDEX markOfTx ON mark (tx);
  CREATE TABLE voucher (lane INTEGER, entry INTEGER, PRIMARY KEY (lane, entry)) STRICT, WITHOUT ROWID;
  CREATE TABLE tx (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, purpose TEXT NOT NULL, nonce INTEGER NOT NULL,
    state TEXT NOT NULL, prepared INTEGER NOT NULL, done INTEGER, block INTEGER, gasUsed TEXT, gasCost TEXT) STRICT;
  CREATE INDEX txDone ON tx (done);
  CREATE TABLE task (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, requester INTEGER NOT NULL, firmware INTEGER NOT NULL,
    offeredAt INTEGER NOT NULL, deadline INTEGER NOT NULL, payment TEXT NOT NULL) STRICT;
  CREATE TABLE outcome (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, state TEXT NOT NULL, provider INTEGER NOT NULL,
    at INTEGER NOT NULL, price TEXT NOT NULL, checks TEXT NOT NULL, fuel INTEGER NOT NULL, parts TEXT NOT NULL,
    legs TEXT NOT NULL, spent INTEGER NOT NULL, keptOut TEXT NOT NULL, entries TEXT NOT NULL) STRICT;
  CREATE INDEX outcomeOfTask ON outcome (task);
  CREATE TABLE run (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, device INTEGER NOT NULL, how TEXT NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

export type Values = Record<string, SQLOutputValue>;

/** Where the views of a data folder lie. */
export function viewsFile(folder: string): string {
  return join(folder, "views.sqlite");
}

export class Store {
  readonly #database: DatabaseSync;
  /** Held for as long as this writes the folder's own file. */
  readonly #lock: DatabaseSync | null;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, lock: DatabaseSync | null) {
    this.#database = database;
    this.#lock = lock;
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    if (!this.#database.isTransaction) this.#database.exec("BEGIN IMMEDIATE");
    this.#statement(sql).run(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Values[] {
    return this.#statement(sql).all(...values);
  }

  get(sql: string, ...values: SQLInputValue[]): Values | undefined {
    return this.#statement(sql).get(...values);
  }

  /** Rows as they are asked for. Nothing may be written before the last one. */
  each(sql: string, ...values: SQLInputValue[]): Iterable<Values> {
    // a statement of its own: two walks of the same words may go on beside each other
    return this.#database.prepare(sql).iterate(...values);
  }

  keep(name: string, value: unknown): void {
    this.run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", name, serialize(value));
  }

  /** What was kept under a name; null when nothing was. */
  kept(name: string): unknown {
    const value = this.get("SELECT value FROM meta WHERE name = ?", name)?.["value"];
    return value instanceof Uint8Array ? deserialize(value) : null;
  }

  commit(): void {
    if (this.#database.isTransaction) this.#database.exec("COMMIT");
  }

  close(): void {
    this.#database.close();
    this.#lock?.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Which run of the machine this is: a power cut lies between two of them. Empty where the system does not say. */
export function machineRun(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/**
 * Opens the views of a data folder for one writer; makes them where there are none that can be used.
 *
 * Whoever comes second gets a copy of its own, and a folder that cannot be written to gets one in memory: slower to begin
 * with, and as right.
 *
 * @param isOurs - whether what is kept is of this journal; asked once for each file
 */
export function openStore(folder: string, isOurs: (store: Store) => boolean): Store {
  const file = viewsFile(folder);
  const lock = takeLock(folder);
  if (lock === "taken") return copied(file, isOurs) ?? inMemory();
  if (lock === null) return inMemory();
  const store = existsSync(file) ? kept(file, lock, isOurs) : null;
  return store ?? fresh(file, lock) ?? inMemory();
}

/** The operating system lets go of it when the process ends, however it ends. */
function takeLock(folder: string): DatabaseSync | "taken" | null {
  let lock: DatabaseSync | null = null;
  try {
    lock = new DatabaseSync(join(folder, "views.lock"));
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock?.close();
    return isBusy(cause) ? "taken" : null;
  }
}

function kept(file: string, lock: DatabaseSync, isOurs: (store: Store) => boolean): Store | null {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { timeout: BUSY_MS });
    prepare(database, "WAL");
    if (isUsable(database, isOurs)) return new Store(database, lock);
  } catch {
    // damaged: it is made anew
  }
  database?.close();
  return null;
}

function fresh(file: string, lock: DatabaseSync): Store | null {
  try {
    for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
    const database = new DatabaseSync(file, { timeout: BUSY_MS });
    prepare(database, "WAL");
    database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
    return new Store(database, lock);
  } catch {
    lock.close();
    return null;
  }
}

/** What the first opener has written so far, in a file without a name. */
function copied(file: string, isOurs: (store: Store) => boolean): Store | null {
  let folder: string | null = null;
  let database: DatabaseSync | null = null;
  try {
    folder = mkdtempSync(join(tmpdir(), "hirewire-views-"));
    const copy = join(folder, "views.sqlite");
    const source = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
    try {
      source.prepare("VACUUM INTO ?").run(copy);
    } finally {
      source.close();
    }
    database = new DatabaseSync(copy);
    prepare(database, "MEMORY");
    if (isUsable(database, isOurs)) return new Store(database, null);
    database.close();
    return null;
  } catch {
    database?.close();
    return null;
  } finally {
    // it stays for as long as it is open
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

function inMemory(): Store {
  const database = new DatabaseSync(":memory:");
  database.exec(SCHEMA);
  return new Store(database, null);
}

function prepare(database: DatabaseSync, journal: "WAL" | "MEMORY"): void {
  database.exec(`PRAGMA page_size = 16384; PRAGMA journal_mode = ${journal}; PRAGMA synchronous = OFF;`);
  // not mapped into memory: a bad sector would then end the whole process
  database.exec("PRAGMA cache_spill = OFF; PRAGMA wal_autocheckpoint = 256;");
}

function isUsable(database: DatabaseSync, isOurs: (store: Store) => boolean): boolean {
  const isOfFormat =
    pragma(database, "application_id") === APPLICATION_ID && pragma(database, "user_version") === FORMAT;
  return isOfFormat && isOurs(new Store(database, null));
}

function pragma(database: DatabaseSync, name: "application_id" | "user_version"): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** SQLite's codes of a file that somebody else has open: https://sqlite.org/rescode.html. */
function isBusy(cause: unknown): boolean {
  const code = cause instanceof Error && "errcode" in cause ? Number(cause.errcode) & 0xff : 0;
  return code === 5 || code === 6;
}
