/** Programs in C of `devices/board/test`, built where that is possible, and the talk with them. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const missing = ["make", "gcc"].filter((tool) => spawnSync(tool, ["--version"]).error !== undefined);

/** Whether they cannot be built here; under CI=true a build that fails is a test that fails. For `describe.skipIf`. */
export const isUnbuildable = missing.length > 0 && process.env["CI"] !== "true";

/** What stands behind a suite's name, for whoever wants to know why it was skipped. */
export const whyUnbuildable = isUnbuildable ? ` (skipped: apt install ${missing.join(" ")})` : "";

const built = new Set<string>();

/**
 * Builds a target of devices/board/Makefile, once a run, unless it is newer than its sources.
 *
 * @param target - below build/board/test, such as `asan/link`
 * @returns where it is
 * @throws with what the compiler said
 */
function build(target: string): string {
  const path = `build/board/test/${target}`;
  if (!built.has(target))
    execFileSync("make", ["-s", "-C", "devices/board", `../../${path}`], { stdio: "pipe" });
  built.add(target);
  return path;
}

export type Answer = {
  /** What the program told, in order; what each means stands in its source. */
  readonly records: readonly { readonly what: string; readonly bytes: Buffer }[];
  /** When it wants to be called again. */
  readonly waitMs: number;
};

const HEAD_BYTES = 5;

/** A running program. A command is answered before `tell` returns, so it can stand in for an object of this process. */
export class CProgram {
  /** Counts the records of all commands, by what they are. */
  readonly told = new Map<string, number>();
  readonly #folder = mkdtempSync(join(tmpdir(), "c-program-"));
  readonly #name: string;
  readonly #to: number;
  readonly #from: number;
  #buffer = Buffer.alloc(1 << 16);

  /** @param name - of the Makefile's programs, such as `link` or `asan/mqtt` */
  constructor(name: string) {
    this.#name = name;
    const [to, from] = [join(this.#folder, "to"), join(this.#folder, "from")];
    execFileSync("mkfifo", [to, from]);
    const program = build(name);
    const complaints = openSync(join(this.#folder, "complaints"), "w");
    // Opened for both, a pipe opens at once. Closed here when the program has it, its end is noticed.
    const [input, output] = [openSync(to, "r+"), openSync(from, "r+")];
    const child = spawn(program, [], { stdio: [input, output, complaints] });
    child.on("error", () => {});
    child.unref();
    this.#to = openSync(to, "w");
    this.#from = openSync(from, "r");
    for (const file of [input, output, complaints]) closeSync(file);
    onTestFinished(() => {
      closeSync(this.#to);
      closeSync(this.#from);
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /**
   * Gives a command.
   *
   * @param now - milliseconds; the program sees 32 bits of it
   * @throws with what a sanitizer or the program itself complained of, when it has ended
   */
  tell(what: string, now: number, bytes: Uint8Array = new Uint8Array(0)): Answer {
    const command = Buffer.alloc(9 + bytes.length);
    command.write(what, "latin1");
    command.writeUInt32LE(Math.floor(now) % 2 ** 32, 1);
    command.writeUInt32LE(bytes.length, 5);
    command.set(bytes, 9);
    this.#write(command);
    return this.#answer();
  }

  #write(bytes: Buffer): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#to, bytes, at);
    } catch (cause) {
      throw this.#ended(cause);
    }
  }

  #answer(): Answer {
    const records: { what: string; bytes: Buffer }[] = [];
    let filled = 0;
    for (let at = 0; ; ) {
      const length = filled - at < HEAD_BYTES ? 0 : this.#buffer.readUInt32LE(at + 1);
      const end = at + HEAD_BYTES + length;
      if (filled < end) {
        filled += this.#read(filled, end);
        continue;
      }
      const what = String.fromCharCode(this.#buffer[at] ?? 0);
      const bytes = this.#buffer.subarray(at + HEAD_BYTES, end);
      if (what === ".") return { records, waitMs: bytes.readUInt32LE() };
      records.push({ what, bytes: Buffer.from(bytes) });
      this.told.set(what, (this.told.get(what) ?? 0) + 1);
      at = end;
    }
  }

  #read(filled: number, wanted: number): number {
    if (wanted > this.#buffer.length) {
      const larger = Buffer.alloc(2 * wanted);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = readSync(this.#from, this.#buffer, filled, this.#buffer.length - filled, null);
    if (count === 0) throw this.#ended(undefined);
    return count;
  }

  #ended(cause: unknown): Error {
    const complaints = readFileSync(join(this.#folder, "complaints"), "utf8");
    return new Error(`${this.#name} has ended\n${complaints}`, { cause });
  }
}
