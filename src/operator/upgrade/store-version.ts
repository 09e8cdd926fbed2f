/**
 * Which version of the store a data folder is: of everything in it together, as `store.json` says. A folder from before
 * there was such a file is of the version that its journal is.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { diskCode, diskReason } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import { journalFormat } from "../../journal/upgrade.ts";
import { flushOne } from "../recovery/draft-folder.ts";

/** The version that this hirewire writes, and the only one that it serves from. */
export const STORE_VERSION = 4;

/** Loose: one of a newer hirewire may say more. */
const schema = z.looseObject({
  version: z.number().int().min(1),
  /** Version of the hirewire that made the store what it is. */
  by: z.string().default(""),
});

export type StoreMark = z.output<typeof schema>;

/** The file in a data folder that says which version it is. */
export const STORE_FILE = "store.json";

/**
 * What the folder says of itself; null where nothing does.
 *
 * @throws {@link Fault} `file_format` when it says something that cannot be read, `disk_failed`
 */
export function storeMark(folder: string): StoreMark | null {
  const file = join(folder, STORE_FILE);
  if (!existsSync(file)) return null;
  const text = readText(file);
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Fault("file_format", `${file} does not say which version the store is`, {
      cause,
      facts: { file },
    });
  }
}

/**
 * The version of a data folder, or of a backup; null when there is none in it yet. An older journal than the folder says
 * makes it an older folder: somebody has put it there.
 *
 * @throws {@link Fault} `file_format`, `journal_broken`, `disk_failed`
 */
export function storeVersion(folder: string): number | null {
  const said = storeMark(folder)?.version ?? null;
  // what a newer one looks like is not known here
  if (said !== null && said > STORE_VERSION) return said;
  const journal = journalFormat(folder);
  if (said === null || journal === null) return said ?? journal;
  return Math.min(said, journal);
}

/**
 * Writes which version the folder is; never half of it, and on the disk when it returns.
 *
 * @param by - version of this program
 * @throws {@link Fault} `disk_full`, `disk_failed`
 */
export function writeStoreVersion(folder: string, version: number, by: string): void {
  const file = join(folder, STORE_FILE);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const text = `${JSON.stringify({ version, by })}\n`;
    writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
    flushOne(folder);
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write ${file}: ${diskReason(cause)}`, {
      cause,
      facts: { file },
    });
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Fault("disk_failed", `cannot read ${file}: ${diskReason(cause)}`, { cause, facts: { file } });
  }
}
