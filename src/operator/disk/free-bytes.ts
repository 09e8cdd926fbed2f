/** How much room is left where a folder is. */
import { existsSync, statfsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Fault } from "../../base/fault.ts";

/** Gives the bytes that are left for a folder; null when the system does not say. */
export type FreeBytes = (folder: string) => number | null;

/**
 * What somebody without root's rights can still write where this folder is, or is to be: zero where there is room but no
 * place for another file. Null when the system does not say.
 */
export function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(nearest(folder));
    // some file systems count no files at all
    return files > 0 && ffree === 0 ? 0 : bavail * bsize;
  } catch {
    return null;
  }
}

/** Whether two folders, of which some may not be there yet, share their room. */
export function isSameDisk(one: string, other: string): boolean {
  return statSync(nearest(one)).dev === statSync(nearest(other)).dev;
}

/**
 * Throws when there is less room than something needs.
 *
 * @param needed - bytes
 * @param what - what needs it, as the beginning of a sentence: `"the gateway's start"`
 * @throws {@link Fault} `disk_full`
 */
export function requireRoom(folder: string, needed: number, what: string, free: FreeBytes = freeBytes): void {
  const found = free(folder);
  if (found === null || found >= needed) return;
  const room = `${bytesText(found)} are free where ${folder} is`;
  throw new Fault("disk_full", `${what} needs ${bytesText(needed)}, and ${room}: make room there`, {
    facts: { folder, free: found, needed },
  });
}

/** Bytes for people: `"64.0 MB"`, in units of a thousand. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  const [unit, size] = bytes < 1e6 ? ["kB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : (["GB", 1e9] as const);
  return `${(bytes / size).toFixed(1)} ${unit}`;
}

function nearest(folder: string): string {
  let place = resolve(folder);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  return place;
}
