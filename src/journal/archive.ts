/** The archive beside a journal, to be read: closed periods, a file each, in a folder of their own. */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ArchiveFile } from "./archive-file.ts";
import { ArchivedTable, type Period } from "./archived-table.ts";
import { GENESIS, type StoredEntry } from "./entry.ts";
import type { Head } from "./journal.ts";
import { openToRead } from "./journal-file.ts";

/** Where the archive of a data folder lies. */
export function archiveFolder(folder: string): string {
  return join(folder, "archive");
}

/**
 * Names of files that a folder's journal needs and that are not there, or have another length than they had.
 *
 * @throws {@link Fault} `config_missing` where there is no journal, `journal_broken`, `file_format`, `disk_failed`
 */
export function missingArchives(folder: string): readonly string[] {
  const database = openToRead(folder);
  try {
    return new ArchivedTable(database)
      .all()
      .filter(({ file, bytes }) => {
        const found = statSync(join(archiveFolder(folder), file), { throwIfNoEntry: false });
        return found?.size !== bytes;
      })
      .map(({ file }) => file);
  } finally {
    database.close();
  }
}

/** The newest entry that a folder's journal has in its archive. @throws {@link Fault} as {@link missingArchives} */
export function archivedEnd(folder: string): Head {
  const database = openToRead(folder);
  try {
    return new ArchivedTable(database).end() ?? GENESIS;
  } finally {
    database.close();
  }
}

/** What a file of the archive is called while it is written. */
export function draftOf(file: string): string {
  return `${file}.new`;
}

/**
 * Removes what a process that was killed while it archived has left: it may be all the room that a full disk lacks. Only
 * for whoever holds the journal's lock, or archives beside it.
 *
 * @param folder - of the journal
 */
export function removeDrafts(folder: string): void {
  const archive = archiveFolder(folder);
  if (!existsSync(archive)) return;
  try {
    for (const name of readdirSync(archive)) {
      if (name.endsWith(draftOf(".hwa"))) rmSync(join(archive, name));
    }
  } catch {
    // it only takes room, and the journal does without it
  }
}

/** Reads periods out of their files. */
export class Archive {
  readonly #folder: string;
  /** That an entry was read from last. */
  #open: { readonly name: string; readonly file: ArchiveFile } | null = null;

  /** @param folder - of the journal */
  constructor(folder: string) {
    this.#folder = archiveFolder(folder);
  }

  /** As {@link ArchiveFile.entries}. @throws {@link Fault} `not_found`, `journal_broken`, `disk_failed` */
  *entries(period: Period, after: number, read: Head | null): Iterable<StoredEntry> {
    // of its own, as it may be read for long
    const file = new ArchiveFile(this.#folder, period);
    try {
      yield* file.entries(after, read);
    } finally {
      file.close();
    }
  }

  /** As {@link ArchiveFile.entry}. @throws {@link Fault} `not_found`, `journal_broken`, `disk_failed` */
  entry(period: Period, index: number): StoredEntry | null {
    const name = `${period.file} ${period.hash}`;
    if (this.#open?.name !== name) {
      this.close();
      this.#open = { name, file: new ArchiveFile(this.#folder, period) };
    }
    return this.#open.file.entry(index);
  }

  close(): void {
    this.#open?.file.close();
    this.#open = null;
  }
}
