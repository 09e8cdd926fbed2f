/**
 * The journal of a store of version 3: one row for each entry, in a file of SQLite. It is copied as it lies, for the hirewire
 * that wrote it, and read whole without knowing more of it than its chain.
 */
import { DatabaseSync } from "node:sqlite";
import { brokenEntry, GENESIS } from "../../journal/entry.ts";
import type { Head } from "../../journal/journal.ts";
import { guarded } from "../../journal/sqlite-fault.ts";
import { journalFile } from "../../journal/sqlite-journal.ts";
import { sha256 } from "../../kernels/digest.ts";

/** How long a reader waits for another process's short lock, milliseconds. */
const BUSY_MS = 5_000;

/**
 * Writes what the journal holds into a new file of the same version, in another folder.
 *
 * @throws {@link Fault} `disk_full`, `disk_failed`, `journal_broken` for a file that cannot be read
 */
export function copyVersion3(folder: string, target: string): void {
  reading(folder, (database) => {
    database.prepare("VACUUM INTO ?").run(journalFile(target));
  });
}

/**
 * Reads every entry, and gives the newest.
 *
 * @throws {@link Fault} `journal_broken` at the first entry that is not what was written, or does not follow the one before
 */
export function walkVersion3(folder: string): Head {
  return reading(folder, (database) => {
    let head = GENESIS;
    for (const row of database.prepare("SELECT idx, hash, text FROM entry ORDER BY idx").iterate()) {
      const [index, hash, text] = [Number(row["idx"]), String(row["hash"]), String(row["text"])];
      const next = head.index + 1;
      if (index !== next) throw brokenEntry(next, `it is missing; the next one is ${index}`);
      const digest = sha256(text);
      if (digest !== hash) throw brokenEntry(index, "its text does not have its hash");
      if (!text.startsWith(`["${head.hash}",${index},`)) {
        throw brokenEntry(index, `it does not follow entry ${head.index}`);
      }
      head = { index, hash: digest };
    }
    return head;
  });
}

function reading<T>(folder: string, work: (database: DatabaseSync) => T): T {
  return guarded(() => {
    const database = new DatabaseSync(journalFile(folder), { readOnly: true, timeout: BUSY_MS });
    try {
      return work(database);
    } finally {
      database.close();
    }
  });
}
