/** The doctor's checks of what is kept: which version the store is, and whether there is a second copy of it. */
import type { Instant } from "../../base/clock.ts";
import { isFault } from "../../base/fault.ts";
import { archiveFolder, missingArchives } from "../../journal/archive.ts";
import { backupFolderOf, newestBackup } from "../recovery/kept-backups.ts";
import type { Settings } from "../settings.ts";
import { STORE_VERSION, storeVersion } from "../upgrade/store-version.ts";
import { spanText } from "../watch/alert/rule.ts";
import { type Check, good, note, words, wrong } from "./check.ts";

/** Which version the data folder is; an older one is brought forward by the next start, after a backup. */
export function storeCheck({ data }: Pick<Settings, "data">): Check[] {
  const name = "store";
  try {
    const version = storeVersion(data);
    if (version === null) return [];
    if (version === STORE_VERSION) return [good(name, `version ${version}`)];
    if (version > STORE_VERSION) {
      const found = `version ${version}, and this hirewire reads up to ${STORE_VERSION}`;
      return [wrong(name, found, "run the hirewire that wrote it, or restore a backup from before")];
    }
    const found = `version ${version} of an older hirewire`;
    return [note(name, found, "hirewire upgrade; the next start does it too, after a backup")];
  } catch (error) {
    // the journal's own check says it better
    return isFault(error, "journal_broken") ? [] : [wrong(name, words(error), "restore a backup")];
  }
}

/** How old the newest backup is that the gateway has made by itself; none where there is nothing to copy yet. */
export function backupCheck(settings: Pick<Settings, "data" | "disk">, now: Instant): Check[] {
  const name = "backup";
  const { backup_every_ms: every } = settings.disk;
  const folder = backupFolderOf(settings);
  const newest = newestBackup(folder);
  const byHand = "hirewire backup TO, on another disk";
  if (newest === null) {
    if (every === 0) return [note(name, "none are made: disk.backup_every_ms is 0", byHand)];
    return [
      note(name, `none yet in ${folder}: a running gateway makes one every ${spanText(every)}`, byHand),
    ];
  }
  const age = now - newest.at;
  const found = `${newest.folder}, ${spanText(age)} old`;
  if (every > 0 && age <= 2 * every) return [good(name, found)];
  return [note(name, found, "run the gateway, see hirewire log, or make one: hirewire backup TO")];
}

/** Whether every file is there to which entries of months that are over have gone; none where there is no journal. */
export function archiveCheck({ data }: Pick<Settings, "data">): Check[] {
  const name = "archive";
  try {
    const missing = missingArchives(data);
    if (missing.length === 0) return [];
    const found = `missing or cut off in ${archiveFolder(data)}: ${missing.join(", ")}`;
    return [wrong(name, found, "put them back from a backup: entries before them cannot be read")];
  } catch {
    // the journal's own check says why it cannot be read
    return [];
  }
}
