/**
 * Gives closed months of a journal to its archive.
 *
 * A file is written under another name, flushed, read again entry by entry and renamed; then the journal names it, and
 * only then forgets the blocks, a run at a time. So whenever the process dies every entry is in one of the two, and
 * whoever does this next goes on.
 */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { archiveFolder, draftOf, removeDrafts } from "./archive.ts";
import { ArchiveFile, type Contents, writeArchive } from "./archive-file.ts";
import { ARCHIVE_NAME, ArchivedTable, type Period } from "./archived-table.ts";
import { BlockTable } from "./block-table.ts";
import { GENESIS, type StoredEntry } from "./entry.ts";
import { journalFile, openToWrite } from "./journal-file.ts";
import { monthOf } from "./month.ts";
import { syncFolder } from "./snapshot-files.ts";
import { guarded } from "./sqlite-fault.ts";
import { openJournal, type StoredJournal } from "./sqlite-journal.ts";

export type ArchivingOptions = {
  /** The first month that stays, such as `"2026-11"`: one that is not over yet, or an earlier one. */
  readonly before: string;
  /** Awaited between two short transactions, so that a writer beside this gets its turn. */
  readonly pause: () => Promise<void>;
  /** Throws where there is no room for so many bytes more: called before a file is begun. */
  readonly requireRoom?: (bytes: number) => void;
  /** Called after each step. */
  readonly onStep?: (step: ArchivingStep) => void;
};

/** What has been done: all of a file is written; it was read again; it has its name; the journal names it; a run is gone. */
export type ArchivingStep = "written" | "verified" | "renamed" | "named" | "forgotten";

export type Archiving = {
  /** What went to the archive now. */
  readonly periods: readonly Period[];
  /** The first month that is over and stays, and for what it waits; null when there is none. */
  readonly waiting: { readonly month: string; readonly for: "snapshot" | "newer entries" } | null;
};

/** Consecutive runs of one month. */
type Month = { readonly month: string; readonly first: number; readonly last: number };

/**
 * Archives every month before `before` that a snapshot covers and that newer entries follow; beside the journal's writer,
 * or by whoever holds its lock. Nobody else may do the same at a time. A month ahead of the newest entry's is over as
 * well: it was dated by a clock that was wrong.
 *
 * @param folder - of the journal
 * @throws {@link Fault} `journal_broken` at an entry that does not hold, which stays where it is; `config_missing`,
 * `disk_full`, `disk_failed`, and what `requireRoom` throws
 */
export async function archiveMonths(folder: string, options: ArchivingOptions): Promise<Archiving> {
  const journal = openJournal(folder, { readOnly: true });
  try {
    removeDrafts(folder);
    const database = openToWrite(journalFile(folder), null);
    try {
      return await new Archivist(folder, journal, database, options).work();
    } finally {
      database.close();
    }
  } finally {
    journal.close();
  }
}

class Archivist {
  /** Of the archive. */
  readonly #folder: string;
  readonly #journal: StoredJournal;
  readonly #database: DatabaseSync;
  readonly #blocks: BlockTable;
  readonly #archived: ArchivedTable;
  readonly #options: ArchivingOptions;

  constructor(folder: string, journal: StoredJournal, database: DatabaseSync, options: ArchivingOptions) {
    this.#folder = archiveFolder(folder);
    this.#journal = journal;
    this.#database = database;
    this.#blocks = new BlockTable(database);
    this.#archived = new ArchivedTable(database);
    this.#options = options;
  }

  async work(): Promise<Archiving> {
    await this.#forget();
    const covered = this.#journal.newestSnapshot()?.index ?? 0;
    const periods: Period[] = [];
    for (const { month, isFollowed } of this.#months()) {
      if (!isFollowed) return { periods, waiting: { month: month.month, for: "newer entries" } };
      if (month.last > covered) return { periods, waiting: { month: month.month, for: "snapshot" } };
      periods.push(this.#archive(month));
      await this.#forget();
    }
    return { periods, waiting: null };
  }

  /** The months from the oldest entry on that are over; a run is of one month alone. */
  #months(): { readonly month: Month; readonly isFollowed: boolean }[] {
    const months: Month[] = [];
    let isFollowed = false;
    const runs = this.#blocks.runs();
    const newestMonth = this.#monthAt(this.#journal.head().index);
    for (const { key, last } of runs) {
      const month = this.#monthAt(key);
      const isAhead = newestMonth !== "" && month > newestMonth;
      isFollowed = month === "" || (month >= this.#options.before && !isAhead);
      if (isFollowed) break;
      const newest = months.at(-1);
      if (newest?.month === month) months.splice(-1, 1, { ...newest, last });
      else months.push({ month, first: key, last });
    }
    return months.map((month, at) => ({ month, isFollowed: isFollowed || at < months.length - 1 }));
  }

  /** That an entry is of; empty where it has none. */
  #monthAt(index: number): string {
    return monthOf(this.#journal.entry(index)?.at ?? Number.NaN);
  }

  #archive({ month, first, last }: Month): Period {
    const { onStep = () => undefined, requireRoom } = this.#options;
    requireRoom?.(this.#blocks.bytes(first, last));
    const contents: Contents = {
      ...{ first, last },
      previous: first === 1 ? GENESIS.hash : this.#hashOf(first - 1),
      hash: this.#hashOf(last),
    };
    const file = this.#nameFor(month);
    const path = join(this.#folder, file);
    const draft = draftOf(path);
    guarded(() => {
      if (mkdirSync(this.#folder, { recursive: true, mode: 0o700 }) !== undefined)
        syncFolder(dirname(this.#folder));
    });
    try {
      const bytes = writeArchive(draft, contents, upTo(this.#journal.stored(first - 1), last));
      onStep("written");
      this.#mustHold({ ...contents, file: draftOf(file), bytes });
      onStep("verified");
      guarded(() => {
        renameSync(draft, path);
        syncFolder(this.#folder);
      });
      onStep("renamed");
      const period: Period = { ...contents, file, bytes };
      guarded(() => this.#archived.insert(period));
      onStep("named");
      return period;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  #hashOf(index: number): Hex {
    const entry = this.#journal.entry(index);
    if (!entry) throw new Fault("impossible", `the journal has no entry ${index}`);
    return entry.hash;
  }

  /** What the journal does not name was left by somebody who died, and is written again. */
  #nameFor(month: string): string {
    const taken = new Set(this.#archived.all().map(({ file }) => file));
    for (let number = 1; ; number++) {
      const name = `journal-${month}${number === 1 ? "" : `-${number}`}.hwa`;
      if (!ARCHIVE_NAME.test(name)) throw new Fault("impossible", `no file can be named for ${month}`);
      if (!taken.has(name)) return name;
    }
  }

  /** Reads a file as it lies there: the hashes of all its entries lead from the one before it to its last. */
  #mustHold(period: Period): void {
    const file = new ArchiveFile(this.#folder, period);
    try {
      let read = period.first - 1;
      for (const { index } of file.entries(read, null)) read = index;
      if (read !== period.last) throw new Fault("disk_failed", `${period.file} ends at entry ${read}`);
    } finally {
      file.close();
    }
  }

  /** Removes the blocks of what is in the archive. */
  async #forget(): Promise<void> {
    const end = this.#archived.end()?.index ?? 0;
    const gone = this.#blocks.runs().filter(({ last }) => last <= end);
    // what is lost of this by a power cut is done again: the row that names the file was flushed before
    guarded(() => this.#database.exec("PRAGMA synchronous = NORMAL"));
    for (const { key, last } of gone) {
      guarded(() => this.#blocks.forget(key, last));
      this.#options.onStep?.("forgotten");
      await this.#options.pause();
    }
    guarded(() => this.#database.exec("PRAGMA synchronous = FULL"));
  }
}

function* upTo(entries: Iterable<StoredEntry>, last: number): Iterable<StoredEntry> {
  for (const entry of entries) {
    if (entry.index > last) return;
    yield entry;
    if (entry.index === last) return;
  }
}
