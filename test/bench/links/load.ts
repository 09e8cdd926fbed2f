/** The load program: compiled once, run beside a broker. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onCore } from "./process.ts";

/** What `load.c` prints at the end of a run. */
export type Carried = {
  readonly readySeconds: number;
  readonly seconds: number;
  readonly sent: number;
  readonly received: number;
  readonly perSecond: number;
  /** Of the broker, where its process was named. */
  readonly processorSeconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly longestGapMs: number;
};

type Options = Readonly<Record<string, string | number | true>>;

export class Load {
  readonly #program: string;
  readonly #folder: string;

  /** @throws when there is no C compiler */
  constructor(folder: string) {
    this.#folder = folder;
    this.#program = join(folder, "load");
    const source = join(import.meta.dirname, "load/load.c");
    const flags = ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", this.#program, source];
    const compiled = ["cc", "clang"].map((compiler) => spawnSync(compiler, flags, { encoding: "utf8" }));
    if (compiled.some(({ status }) => status === 0)) return;
    const said = compiled.flatMap(({ error, stderr }) => (error ? [] : stderr)).join("\n");
    throw new Error(
      `the load program does not compile: install Debian's packages gcc and libc6-dev\n${said}`,
    );
  }

  /** Keeps bytes where the program can read them. */
  file(name: string, bytes: Uint8Array): string {
    const path = join(this.#folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  /** One run to its end. */
  async run(options: Options): Promise<Carried> {
    const { first, leave } = await this.#start(options);
    await leave();
    return first as Carried;
  }

  /** With `idle` or `flood`: what it says once it is there, and how to make it leave. */
  async stay<T>(options: Options): Promise<{ said: T; leave: () => Promise<void> }> {
    const { first, leave } = await this.#start(options);
    return { said: first as T, leave };
  }

  async #start(options: Options): Promise<{ first: unknown; leave: () => Promise<void> }> {
    const args = Object.entries(options).flatMap(([name, value]) =>
      value === true ? [`--${name}`] : [`--${name}`, String(value)],
    );
    const [command, all] = onCore(1, this.#program, args);
    const child = spawn(command, all, { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(child, "exit");
    const [line] = await Promise.race([once(createInterface(child.stdout), "line"), ended.then(() => [""])]);
    const leave = async () => {
      child.stdin.end();
      const [code] = await ended;
      if (code !== 0) throw new Error(`the load program failed: ${args.join(" ")}`);
    };
    if (typeof line === "string" && line.length > 0) return { first: JSON.parse(line), leave };
    throw new Error(`the load program failed: ${args.join(" ")}`);
  }
}
