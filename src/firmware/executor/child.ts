/** One child process that runs task firmware, as its parent sees it: it takes requests, says replies, and is killable. */
import { setPriority } from "node:os";
import { extname } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { READY } from "../frames.ts";
import { Shelf } from "../shelf.ts";
import { type Isolation, startIsolated } from "./isolation.ts";
import { type Receiver, ReplyReader } from "./reply-reader.ts";

const PROGRAM = new URL(`../executor-child${extname(import.meta.url)}`, import.meta.url);
/** Characters of the child's last words that a fault carries. */
const WORDS = 500;
/** A child is ready after 0.1 s; on a machine that swaps, after seconds. */
const START_MS = 30_000;
/** Whatever else this machine does comes first. */
const NICENESS = 10;

type Isolated = Awaited<ReturnType<typeof startIsolated>>;

/** Whoever has given the child requests. */
export type Listener = Receiver & {
  /** The child has ended: killed by us or by others, or because what it said was not accepted. */
  readonly ended: () => void;
};

export class Child {
  readonly #process: Isolated["process"];
  #listener: Listener | null = null;
  #words = "";
  #isEnded: boolean = false;
  /** Modules that the child holds. */
  readonly shelf = new Shelf<true>();
  readonly isolation: Isolation;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;

  private constructor({ isolation, process }: Isolated) {
    this.isolation = isolation;
    this.#process = process;
    this.gone = new Promise((resolve) => {
      const end = () => {
        this.#end();
        resolve();
      };
      this.#process.once("error", end);
      this.#process.once("close", end);
    });
    this.#process.stdin.on("error", () => this.kill());
    this.#process.stderr.on("data", (chunk: Uint8Array) => {
      this.#words = (this.#words + String(chunk)).slice(0, WORDS);
    });
    const reader = new ReplyReader({
      accepts: (head) => !this.#isEnded && this.#listener?.accepts(head) === true,
      take: (head, body) => this.#listener?.take(head, body),
    });
    this.#process.stdout.on("data", (chunk: Uint8Array) => {
      // whatever speaks nonsense is not our program any more
      if (!this.#isEnded && !reader.push(chunk)) this.kill();
    });
  }

  /**
   * Starts a child and waits until it is ready.
   *
   * @throws {@link Fault} `executor_died` when it ends before that, or is not ready within half a minute
   */
  static async start(clock: Clock): Promise<Child> {
    const isolated = await startIsolated(PROGRAM).catch((cause: unknown) => {
      throw new Fault("executor_died", "the program of the executor's child cannot be read", { cause });
    });
    const child = new Child(isolated);
    child.#stepBack();
    const callOff = clock.after(START_MS, () => child.kill());
    const isReady = await new Promise<boolean>((resolve) => {
      child.listen({
        accepts: ({ number, length }) => number === READY && length === 0,
        take: () => resolve(true),
        ended: () => resolve(false),
      });
    });
    callOff();
    if (isReady) return child;
    throw new Fault("executor_died", "the executor's child process did not start", {
      facts: { words: child.words },
    });
  }

  /** Whether it can be given requests. */
  get isLive(): boolean {
    const { pid, exitCode, signalCode } = this.#process;
    return !this.#isEnded && pid !== undefined && exitCode === null && signalCode === null;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** What it has written to its standard error, printable. */
  get words(): string {
    return this.#words.replaceAll(/[^\n -~]/g, "?");
  }

  /** Everything from here on is said to this listener, an end that has been already too. */
  listen(listener: Listener): void {
    this.#listener = listener;
    if (this.#isEnded) listener.ended();
  }

  /** The chunks, one after the other; they must not change until their replies are there. */
  write(chunks: readonly Uint8Array[]): void {
    if (!this.isLive) return;
    const { stdin } = this.#process;
    // what is written in one turn goes in one call
    if (stdin.writableCorked === 0) {
      stdin.cork();
      process.nextTick(() => stdin.uncork());
    }
    for (const chunk of chunks) stdin.write(chunk);
  }

  /** Ends it at once (SIGKILL). */
  kill(): void {
    this.#process.kill("SIGKILL");
    this.#end();
  }

  #stepBack(): void {
    const { pid } = this;
    if (pid === undefined) return;
    try {
      setPriority(pid, NICENESS);
    } catch (error) {
      // it may be gone already, which its listener is told
      if (this.isLive && !isSystemError(error)) throw error;
    }
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#listener?.ended();
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_SYSTEM_ERROR";
}
