/**
 * Follows a journal and keeps its views: everything of one folder that the worker holds.
 *
 * Entries are taken in short portions, so that questions in between wait little. What was taken is written in one
 * transaction for many entries: a crash costs reading those again, never a wrong number.
 */
import type { Clock, Instant } from "../../base/clock.ts";
import { Fault, isFault } from "../../base/fault.ts";
import { GENESIS } from "../../journal/entry.ts";
import type { Entry, Head, Journal } from "../../journal/journal.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import { Directory } from "./directory.ts";
import { Fold } from "./fold.ts";
import { LaneBook } from "./lane-book.ts";
import { RowLog } from "./row-log.ts";
import type { ChainSight } from "./sight.ts";
import { machineRun, openStore, type Store } from "./store.ts";
import { TaskBook } from "./task-book.ts";

/** Entries between two looks at whoever waits. */
const PORTION = 256;

/** Entries, and milliseconds, after which what was taken is written. */
const COMMIT_ENTRIES = 2_000;
const COMMIT_MS = 60_000;

/** How far the journal was read; `run` is the machine's, or null once the file was closed. */
type Cursor = { readonly head: Head; readonly run: string | null };

export type Read = { readonly entries: number; readonly of: number };

/** Everything that is read from the journal, for questions. */
export type Library = {
  readonly journal: Journal;
  readonly store: Store;
  readonly directory: Directory;
  readonly lanes: LaneBook;
  readonly tasks: TaskBook;
  readonly rows: RowLog;
  readonly fold: Fold;
};

export class Reader {
  readonly #folder: string;
  readonly #clock: Clock;
  #library: Library;
  #head: Head;
  #unwritten = 0;
  #writtenAt: Instant;
  #failed: Fault | null = null;
  sight: ChainSight | null = null;

  /**
   * @param folder - the gateway's data folder
   * @throws {@link Fault} as `openJournal` for a reader
   */
  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
    this.#writtenAt = clock.now();
    const journal = openJournal(folder, { readOnly: true });
    try {
      const { library, head } = opened(folder, journal);
      this.#library = library;
      this.#head = head;
    } catch (fault) {
      journal.close();
      throw fault;
    }
  }

  get library(): Library {
    return this.#library;
  }

  /** How much of the journal is in the views. */
  read(): Read {
    return { entries: this.#head.index, of: Math.max(this.#head.index, this.#library.journal.head().index) };
  }

  /**
   * Takes in the next entries, a portion at most; a journal that is another one than before is read from its beginning.
   *
   * @returns whether there may be more
   * @throws {@link Fault} `journal_broken` at an entry that does not hold
   */
  follow(): boolean {
    if (this.#failed) throw this.#failed;
    const { journal, fold } = this.#library;
    const newest = journal.head();
    if (newest.index < this.#head.index) {
      this.restart();
      return true;
    }
    if (this.#unwritten === 0) this.#writtenAt = this.#clock.now();
    let taken = 0;
    for (const entry of newest.index === this.#head.index ? [] : journal.entries(this.#head.index)) {
      this.#take(fold, entry);
      if (++taken === PORTION) break;
    }
    const isDue = this.#unwritten >= COMMIT_ENTRIES || this.#clock.now() - this.#writtenAt >= COMMIT_MS;
    if (this.#unwritten > 0 && isDue) this.#write(machineRun());
    return taken === PORTION;
  }

  #take(fold: Fold, entry: Entry): void {
    try {
      fold.take(entry);
    } catch (cause) {
      // a record that was taken in part leaves nothing that could be told or written
      const words = `entry ${entry.index} could not be taken into the views: ${String(cause)}`;
      this.#failed = isFault(cause) ? cause : new Fault("impossible", words, { cause });
      throw this.#failed;
    }
    this.#head = { index: entry.index, hash: entry.hash };
    this.#unwritten += 1;
  }

  close(): void {
    try {
      if (!this.#failed) this.#write(null);
    } finally {
      this.#library.store.close();
      this.#library.journal.close();
    }
  }

  #write(run: string | null): void {
    const { store, fold, rows } = this.#library;
    rows.keep();
    fold.keep();
    store.keep("cursor", { head: this.#head, run } satisfies Cursor);
    store.commit();
    this.#unwritten = 0;
    this.#writtenAt = this.#clock.now();
  }

  /** Starts over with a fresh file: what was kept is of another journal, or damaged. */
  restart(): void {
    const { journal, store } = this.#library;
    store.close();
    const fresh = openStore(this.#folder, () => false);
    this.#library = libraryOf(journal, fresh);
    this.#head = GENESIS;
    this.#unwritten = 0;
  }
}

function opened(folder: string, journal: Journal): { library: Library; head: Head } {
  const store = openStore(folder, (one) => isOf(one, journal));
  try {
    return { library: libraryOf(journal, store), head: cursorOf(store)?.head ?? GENESIS };
  } catch {
    // whole pages, and no sense in them
    store.close();
    const fresh = openStore(folder, () => false);
    return { library: libraryOf(journal, fresh), head: GENESIS };
  }
}

function libraryOf(journal: Journal, store: Store): Library {
  const directory = new Directory(store);
  const lanes = new LaneBook(store);
  const tasks = new TaskBook(store, directory);
  const rows = new RowLog(store);
  const fold = new Fold({ store, directory, lanes, tasks, rows });
  return { journal, store, directory, lanes, tasks, rows, fold };
}

function cursorOf(store: Store): Cursor | null {
  return store.kept("cursor") as Cursor | null;
}

/** Whether kept views are of this journal, and surely whole. */
function isOf(store: Store, journal: Journal): boolean {
  const cursor = cursorOf(store);
  if (!cursor || !(cursor.run === null || cursor.run === machineRun())) return false;
  return isSame(journal, cursor.head) && isWhole(store);
}

function isSame(journal: Journal, head: Head): boolean {
  if (head.index === 0) return true;
  try {
    return journal.entry(head.index)?.hash === head.hash;
  } catch {
    // an entry that does not hold is told where it is read
    return true;
  }
}

/** SQLite's own look at every page; a file that was cut or overwritten does not pass. */
function isWhole(store: Store): boolean {
  return store.get("PRAGMA quick_check(1)")?.["quick_check"] === "ok";
}
