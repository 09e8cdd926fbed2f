/** A switch in the data folder: a file that is there as long as it is on, with the reason in it, one line. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskCode, diskReason } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import { flushOne } from "../recovery/draft-folder.ts";

/** Characters of a reason: one line on a terminal, and in the answers that devices get. */
const MAX_REASON = 200;

const NO_REASON = "stopped by the operator";

/**
 * A reason as it is kept: one line, without control characters.
 *
 * @throws {@link Fault} `usage` when it is longer than 200 characters
 */
export function reasonText(text: string): string {
  const reason = text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  if (reason.length > MAX_REASON) throw new Fault("usage", `a reason has at most ${MAX_REASON} characters`);
  return reason === "" ? NO_REASON : reason;
}

/**
 * The reason in the file; null where there is none.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function readSwitch(folder: string, name: string): string | null {
  const file = join(folder, name);
  try {
    return reasonText(readFileSync(file, "utf8").slice(0, MAX_REASON));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new Fault("disk_failed", `cannot read ${file}: ${diskReason(cause)}`, { cause });
  }
}

/**
 * Turns it on, on disk when this returns.
 *
 * @throws {@link Fault} `disk_full`, `disk_failed`, `usage` for a reason that is too long
 */
export function writeSwitch(folder: string, name: string, reason: string): void {
  const text = `${reasonText(reason)}\n`;
  const file = join(folder, name);
  onDisk(file, () => {
    writeFileSync(`${file}.new`, text, { flush: true });
    renameSync(`${file}.new`, file);
    flushOne(folder);
  });
}

/**
 * Turns it off, where it is on.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function clearSwitch(folder: string, name: string): void {
  const file = join(folder, name);
  onDisk(file, () => rmSync(file, { force: true }));
}

function onDisk(file: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write ${file}: ${diskReason(cause)}`, { cause });
  }
}
