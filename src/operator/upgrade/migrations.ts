/**
 * What brings a store forward, a version at a time. Each step leaves the store whole at whatever moment its process is
 * killed, and can be taken again from there; the new version is written last.
 */
import { upgradeJournal } from "../../journal/upgrade.ts";
import { STORE_VERSION, storeVersion, writeStoreVersion } from "./store-version.ts";

/** How far a step is: entries done, of how many. */
type Progress = (done: number, total: number) => void;

type Step = (folder: string, onProgress: Progress) => void;

/** By the version that they start from. */
const STEPS: ReadonlyMap<number, Step> = new Map([[3, upgradeJournal]]);

/** Whether there is a way from this version to that of this hirewire. */
export function canUpgrade(version: number): boolean {
  return version === STORE_VERSION || STEPS.has(version);
}

/**
 * Brings a folder to the version that this hirewire serves from. Its caller has made a backup, and holds the journal's lock.
 *
 * @param by - version of this program
 * @throws {@link Fault} `journal_broken`, `disk_full`, `disk_failed`; the folder is then as it was before the step that failed
 */
export function migrate(folder: string, by: string, onProgress: Progress = () => undefined): void {
  for (let version = storeVersion(folder) ?? STORE_VERSION; version < STORE_VERSION; version++) {
    STEPS.get(version)?.(folder, onProgress);
    writeStoreVersion(folder, version + 1, by);
  }
}
