/**
 * Runs task firmware: a module's bytes and an input in; a verdict, an output and a bill out.
 *
 * The module runs in a child process that has no files, no environment, no network and no keys, and that is killed at
 * the deadline: a process, because some hostile modules keep a worker thread from stopping for tens of seconds. Fuel
 * ends a run before that wherever the limit allows. `cores` children work at a time, and one more is warm. Of
 * two or more, one is kept for what is soon done: inspections, and jobs of little fuel. A child that ends on its own, or
 * is killed by someone else, costs the run one retry in another child.
 */
import { hash } from "node:crypto";
import { type Hex, toHex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { MAX_FUEL } from "../protocol/fuel.ts";
import type { Isolation } from "./executor/isolation.ts";
import { isLong, type Job, placeIn } from "./executor/job.ts";
import { Reserve } from "./executor/reserve.ts";
import { Station } from "./executor/station.ts";
import { MAX_BYTES, type Op, type OutlineBody, type ReplyHead, readOutline, type Verdict } from "./frames.ts";
import { MAX_MODULE_BYTES } from "./policy.ts";
import { type FuelRates, measureRates } from "./rates.ts";

export type { FuelRates, Isolation, Verdict };

/** A day. */
const MAX_WALL_MS = 86_400_000;
const INSPECT_MS = 2_000;
const BENCHMARK = { fuelLimit: MAX_FUEL, wallMs: 30_000, maxOutput: 8 };
const NOTHING = new Uint8Array();

type Limits = {
  /** Most fuel of one run, 1..{@link MAX_FUEL}. */
  readonly fuelLimit: number;
  /**
   * Milliseconds of wall-clock time from handing over to a ready child, 1..86,400,000. Compiling counts, and so do
   * the second run of one that did not end well and what it takes to start again where the child has ended.
   */
  readonly wallMs: number;
};

/** Neither the firmware nor an input may change before the result is there. */
export type RunRequest = Limits & {
  /** At most `MAX_MODULE_BYTES`, else it is rejected. */
  readonly firmware: Uint8Array;
  /** At most 64 MiB, else it is rejected; of a batch, it alone. */
  readonly input: Uint8Array;
  /** Most bytes of output, 0..64 MiB. */
  readonly maxOutput: number;
};

/** `wallMs` is for all runs together. */
export type BatchRequest = Omit<RunRequest, "input"> & { readonly inputs: readonly Uint8Array[] };

export type VerifyRequest = Omit<RunRequest, "maxOutput"> & { readonly output: Uint8Array };

export type RunResult =
  | { readonly verdict: "ok"; readonly output: Uint8Array; readonly fuel: number; readonly wallMs: number }
  | {
      readonly verdict: Exclude<Verdict, "ok">;
      /**
       * Of `bad-output`: `no_output`, `out_of_bounds`, `too_long` or `alloc_out_of_bounds`. Of `rejected`: a
       * `Rejection` of the policy, `invalid` (does not compile), `no_verify` or `input_too_large`. Else what the
       * engine says, for people to read.
       */
      readonly reason: string;
      /** 0 when rejected, at the deadline, and where this machine is at fault. */
      readonly fuel: number;
      readonly wallMs: number;
    };

export type VerifyResult = {
  /** How the check itself ended: a wrong output is `ok` and not valid. */
  readonly verdict: Verdict;
  /** True only when the firmware's `verify` returned 1. */
  readonly valid: boolean;
  readonly reason?: string;
  readonly fuel: number;
  readonly wallMs: number;
};

export type Inspection =
  | ({ readonly verdict: "ok"; readonly metered: Hex } & Omit<OutlineBody, "metered">)
  | { readonly verdict: "rejected"; readonly rejection: string; readonly reason: string }
  | { readonly verdict: "deadline"; readonly reason: string };

/** What became of the inputs in turn; where one is missing, the deadline came first. */
type Answered<Result> = { readonly results: readonly Result[]; readonly wallMs: number };

export class Executor {
  readonly #clock: Clock;
  /** Children at work at the same time. */
  readonly cores: number;
  readonly #reserve: Reserve;
  readonly #queue: Job[] = [];
  #stations: Station[] = [];
  #isOpen: boolean = false;
  #isolation: Isolation | null = null;

  /** `cores`: children at work at the same time, 1 unless told. */
  constructor(options: { readonly clock: Clock; readonly cores?: number }) {
    this.#clock = options.clock;
    this.#reserve = new Reserve(options.clock);
    this.cores = options.cores ?? 1;
  }

  /**
   * Starts the children and waits until they are ready.
   *
   * @throws {@link Fault} `executor_died` when one does not start
   */
  async start(): Promise<void> {
    this.#isOpen = true;
    this.#reserve.open();
    const started = await Promise.allSettled(Array.from({ length: this.cores }, () => this.#reserve.take()));
    const failure = started.find((result) => result.status === "rejected");
    if (failure !== undefined) {
      await this.stop();
      throw failure.reason;
    }
    this.#stations = started
      .flatMap((result) => (result.status === "fulfilled" ? [result.value] : []))
      .map((child) => {
        this.#isolation = child.isolation;
        const hire = () => this.#reserve.take();
        return new Station({ clock: this.#clock, child, hire, isFree: () => this.#feed() });
      });
    this.#feed();
  }

  /** Kills the children; runs that are queued or under way end with the fault `executor_died`. */
  async stop(): Promise<void> {
    this.#isOpen = false;
    for (const job of this.#queue.splice(0)) job.fail(stopped());
    for (const station of this.#stations.splice(0)) station.stop(stopped());
    await this.#reserve.close();
  }

  /** Process ids of the children that live now, the warm one included. */
  get pids(): number[] {
    return this.#reserve.children.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** How the children are kept from the network; null before the first start. */
  get isolation(): Isolation | null {
    return this.#isolation;
  }

  /**
   * Runs a module on an input.
   *
   * @throws {@link Fault} `executor_died` when two children in turn ended under it, or the executor is not started;
   *   `usage` when a limit is out of range
   */
  async run(request: RunRequest): Promise<RunResult> {
    const [result] = await this.runBatch({ ...request, inputs: [request.input] });
    if (result === undefined) throw new Fault("impossible", "a run has no result");
    return result;
  }

  /**
   * Runs a module on many inputs, each in a state as good as fresh and with the same fuel limit. Inputs that the
   * deadline overtakes have the verdict `deadline`, those before them what they came to.
   *
   * @throws {@link Fault} `executor_died` and `usage`, as for {@link Executor.run}
   */
  async runBatch(request: BatchRequest): Promise<RunResult[]> {
    const { firmware, inputs, maxOutput } = request;
    if (!(Number.isInteger(maxOutput) && maxOutput >= 0 && maxOutput <= MAX_BYTES)) {
      throw new Fault("usage", `expected maxOutput within 0..${MAX_BYTES}, got ${maxOutput}`);
    }
    const excess = tooLarge(firmware, []);
    const taken = inputs.filter(({ length }) => length <= MAX_BYTES);
    const asked = { ...request, inputs: taken, output: NOTHING };
    const { results, wallMs } = await this.#submit("run", asked, excess, runResult);
    let next = 0;
    return inputs.map(({ length }) => {
      if (length > MAX_BYTES) return notRun(excess ?? "input_too_large", 0);
      return results[next++] ?? notRun(excess, wallMs);
    });
  }

  /**
   * Asks a module's `verify` whether an output answers an input.
   *
   * @throws {@link Fault} `executor_died` and `usage`, as for {@link Executor.run}
   */
  async verify(request: VerifyRequest): Promise<VerifyResult> {
    const excess = tooLarge(request.firmware, [request.input, request.output]);
    const asked = { ...request, inputs: [request.input], maxOutput: 0 };
    const { results, wallMs } = await this.#submit("verify", asked, excess, verifyResult);
    return results[0] ?? { ...notRun(excess, wallMs), valid: false };
  }

  /**
   * What a module is: judged, validated and instrumented like one that runs, within two seconds.
   *
   * @throws {@link Fault} `executor_died`, as for {@link Executor.run}
   */
  async inspect(firmware: Uint8Array): Promise<Inspection> {
    const limits = { fuelLimit: 1, wallMs: INSPECT_MS, maxOutput: 0 };
    const asked = { firmware, inputs: [NOTHING], output: NOTHING, ...limits };
    const excess = tooLarge(firmware, []);
    if (excess !== null) {
      const reason = `the module has ${firmware.length} bytes; at most ${MAX_MODULE_BYTES}`;
      return { verdict: "rejected", rejection: excess, reason };
    }
    const { results } = await this.#submit("inspect", asked, null, inspection);
    return results[0] ?? { verdict: "deadline", reason: `not done within ${INSPECT_MS} ms` };
  }

  /**
   * How much fuel a second this machine gives one run now, by memory class: the geometric mean of computing alone and of
   * loads that depend on each other, over the whole memory. It takes about two seconds and waits for its turn like any
   * run.
   *
   * @throws {@link Fault} `executor_died`, as for {@link Executor.run}, and where one of them does not run to its end
   */
  benchmark(): Promise<FuelRates> {
    return measureRates(async (firmware, input) => {
      const result = await this.run({ firmware, input, ...BENCHMARK });
      if (result.verdict === "ok") return result;
      const { verdict, reason } = result;
      throw new Fault("executor_died", "a benchmark did not end well", { facts: { verdict, reason } });
    });
  }

  #submit<Result>(
    op: Op,
    request: Pick<Job, "firmware" | "inputs" | "output" | "fuelLimit" | "maxOutput" | "wallMs">,
    excess: string | null,
    read: (head: ReplyHead, body: Uint8Array, wallMs: number) => Result | null,
  ): Promise<Answered<Result>> {
    const { fuelLimit, wallMs, firmware, inputs } = request;
    if (!(wallMs >= 1 && wallMs <= MAX_WALL_MS)) {
      throw new Fault("usage", `expected wallMs within 1..${MAX_WALL_MS}, got ${wallMs}`);
    }
    if (!(Number.isInteger(fuelLimit) && fuelLimit >= 1 && fuelLimit <= MAX_FUEL)) {
      throw new Fault("usage", `expected fuelLimit within 1..${MAX_FUEL}, got ${fuelLimit}`);
    }
    if (!this.#isOpen) throw stopped();
    if (excess !== null || inputs.length === 0) return Promise.resolve({ results: [], wallMs: 0 });
    const digest = hash("sha256", firmware, "buffer");
    const results: Result[] = [];
    return new Promise((resolve, reject) => {
      this.#give({
        ...request,
        ...{ op, hash: digest, key: digest.toString("latin1") },
        take: (head, body, at) => {
          const result = read(head, body, at);
          if (result !== null) results.push(result);
          return result !== null;
        },
        end: (took) => resolve({ results, wallMs: took }),
        fail: reject,
      });
    });
  }

  #give(job: Job): void {
    this.#queue.splice(placeIn(this.#queue, job), 0, job);
    this.#feed();
  }

  /**
   * Gives queued jobs to stations: to one that is idle, else, if they are brief, behind other brief ones. Only long jobs
   * that wait for each other are passed; any other job is waited for, or brief ones could pass it for ever.
   */
  #feed(): void {
    for (;;) {
      const job = this.#queue.find((each) => !isLong(each) || this.#mayTakeLong());
      if (job === undefined) return;
      const [station, ...more] = this.#stations.filter((each) => each.mayTake(job));
      if (station === undefined) return;
      this.#queue.splice(this.#queue.indexOf(job), 1);
      more.reduce((best, each) => (each.length < best.length ? each : best), station).take(job);
    }
  }

  /** Whether, where there is more than one station, a long job more leaves one to the others. */
  #mayTakeLong(): boolean {
    const taken = this.#stations.filter((each) => each.isLong).length;
    return taken < Math.max(1, this.#stations.length - 1);
  }
}

function notRun(excess: string | null, wallMs: number): RunResult & { readonly reason: string } {
  const verdict = excess === null ? "deadline" : "rejected";
  return { verdict, reason: excess ?? "killed", fuel: 0, wallMs };
}

function runResult({ verdict, fuel }: ReplyHead, body: Uint8Array, wallMs: number): RunResult {
  if (verdict === "ok") return { verdict, output: body, fuel, wallMs };
  return { verdict, reason: said(body), fuel, wallMs };
}

function verifyResult({ verdict, valid, fuel }: ReplyHead, body: Uint8Array, wallMs: number): VerifyResult {
  if (verdict === "ok") return { verdict, valid, fuel, wallMs };
  return { verdict, valid: false, reason: said(body), fuel, wallMs };
}

/** Null when a module is said to be ok, but not what it is. */
function inspection({ verdict }: ReplyHead, body: Uint8Array): Inspection | null {
  if (verdict === "ok") {
    const outline = readOutline(body);
    return outline && { verdict, ...outline, metered: toHex(outline.metered) };
  }
  const [rejection = "", ...reason] = said(body).split(" ");
  return { verdict: "rejected", rejection, reason: reason.join(" ") };
}

/** What a child says, without what could move a terminal. */
function said(body: Uint8Array): string {
  return Buffer.from(body)
    .toString("latin1")
    .replaceAll(/[^ -~]/g, "?");
}

function tooLarge(
  firmware: Uint8Array,
  inputs: readonly Uint8Array[],
): "too_large" | "input_too_large" | null {
  if (firmware.length > MAX_MODULE_BYTES) return "too_large";
  return inputs.some(({ length }) => length > MAX_BYTES) ? "input_too_large" : null;
}

function stopped(): Fault {
  return new Fault("executor_died", "the executor is not running");
}
