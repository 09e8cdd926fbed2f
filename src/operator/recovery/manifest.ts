/** What a backup says of itself: its files with their hashes, and up to where its journal goes. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Hex, toHex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { walkJournal } from "../../journal/sqlite-journal.ts";
import { address, hash32, instant } from "../../protocol/scalar.ts";

const NAME = "manifest.json";

/** Only these: a manifest that somebody else wrote must not place a file outside the folder. */
const path = z
  .string()
  .regex(
    /^(journal\.sqlite|gateway\.toml|gateway\.key|devices\/[A-Za-z0-9_.:-]{1,64}\.json|wallets\/0x[0-9a-f]{40}\.json)$/,
  );

const schema = z.strictObject({
  version: z.literal(1),
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
 * @throws {@link Fault} `file_format` when it is no backup or a file in it is not what was written,
 * `journal_broken` at the first entry that does not hold
 */
export function verifyBackup(folder: string): Manifest {
  const manifest = readManifest(folder);
  for (const file of manifest.files) {
    const found = describeWritten(folder, file.path);
    if (found?.sha256 === file.sha256 && found.bytes === file.bytes) continue;
    throw damaged(folder, `${file.path} is ${found ? "not what was written" : "missing"}`);
  }
  if (!manifest.files.some((file) => file.path === "journal.sqlite"))
    throw damaged(folder, "it has no journal");
  const { index, hash } = walkJournal(folder);
  if (index !== manifest.journal.index || hash !== manifest.journal.hash) {
    throw damaged(folder, `its journal ends at entry ${index}, not at the one of its manifest`);
  }
  return manifest;
}

function readManifest(folder: string): Manifest {
  try {
    return schema.parse(JSON.parse(readFileSync(join(folder, NAME), "utf8")));
  } catch (cause) {
    throw new Fault("file_format", `${folder} is no backup: it has no ${NAME} that can be read`, { cause });
  }
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
