/**
 * The journal on disk: one SQLite file in write-ahead mode, one writer, any number of readers beside it.
 *
 * A commit returns after its fsync (`synchronous=FULL`), so an acknowledged entry survives power loss. It writes one
 * block, or a few of a large group. The single writer holds an exclusive transaction on a second, empty file: the
 * operating system drops that lock when the process ends, however it ends.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { Archive, archivedEnd, removeDrafts } from "./archive.ts";
import { ArchivedTable } from "./archived-table.ts";
import { type Block, BlockPacker } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import { BlockTable } from "./block-table.ts";
import { GENESIS, openEntry, type StoredEntry, sealEntry } from "./entry.ts";
import type { Draft, Entry, Head, Journal, Snapshot } from "./journal.ts";
import {
  BUSY_MS,
  createFile,
  type JournalLock,
  journalFile,
  lockJournal,
  openToRead,
  openToWrite,
} from "./journal-file.ts";
import { readSnapshot, writeSnapshot } from "./snapshot-files.ts";
import { asFault, guarded, isFull } from "./sqlite-fault.ts";

export { journalFile, lockJournal } from "./journal-file.ts";

/** A journal whose entries can also be read as they lie there. */
export interface StoredJournal extends Journal {
  /**
   * The entries after index `after` (default 0, all) as they are stored, each hashed, and read in nothing else.
   *
   * @throws {@link Fault} `journal_broken` at the first one that does not have its hash, or is not there
   */
  stored(after?: number): Iterable<StoredEntry>;
}

export type JournalOptions = {
  /** Reads beside a writer; makes nothing. */
  readonly readOnly?: boolean;
  /** Bytes that the file may have in all: an append that needs more fails as on a full disk. */
  readonly maxBytes?: number;
};

/**
 * Opens the journal in `folder`; a writer makes folder and file where there are none.
 *
 * @throws {@link Fault} `journal_locked` when another writer has it, `journal_broken` for a torn or foreign file,
 * `file_format` for one of another hirewire's format, `config_missing` when there is nothing to read, `disk_full`,
 * `disk_failed`
 */
export function openJournal(folder: string, options: JournalOptions = {}): StoredJournal {
  if (options.readOnly) return opened(folder, openToRead(folder), null);
  const lock = lockJournal(folder);
  try {
    removeDrafts(folder);
    const file = journalFile(folder);
    if (!existsSync(file)) createFile(folder);
    return opened(folder, openToWrite(file, options.maxBytes ?? null), lock);
  } catch (error) {
    lock.close();
    throw error;
  }
}

function opened(folder: string, database: DatabaseSync, lock: JournalLock | null): StoredJournal {
  try {
    return new SqliteJournal(folder, database, lock);
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Writes what a journal's file holds at this moment into a new one, beside its writer; reads every entry of that again.
 * The files of its archive are not copied: those that the copy names are there before this returns.
 *
 * @param folder - of the journal
 * @param target - another folder, which has no journal yet
 * @returns the newest entry of the copy
 * @throws {@link Fault} `journal_broken` at the first entry that does not hold, `file_format`, `config_missing`,
 * `disk_full`, `disk_failed`; what stands at the target is then of no use
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
  return walkJournal(target, "own");
}

/**
 * Reads every entry of a journal that nobody writes to, and gives the newest.
 *
 * @param part - `own`: only what its file has, and not what is in its archive
 * @throws {@link Fault} as {@link openJournal}, `journal_broken` at the first entry that does not hold, `not_found` for
 * a file of its archive
 */
export function walkJournal(folder: string, part: "all" | "own" = "all"): Head {
  let head: Head = part === "own" ? archivedEnd(folder) : GENESIS;
  const journal = openJournal(folder, { readOnly: true });
  try {
    for (const { index, hash } of journal.entries(head.index)) head = { index, hash };
    return head;
  } finally {
    journal.close();
  }
}

class SqliteJournal implements StoredJournal {
  readonly #folder: string;
  readonly #database: DatabaseSync;
  readonly #table: BlockTable;
  readonly #blocks: BlockReader;
  readonly #archived: ArchivedTable;
  readonly #archive: Archive;
  /** Null for a reader. */
  readonly #lock: JournalLock | null;
  #head: Head;
  /** What was written before this was opened is none of its runs. */
  readonly #packer = new BlockPacker();
  /** Set once a write failed for another reason than a full disk. */
  #failed: Fault | null = null;

  constructor(folder: string, database: DatabaseSync, lock: JournalLock | null) {
    this.#folder = folder;
    this.#database = database;
    this.#lock = lock;
    this.#table = new BlockTable(database);
    this.#archived = new ArchivedTable(database);
    this.#archive = new Archive(folder);
    this.#blocks = new BlockReader(this.#table, () => this.#archived.end());
    this.#head = this.#blocks.head();
    if (lock) this.#checkNewest();
  }

  head(): Head {
    return this.#lock ? this.#head : this.#blocks.head();
  }

  append(drafts: readonly Draft[]): readonly Entry[] {
    this.#mustWrite();
    const sealed: Entry[] = [];
    for (const draft of drafts) sealed.push(sealEntry(sealed.at(-1) ?? this.#head, draft));
    this.#commit(this.#packer.pack(sealed));
    const newest = sealed.at(-1);
    if (newest) this.#head = { index: newest.index, hash: newest.hash };
    return sealed;
  }

  *entries(after = 0): Iterable<Entry> {
    let before: Entry | undefined;
    for (const stored of this.stored(after)) {
      before = openEntry(stored, before);
      yield before;
    }
  }

  *stored(after = 0): Iterable<StoredEntry> {
    let at = after;
    let read: Head | null = null;
    for (;;) {
      const from: number = at;
      const period = this.#archived.holding(from + 1);
      try {
        const some = period ? this.#archive.entries(period, from, read) : this.#blocks.batch(from, read);
        for (const stored of some) {
          at = stored.index;
          read = stored as StoredEntry & { hash: Hex };
          yield stored;
        }
      } catch (fault) {
        if (period || !this.#isGone(at + 1)) throw fault;
        continue;
      }
      if (at === from) return;
    }
  }

  entry(index: number): Entry | null {
    const stored = this.#archivedEntry(index) ?? this.#blockEntry(index);
    return stored && openEntry(stored);
  }

  saveSnapshot(index: number, bytes: Uint8Array): void {
    this.#mustWrite();
    const hash = index > this.#head.index ? null : this.#hashOf(index);
    if (hash === null) throw new Fault("impossible", `snapshot ${index} is ahead of the journal`);
    writeSnapshot(this.#folder, { index, hash }, bytes);
  }

  newestSnapshot(): Snapshot | null {
    return readSnapshot(this.#folder, (index) => this.#hashOf(index));
  }

  close(): void {
    this.#archive.close();
    this.#database.close();
    this.#lock?.close();
  }

  #archivedEntry(index: number): StoredEntry | null {
    const period = this.#archived.holding(index);
    return period && this.#archive.entry(period, index);
  }

  #blockEntry(index: number): StoredEntry | null {
    try {
      return this.#blocks.entry(index) ?? this.#archivedEntry(index);
    } catch (fault) {
      if (!this.#isGone(index)) throw fault;
      return this.#archivedEntry(index);
    }
  }

  /** Whether an entry was given to the archive, while it was read perhaps: its block may not be there any more. */
  #isGone(index: number): boolean {
    return this.#archived.holding(index) !== null;
  }

  #mustWrite(): void {
    if (!this.#lock) throw new Fault("impossible", "this journal was opened to be read");
    if (this.#failed) throw this.#failed;
  }

  #commit(blocks: readonly Block[]): void {
    try {
      // one row is a transaction of its own
      if (blocks.length > 1) this.#database.exec("BEGIN IMMEDIATE");
      this.#table.insert(blocks);
      if (blocks.length > 1) this.#database.exec("COMMIT");
    } catch (cause) {
      const fault = asFault(cause);
      // After a failed fsync the kernel may drop the pages and report the next one as good, so only a plain
      // "disk full", which comes before any fsync, leaves this journal usable.
      if (!isFull(cause)) this.#failed = fault;
      this.#packer.restart();
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

  #hashOf(index: number): Hex | null {
    if (index === GENESIS.index) return GENESIS.hash;
    const head = this.head();
    return head.index === index ? head.hash : (this.entry(index)?.hash ?? null);
  }

  /** A writer goes on only from a block that holds and follows the one before it. */
  #checkNewest(): void {
    const newest = this.#table.newestFirst();
    if (newest === null) return;
    for (const stored of this.#blocks.batch(newest - 1, null)) openEntry(stored);
  }
}
