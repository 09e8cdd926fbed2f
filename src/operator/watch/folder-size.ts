/** The size of a folder with all that is in it, looked at from time to time: there may be many files. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";

/** Between two looks, milliseconds. */
const EVERY_MS = 600_000;

/** Files that are asked at a time. */
const AT_ONCE = 32;

export class FolderSize {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #looking: Promise<void> | null = null;
  #bytes: number | null = null;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** Bytes at the newest look; null before the first. */
  get bytes(): number | null {
    return this.#bytes;
  }

  /** Looks, and goes on looking. */
  start(): void {
    this.#looking = this.#goOn();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#bytes = await this.#measure().catch(() => this.#bytes);
      await this.#clock.sleep(EVERY_MS, signal).catch(() => undefined);
    }
  }

  async #measure(): Promise<number> {
    const found = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    const files = found.filter((one) => one.isFile());
    let bytes = 0;
    for (let at = 0; at < files.length && !this.#stop.signal.aborted; at += AT_ONCE) {
      const some = files.slice(at, at + AT_ONCE);
      // what has gone meanwhile is nothing
      const sizes = some.map((one) => lstat(join(one.parentPath, one.name)).catch(() => ({ size: 0 })));
      for (const { size } of await Promise.all(sizes)) bytes += size;
    }
    return bytes;
  }
}
