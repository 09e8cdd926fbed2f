/** Which memory card a folder is on. */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";

/** Where Linux says which disk has which number. */
const SYS = "/sys";

/**
 * The SD card that holds a path, by its name in `/sys/block`: `"mmcblk0"`. Null where it is another disk (memory that is
 * soldered on included), or cannot be told, as with file systems over several disks.
 */
export function cardOf(path: string, sys: string = SYS): string | null {
  try {
    const name = /\/(mmcblk\d+)(?:\/|$)/.exec(realpathSync(join(sys, "dev", "block", numberOf(path))))?.[1];
    if (name === undefined) return null;
    const type = readFileSync(join(sys, "block", name, "device", "type"), "utf8").trim();
    return type === "SD" ? name : null;
  } catch {
    return null;
  }
}

/** The number of the path's disk as `/sys` writes it, `179:2`; Linux packs both parts into one. */
export function numberOf(path: string): string {
  const { dev } = statSync(path, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
