/** A data folder of version 3, as the hirewire before this one left it: written from its schema, not by its code. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GENESIS, sealEntry } from "../../../src/journal/entry.ts";
import type { Draft, Entry, Head } from "../../../src/journal/journal.ts";
import { sha256 } from "../../../src/kernels/digest.ts";

const SCHEMA = `
  CREATE TABLE entry (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE TABLE snapshot (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
  PRAGMA application_id = ${0x68697265};
  PRAGMA user_version = 3;
`;

/** What the drafts are as entries of a journal, whatever its format. */
export function sealed(drafts: readonly Draft[]): readonly Entry[] {
  const entries: Entry[] = [];
  for (const draft of drafts) entries.push(sealEntry(entries.at(-1) ?? GENESIS, draft));
  return entries;
}

/**
 * Writes a journal with a snapshot, as a power cut leaves it: the newest entries are in its log alone.
 *
 * @returns its newest entry
 */
export function writeVersion3(folder: string, drafts: readonly Draft[]): Head {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const scratch = mkdtempSync(`${folder}-`);
  const file = join(scratch, "journal.sqlite");
  const database = new DatabaseSync(file);
  database.exec(`BEGIN; ${SCHEMA} COMMIT; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`);
  const entries = sealed(drafts);
  const half = Math.floor(entries.length / 2);
  const insert = database.prepare("INSERT INTO entry (idx, hash, text) VALUES (?, ?, ?)");
  const write = (some: readonly Entry[]) => {
    database.exec("BEGIN IMMEDIATE");
    for (const { index, hash, text } of some) insert.run(index, hash, text);
    database.exec("COMMIT");
  };
  write(entries.slice(0, half));
  const bytes = new TextEncoder().encode("a state of the older format");
  database.prepare("INSERT INTO snapshot VALUES (?, ?, ?)").run(half, sha256(bytes), bytes);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  write(entries.slice(half));
  for (const end of ["", "-wal"]) copyFileSync(`${file}${end}`, join(folder, `journal.sqlite${end}`));
  database.close();
  rmSync(scratch, { recursive: true });
  const { index, hash } = entries.at(-1) ?? GENESIS;
  return { index, hash };
}
