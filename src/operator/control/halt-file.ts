/**
 * The stop switch while no gateway runs: a file `halt` in the data folder, with the reason in it.
 *
 * It is there exactly as long as the gateway shall take no new offers; a running gateway writes and removes it too, so
 * that the switch survives the journal as well as the process.
 */
import { clearSwitch, readSwitch, writeSwitch } from "./switch-file.ts";

/**
 * Why the gateway of this data folder shall take no offers; null when it may.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function readHalt(folder: string): string | null {
  return readSwitch(folder, "halt");
}

/** @throws {@link Fault} `disk_failed`, `usage` for a reason that is too long */
export function writeHalt(folder: string, reason: string): void {
  writeSwitch(folder, "halt", reason);
}

/**
 * Removes the file where there is one.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function clearHalt(folder: string): void {
  clearSwitch(folder, "halt");
}
