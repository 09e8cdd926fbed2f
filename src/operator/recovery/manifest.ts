/** What a backup says of itself: its files with their hashes, and up to where its journal goes. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Hex, toHex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import type { Head } from "../../journal/journal.ts";
import { walkJournal } from "../../journal/sqlite-journal.ts";
import { address, hash32, instant } from "../../protocol/scalar.ts";
import { STORE_VERSION, storeVersion } from "../upgrade/store-version.ts";
import { walkVersion3 } from "../upgrade/version-3.ts";

const NAME = "manifest.json";

/** Only these: a manifest that somebody else wrote must not place a file outside the folder. */
const PLACES = [
  /journal\.sqlite|store\.json|access\.json|gateway\.toml|gateway\.key/,
  /devices\/[A-Za-z0-9_.:-]{1,64}\.json/,
  /wallets\/0x[0-9a-f]{40}\.json/,
  /archive\/journal-\d{4}-\d{2}(-\d{1,4})?\.hwa/,
];

const path = z.string().regex(new RegExp(`^(${PLACES.map(({ source }) => source).join("|")})$`));

/** The newest form of a manifest: 1 has no `store.json`, `access.json` and `archive`, as stores of version 3 have none. */
const NEWEST = 2;

const schema = z.strictObject({
  version: z.literal([1, NEWEST]),
  kind: z.literal("hirewire backup"),
  /** Of the hirewire that wrote it. */
  hirewire: z.string(),
  at: instant,
  gateway: address,
  /** The newest entry. */
  journal: z.strictObject({ index: z.number().int().min(0), hash: hash32 }),
  files: z.array(z.strictObject({ path, bytes: z.number().int().min(0), sha256: hash32 })),
});

export type Manifest = z.output<typeof schema>;

export type BackedUpFile = Manifest["files"][number];

/** Whether a file of this path, relative to the folder and with `/`, can be in a backup. */
export function isBackedUp(name: string): boolean {
  return path.safeParse(name).success;
}

/** A file of the folder as it is now, its hash read in pieces: a journal can be larger than memory. */
export function describeFile(folder: string, name: string): BackedUpFile {
  const hash = createHash("sha256");
  const piece = new Uint8Array(1 << 20);
  const open = openSync(join(folder, name), "r");
  try {
    let bytes = 0;
    for (;;) {
      const read = readSync(open, piece);
      if (read === 0) return { path: name, bytes, sha256: toHex(hash.digest()) as Hex };
      hash.update(piece.subarray(0, read));
      bytes += read;
    }
  } finally {
    closeSync(open);
  }
}

/** Writes the manifest into the folder that it describes, readable by its owner alone. */
export function writeManifest(folder: string, manifest: Manifest): void {
  const text = `${JSON.stringify(z.encode(schema, manifest), null, 2)}\n`;
  writeFileSync(join(folder, NAME), text, { mode: 0o600 });
}

/**
 * Reads a backup again from its disk: every file's hash, and every entry of its journal.
 *
 * @param part - `own`: entries that are in files of the archive are not read, as their hashes are known to be right
 * @throws {@link Fault} `file_format` when it is no backup or a file in it is not what was written,
 * `journal_broken` at the first entry that does not hold
 */
export function verifyBackup(folder: string, part: "all" | "own" = "all"): Manifest {
  const manifest = readManifest(folder);
  for (const file of manifest.files) {
    const found = describeWritten(folder, file.path);
    if (found?.sha256 === file.sha256 && found.bytes === file.bytes) continue;
    throw damaged(folder, `${file.path} is ${found ? "not what was written" : "missing"}`);
  }
  if (!manifest.files.some((file) => file.path === "journal.sqlite"))
    throw damaged(folder, "it has no journal");
  const { index, hash } = walkStore(folder, part);
  if (index !== manifest.journal.index || hash !== manifest.journal.hash) {
    throw damaged(folder, `its journal ends at entry ${index}, not at the one of its manifest`);
  }
  return manifest;
}

/**
 * What a backup says of itself; nothing of it is checked.
 *
 * @throws {@link Fault} `file_format` when it is no backup, or one of a newer hirewire
 */
export function readManifest(folder: string): Manifest {
  let said: unknown = null;
  try {
    said = JSON.parse(readFileSync(join(folder, NAME), "utf8"));
    return schema.parse(said);
  } catch (cause) {
    const { data: newer } = newerSchema.safeParse(said);
    if (newer) throw ofNewer(folder, newer.hirewire);
    throw new Fault("file_format", `${folder} is no backup: it has no ${NAME} that can be read`, { cause });
  }
}

const newerSchema = z.looseObject({ version: z.number().gt(NEWEST), hirewire: z.string().default("") });

function ofNewer(folder: string, by: string): Fault {
  const message = `the backup in ${folder} is of a newer hirewire (${by}): restore it with that one`;
  return new Fault("file_format", message, { facts: { folder } });
}

/** Reads every entry of a backup's journal, whatever version its store is, and gives the newest. */
function walkStore(folder: string, part: "all" | "own"): Head {
  const version = storeVersion(folder);
  if (version !== null && version > STORE_VERSION) throw ofNewer(folder, "");
  return version === 3 ? walkVersion3(folder) : walkJournal(folder, part);
}

function describeWritten(folder: string, name: string): BackedUpFile | null {
  try {
    return describeFile(folder, name);
  } catch {
    return null;
  }
}

function damaged(folder: string, why: string): Fault {
  return new Fault("file_format", `the backup in ${folder} is damaged: ${why}`, { facts: { folder } });
}
