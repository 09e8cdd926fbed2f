/** Whether this machine says of itself that its clock is synchronised. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";

/** How long a program may take that is asked, milliseconds. */
const PATIENCE_MS = 2_000;

/** systemd-timesyncd makes it once it has set the clock in this life of the machine. */
const TIMESYNC_MARK = "/run/systemd/timesync/synchronized";

/** What is asked of the machine. */
export type ClockPorts = {
  readonly exists: (path: string) => boolean;
  /** What a program writes to its standard output; null when it is not there, fails or takes too long. */
  readonly run: (program: string, args: readonly string[]) => Promise<string | null>;
};

/** @param searchPath - the environment's PATH */
export function thisClock(searchPath: string | undefined): ClockPorts {
  const env = { ...(searchPath === undefined ? {} : { PATH: searchPath }), LC_ALL: "C" };
  return {
    exists: existsSync,
    run: (program, args) =>
      new Promise((resolve) => {
        execFile(program, args, { env, timeout: PATIENCE_MS }, (error, out) => resolve(error ? null : out));
      }),
  };
}

/**
 * Asks whoever keeps the time here, one after the other: systemd-timesyncd, systemd-timedated, which knows what the kernel
 * was told by any of them, and chrony. One yes is enough, since none of them knows of all others.
 *
 * @returns null where nobody answers, as in a container
 */
export async function isSynchronized({ exists, run }: ClockPorts): Promise<boolean | null> {
  if (exists(TIMESYNC_MARK)) return true;
  const kernel = (await run("timedatectl", ["show", "--property=NTPSynchronized", "--value"]))?.trim();
  if (kernel === "yes") return true;
  const chrony = /^Leap status\s*:\s*(.+?)\s*$/m.exec((await run("chronyc", ["-n", "tracking"])) ?? "")?.[1];
  if (chrony !== undefined) return chrony !== "Not synchronised";
  return kernel === "no" ? false : null;
}
