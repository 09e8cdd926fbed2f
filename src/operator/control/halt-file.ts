/**
 * The stop switch while no gateway runs: a file `halt` in the data folder, with the reason in it.
 *
 * It is there exactly as long as the gateway shall take no new offers; a running gateway writes and removes it too, so
 * that the switch survives the journal as well as the process.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../base/fault.ts";

/** Characters of a reason: one line on a terminal, and in the answers that devices get. */
const MAX_REASON = 200;

const NO_REASON = "stopped by the operator";

/**
 * A reason as it is kept: one line, without control characters.
 *
 * @throws {@link Fault} `usage` when it is longer than 200 characters
 */
export function haltReason(text: string): string {
  const reason = text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  if (reason.length > MAX_REASON) throw new Fault("usage", `a reason has at most ${MAX_REASON} characters`);
  return reason === "" ? NO_REASON : reason;
}

/** Why the gateway of this data folder shall take no offers; null when it may. */
export function readHalt(folder: string): string | null {
  try {
    return haltReason(readFileSync(join(folder, "halt"), "utf8").slice(0, MAX_REASON));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new Fault("disk_failed", `cannot read ${folder}/halt`, { cause });
  }
}

/** @throws {@link Fault} `disk_failed`, `usage` for a reason that is too long */
export function writeHalt(folder: string, reason: string): void {
  const text = `${haltReason(reason)}\n`;
  const file = join(folder, "halt");
  onDisk(file, () => {
    writeFileSync(`${file}.new`, text, { flush: true });
    renameSync(`${file}.new`, file);
  });
}

/** Removes the file where there is one. */
export function clearHalt(folder: string): void {
  const file = join(folder, "halt");
  onDisk(file, () => rmSync(file, { force: true }));
}

function onDisk(file: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    throw new Fault("disk_failed", `cannot write ${file}`, { cause });
  }
}
