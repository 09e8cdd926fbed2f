/** The demo's processes: gateway and devices as children that say JSON lines and end with their parent. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { projectRoot } from "../project-root.ts";

/** One JSON line of a child. */
export type Line = { readonly kind: string } & Readonly<Record<string, unknown>>;

/** How long a child may take to end by itself, milliseconds. */
const STOP_MS = 8_000;

export class Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(name: string, args: readonly string[], hear: (line: Line) => void) {
    this.name = name;
    // An IPC channel tells a child at once when its parent is gone, however that ended.
    this.process = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
      stdio: ["pipe", "pipe", "inherit", "ipc"],
    });
    this.process.stdin?.on("error", () => undefined);
    const { stdout } = this.process;
    if (stdout) createInterface({ input: stdout }).on("line", (text) => hear(parseLine(text)));
    this.ended = once(this.process, "close").then(() => this.process.exitCode);
  }

  /** Asks the child to do something. */
  send(what: Line): void {
    if (this.process.connected) this.process.send(what);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.stdin?.end();
      this.process.kill("SIGTERM");
    }
    const late = AbortSignal.timeout(STOP_MS);
    const kill = () => this.process.kill("SIGKILL");
    late.addEventListener("abort", kill, { once: true });
    await this.ended;
    late.removeEventListener("abort", kill);
  }
}

function parseLine(text: string): Line {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "kind" in value) return value as Line;
  } catch {
    // Not JSON: a warning of a library. Shown as it is.
  }
  return { kind: "text", text };
}

/** A program of ours: `.ts` when run from the sources, `.js` when built. */
export function programPath(path: string): string {
  const built = import.meta.url.endsWith(".js");
  return join(projectRoot(), built ? join("dist", path.replace(/\.ts$/, ".js")) : path);
}
