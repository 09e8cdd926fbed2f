/** The backups that a gateway makes by itself: where they are, which is the newest, and which have had their day. */
import { renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Hex } from "../../base/bytes.ts";
import { type Instant, instant } from "../../base/clock.ts";
import type { Settings } from "../settings.ts";
import { namesIn, removeAbandoned } from "./draft-folder.ts";
import { readManifest } from "./manifest.ts";

/** What such a folder is called. */
const NAME = /^auto-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z$/;

/** A whole backup. */
export type KeptBackup = {
  readonly folder: string;
  readonly gateway: Hex;
  readonly at: Instant;
  /** The newest entry of its journal. */
  readonly index: number;
};

/** Where a gateway keeps its backups, an absolute path. */
export function backupFolderOf({ data, disk }: Pick<Settings, "data" | "disk">): string {
  return resolve(data, disk.backup_folder);
}

/** What a backup of this moment is called: any file system takes it. */
export function autoBackupName(at: Instant): string {
  return `auto-${new Date(at).toISOString().slice(0, 19).replaceAll(":", "-")}Z`;
}

/**
 * The newest backup that a gateway has made by itself: the one whose journal goes furthest, as a clock may have been
 * ahead; null when there is none, or the folder is not there.
 *
 * @param folder - where they are kept, see {@link backupFolderOf}
 * @param gateway - whose; null: anybody's, of several gateways the one that was made last
 * @param head - index of the newest entry of that gateway's journal. A backup that goes further is of another life of
 * it, before an older backup was restored, and comes after all others
 */
export function newestBackup(
  folder: string,
  gateway: Hex | null = null,
  head = Number.MAX_SAFE_INTEGER,
): KeptBackup | null {
  const all = keptBackups(folder, gateway, head);
  // how far two journals go says nothing of which backup is newer
  const firsts = new Map(all.toReversed().map((one) => [one.gateway, one]));
  return [...firsts.values()].toSorted((one, other) => other.at - one.at)[0] ?? null;
}

/** Removes all of this gateway's own but the newest `kept`, which are those that {@link newestBackup} would name. */
export function removeOldBackups(folder: string, gateway: Hex, kept: number, head: number): void {
  for (const { folder: old } of keptBackups(folder, gateway, head).slice(kept)) {
    // under a name that nothing takes for a backup: one that is half removed is none
    const rest = `${old}.partial-removed`;
    renameSync(old, rest);
    rmSync(rest, { recursive: true, force: true });
  }
}

/** Removes what is left of backups that were never finished, or not wholly removed, and that no living process writes. */
export function removeLeftovers(folder: string): void {
  removeAbandoned(folder, (name) => NAME.test(name));
}

/** Removes what a backup that was broken off has left. */
export function removeUnfinished(backup: string): void {
  const [parent, name] = [resolve(backup, ".."), backup.split("/").at(-1) ?? ""];
  for (const rest of namesIn(parent).filter((one) => one.startsWith(`${name}.partial-`))) {
    rmSync(join(parent, rest), { recursive: true, force: true });
  }
}

/** The newest first; those that go beyond `head` last. */
function keptBackups(folder: string, gateway: Hex | null, head: number): KeptBackup[] {
  const isBeyond = ({ index }: KeptBackup) => Number(index > head);
  return namesIn(folder)
    .filter((name) => NAME.test(name))
    .flatMap((name) => keptAt(join(folder, name), gateway) ?? [])
    .toSorted(
      (one, other) => isBeyond(one) - isBeyond(other) || other.index - one.index || other.at - one.at,
    );
}

function keptAt(folder: string, gateway: Hex | null): KeptBackup | null {
  try {
    const manifest = readManifest(folder);
    if (gateway !== null && manifest.gateway !== gateway) return null;
    return { folder, gateway: manifest.gateway, at: instant(manifest.at), index: manifest.journal.index };
  } catch {
    // whatever it is, it is not ours to count
    return null;
  }
}
