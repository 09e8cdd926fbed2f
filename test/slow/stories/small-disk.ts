/** A small disk in memory, mounted as a folder: it can be filled, and freed again. */
import { execFile, execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";

const CHUNK = new Uint8Array(65_536);

export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  /** @throws where this user may not mount */
  constructor(megabytes: number) {
    this.folder = mkdtempSync(join(tmpdir(), "hirewire-disk-"));
    this.#ballast = join(this.folder, "ballast");
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", this.folder]);
    } catch (cause) {
      rmSync(this.folder, { recursive: true });
      throw cause;
    }
  }

  get free(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  get used(): number {
    const { blocks, bfree, bsize } = statfsSync(this.folder);
    return (blocks - bfree) * bsize;
  }

  /** Takes room until about `left` bytes of it are free. */
  fill(left: number): void {
    const file = openSync(this.#ballast, "a");
    try {
      while (this.free > left) writeSync(file, CHUNK, 0, Math.min(CHUNK.length, this.free - left));
    } catch (error) {
      // somebody else has taken the last of it meanwhile
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Gives all that was taken back. */
  empty(): void {
    rmSync(this.#ballast, { force: true });
  }

  close(): void {
    execFileSync("umount", ["--lazy", this.folder]);
    rmSync(this.folder, { recursive: true });
  }
}

/** Why there can be no small disk here; null when there can. */
export function smallDiskMissing(): string | null {
  try {
    new SmallDisk(1).close();
    return null;
  } catch {
    return "it mounts a tmpfs: as root, in a container with --cap-add SYS_ADMIN, or where unshare -rm is allowed";
  }
}

/** Makes its caller root of a user namespace with mounts of its own, which most systems allow to everybody. */
const AS_ROOT = ["unshare", "--map-root-user", "--mount"] as const;

/** Whether a disk refused here could be had as root of a namespace. */
export function hasOwnMounts(): boolean {
  const [command, ...options] = AS_ROOT;
  try {
    execFileSync(command, [...options, "mount", "-t", "tmpfs", "tmpfs", tmpdir()], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a file of slow tests there, and says what it printed.
 *
 * @throws when a test of it fails
 */
export async function runWithOwnMounts(file: string): Promise<string> {
  const [command, ...options] = AS_ROOT;
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "test/vitest.slow.config.ts"];
  // the tests there are no part of this run
  const outer = Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST"));
  const env = Object.fromEntries(outer);
  const args = [...options, process.execPath, ...vitest, relative(process.cwd(), file)];
  const { stdout } = await promisify(execFile)(command, args, { env });
  return stdout;
}
