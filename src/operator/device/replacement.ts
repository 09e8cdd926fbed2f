/** A device's key that is being replaced: what has to be remembered between two calls, `replace/<name>.json`. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { diskCode } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import { address, topicLevel } from "../../protocol/scalar.ts";
import { readText } from "../money/text-file.ts";

const schema = z.strictObject({
  version: z.literal(1),
  name: topicLevel,
  /** The account whose key is lost. */
  lost: address,
  /** The account that takes its place. */
  fresh: address,
  /** Who owns both. */
  owner: address,
  /** The first block in which lanes to others than the gateway are looked for; null: not at all. */
  since: z.number().int().min(0).nullable(),
});

export type Replacement = z.output<typeof schema>;

function fileOf(dataFolder: string, name: string): string {
  return join(dataFolder, "replace", `${name}.json`);
}

/**
 * The replacement that is under way for a device of this name; null when there is none.
 *
 * @throws {@link Fault} `file_format`
 */
export function readReplacement(dataFolder: string, name: string): Replacement | null {
  const file = fileOf(dataFolder, name);
  if (!existsSync(file)) return null;
  try {
    return z.decode(schema, JSON.parse(readText(file)));
  } catch (cause) {
    throw new Fault("file_format", `${file} is no replacement of a key`, { cause });
  }
}

/** @throws {@link Fault} `disk_failed` */
export function writeReplacement(dataFolder: string, replacement: Replacement): void {
  const file = fileOf(dataFolder, replacement.name);
  try {
    mkdirSync(join(dataFolder, "replace"), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${JSON.stringify(z.encode(schema, replacement), null, 2)}\n`, {
      flush: true,
    });
    renameSync(`${file}.new`, file);
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write ${file}`, { cause });
  }
}

/** Forgets a replacement that is done. */
export function dropReplacement(dataFolder: string, name: string): void {
  rmSync(fileOf(dataFolder, name), { force: true });
}
