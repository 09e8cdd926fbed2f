/**
 * The emergency switch while no gateway runs: a file `stop-paying` in the data folder, with the reason in it, stops all
 * payments; a file `resume-paying` lets them go on.
 *
 * Payments go on only at somebody's word. Where neither file is there, in a folder that was restored for instance, what
 * the journal says holds. Each step leaves the folder so that a crash after it rather stops than pays: `stop-paying`
 * counts before `resume-paying`, it is written before the journal says so, and it goes after the journal has said that
 * payments go on.
 */
import { clearSwitch, readSwitch, writeSwitch } from "./switch-file.ts";

const STOP = "stop-paying";
const RESUME = "resume-paying";

/**
 * Why the gateway of this data folder shall pay nothing; null when it may.
 *
 * @param journalled - what its journal says
 * @throws {@link Fault} `disk_failed`
 */
export function stopInForce(folder: string, journalled: string | null): string | null {
  const stop = readStop(folder);
  if (stop !== null) return stop;
  return readSwitch(folder, RESUME) === null ? journalled : null;
}

/**
 * The reason in `stop-paying`; null where there is no such file.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function readStop(folder: string): string | null {
  return readSwitch(folder, STOP);
}

/** @throws {@link Fault} `disk_failed`, `usage` for a reason that is too long */
export function writeStop(folder: string, reason: string): void {
  writeSwitch(folder, STOP, reason);
  clearSwitch(folder, RESUME);
}

/**
 * Has the gateway pay again at its next start.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function orderResume(folder: string): void {
  writeSwitch(folder, RESUME, "by the operator, while it was off");
  clearSwitch(folder, STOP);
}

/**
 * The journal says that payments go on: no file has to say anything.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function clearStop(folder: string): void {
  clearSwitch(folder, STOP);
  clearSwitch(folder, RESUME);
}

/**
 * The order to pay again is carried out. A `stop-paying` that somebody has written meanwhile stays.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function dropResume(folder: string): void {
  clearSwitch(folder, RESUME);
}
