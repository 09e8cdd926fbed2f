/**
 * Small blobs as rows of one SQLite file in write-ahead mode, so that a blob of 100 bytes costs a disk little more than
 * that: as files each takes 4 KiB and a folder's block.
 *
 * Blobs are kept in groups, each with one fsync (`synchronous=FULL`). The first one after a pause is kept at once; those
 * that come within a tenth of a second of it are kept together. What leaves, and when something was last used, needs no
 * fsync of its own: it rides with the next group, or with one of its own after a few seconds.
 *
 * Nothing but this process has the file open, so that SQLite needs no memory shared through the disk.
 */
import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { type Clock, type Instant, instant } from "../base/clock.ts";
import { diskCode, diskReason } from "../base/disk-error.ts";
import { Fault } from "../base/fault.ts";
import type { Found } from "./shelf-store.ts";

/** Marks the file as a pack of blobs: "blob" in ASCII. */
const APPLICATION_ID = 0x626c6f62;
/** Raised whenever the rows of an earlier one can no longer be read. */
const FORMAT = 1;

/** Shortest time between two groups, milliseconds. */
const GROUP_MS = 100;
/** Most blobs that wait for their group. */
const GROUP = 64;
/** Longest wait of what leaves, and of when something was last used, milliseconds. */
const LAZY_MS = 5_000;

const PAGE_BYTES = 1_024;
/** Pages of the log before they are copied into the file: 4 MiB, so that a page that changes often is copied rarely. */
const LOG_PAGES = 4_096;

const SETUP = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA page_size = ${PAGE_BYTES};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = ${LOG_PAGES};
`;

const SCHEMA = `
  BEGIN;
  CREATE TABLE blob (row INTEGER PRIMARY KEY, hash BLOB NOT NULL, used INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
  COMMIT;
`;

export type PackOptions = {
  readonly clock: Clock;
  /** What nobody waits for could not be written, or the file was damaged and is begun anew; the pack goes on. */
  readonly onFault: (fault: unknown) => void;
  /** Bytes that the file may have in all: what needs more fails as on a full disk. */
  readonly maxBytes?: number;
};

type Coming = {
  readonly hash: Hex;
  readonly bytes: Uint8Array;
  readonly at: Instant;
  readonly done: () => void;
  readonly failed: (fault: Fault) => void;
};

/**
 * Opens a pack, and makes it where there is none; with it come the blobs that are in it, in no order. One that is damaged
 * is told and begun anew: whoever sent what was in it still has it.
 *
 * @throws {@link Fault} `disk_full`, `disk_failed`, also when another process has it open; `file_format` for one of a
 * newer hirewire
 */
export function openPack(file: string, options: PackOptions): { pack: Pack; found: Found[] } {
  const pack = new Pack(file, options);
  try {
    return { pack, found: pack.found() };
  } catch (fault) {
    pack.close();
    throw fault;
  }
}

export class Pack {
  readonly #file: string;
  readonly #options: PackOptions;
  #database: DatabaseSync;
  /** Where each blob stands. */
  readonly #rows = new Map<Hex, number>();
  #newest: number = 0;
  #coming: Coming[] = [];
  /** Rows that nobody asks for any more. */
  readonly #leaving = new Set<number>();
  /** When rows were last used, where that is not yet written. */
  readonly #used = new Map<number, Instant>();
  #written: Instant | null = null;
  #due: Instant | null = null;
  #stop: () => void = () => undefined;
  /** Whether nothing waits for company any more. */
  #isHurried: boolean = false;
  #isClosed: boolean = false;

  constructor(file: string, options: PackOptions) {
    this.#file = file;
    this.#options = options;
    this.#database = this.#opened();
  }

  /** Every blob that is here. Reads none of their bytes. */
  found(): Found[] {
    try {
      return this.#list();
    } catch (cause) {
      if (!isDamage(cause)) throw this.#fault("read", cause);
      this.#renew(cause);
      return [];
    }
  }

  has(hash: Hex): boolean {
    return this.#rows.has(hash);
  }

  /**
   * The bytes as they lie there; null when there are none.
   *
   * @throws {@link Fault} `disk_failed`
   */
  read(hash: Hex): Uint8Array | null {
    const row = this.#rows.get(hash);
    if (row === undefined || this.#isClosed) return null;
    try {
      const bytes = this.#database.prepare("SELECT bytes FROM blob WHERE row = ?").get(row)?.["bytes"];
      return bytes instanceof Uint8Array ? bytes : null;
    } catch (cause) {
      if (!isDamage(cause)) throw this.#fault("read", cause);
      this.#renew(cause);
      return null;
    }
  }

  /**
   * Keeps a blob that is not here; it is on the disk when this resolves.
   *
   * @throws {@link Fault} `disk_full`, `disk_failed`; the blob is then not here
   */
  keep(hash: Hex, bytes: Uint8Array, at: Instant): Promise<void> {
    const { promise, resolve: done, reject: failed } = Promise.withResolvers<void>();
    this.#coming.push({ hash, bytes, at, done, failed });
    const now = this.#options.clock.now();
    const since = this.#written === null ? GROUP_MS : Math.abs(now - this.#written);
    if (this.#isHurried || since >= GROUP_MS || this.#coming.length >= GROUP) this.#commit();
    else this.#commitWithin(GROUP_MS - since);
    return promise;
  }

  /** Removes a blob, or nothing where there is none. */
  remove(hash: Hex): void {
    const row = this.#rows.get(hash);
    if (row === undefined) return;
    this.#rows.delete(hash);
    this.#used.delete(row);
    this.#leaving.add(row);
    this.#commitWithin(LAZY_MS);
  }

  /** Remembers when a blob was last used. */
  touch(hash: Hex, at: Instant): void {
    const row = this.#rows.get(hash);
    if (row === undefined) return;
    this.#used.set(row, at);
    this.#commitWithin(LAZY_MS);
  }

  /** From now on nothing waits for company. */
  hurry(): void {
    this.#isHurried = true;
    this.#commit();
  }

  /** Writes what still waits, and ends. */
  close(): void {
    if (this.#isClosed) return;
    this.hurry();
    this.#stop();
    this.#isClosed = true;
    if (this.#database.isOpen) this.#database.close();
  }

  #commitWithin(ms: number): void {
    const { clock } = this.#options;
    const due = instant(clock.now() + ms);
    if (this.#isClosed || (this.#due !== null && this.#due <= due)) return;
    this.#stop();
    this.#due = due;
    this.#stop = clock.after(ms, () => this.#commit());
  }

  #commit(): void {
    this.#stop();
    this.#due = null;
    const coming = this.#coming;
    if (coming.length + this.#leaving.size + this.#used.size === 0) return;
    this.#coming = [];
    this.#written = this.#options.clock.now();
    try {
      this.#write(coming);
    } catch (cause) {
      this.#failed(coming, cause);
      return;
    }
    this.#leaving.clear();
    this.#used.clear();
    for (const [at, { hash }] of coming.entries()) this.#rows.set(hash, this.#newest + at + 1);
    this.#newest += coming.length;
    for (const { done } of coming) done();
  }

  #write(coming: readonly Coming[]): void {
    if (this.#isClosed) throw new Error("it is closed");
    const database = this.#database;
    database.exec("BEGIN");
    try {
      const remove = database.prepare("DELETE FROM blob WHERE row = ?");
      for (const row of this.#leaving) remove.run(row);
      const touch = database.prepare("UPDATE blob SET used = ? WHERE row = ?");
      for (const [row, at] of this.#used) touch.run(at, row);
      const insert = database.prepare("INSERT INTO blob (row, hash, used, bytes) VALUES (?, ?, ?, ?)");
      let row = this.#newest;
      for (const { hash, bytes, at } of coming) insert.run(++row, fromHex(hash), at, bytes);
      database.exec("COMMIT");
    } catch (cause) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw cause;
    }
  }

  /** Tells a group that it was not kept. What was not waited for is tried again with the next one. */
  #failed(coming: readonly Coming[], cause: unknown): void {
    const fault = this.#fault("write to", cause);
    for (const { failed } of coming) failed(fault);
    if (coming.length === 0) this.#options.onFault(fault);
    try {
      if (isDamage(cause)) this.#renew(cause);
    } catch (worse) {
      this.#options.onFault(worse);
    }
    if (this.#leaving.size + this.#used.size > 0) this.#commitWithin(LAZY_MS);
  }

  #list(): Found[] {
    const query = this.#database.prepare("SELECT row, hash, used, length(bytes) AS length FROM blob");
    const found: Found[] = [];
    for (const { row, hash, used, length } of query.iterate()) {
      const name = hash instanceof Uint8Array ? toHex(hash) : "0x";
      this.#rows.set(name, Number(row));
      this.#newest = Math.max(this.#newest, Number(row));
      found.push({ hash: name, length: Number(length), lastUse: instant(Number(used)) });
    }
    return found;
  }

  #opened(): DatabaseSync {
    try {
      return this.#open();
    } catch (cause) {
      if (!isDamage(cause)) throw this.#fault("open", cause);
      return this.#begunAnew(cause);
    }
  }

  #open(): DatabaseSync {
    const database = new DatabaseSync(this.#file);
    try {
      database.exec(SETUP);
      const format = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
      if (format > FORMAT) throw this.#ofNewer(format);
      if (format === 0) this.#make(database);
      const { maxBytes } = this.#options;
      if (maxBytes !== undefined)
        database.exec(`PRAGMA max_page_count = ${Math.ceil(maxBytes / PAGE_BYTES)}`);
      return database;
    } catch (cause) {
      database.close();
      throw cause;
    }
  }

  #make(database: DatabaseSync): void {
    database.exec(SCHEMA);
    const folder = openSync(dirname(this.#file), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  #ofNewer(format: number): Fault {
    const message = `${this.#file} is of format ${format}, that of a newer hirewire; this one reads ${FORMAT}`;
    return new Fault("file_format", message, { facts: { file: this.#file, format, reads: FORMAT } });
  }

  #renew(cause: unknown): void {
    this.#database.close();
    this.#database = this.#begunAnew(cause);
  }

  #begunAnew(cause: unknown): DatabaseSync {
    const file = this.#file;
    const message = `${file} is damaged and begun anew: whoever sent a blob that was in it has to send it again`;
    this.#options.onFault(new Fault("disk_failed", message, { cause, facts: { path: file } }));
    for (const map of [this.#rows, this.#leaving, this.#used]) map.clear();
    try {
      for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(file + end, { force: true });
      return this.#open();
    } catch (error) {
      throw this.#fault("open", error);
    }
  }

  #fault(what: string, cause: unknown): Fault {
    if (cause instanceof Fault) return cause;
    const code = sqliteCode(cause);
    const why = code === SQLITE.busy ? "another process has it" : diskReason(cause);
    const name = code === SQLITE.full ? "disk_full" : diskCode(cause);
    return new Fault(name, `cannot ${what} ${this.#file}: ${why}`, { cause, facts: { path: this.#file } });
  }
}

/** Primary result codes, https://sqlite.org/rescode.html. */
const SQLITE = { error: 1, busy: 5, corrupt: 11, full: 13, foreign: 26 } as const;

/** Whether it is the file's content that makes no sense, down to there being no such table, and not the machine. */
function isDamage(cause: unknown): boolean {
  const code = sqliteCode(cause);
  return code === SQLITE.error || code === SQLITE.corrupt || code === SQLITE.foreign;
}

function sqliteCode(cause: unknown): number | null {
  const code = cause instanceof Error && "errcode" in cause ? cause.errcode : null;
  return typeof code === "number" ? code & 0xff : null;
}
