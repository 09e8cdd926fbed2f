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
import { Fault } from "../../base/fault.ts";

/**
 * Builds a folder of mode 0700 and puts it in its place, flushed to the disk.
 *
 * A process that is killed meanwhile leaves `<target>.partial-…`, which nothing takes for the folder.
 *
 * @param target - is not there yet, or is empty
 * @param build - fills the folder that it is given; may throw
 * @throws {@link Fault} what `build` throws, and `disk_failed`; then there is nothing at the target
 */
export function buildFolder<T>(target: string, build: (draft: string) => T): T {
  const place = resolve(target);
  return onDisk(() => {
    mkdirSync(dirname(place), { recursive: true });
    const draft = mkdtempSync(`${place}.partial-`);
    try {
      const built = build(draft);
      flush(draft);
      if (existsSync(place)) rmdirSync(place);
      renameSync(draft, place);
      flushOne(dirname(place));
      return built;
    } catch (cause) {
      rmSync(draft, { recursive: true, force: true });
      throw cause;
    }
  });
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

/** Does something with files; what the system refuses is a `disk_failed`. */
function onDisk<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault("disk_failed", `nothing was written: ${why}`, { cause });
  }
}
