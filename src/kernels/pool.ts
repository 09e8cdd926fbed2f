/**
 * Signature checks on all cores but one.
 *
 * Few checks are done where they are asked for. More are shared among the workers, each account with one worker as far
 * as that keeps all of them busy: so a key's table is built once, and each worker remembers its part of what one thread
 * alone would: all of them together have as much memory for keys as this thread has of its own. What comes while they are busy waits for company,
 * until they are done, there are 256 or 2 ms have passed.
 *
 * A worker is started when it is first needed, and until it is ready its share is done here, so that nobody waits for
 * the start. Since each takes some 25 MB of memory, a pool can be told how much work in a second is worth them. One that dies is replaced at the next need; what it had not answered is done here. On one core everything
 * is done here.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { type Clock, type Instant, instant } from "../base/clock.ts";
import { curveKernels } from "./kernels.ts";
import { DEFAULT_CAPS } from "./known-keys.ts";
import { checkSigners, judgeGroup } from "./signature.ts";
import { groupOf, partOf, type SignatureCheck, type SignatureGroup } from "./signature-group.ts";
import { moduleOf } from "./variant.ts";
import type { WorkerAnswer, WorkerJob, WorkerStart } from "./worker.ts";

/** Fewer than this are not worth a way to another thread and back. */
const FEWEST_SHARED = 64;

/** Checks that wait together at most, and for how long, while workers are busy. */
const FLUSH_AT = 256;
const FLUSH_MS = 2;

/** For how long checks are counted together, milliseconds. */
const COUNTED_MS = 1_000;

/** Deaths without an answer in between, after which a seat stays empty. */
const MOST_DEATHS = 3;

export type SignaturePoolOptions = {
  readonly clock: Clock;
  /** Workers; by default one for each core but this thread's. */
  readonly size?: number;
  /** Checks within a second without which no worker is started; 0 unless told. {@link SignaturePool.start} asks nobody. */
  readonly worthwhile?: number;
  /** Starts a worker: by default a thread. */
  readonly spawn?: (start: WorkerStart) => Worker;
};

type Waiting = {
  readonly checks: readonly SignatureCheck[];
  readonly resolve: (verdicts: readonly boolean[]) => void;
  readonly reject: (cause: unknown) => void;
};

type Job = {
  readonly group: SignatureGroup;
  readonly resolve: (verdicts: Uint8Array) => void;
  readonly reject: (cause: unknown) => void;
};

/** One worker's place. */
type Seat = {
  worker: Worker | null;
  isReady: boolean;
  deaths: number;
  readonly jobs: Map<number, Job>;
  /** To be called when the worker is ready, or has died before. */
  settled: (() => void)[];
};

export class SignaturePool {
  readonly #clock: Clock;
  readonly #spawn: (start: WorkerStart) => Worker;
  readonly #seats: readonly Seat[];
  readonly #worthwhile: number;
  /** Checks since `#countedFrom`. */
  #counted = 0;
  #countedFrom: Instant = instant(0);
  #waiting: Waiting[] = [];
  #waitingChecks = 0;
  #cancelFlush: (() => void) | null = null;
  #jobs = 0;
  #isClosed: boolean = false;

  constructor(options: SignaturePoolOptions) {
    const { clock, size = availableParallelism() - 1, worthwhile = 0, spawn = spawnThread } = options;
    this.#clock = clock;
    this.#spawn = spawn;
    this.#worthwhile = worthwhile;
    this.#seats = Array.from({ length: size }, emptySeat);
  }

  /** Workers that are ready. */
  get ready(): number {
    return this.#seats.filter(({ isReady }) => isReady).length;
  }

  /** Starts all workers before they are needed. Resolves when each is ready, or has failed. */
  async start(): Promise<void> {
    const waits = this.#seats.map((seat) => {
      if (this.#workerAt(seat) !== null || seat.worker === null) return Promise.resolve();
      seat.worker.ref();
      return new Promise<void>((resolve) => seat.settled.push(resolve));
    });
    await Promise.all(waits);
  }

  /** As `checkSigners` of signature.ts. Rejects only with a {@link Fault} of the kernels. */
  check(checks: readonly SignatureCheck[]): Promise<readonly boolean[]> {
    const isShared =
      checks.length >= FEWEST_SHARED &&
      this.#seats.length > 0 &&
      !this.#isClosed &&
      this.#isWorthwhile(checks.length);
    return new Promise((resolve, reject) => {
      if (!isShared) return resolve(checkSigners(checks));
      this.#waiting.push({ checks, resolve, reject });
      this.#waitingChecks += checks.length;
      const isBusy = this.#seats.some(({ jobs }) => jobs.size > 0);
      if (this.#waitingChecks >= FLUSH_AT || !isBusy) this.#flush();
      else this.#cancelFlush ??= this.#clock.after(FLUSH_MS, () => this.#flush());
    });
  }

  /** Ends the workers; what waits is answered first. Checks that come later are done where they are asked for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#flush();
    for (const seat of this.#seats) answerHere(seat);
    await Promise.all(this.#seats.map(({ worker }) => worker?.terminate()));
  }

  /** Whether a worker is here already, or what has come of late is worth one. */
  #isWorthwhile(checks: number): boolean {
    const now = this.#clock.now();
    if (Math.abs(now - this.#countedFrom) > COUNTED_MS) {
      this.#counted = 0;
      this.#countedFrom = now;
    }
    this.#counted += checks;
    return this.#counted >= this.#worthwhile || this.#seats.some(({ worker }) => worker !== null);
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingChecks = 0;
    if (waiting.length === 0) return;
    this.#judge(groupOf(waiting.flatMap(({ checks }) => checks))).then(
      (verdicts) => {
        let from = 0;
        for (const { checks, resolve } of waiting) {
          resolve(verdicts.slice(from, from + checks.length));
          from += checks.length;
        }
      },
      (cause) => {
        for (const { reject } of waiting) reject(cause);
      },
    );
  }

  async #judge(group: SignatureGroup): Promise<readonly boolean[]> {
    const verdicts = new Array<boolean>(group.count).fill(false);
    const shares = shareOut(group, this.#seats.length);
    await Promise.all(
      shares.map(async (indices, at) => {
        const bits = await this.#run(this.#seats[at], partOf(group, indices));
        for (const [place, index] of indices.entries()) {
          verdicts[index] = (((bits[place >> 3] ?? 0) >> (place & 7)) & 1) === 1;
        }
      }),
    );
    if (this.#seats.every(({ jobs }) => jobs.size === 0)) this.#flush();
    return verdicts;
  }

  #run(seat: Seat | undefined, group: SignatureGroup): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const worker = group.count > 0 && seat ? this.#workerAt(seat) : null;
      if (!seat || worker === null) return resolve(judgeGroup(group));
      const job: WorkerJob = { id: this.#jobs++, group };
      seat.jobs.set(job.id, { group, resolve, reject });
      worker.ref();
      worker.postMessage(job);
    });
  }

  /** The worker of a seat, once it is ready. */
  #workerAt(seat: Seat): Worker | null {
    if (this.#isClosed) return null;
    if (seat.worker === null && seat.deaths < MOST_DEATHS) this.#seatWorker(seat);
    return seat.isReady ? seat.worker : null;
  }

  #seatWorker(seat: Seat): void {
    const { variant } = curveKernels();
    const part = (of: number) => Math.ceil(of / this.#seats.length);
    const caps = { tables: part(DEFAULT_CAPS.tables), keys: part(DEFAULT_CAPS.keys) };
    const start: WorkerStart = { variant, module: moduleOf(variant), caps };
    let worker: Worker;
    try {
      worker = this.#spawn(start);
    } catch {
      // no memory for a thread, say: this one does its work
      seat.deaths += 1;
      return;
    }
    seat.worker = worker;
    worker.unref();
    worker.on("message", (answer: WorkerAnswer) => {
      if (answer === "ready") {
        seat.isReady = true;
        worker.unref();
        return settle(seat);
      }
      seat.deaths = 0;
      seat.jobs.get(answer.id)?.resolve(answer.verdicts);
      seat.jobs.delete(answer.id);
      if (seat.jobs.size === 0) worker.unref();
    });
    // its end follows, and is what counts
    worker.on("error", () => {});
    worker.once("exit", () => {
      seat.worker = null;
      seat.isReady = false;
      seat.deaths += 1;
      settle(seat);
      answerHere(seat);
    });
  }
}

function emptySeat(): Seat {
  return { worker: null, isReady: false, deaths: 0, jobs: new Map(), settled: [] };
}

function settle(seat: Seat): void {
  for (const done of seat.settled.splice(0)) done();
}

/** Does what a worker has not answered. */
function answerHere({ jobs }: Seat): void {
  const open = [...jobs.values()];
  jobs.clear();
  for (const { group, resolve, reject } of open) {
    try {
      resolve(judgeGroup(group));
    } catch (cause) {
      reject(cause);
    }
  }
}

function spawnThread(start: WorkerStart): Worker {
  // in the sources and in the built package alike
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
  // the flags of this process are about its own program
  return new Worker(new URL(file, import.meta.url), { workerData: start, name: "signatures", execArgv: [] });
}

/** How many times its even share a worker may get so that an account stays with it. */
const SLACK = 1.25;

/**
 * Indices for each worker. An account's go to the worker that its address names; what would be too much there goes to
 * whoever has least.
 */
export function shareOut(group: SignatureGroup, workers: number): readonly (readonly number[])[] {
  const shares: number[][] = Array.from({ length: workers }, () => []);
  const most = Math.ceil((group.count / workers) * SLACK);
  const homes = group.accounts.map((account) => Number.parseInt(account.slice(-6), 16) % workers);
  for (const [index, signer] of group.signers.entries()) {
    const home = shares[homes[signer] ?? 0];
    const least = shares.reduce((a, b) => (b.length < a.length ? b : a));
    (home && home.length < most ? home : least).push(index);
  }
  return shares;
}
