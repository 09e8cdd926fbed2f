/**
 * The store of a data folder as this hirewire needs it: made where there is none, brought forward where it is of an older
 * version, after a backup, and refused where it is of a newer one.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Hex } from "../../base/bytes.ts";
import type { Clock, Instant } from "../../base/clock.ts";
import { Fault, isFault } from "../../base/fault.ts";
import { archiveFolder, removeDrafts } from "../../journal/archive.ts";
import type { Head } from "../../journal/journal.ts";
import { journalFile, lockJournal } from "../../journal/sqlite-journal.ts";
import { bytesText, type FreeBytes, freeBytes, isSameDisk, requireRoom } from "../disk/free-bytes.ts";
import { fillBackup } from "../recovery/backup-folder.ts";
import { buildFolder, removeAbandoned } from "../recovery/draft-folder.ts";
import { backupFolderOf } from "../recovery/kept-backups.ts";
import { readManifest, verifyBackup } from "../recovery/manifest.ts";
import { gatewayKeyFile, type Settings } from "../settings.ts";
import { canUpgrade, migrate } from "./migrations.ts";
import { STORE_VERSION, storeMark, storeVersion, writeStoreVersion } from "./store-version.ts";
import { walkVersion3 } from "./version-3.ts";

/** Bytes that a start needs whatever the reserve is: the first records, and the state when it is saved. */
const START_ROOM = 4_194_304;

/** Of the journal's size, what the new one may need beside the old. */
const NEW_PART = 0.5;

/** Entries between two words about how far an upgrade is. */
const TOLD_EVERY = 100_000;

export type StoreSettings = Pick<Settings, "data" | "file" | "credential" | "disk">;

export type StoreOptions = {
  readonly settings: StoreSettings;
  readonly gateway: Hex;
  /** Of this program. */
  readonly version: string;
  readonly clock: Clock;
  /** Hears what an upgrade is doing, a line without its end at a time. */
  readonly say: (line: string) => void;
  readonly free?: FreeBytes;
};

export type Store = {
  /** The version that it was of; null when it was made. */
  readonly found: number | null;
  /** The backup from before it was brought forward; null when it was not. */
  readonly backup: string | null;
};

/**
 * Has the store of a data folder ready to be opened.
 *
 * @throws {@link Fault} `file_format` for a store of a newer hirewire, or one too old; `disk_full` when there is no room to
 * start or to upgrade; `journal_locked`, `journal_broken`, `disk_failed`. Then the folder is as it was.
 */
export function openStore(options: StoreOptions): Promise<Store> {
  return Promise.try(() => {
    const { settings, version, free } = options;
    const { data, disk } = settings;
    const found = readableVersion(settings);
    removeLeftovers(data);
    requireRoom(data, Math.min(disk.reserve, START_ROOM), "the gateway", free);
    if (found !== null && found < STORE_VERSION) return { found, backup: upgrade(options, found) };
    if (storeMark(data) === null) writeStoreVersion(data, STORE_VERSION, version);
    return { found, backup: null };
  });
}

/** What a process killed while it archived has left may be the very room that a start lacks. */
function removeLeftovers(data: string): void {
  if (!existsSync(archiveFolder(data))) return;
  try {
    const lock = lockJournal(data);
    removeDrafts(data);
    lock.close();
  } catch (fault) {
    // the gateway that has the lock may be writing one
    if (!isFault(fault, "journal_locked")) throw fault;
  }
}

/**
 * The version of a folder's store, if this hirewire knows it; null when there is none yet.
 *
 * @throws {@link Fault} `file_format` when it is of a newer hirewire, or too old
 */
export function readableVersion(settings: Pick<Settings, "data" | "disk">): number | null {
  const { data } = settings;
  const found = storeVersion(data);
  if (found === null || canUpgrade(found)) return found;
  if (found < STORE_VERSION) {
    const words = `the store in ${data} is of version ${found}, which is too old to be brought forward`;
    throw new Fault("file_format", words, { facts: { data, found, reads: STORE_VERSION } });
  }
  const by = storeMark(data)?.by ?? "";
  const backup = newestBefore(backupFolderOf(settings), STORE_VERSION);
  const message = [
    `the store in ${data} is of version ${found}, of a newer hirewire${by && ` (${by})`}; this one reads up to ${STORE_VERSION}:`,
    `run that one, or hirewire restore ${backup ?? "a backup from before its upgrade"} into a new folder`,
  ].join(" ");
  throw new Fault("file_format", message, { facts: { data, found, reads: STORE_VERSION } });
}

/** Bytes that an upgrade needs, in the backups' folder and in the data folder. */
export function upgradeNeeds(data: string): { readonly backup: number; readonly data: number } {
  const size = [journalFile(data), `${journalFile(data)}-wal`]
    .map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, bytes) => sum + bytes, START_ROOM);
  return { backup: size, data: Math.ceil(size * NEW_PART) };
}

function upgrade(options: StoreOptions, from: number): string {
  const { settings, version, say, free } = options;
  const { data } = settings;
  const lock = lockJournal(data);
  try {
    say(
      `the store in ${data} is of version ${from}, this hirewire needs ${STORE_VERSION}: it is brought forward`,
    );
    // of an upgrade that was broken off in the middle of its backup: its room is needed
    removeAbandoned(backupFolderOf(settings), (name) => name.startsWith(prefixOf(from)));
    const backup = keptBackup(options, from) ?? makeBackup(options, from);
    let told = 0;
    const { data: needed } = upgradeNeeds(data);
    requireRoom(data, needed, "the upgrade", free);
    migrate(data, version, (done, total) => {
      if (done - told < TOLD_EVERY) return;
      told = done;
      say(`journal  ${done} of ${total} entries`);
    });
    say(`the store is of version ${STORE_VERSION} now`);
    return backup;
  } finally {
    lock.close();
  }
}

function makeBackup(
  { settings, gateway, version, clock, say, free = freeBytes }: StoreOptions,
  from: number,
): string {
  const { data } = settings;
  const folder = backupFolderOf(settings);
  const needs = upgradeNeeds(data);
  const needed = needs.backup + (isSameDisk(folder, data) ? needs.data : 0);
  say(`it needs about ${bytesText(needed)} of room, most of it for a backup`);
  requireRoom(folder, needed, "the upgrade", free);
  const to = join(folder, backupName(from, clock.now()));
  const source = {
    ...{ data, gateway, version, at: clock.now(), settingsFile: settings.file, hasWallets: true },
    keyFile: settings.credential ? null : gatewayKeyFile(settings),
  };
  const { journal } = buildFolder(to, (draft) => fillBackup(draft, source));
  say(`backup   ${to}, entries 1 to ${journal.index}, read again`);
  return to;
}

/** What names a backup from before an upgrade. */
function prefixOf(from: number): string {
  return `before-upgrade-${from}-to-`;
}

function backupName(from: number, at: Instant): string {
  const time = new Date(at).toISOString().slice(0, 19).replaceAll(":", "-");
  return `${prefixOf(from)}${STORE_VERSION}-${time}Z`;
}

/** The backup of an upgrade that was broken off, if it is whole and the journal has not grown since; null else. */
function keptBackup({ settings, say }: StoreOptions, from: number): string | null {
  const backup = newestBefore(backupFolderOf(settings), from);
  if (backup === null) return null;
  try {
    if (!isSameHead(readManifest(backup).journal, walkVersion3(settings.data))) return null;
    verifyBackup(backup);
    say(`backup   ${backup}, of an upgrade that was broken off, holds`);
    return backup;
  } catch {
    // one that does not hold is none: another is made, and what is wrong with the store itself is found by that
    return null;
  }
}

function isSameHead(one: Head, other: Head): boolean {
  return one.index === other.index && one.hash === other.hash;
}

function newestBefore(folder: string, from: number): string | null {
  if (!existsSync(folder)) return null;
  const isWhole = (name: string) => name.startsWith(prefixOf(from)) && !name.includes(".partial-");
  const newest = readdirSync(folder).filter(isWhole).toSorted().at(-1);
  return newest === undefined ? null : join(folder, newest);
}
