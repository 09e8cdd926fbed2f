/** Fills a backup: copies of everything that a gateway cannot make again, and the manifest that names them. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import type { Head } from "../../journal/journal.ts";
import { copyJournal } from "../../journal/sqlite-journal.ts";
import { STORE_FILE, storeVersion } from "../upgrade/store-version.ts";
import { copyVersion3, walkVersion3 } from "../upgrade/version-3.ts";
import { carryArchive, isArchiveKnown } from "./archive-files.ts";
import { describeFile, isBackedUp, type Manifest, verifyBackup, writeManifest } from "./manifest.ts";

export type BackupSource = {
  readonly data: string;
  readonly settingsFile: string;
  /** Null: the key stays out. */
  readonly keyFile: string | null;
  /** Whether the wallets that the gateway keeps for boards come along. */
  readonly hasWallets: boolean;
  readonly gateway: Hex;
  /** Of this program. */
  readonly version: string;
  readonly at: Instant;
};

/**
 * Copies it all into an empty folder, and reads the copy again: every hash and every entry. What is in files of the archive
 * that an older backup beside it has as well was read when that one was made: of these the hashes must be the same.
 *
 * A store of an older version is copied as it lies, so that the hirewire that wrote it can restore it.
 *
 * @throws {@link Fault} `journal_broken`, `file_format`, `config_missing` without a journal, `disk_full`, `disk_failed`, and
 * what the system says of a file
 */
export function fillBackup(draft: string, source: BackupSource): Manifest {
  const { data, keyFile } = source;
  const isOld = storeVersion(data) === 3;
  const copied = ["journal.sqlite"];
  const journal = isOld ? copyOld(data, draft) : copyNew(data, draft, copied);
  const take = (from: string, name: string) => {
    copyFileSync(from, join(draft, name));
    copied.push(name);
  };
  for (const name of isOld ? [] : [STORE_FILE, "access.json"]) {
    if (existsSync(join(data, name))) take(join(data, name), name);
  }
  for (const folder of source.hasWallets ? (["devices", "wallets"] as const) : (["devices"] as const)) {
    const names = backedUpIn(folder, data);
    if (names.length > 0) mkdirSync(join(draft, folder), { mode: 0o700 });
    for (const name of names) take(join(data, name), name);
  }
  take(source.settingsFile, "gateway.toml");
  if (keyFile !== null) take(keyFile, "gateway.key");
  for (const name of copied) makePrivate(join(draft, name));
  const files = copied.map((name) => describeFile(draft, name));
  const { version: hirewire, at, gateway } = source;
  const manifest = { kind: "hirewire backup", hirewire, at, gateway, journal, files } as const;
  writeManifest(draft, { version: isOld ? 1 : 2, ...manifest });
  return verifyBackup(draft, !isOld && isArchiveKnown(draft, files) ? "own" : "all");
}

/** The files of a data folder's own folder that go into a backup, as paths relative to it. */
export function backedUpIn(folder: "devices" | "wallets", data: string): string[] {
  if (!existsSync(join(data, folder))) return [];
  return readdirSync(join(data, folder))
    .map((name) => `${folder}/${name}`)
    .filter(isBackedUp)
    .toSorted();
}

function copyOld(data: string, draft: string): Head {
  copyVersion3(data, draft);
  return walkVersion3(draft);
}

function copyNew(data: string, draft: string, copied: string[]): Head {
  // the archive after the journal: each file that the copy leans on is there by then
  const head = copyJournal(data, draft);
  copied.push(...carryArchive(data, draft));
  return head;
}

function makePrivate(file: string): void {
  if ((statSync(file).mode & 0o777) !== 0o600) chmodSync(file, 0o600);
}
