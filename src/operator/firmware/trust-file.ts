/** The trust file under a lock: what several change at the same time is all kept. */
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { diskReason } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import { readTrustSync, type Trust, writeTrustSync } from "../../firmware/trust.ts";

/**
 * Changes a trust file: what others change at the same time, in whatever process, comes before or after.
 *
 * An empty file beside it, `….lock`, is locked meanwhile. It stays: were it removed, two could lock two files of that name.
 *
 * @param change - gives what is to be trusted then; when it throws, the file is as it was
 * @param waitMs - how long to wait for the lock, milliseconds; the thread stands still meanwhile
 * @returns what was trusted before and after
 * @throws {@link Fault} `file_format`, `disk_failed`; `timed_out` when another holds the lock for longer
 */
export function updateTrust(
  path: string,
  change: (before: Trust) => Trust,
  waitMs = LOCK_MS,
): Promise<{ readonly before: Trust; readonly after: Trust }> {
  // at one go: nobody else of this process comes between
  return Promise.try(() => {
    const lock = takeLock(path, waitMs);
    try {
      const before = readTrustSync(path);
      const after = change(before);
      writeTrustSync(path, after);
      return { before, after };
    } finally {
      lock.close();
    }
  });
}

/** The lock is held for two fsyncs, which an SD card may take long for. */
const LOCK_MS = 5_000;
/** https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

/** The operating system drops the lock when its process ends, however it ends. */
function takeLock(path: string, waitMs: number): DatabaseSync {
  let lock: DatabaseSync | null = null;
  try {
    makeLockFile(`${path}.lock`);
    lock = new DatabaseSync(`${path}.lock`, { timeout: waitMs });
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock?.close();
    if (cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY) {
      throw new Fault("timed_out", `another process is changing ${path}: try again`, { cause });
    }
    throw new Fault("disk_failed", `cannot lock ${path}: ${diskReason(cause)}`, { cause });
  }
}

/** SQLite would make one that everybody can open, and so lock; and it does not say why it cannot. */
function makeLockFile(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
  }
}
