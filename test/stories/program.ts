/** Runs the real command line as a child, from the sources, and reads what it says. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export type Said = { readonly kind: string } & Readonly<Record<string, unknown>>;

export class Program {
  readonly process: ChildProcess;
  readonly said: Said[] = [];
  readonly #listeners = new Set<(line: Said) => void>();
  readonly #ended: Promise<unknown>;
  stderr = "";

  /** @param env - set besides what this process has */
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.process = spawn(process.execPath, ["src/hirewire.ts", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.process.stderr?.on("data", (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
    if (this.process.stdout) {
      createInterface({ input: this.process.stdout }).on("line", (text) => {
        const line: Said = text.startsWith("{") ? JSON.parse(text) : { kind: "text", text };
        this.said.push(line);
        for (const listener of this.#listeners) listener(line);
      });
    }
    this.#ended = once(this.process, "close");
  }

  listen(listener: (line: Said) => void): void {
    this.#listeners.add(listener);
  }

  /** The first line, said or still to come, that fits. */
  heard(fits: (line: Said) => boolean): Promise<Said> {
    const before = this.said.find(fits);
    if (before) return Promise.resolve(before);
    return new Promise((resolve) => {
      this.listen((line) => {
        if (fits(line)) resolve(line);
      });
    });
  }

  /** The exit code; null when a signal ended it. */
  async ended(): Promise<number | null> {
    await this.#ended;
    return this.process.exitCode;
  }

  get last(): Said | undefined {
    return this.said.at(-1);
  }
}

/** Whether a process with this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
