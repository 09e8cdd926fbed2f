/** Texts out of a journal's file that may be old, broken or half there: whatever can be read, and no promise. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Block, linesOf } from "./block.ts";
import { Dictionary } from "./compression.ts";
import { BUSY_MS } from "./journal-file.ts";
import { asFault } from "./sqlite-fault.ts";

/**
 * The records in a journal's SQLite file, of this format or the one before: JSON of each as far as it can be read, in
 * order, checked in nothing. The first field, the hash of the record before, may be missing.
 *
 * @returns null where the file has no table of a journal. Never throws for what is in the file.
 */
export function salvagedTexts(file: string): readonly string[] | null {
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
  try {
    const texts: string[] = [];
    const query = "SELECT idx AS at, text FROM entry WHERE idx > ? ORDER BY idx";
    const hasRows = each(database, query, (row) => texts.push(String(row["text"])));
    const lines = textsOf(database);
    return hasRows || lines ? [...texts, ...(lines ?? [])] : null;
  } finally {
    database.close();
  }
}

function textsOf(database: DatabaseSync): string[] | null {
  const lines: string[] = [];
  const dictionary = new Dictionary();
  let isLost = true;
  const query = "SELECT first AS at, first, key, bytes FROM block WHERE first > ? ORDER BY first";
  const hasBlocks = each(database, query, (row, isAfterGap) => {
    const block = row as unknown as Pick<Block, "first" | "key" | "bytes">;
    if (isAfterGap) isLost = true;
    if (block.key === block.first) {
      dictionary.clear();
      isLost = false;
    }
    if (isLost) return;
    try {
      for (const line of linesOf(block, dictionary)) lines.push(`[${line}`);
    } catch {
      // this one is lost, and those that are compressed with it: up to the next key block
      isLost = true;
    }
  });
  return hasBlocks ? lines : null;
}

/** Of how much was passed over already, the part that is passed over next: a torn page may hide many rows. */
const PART = 16;

/**
 * Takes every row that can be read, in order; goes on behind a torn page, some rows behind it perhaps.
 *
 * @param query - of rows with a number `at`, in the order of that, for those where it is above its one parameter
 * @returns whether there is such a table
 */
function each(
  database: DatabaseSync,
  query: string,
  take: (row: Record<string, unknown>, isAfterGap: boolean) => void,
): boolean {
  const rows = prepared(database, query);
  let seen = 0;
  for (
    let after = 0;
    rows && after <= Number.MAX_SAFE_INTEGER;
    after += 1 + Math.floor((after - seen) / PART)
  ) {
    let isAfterGap = after > 0;
    try {
      for (const row of rows.iterate(after)) {
        take(row, isAfterGap);
        isAfterGap = false;
        seen = Math.max(seen, Number(row["at"]));
        after = Math.max(after, seen);
      }
      return true;
    } catch (cause) {
      if (asFault(cause).code !== "journal_broken") return seen > 0;
    }
  }
  return seen > 0;
}

function prepared(database: DatabaseSync, query: string): StatementSync | null {
  try {
    return database.prepare(query);
  } catch {
    return null;
  }
}
