/** One child process that runs task firmware, as its parent sees it: asked one thing at a time, and killable. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { extname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Fault } from "../base/fault.ts";
import { type Frame, FrameReader, frameChunks } from "./frames.ts";

/** The child reads these files and no other. The first is its program. */
const FILES = ["executor-child", "frames", "policy"].map((name) =>
  fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url)),
);
/** Characters of the child's last words that a fault carries. */
const WORDS = 500;

export class Child {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #reader = new FrameReader();
  readonly #waiting: ((frame: Frame | null) => void)[] = [];
  #words = "";
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;

  private constructor(process: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#process = process;
    this.gone = new Promise((resolve) => {
      const end = () => {
        this.#end();
        resolve();
      };
      process.once("error", end);
      process.once("close", end);
    });
  }

  /**
   * Starts a child and waits until it is ready.
   *
   * @throws {@link Fault} `executor_died` when it ends before that
   */
  static async start(): Promise<Child> {
    const [program = "", ...rest] = FILES;
    const reads = [program, ...rest].map((file) => `--allow-fs-read=${file}`);
    const child = new Child(
      spawn(process.execPath, ["--permission", ...reads, "--max-old-space-size=64", program], {
        env: {},
        stdio: ["pipe", "pipe", "pipe"],
      }),
    );
    child.#listen();
    if ((await child.#next()) !== null) return child;
    await child.gone;
    throw new Fault("executor_died", "the executor's child process did not start", {
      facts: { words: child.#words },
    });
  }

  /** Whether it can be asked. */
  get isLive(): boolean {
    const { pid, killed, exitCode, signalCode } = this.#process;
    return pid !== undefined && !killed && exitCode === null && signalCode === null;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Sends a request and resolves with its reply, or with null when the child ended instead. */
  ask(header: object, parts: readonly Uint8Array[]): Promise<Frame | null> {
    const reply = this.#next();
    if (this.isLive) {
      this.#process.stdin.cork();
      for (const chunk of frameChunks(header, parts)) this.#process.stdin.write(chunk);
      this.#process.stdin.uncork();
    }
    return reply;
  }

  /** Ends it at once (SIGKILL); whoever waits for a reply gets null. */
  kill(): void {
    this.#process.kill("SIGKILL");
    this.#end();
  }

  #next(): Promise<Frame | null> {
    if (!this.isLive) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #read(chunk: Uint8Array): void {
    const frames = this.#reader.push(chunk);
    if (frames === null) this.kill();
    else for (const frame of frames) this.#waiting.shift()?.(frame);
  }

  #listen(): void {
    this.#process.stdin.on("error", () => this.kill());
    this.#process.stdout.on("data", (chunk: Uint8Array) => this.#read(chunk));
    this.#process.stderr.on("data", (chunk: Uint8Array) => {
      this.#words = (this.#words + String(chunk)).slice(0, WORDS);
    });
  }

  #end(): void {
    for (const resolve of this.#waiting.splice(0)) resolve(null);
  }
}
