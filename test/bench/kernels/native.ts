/** libsecp256k1 as machine code: the npm addon, and Debian's library where it and a C compiler are installed. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Contender } from "./rounds.ts";
import type { Signed } from "./signatures.ts";

const require = createRequire(import.meta.url);

type Addon = { ecdsaVerify(signature: Uint8Array, digest: Uint8Array, key: Uint8Array): boolean };

/**
 * The addon's machine code, or null, which is said on standard error: the package would fall back to JavaScript,
 * and that is not what is compared.
 */
export function loadAddon(): Addon | null {
  try {
    return require("secp256k1/bindings.js") as Addon;
  } catch (cause) {
    left(`the addon secp256k1 has no machine code for this machine (${firstLine(cause)})`);
    return null;
  }
}

const BUILT = join(import.meta.dirname, "../../../build/bench");

/** A process that verifies with Debian's library when told to. */
export class Library {
  readonly #process;
  readonly #answers: AsyncIterator<string>;

  private constructor(program: string, rows: string) {
    this.#process = spawn(program, [rows], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  /** Null where there is no compiler or no library, which is said on standard error. */
  static open(signed: readonly Signed[]): Library | null {
    mkdirSync(BUILT, { recursive: true });
    const program = join(BUILT, "native");
    const source = join(import.meta.dirname, "native.c");
    const { error, status, stderr } = spawnSync("cc", ["-O2", "-o", program, source, "-lsecp256k1"]);
    if (error || status !== 0) {
      left(`no C compiler or no libsecp256k1-dev (${firstLine(error ?? stderr)})`);
      return null;
    }
    const rows = join(BUILT, "rows");
    writeFileSync(
      rows,
      Buffer.concat(signed.flatMap(({ key, digest, signature }) => [key, digest, signature])),
    );
    return new Library(program, rows);
  }

  /** Keys that it parsed before, or that it parses each time. */
  contender(name: string, keys: "known" | "unknown"): Contender {
    const time = async (repeats: number) => {
      this.#process.stdin.write(`${keys} ${repeats}\n`);
      const { value, done } = await this.#answers.next();
      if (done) throw new Error("the native library's process is gone");
      return Number(value);
    };
    return { name, per: 1, time };
  }

  async close(): Promise<void> {
    const gone = once(this.#process, "exit");
    this.#process.stdin.end();
    await gone;
  }
}

function left(why: string): void {
  process.stderr.write(`kernels: not compared with native libsecp256k1: ${why}\n`);
}

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.trim().split("\n")[0] ?? "";
}
