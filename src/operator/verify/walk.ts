/**
 * Walks of the journal, one at a time, each in a thread of its own: the gateway goes on meanwhile. The newest result is
 * remembered as long as the process lives.
 */
import { Worker } from "node:worker_threads";
import type { Clock } from "../../base/clock.ts";
import { Fault, type FaultCode } from "../../base/fault.ts";
import type { LaneKey } from "../../settlement/chain.ts";
import type { Verification } from "../api/settlement.ts";
import type { LanesSeen, ReadLanes } from "./lanes.ts";
import type { Pace, WalkAnswer, WalkReport, WalkStart } from "./walker.ts";

/** How long a start has passed before the journal is walked by itself, milliseconds: devices come back first. */
const IDLE_AFTER_MS = 30_000;

/** How often a walk says how far it is, milliseconds. */
const TELL_EVERY_MS = 400;

export type WalksOptions = {
  /** The gateway's folder. */
  readonly data: string;
  readonly clock: Clock;
  /** Null where lanes are not to be compared. */
  readonly lanes: ReadLanes | null;
  /** Called every {@link TELL_EVERY_MS} while a walk runs, and at its end. */
  readonly onProgress?: (verification: Verification) => void;
  /** A walk that could not be finished: the disk failed, say. */
  readonly onFault?: (fault: Fault) => void;
  /** Starts what walks: by default a thread. */
  readonly spawn?: (start: WalkStart, callbacks: WalkCallbacks) => Walker;
};

export type WalkCallbacks = {
  readonly onReport: (report: WalkReport) => void;
  /** Nothing is reported after it. */
  readonly onEnd: () => void;
};

/** A walk under way. */
export type Walker = {
  readonly answer: (answer: WalkAnswer) => void;
  /** Ends it, wherever it is. */
  readonly end: () => Promise<unknown>;
};

const NEVER: Verification = {
  state: "never",
  startedAt: null,
  endedAt: null,
  checked: 0,
  total: 0,
  signatures: 0,
  head: null,
  broken: null,
  chain: null,
};

export class Walks {
  readonly #options: WalksOptions;
  #newest: Verification = NEVER;
  /** What is told again when a walk cannot be finished. */
  #before: Verification = NEVER;
  #walker: Walker | null = null;
  #ending: Promise<unknown> = Promise.resolve();
  #cancelTelling: () => void = () => undefined;
  #cancelIdle: () => void = () => undefined;
  #isClosed: boolean = false;

  constructor(options: WalksOptions) {
    this.#options = options;
  }

  /** The walk that runs, or how the newest one has ended. */
  newest(): Verification {
    return this.#newest;
  }

  /** Walks once by itself, at the lowest priority, some time after the start; not when somebody has asked before. */
  onceIdle(): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#options.clock.after(IDLE_AFTER_MS, () => {
      if (this.#newest.state === "never") this.begin("idle");
    });
  }

  /** Begins a walk, unless one runs; which of them runs now. */
  begin(pace: Pace = "full"): Verification {
    if (this.#walker || this.#isClosed) return this.#newest;
    const { clock, data, lanes } = this.#options;
    const start: WalkStart = { data, pace, readsChain: lanes !== null };
    this.#before = this.#newest;
    this.#newest = { ...NEVER, state: "running", startedAt: clock.now() };
    try {
      this.#walker = this.#seat(start);
    } catch (cause) {
      // no memory for a thread, say
      this.#fail("impossible", cause instanceof Error ? cause.message : String(cause));
      return this.#newest;
    }
    this.#tell();
    return this.#newest;
  }

  /** Ends the walk that runs; none begins after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelIdle();
    this.#cancelTelling();
    await this.#walker?.end();
    await this.#ending;
  }

  #seat(start: WalkStart): Walker {
    const walker = (this.#options.spawn ?? spawnThread)(start, {
      onReport: (report) => {
        if (this.#walker === walker) this.#heard(walker, report);
      },
      onEnd: () => {
        if (this.#walker === walker && !this.#isClosed) this.#fail("impossible", "its thread has ended");
      },
    });
    return walker;
  }

  #heard(walker: Walker, report: WalkReport): void {
    switch (report.kind) {
      case "progress":
        this.#newest = { ...this.#newest, ...said(report.verified), total: report.total };
        return;
      case "lanes":
        void this.#see(report.keys).then((seen) => walker.answer({ seen }));
        return;
      case "holds": {
        const { verified, chain } = report;
        this.#end({ ...said(verified), total: verified.held, state: "holds", chain });
        return;
      }
      case "broken": {
        const { verified, index, why } = report;
        const total = Math.max(this.#newest.total, index);
        this.#end({ ...said(verified), total, state: "broken", broken: { index, why } });
        return;
      }
      case "failed":
        this.#fail(report.code, report.message);
    }
  }

  /** Null when the chain cannot be read: settlement tells of that. */
  #see(keys: readonly LaneKey[]): Promise<LanesSeen | null> {
    return this.#options.lanes?.(keys).catch(() => null) ?? Promise.resolve(null);
  }

  #end(result: Partial<Verification>): void {
    this.#newest = { ...this.#newest, ...result, endedAt: this.#options.clock.now() };
    this.#release();
  }

  #fail(code: FaultCode, message: string): void {
    this.#newest = this.#before;
    this.#options.onFault?.(new Fault(code, `the journal could not be walked: ${message}`));
    this.#release();
  }

  /** The walk is over: the next one may begin while its thread still ends. */
  #release(): void {
    this.#ending = this.#walker?.end() ?? Promise.resolve();
    this.#walker = null;
    this.#cancelTelling();
    this.#options.onProgress?.(this.#newest);
  }

  #tell(): void {
    // first, as whoever is told may end everything
    this.#cancelTelling = this.#options.clock.after(TELL_EVERY_MS, () => this.#tell());
    this.#options.onProgress?.(this.#newest);
  }
}

function spawnThread(workerData: WalkStart, { onReport, onEnd }: WalkCallbacks): Walker {
  // in the sources and in the built package alike
  const file = import.meta.url.endsWith(".ts") ? "./walker.ts" : "./walker.js";
  // the flags of this process are about its own program
  const worker = new Worker(new URL(file, import.meta.url), { workerData, name: "verify", execArgv: [] });
  worker.on("message", onReport);
  // its end follows, and is what counts
  worker.on("error", () => undefined);
  worker.on("exit", onEnd);
  return { answer: (answer) => worker.postMessage(answer), end: () => worker.terminate() };
}

function said({ held, signatures, head }: { held: number; signatures: number; head: { hash: string } }) {
  return { checked: held, signatures, head: held === 0 ? null : head.hash };
}
