/** A program on one of the machines: it says JSON lines, and may be asked over IPC. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Line } from "../../../src/operator/demo/crew.ts";

/** Where programs run: by which Node, and from which sources or build. */
export type Machine = {
  readonly node: string;
  /** Folder of `src` and `devices`. */
  readonly programs: string;
  readonly extension: ".ts" | ".js";
  readonly env: Readonly<Record<string, string>>;
};

export class Actor {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #looks = new Set<() => void>();
  readonly #ended: Promise<unknown>;
  #isOver: boolean = false;
  #words: string = "";

  /** @param program - without its extension, from the root of the sources */
  constructor({ node, programs, extension, env }: Machine, program: string, args: readonly string[]) {
    this.#name = program;
    const all = ["--disable-warning=ExperimentalWarning", join(programs, `${program}${extension}`), ...args];
    this.#process = spawn(node, all, {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe", "ipc"],
    });
    const { stdin, stdout, stderr } = this.#process;
    stdin?.on("error", () => undefined);
    stderr?.on("data", (chunk) => {
      this.#words += String(chunk);
    });
    if (stdout) createInterface({ input: stdout }).on("line", (text) => this.#hear(text));
    this.#ended = once(this.#process, "close").then(() => {
      this.#isOver = true;
      this.#look();
    });
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** The first line of this kind, said or still to come. @throws Error when the program ends before that */
  heard(kind: string): Promise<Line> {
    return new Promise((found, failed) => {
      const seek = () => {
        const line = this.#lines.find((one) => one.kind === kind);
        if (line === undefined && !this.#isOver) return;
        this.#looks.delete(seek);
        if (line) found(line);
        else failed(new Error(`${this.#name} ended without "${kind}":\n${this.#story()}`));
      };
      this.#looks.add(seek);
      seek();
    });
  }

  send(what: Line): void {
    this.#process.send(what);
  }

  /** Asks it to end, unless it has; its exit code, and what it said where that is not 0. */
  async stop(): Promise<void> {
    if (!this.#isOver) this.#process.kill("SIGTERM");
    await this.end();
  }

  /** Waits for its end. @throws Error when that is not a good one */
  async end(): Promise<void> {
    await this.#ended;
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== 0)
      throw new Error(`${this.#name} ended with ${exitCode ?? signalCode}:\n${this.#story()}`);
  }

  /** For when all has gone wrong. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #hear(text: string): void {
    this.#lines.push(text.startsWith("{") ? JSON.parse(text) : { kind: "text", text });
    this.#look();
  }

  #look(): void {
    for (const look of this.#looks) look();
  }

  #story(): string {
    return [...this.#lines.slice(-20).map((line) => JSON.stringify(line).slice(0, 300)), this.#words].join(
      "\n",
    );
  }
}
