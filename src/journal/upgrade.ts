/** A journal of the format before this one, which had a row for each entry, written anew: same texts, same hashes. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Fault } from "../base/fault.ts";
import { BlockPacker } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import { BlockTable } from "./block-table.ts";
import { brokenEntry, GENESIS, openEntry, type StoredEntry } from "./entry.ts";
import type { Entry, Head } from "./journal.ts";
import {
  BUSY_MS,
  FORMAT,
  FORMAT_BEFORE,
  formatOf,
  journalFile,
  newFile,
  openToRead,
} from "./journal-file.ts";
import { syncFolder } from "./snapshot-files.ts";
import { guarded } from "./sqlite-fault.ts";

/** Entries that are packed together, and between two calls of the listener. */
const PORTION = 1_024;

/** Called with how many entries of how many are written. */
type OnProgress = (done: number, total: number) => void;

/**
 * The format of the journal in a folder; null where there is none.
 *
 * @throws {@link Fault} `journal_broken` for a torn or foreign file, `disk_failed`
 */
export function journalFormat(folder: string): number | null {
  const file = journalFile(folder);
  if (!existsSync(file)) return null;
  const database = guarded(() => new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }));
  try {
    return formatOf(database, file);
  } finally {
    database.close();
  }
}

/**
 * Brings the journal of a folder up to this format: a new file beside it, read whole, takes its name. At any moment there
 * is one whole journal. Snapshots are left behind: the state is made again from the entries.
 *
 * The caller holds the journal's lock, and has a backup.
 *
 * @returns the newest entry, which is what it was
 * @throws {@link Fault} `journal_broken` at the first entry that does not hold, `journal_locked` while somebody reads it,
 * `file_format` for any other format, `config_missing`, `disk_full`, `disk_failed`; then nothing has changed
 */
export function upgradeJournal(folder: string, onProgress: OnProgress = () => undefined): Head {
  if (journalFormat(folder) !== FORMAT_BEFORE) return headOf(folder);
  const file = journalFile(folder);
  const draft = join(folder, "journal.upgrade");
  const leave = () => {
    for (const end of ["", "-journal"]) rmSync(`${draft}${end}`, { force: true });
  };
  leave();
  try {
    settle(folder, file);
    const head = rewrite(file, draft, onProgress);
    mustHold(draft, head);
    guarded(() => {
      // the log is empty, and would be taken for the new file's
      for (const end of ["-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
      renameSync(draft, file);
      syncFolder(folder);
    });
    return head;
  } catch (fault) {
    leave();
    throw fault;
  }
}

function headOf(folder: string): Head {
  const database = openToRead(folder);
  try {
    return readerOf(database).head();
  } finally {
    database.close();
  }
}

function readerOf(database: DatabaseSync): BlockReader {
  return new BlockReader(new BlockTable(database), () => null);
}

/** Writes everything of the log into the file. */
function settle(folder: string, file: string): void {
  guarded(() => {
    const old = new DatabaseSync(file, { timeout: BUSY_MS });
    try {
      const row = old.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
      if (row?.["busy"] === 0) return;
      throw new Fault(
        "journal_locked",
        `somebody reads the journal in ${folder}: end that, and upgrade again`,
      );
    } finally {
      old.close();
    }
  });
}

function rewrite(file: string, draft: string, onProgress: OnProgress): Head {
  return guarded(() => {
    const old = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
    try {
      const fresh = newFile(draft);
      try {
        return copyEntries(old, fresh, onProgress);
      } finally {
        fresh.close();
      }
    } finally {
      old.close();
    }
  });
}

function copyEntries(old: DatabaseSync, fresh: DatabaseSync, onProgress: OnProgress): Head {
  // a draft that is not finished is thrown away
  fresh.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  const total = Number(old.prepare("SELECT max(idx) AS total FROM entry").get()?.["total"] ?? 0);
  const table = new BlockTable(fresh);
  let head: Head = GENESIS;
  const packer = new BlockPacker();
  let portion: Entry[] = [];
  const flush = () => {
    table.insert(packer.pack(portion));
    portion = [];
    onProgress(head.index, total);
  };
  for (const stored of rowsOf(old)) {
    const entry = openEntry(stored, head);
    if (!entry.text.startsWith(`["${head.hash}",`) || entry.text.includes("\n")) {
      throw brokenEntry(entry.index, "no journal has written its text so");
    }
    head = { index: entry.index, hash: entry.hash };
    portion.push(entry);
    if (portion.length === PORTION) flush();
  }
  flush();
  fresh.exec("COMMIT");
  return head;
}

function* rowsOf(old: DatabaseSync): Iterable<StoredEntry> {
  for (const row of old.prepare("SELECT idx, hash, text FROM entry ORDER BY idx").iterate()) {
    yield { index: Number(row["idx"]), hash: String(row["hash"]), text: String(row["text"]) };
  }
}

/** Reads the new file as it lies on the disk: the hash of its newest entry covers all of them. */
function mustHold(draft: string, head: Head): void {
  guarded(() => {
    const file = openSync(draft, "r+");
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
  const database = guarded(() => new DatabaseSync(draft, { readOnly: true }));
  try {
    if (formatOf(database, draft) !== FORMAT)
      throw new Fault("disk_failed", `${draft} is not what was written`);
    const reader = readerOf(database);
    let read: Head = GENESIS;
    for (let from = -1; from < read.index; ) {
      from = read.index;
      for (const stored of reader.batch(from, read)) read = { index: stored.index, hash: hashOf(stored) };
    }
    if (read.index !== head.index || read.hash !== head.hash) {
      throw new Fault("disk_failed", `${draft} ends at entry ${read.index}, not as it was written`);
    }
  } finally {
    database.close();
  }
}

function hashOf({ hash }: StoredEntry): Head["hash"] {
  return hash as Head["hash"];
}
