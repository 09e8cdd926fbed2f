/**
 * The mark of a data folder whose journal is not the newest there ever was: restored from a backup, or rebuilt.
 *
 * A gateway that finds it takes no offers until its operator says so: what others hold of its signatures has to be
 * heard first, or it would sign below them.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { instant } from "../../protocol/scalar.ts";

const schema = z.strictObject({
  version: z.literal(1),
  /** The backup's folder, or what the journal was rebuilt from. */
  from: z.string(),
  /** When the backup was made; null for a journal rebuilt from the chain and from peers. */
  backedUpAt: instant.nullable(),
  /** The journal's newest entry then. */
  index: z.number().int().min(0),
  at: instant,
});

export type RestoredMark = z.output<typeof schema>;

function fileOf(folder: string): string {
  return join(folder, "restored");
}

/**
 * The mark in a data folder; null in one that was never restored, or whose gateway has been resumed since.
 *
 * @throws {@link Fault} `file_format` when there is a mark that cannot be read
 */
export function restoredMark(folder: string): RestoredMark | null {
  const file = fileOf(folder);
  if (!existsSync(file)) return null;
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new Fault("file_format", `${file} is no mark of a restored folder, so nothing is known of it`, {
      cause,
    });
  }
}

/** Why a gateway on this folder is halted, for its `halted` fact and its operator. */
export function restoredReason({ backedUpAt }: RestoredMark): string {
  const source =
    backedUpAt === null
      ? "rebuilt from the chain and from vouchers"
      : `restored from a backup of ${new Date(backedUpAt).toISOString()}`;
  return `${source}: reconciling; see hirewire resume`;
}

/** Writes the mark; never half of it. */
export function markRestored(folder: string, mark: Omit<RestoredMark, "version">): void {
  const file = fileOf(folder);
  const text = `${JSON.stringify(z.encode(schema, { version: 1, ...mark }))}\n`;
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

/** Takes the mark away, once the operator has resumed the gateway. */
export function clearRestoredMark(folder: string): void {
  rmSync(fileOf(folder), { force: true });
}
