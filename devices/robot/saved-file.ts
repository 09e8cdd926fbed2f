/**
 * A small text on disk that is whole after every crash: the old one or the next one, never half of each.
 *
 * Written beside its place, forced to disk, then renamed (POSIX rename is atomic), then the folder is forced too.
 */
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { Fault } from "../../src/base/fault.ts";

export class SavedFile {
  readonly #path: string;
  #text = "";
  /** The write that has not begun: it takes whatever text is newest by then. */
  #waiting: Promise<void> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed: boolean = false;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The text, or null when there is no such file yet.
   *
   * @throws {@link Fault} `disk_failed` when it cannot be read
   */
  async read(): Promise<string | null> {
    try {
      return await readFile(this.#path, "utf8");
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
      throw failed("read", this.#path, cause);
    }
  }

  /**
   * Resolves when this text, or one saved after it, is on disk. Calls during a write share the next one.
   *
   * @throws {@link Fault} `disk_failed` when it cannot be written, `link_lost` once closed; the file is then as it was
   */
  async save(text: string): Promise<void> {
    if (this.#isClosed) throw new Fault("link_lost", `${this.#path} is closed`);
    this.#text = text;
    if (this.#waiting !== null) return await this.#waiting;
    const write = () => {
      this.#waiting = null;
      return this.#write(this.#text);
    };
    this.#waiting = this.#last.then(write, write);
    this.#last = this.#waiting;
    return await this.#waiting;
  }

  /** Writes nothing more: whoever opens it next has it alone. Resolves when the last write has ended, however. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last.catch(() => {});
  }

  async #write(text: string): Promise<void> {
    const beside = `${this.#path}.tmp`;
    try {
      const file = await open(beside, "w", 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.#path);
      const folder = await open(dirname(this.#path), "r");
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (cause) {
      throw failed("write", this.#path, cause);
    }
  }
}

function failed(what: "read" | "write", path: string, cause: unknown): Fault {
  return new Fault("disk_failed", `cannot ${what} ${path}`, { cause });
}
