/** A folder that is there whole or not at all: it is built under another name and renamed at the end. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { diskCode } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import { isBusy } from "../../journal/sqlite-fault.ts";

/** Locked by whoever fills a draft; the kernel releases it when that process ends, and no clock is asked. */
const LOCK = "draft.lock";

/**
 * Builds a folder of mode 0700 and puts it in its place, flushed to the disk.
 *
 * A process that is killed meanwhile leaves `<target>.partial-…`, which nothing takes for the folder.
 *
 * @param target - is not there yet, or is empty
 * @param build - fills the folder that it is given; may throw
 * @throws {@link Fault} what `build` throws, `disk_full` and `disk_failed`; then there is nothing at the target
 */
export function buildFolder<T>(target: string, build: (draft: string) => T): T {
  const place = resolve(target);
  return onDisk(() => {
    mkdirSync(dirname(place), { recursive: true });
    const draft = mkdtempSync(`${place}.partial-`);
    const lock = lockDraft(draft);
    try {
      const built = build(draft);
      rmSync(join(draft, LOCK), { force: true });
      flush(draft);
      if (existsSync(place)) rmdirSync(place);
      renameSync(draft, place);
      flushOne(dirname(place));
      return built;
    } catch (cause) {
      rmSync(draft, { recursive: true, force: true });
      throw cause;
    } finally {
      lock?.close();
    }
  });
}

/**
 * Removes what processes that were killed have left of folders; what a living one is filling stays, and what cannot be
 * removed: whoever needs its room finds that out.
 *
 * @param parent - where they are; need not be there
 * @param isTarget - whether it is about this name, that of the folder that was to be
 */
export function removeAbandoned(parent: string, isTarget: (name: string) => boolean): void {
  for (const name of namesIn(parent)) {
    const at = name.lastIndexOf(".partial-");
    if (at < 0 || !isTarget(name.slice(0, at))) continue;
    const draft = join(parent, name);
    try {
      if (!isBeingFilled(draft)) rmSync(draft, { recursive: true, force: true });
    } catch {
      // another user's, such as one that root has left
    }
  }
}

/** None where the folder is not there or cannot be read: whoever writes to it finds that out. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Null on a file system that knows no locks, or has no room for the file: what matters is the folder. */
function lockDraft(draft: string): DatabaseSync | null {
  try {
    return lockOf(draft);
  } catch {
    return null;
  }
}

function isBeingFilled(draft: string): boolean {
  if (!existsSync(join(draft, LOCK))) return false;
  try {
    lockOf(draft).close();
    return false;
  } catch (cause) {
    return isBusy(cause);
  }
}

/** Throws as SQLite does. */
function lockOf(draft: string): DatabaseSync {
  const lock = new DatabaseSync(join(draft, LOCK));
  try {
    // no second file beside it
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    throw cause;
  }
}

/** Whether there is something at this path that a new folder would have to replace. */
export function isTaken(path: string): boolean {
  return existsSync(path) && onDisk(() => readdirSync(path).length > 0);
}

function flush(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) flush(path);
    else flushOne(path);
  }
  flushOne(folder);
}

/** Has a file, or the names in a folder, on the disk before it returns. Throws what the system says. */
export function flushOne(path: string): void {
  const open = openSync(path, "r");
  try {
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
}

/** Does something with files; what the system refuses is a fault. */
function onDisk<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault(diskCode(cause), `nothing was written: ${why}`, { cause });
  }
}
