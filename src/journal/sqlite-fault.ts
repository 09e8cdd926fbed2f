/** What SQLite throws, as the fault that it is. */
import { diskCode } from "../base/disk-error.ts";
import { Fault } from "../base/fault.ts";

/** Result codes, https://sqlite.org/rescode.html; the last one is extended: no room for the log's index. */
const BUSY = 5;
const FULL = 13;
const NO_ROOM_FOR_INDEX = 4_874;

/**
 * Codes that speak of the machine: perm, busy, locked, nomem, readonly, ioerr, full, cantopen, protocol, nolfs, auth.
 * With any other one it is the file's content that makes no sense, down to its SQL not being SQL.
 */
const MACHINE: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 10, 13, 14, 15, 22, 23]);

/** Whether another connection has the lock. */
export function isBusy(cause: unknown): boolean {
  return primary(extended(cause)) === BUSY;
}

/** Whether there was no room for more, which is found before anything is flushed: what was there is as it was. */
export function isFull(cause: unknown): boolean {
  return primary(extended(cause)) === FULL;
}

/** Does something with a journal's file. @throws {@link Fault} `journal_broken`, `disk_full`, `disk_failed` */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw asFault(cause);
  }
}

/** `disk_full`, `disk_failed`, or `journal_broken` where it is the content of the file that makes no sense. */
export function asFault(cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  const code = extended(cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  // A range error is an index or a size that no journal has.
  if (code === null ? cause instanceof RangeError : !MACHINE.has(code & 0xff)) {
    return new Fault("journal_broken", `the journal file is damaged: ${text}`, { cause });
  }
  if (isFull(cause) || code === NO_ROOM_FOR_INDEX || diskCode(cause) === "disk_full") {
    return new Fault("disk_full", "the disk is full: nothing was appended", { cause });
  }
  const facts = code === null ? {} : { sqlite: primary(code) ?? 0 };
  return new Fault("disk_failed", `the journal's disk failed: ${text}`, { cause, facts });
}

function extended(error: unknown): number | null {
  const code = error instanceof Error && "errcode" in error ? error.errcode : null;
  return typeof code === "number" ? code : null;
}

function primary(code: number | null): number | null {
  return code === null ? null : code & 0xff;
}
