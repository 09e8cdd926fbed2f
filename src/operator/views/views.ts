/**
 * The views: what the journal comes to, read beside its writer and asked from any room.
 *
 * A thread of its own follows the journal and answers: the gateway's thread only passes questions and answers on. A
 * thread that dies is started again; whoever waited for it gets a fault.
 */
import { Worker } from "node:worker_threads";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { MarketPrices } from "../api/market.ts";
import type {
  ExportQuery,
  SettlementChoices,
  SettlementDetail,
  SettlementPage,
  SettlementQuery,
} from "../api/settlement.ts";
import type { Story, StoryEntry, TaskQuery } from "../api/task.ts";
import type { DeviceSums, PeriodSums, SliceSums } from "./ask.ts";
import type { TaskPage } from "./ask-tasks.ts";
import type { Owner } from "./directory.ts";
import type { Question, Questions, Request, Response, ToldFault, WorkerStart } from "./messages.ts";
import type { Read } from "./reader.ts";
import type { ChainSight } from "./sight.ts";

export type { DeviceSums, PeriodSums, SliceSums } from "./ask.ts";
export type { TaskPage } from "./ask-tasks.ts";
export type { Owner } from "./directory.ts";
export type { Read } from "./reader.ts";
export type { ChainSight } from "./sight.ts";

/** How soon the thread is told that there is more in the journal, milliseconds. */
const NOTE_MS = 250;

/** How long a thread that died is left alone, milliseconds; twice as long after each death without an answer. */
const FIRST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 30_000;

export type ViewsOptions = {
  /** The gateway's data folder. */
  readonly data: string;
  readonly clock: Clock;
  /** Where a transaction can be looked up, with `{transaction}`; empty for nowhere. */
  readonly explorer?: string;
  /** Called when more of the journal was read. */
  readonly onRead?: (read: Read) => void;
  /** Told once when the journal cannot be followed, or the thread has died. */
  readonly onFault?: (fault: Fault) => void;
  /** Starts the thread. */
  readonly spawn?: (start: WorkerStart) => Worker;
};

/** Every method rejects with a {@link Fault}; with `executor_died` when the thread has died meanwhile. */
export type Views = {
  /** The log, filtered and summed; newest first. Rejects with `usage` for a filter that cannot be read. */
  page(query: SettlementQuery, owner: Owner): Promise<SettlementPage>;
  choices(owner: Owner): Promise<SettlementChoices>;
  /** Rejects with `not_found`, also for what is not in the owner's view. */
  detail(sequence: number, owner: Owner): Promise<SettlementDetail>;
  /** Rejects with `not_found`, also for a task in which none of the owner's devices takes part. */
  story(task: string, owner: Owner): Promise<Story>;
  entry(index: number, owner: Owner): Promise<StoryEntry>;
  endedTasks(query: TaskQuery, owner: Owner): Promise<TaskPage>;
  /** Of a period, its first millisecond included and its last not. */
  sums(owner: Owner, from: number, to: number): Promise<PeriodSums>;
  /** Of the same period in slices: each begins at one of `starts`, which rise, and ends with the next one. */
  slices(owner: Owner, from: number, to: number, starts: readonly number[]): Promise<SliceSums[]>;
  perDevice(owner: Owner, from: number, to: number): Promise<DeviceSums[]>;
  prices(owner: Owner, from: number, to: number): Promise<MarketPrices["paid"]>;
  /** The filtered log as a file, made as it is read. */
  exportRows(query: ExportQuery, owner: Owner): AsyncIterable<Uint8Array>;
  /** Resolves when the journal is read up to where it ends now. */
  caughtUp(): Promise<Read>;
  /** There is more in the journal; costs one message in a quarter of a second. */
  noted(headIndex: number): void;
  sight(sight: ChainSight): void;
  /** How far the journal was read when the thread last said so. */
  read(): Read;
  /** Writes what is not written. Calls that come later reject. */
  close(): Promise<void>;
};

/** Starts to follow a folder's journal. Throws nothing: what is wrong comes with each answer. */
export function openViews(options: ViewsOptions): Views {
  return new WorkerViews(options);
}

type Waiting = { readonly resolve: (answer: unknown) => void; readonly reject: (cause: unknown) => void };

class WorkerViews implements Views {
  readonly #options: ViewsOptions;
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #ids = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #cancelRestart: (() => void) | null = null;
  #cancelNote: (() => void) | null = null;
  #noted = 0;
  #read: Read = { entries: 0, of: 0 };
  #sight: ChainSight | null = null;
  #closing: Promise<void> | null = null;
  #isClosed: boolean = false;

  constructor(options: ViewsOptions) {
    this.#options = options;
    this.#spawn();
  }

  page(...asked: Questions["page"]["asked"]) {
    return this.#ask("page", asked);
  }

  choices(...asked: Questions["choices"]["asked"]) {
    return this.#ask("choices", asked);
  }

  detail(...asked: Questions["detail"]["asked"]) {
    return this.#ask("detail", asked);
  }

  story(...asked: Questions["story"]["asked"]) {
    return this.#ask("story", asked);
  }

  entry(...asked: Questions["entry"]["asked"]) {
    return this.#ask("entry", asked);
  }

  endedTasks(...asked: Questions["endedTasks"]["asked"]) {
    return this.#ask("endedTasks", asked);
  }

  sums(...asked: Questions["sums"]["asked"]) {
    return this.#ask("sums", asked);
  }

  slices(...asked: Questions["slices"]["asked"]) {
    return this.#ask("slices", asked);
  }

  perDevice(...asked: Questions["perDevice"]["asked"]) {
    return this.#ask("perDevice", asked);
  }

  prices(...asked: Questions["prices"]["asked"]) {
    return this.#ask("prices", asked);
  }

  async *exportRows(query: ExportQuery, owner: Owner): AsyncGenerator<Uint8Array> {
    const id = await this.#ask("exportOpen", [query, owner]);
    try {
      for (;;) {
        const chunk = await this.#ask("exportNext", [id]);
        if (chunk === null) return;
        yield chunk;
      }
    } finally {
      // whoever stops reading leaves nothing open; a thread that died has forgotten it
      await this.#ask("exportClose", [id]).catch(() => null);
    }
  }

  caughtUp(): Promise<Read> {
    return this.#ask("caughtUp", []);
  }

  noted(headIndex: number): void {
    this.#noted = Math.max(this.#noted, headIndex);
    this.#read = { ...this.#read, of: Math.max(this.#read.of, headIndex) };
    if (this.#isClosed) return;
    this.#cancelNote ??= this.#options.clock.after(NOTE_MS, () => {
      this.#cancelNote = null;
      this.#post({ noted: this.#noted });
    });
  }

  sight(sight: ChainSight): void {
    this.#sight = sight;
    this.#post({ sight });
  }

  read(): Read {
    return this.#read;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#cancelNote?.();
    this.#cancelRestart?.();
    const worker = this.#worker;
    if (!worker) return;
    await this.#ask("close", []).catch(() => null);
    await worker.terminate();
  }

  #spawn(): void {
    const { data, explorer = "", spawn = spawnThread } = this.#options;
    let worker: Worker;
    try {
      worker = spawn({ data, explorer });
    } catch (cause) {
      this.#died(died(cause));
      return;
    }
    this.#worker = worker;
    let why: unknown = null;
    worker.unref();
    worker.on("message", (response: Response) => this.#take(response));
    worker.on("error", (cause) => {
      why = cause;
    });
    worker.once("exit", () => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#died(died(why));
    });
    if (this.#sight) this.#post({ sight: this.#sight });
  }

  #died(fault: Fault): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(fault);
    if (this.#isClosed) return;
    this.#options.onFault?.(fault);
    this.#cancelRestart = this.#options.clock.after(this.#pauseMs, () => this.#spawn());
    this.#pauseMs = Math.min(2 * this.#pauseMs, MOST_PAUSE_MS);
  }

  #take(response: Response): void {
    if ("read" in response) {
      this.#read = response.read;
      this.#options.onRead?.(response.read);
      return;
    }
    if ("trouble" in response) {
      if (response.trouble) this.#options.onFault?.(faultOf(response.trouble));
      return;
    }
    this.#pauseMs = FIRST_PAUSE_MS;
    const waiting = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ("fault" in response) waiting?.reject(faultOf(response.fault));
    else waiting?.resolve(response.answer);
  }

  #ask<Q extends Question>(ask: Q, asked: Questions[Q]["asked"]): Promise<Questions[Q]["answer"]> {
    return new Promise((resolve, reject) => {
      const worker = this.#worker;
      if (!worker || (this.#isClosed && ask !== "close")) return reject(died(null));
      const id = ++this.#ids;
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      // a command that only asks may end when it has its answer
      worker.ref();
      this.#post({ id, ask, asked });
    });
  }

  #post(request: Request): void {
    this.#worker?.postMessage(request);
  }
}

function died(cause: unknown): Fault {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new Fault("executor_died", `the views' thread has ended${why}; it is started again`, { cause });
}

function faultOf({ code, message, facts }: ToldFault): Fault {
  return new Fault(code, message, { facts });
}

function spawnThread(start: WorkerStart): Worker {
  // in the sources and in the built package alike
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
  // the flags of this process are about its own program; what is read is soon let go, and must not pile up before that
  const limits = { maxYoungGenerationSizeMb: 8 };
  const options = { workerData: start, name: "views", execArgv: [], resourceLimits: limits };
  return new Worker(new URL(file, import.meta.url), options);
}
