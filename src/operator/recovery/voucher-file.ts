/**
 * Vouchers out of whatever file somebody kept them in: a robot's wallet, a watchtower's shelf, an old journal, a list.
 *
 * A voucher speaks for itself, since its signature names its payer; so every object that has the shape of one is
 * taken, wherever it stands, and nothing else in the file is believed.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Fault } from "../../base/fault.ts";
import { salvagedArchive } from "../../journal/archive-file.ts";
import { salvagedTexts } from "../../journal/salvage.ts";
import type { Venue } from "../../protocol/eip712.ts";
import { type Voucher, voucherSchema } from "../../protocol/voucher.ts";

/** A voucher and the file that it stands in. Nothing about it has been checked but its shape. */
export type FoundVoucher = { readonly voucher: Voucher; readonly file: string };

/** How an SQLite file begins, https://sqlite.org/fileformat2.html. */
const SQLITE_MAGIC = "SQLite format 3\0";

/**
 * Every voucher in a file: JSON, JSON lines, an SQLite file of a watchtower or of a gateway's journal with the archive
 * that lies beside it, or a file of such an archive alone.
 *
 * @param venue - of vouchers whose file does not name it: a watchtower keeps one file for each vault
 * @throws {@link Fault} `file_format` when it is none of these, `disk_failed` when it cannot be read
 */
export function readVoucherFile(file: string, venue: Venue): FoundVoucher[] {
  if (!isSqlite(file)) return inFile(file, archiveValues(file) ?? jsonValues(file));
  const archived = archiveBeside(file).flatMap((path) => inFile(path, archiveValues(path) ?? []));
  return [...archived, ...inFile(file, databaseValues(file, venue))];
}

function inFile(file: string, values: readonly unknown[]): FoundVoucher[] {
  return vouchersIn(values).map((voucher) => ({ voucher, file }));
}

/** A lane's newest voucher may be years old: then the journal has given it to its archive. */
function archiveBeside(file: string): string[] {
  const folder = join(dirname(file), "archive");
  if (basename(file) !== "journal.sqlite" || !existsSync(folder)) return [];
  return onDisk(folder, () => readdirSync(folder))
    .filter((name) => name.endsWith(".hwa"))
    .toSorted()
    .map((name) => join(folder, name));
}

function archiveValues(file: string): unknown[] | null {
  return salvagedArchive(file)?.map(parsed) ?? null;
}

function isSqlite(file: string): boolean {
  return onDisk(file, () => {
    const open = openSync(file, "r");
    try {
      const start = new Uint8Array(SQLITE_MAGIC.length);
      readSync(open, start);
      return new TextDecoder("latin1").decode(start) === SQLITE_MAGIC;
    } finally {
      closeSync(open);
    }
  });
}

function jsonValues(file: string): unknown[] {
  const text = onDisk(file, () => readFileSync(file, "utf8"));
  const whole = parsed(text);
  if (whole !== undefined) return [whole];
  return text.split("\n").flatMap((line, at) => {
    if (line.trim() === "") return [];
    const value = parsed(line);
    if (value === undefined) {
      throw new Fault("file_format", `${file}, line ${at + 1}: neither JSON nor JSON lines`, {
        facts: { file, line: at + 1 },
      });
    }
    return [value];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the tables that we know hold. Rows that cannot be read are passed over: the others may be all there is. */
function databaseValues(file: string, { chainId, vault }: Venue): unknown[] {
  const database = onDisk(file, () => new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }));
  try {
    const shelf = rowsOf(database, "SELECT * FROM voucher");
    const journal = salvagedTexts(file);
    if (shelf === null && journal === null) {
      throw new Fault("file_format", `${file} is no watchtower's and no journal, or it is in use`, {
        facts: { file },
      });
    }
    const entries = (journal ?? []).map(parsed);
    const kept = (shelf ?? []).map(({ payee, token, epoch, cumulative, signature }) => {
      return { chainId, vault, payee, token, epoch, cumulative, signature };
    });
    return [...entries, ...kept];
  } finally {
    database.close();
  }
}

/** How long a reader waits for a writer's short lock, milliseconds. */
const BUSY_MS = 1_000;

/** What can be read of a table; null when there is no such table. */
function rowsOf(database: DatabaseSync, query: string): Record<string, unknown>[] | null {
  const rows: Record<string, unknown>[] = [];
  try {
    for (const row of database.prepare(query).iterate()) rows.push(row);
  } catch {
    return rows.length > 0 ? rows : null;
  }
  return rows;
}

/** Walks without recursion: a hostile file may be nested as deep as its length. */
function vouchersIn(values: readonly unknown[]): Voucher[] {
  const found: Voucher[] = [];
  const left: unknown[] = [...values];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null) continue;
    const read = "cumulative" in value ? voucherSchema.safeParse(value) : null;
    if (read?.success) found.push(read.data);
    else for (const inner of Object.values(value)) left.push(inner);
  }
  return found.reverse();
}

function onDisk<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault("disk_failed", `cannot read ${file}: ${why}`, { cause, facts: { file } });
  }
}
