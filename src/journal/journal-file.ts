/** The SQLite file of a journal: how it is made, what it says of itself, and who may write it. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Fault } from "../base/fault.ts";
import { ARCHIVED_TABLE } from "./archived-table.ts";
import { BLOCK_TABLE } from "./block-table.ts";
import { syncFolder } from "./snapshot-files.ts";
import { asFault, guarded, isBusy } from "./sqlite-fault.ts";

/** Marks the file as a journal of ours: "hire" in ASCII. */
const APPLICATION_ID = 0x68697265;

/** Raised whenever entries of an earlier one can no longer be read. */
export const FORMAT = 4;

/** The format that `hirewire upgrade` brings up to this one. */
export const FORMAT_BEFORE = 3;

/** Bytes: a commit writes whole pages, and most commits are short. */
const PAGE = 1_024;

/** Pages of the log after which it is written into the file: 4 MiB, so that a page is rewritten there rarely. */
const CHECKPOINT_PAGES = 4_096;

/** How long a statement waits for another process's short lock (a checkpoint, a recovery), milliseconds. */
export const BUSY_MS = 5_000;

const SCHEMA = `
  ${BLOCK_TABLE}
  ${ARCHIVED_TABLE}
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

/** Where the journal of a data folder lies. */
export function journalFile(folder: string): string {
  return join(folder, "journal.sqlite");
}

/** Keeps every other writer out of a folder's journal until it is closed, or the process ends. */
export type JournalLock = { readonly close: () => void };

/**
 * Takes the place of a folder's one writer; makes the folder where there is none.
 *
 * @throws {@link Fault} `journal_locked` when somebody else has it, `disk_full`, `disk_failed`
 */
export function lockJournal(folder: string): JournalLock {
  const lock = guarded(() => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new DatabaseSync(join(folder, "journal.lock"));
  });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    throw isBusy(cause) ? taken(folder, cause) : asFault(cause);
  }
}

function taken(folder: string, cause: unknown): Fault {
  const message = `the journal in ${folder} belongs to a running gateway: stop that one, or use another folder`;
  return new Fault("journal_locked", message, { cause, facts: { folder } });
}

/** Makes an empty journal under another name first, so that a crash never leaves half a file behind. */
export function createFile(folder: string): void {
  const draft = join(folder, "journal.new");
  guarded(() => {
    rmSync(draft, { force: true });
    newFile(draft).close();
    renameSync(draft, journalFile(folder));
    syncFolder(folder);
  });
}

/** A new file of this format, open. Throws as SQLite does. */
export function newFile(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA page_size = ${PAGE}; BEGIN; ${SCHEMA} COMMIT;`);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

/** Opens a file of this format to read. @throws {@link Fault} `config_missing`, and as {@link checkFormat} */
export function openToRead(folder: string): DatabaseSync {
  const file = journalFile(folder);
  if (!existsSync(file)) {
    throw new Fault("config_missing", `no journal in ${folder}: name the gateway's folder with --data`);
  }
  const database = guarded(() => new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }));
  return checked(database, () => checkFormat(database, file));
}

/**
 * Opens a file of this format to write, each commit flushed to the disk.
 *
 * @param maxBytes - that the file may have in all
 * @throws {@link Fault} as {@link checkFormat}, `disk_failed`
 */
export function openToWrite(file: string, maxBytes: number | null): DatabaseSync {
  const database = guarded(() => new DatabaseSync(file, { timeout: BUSY_MS }));
  return checked(database, () => {
    checkFormat(database, file);
    guarded(() => {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      if (maxBytes !== null) database.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / PAGE)}`);
    });
  });
}

function checked(database: DatabaseSync, check: () => void): DatabaseSync {
  try {
    check();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * @throws {@link Fault} `journal_broken` for a torn or foreign file, `file_format` for one of another hirewire's format
 */
function checkFormat(database: DatabaseSync, file: string): void {
  const format = formatOf(database, file);
  if (format === FORMAT) return;
  const [age, remedy] =
    format > FORMAT
      ? ["a newer", "update this one"]
      : [
          "an older",
          format === FORMAT_BEFORE ? "bring it up to date with hirewire upgrade" : "read it with that one",
        ];
  const message = `${file} is of format ${format}, that of ${age} hirewire; this one reads ${FORMAT}: ${remedy}`;
  throw new Fault("file_format", message, { facts: { file, format, reads: FORMAT } });
}

/** @throws {@link Fault} `journal_broken` for a torn or foreign file */
export function formatOf(database: DatabaseSync, file: string): number {
  const { id, format } = guarded(() => {
    return { id: pragma(database, "application_id"), format: pragma(database, "user_version") };
  });
  if (id === APPLICATION_ID && format >= 1) return format;
  throw new Fault("journal_broken", `${file} is no hirewire journal`, { facts: { file } });
}

function pragma(database: DatabaseSync, name: "application_id" | "user_version"): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
