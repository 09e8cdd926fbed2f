/**
 * Runs task firmware: a module's bytes and an input in, a verdict and an output out.
 *
 * The module runs in a child process that has no files, no environment and no keys, and that is killed at the deadline:
 * a process, because some hostile modules keep a worker thread from stopping for tens of seconds. The child answers one
 * request at a time; `cores` children answer that many. A child that ends on its own, or is killed by someone else,
 * costs the run one retry in another child.
 */
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { Child } from "./child.ts";
import type { ChildReply, ChildRequest } from "./executor-child.ts";
import { type Frame, MAX_BODY } from "./frames.ts";
import { MAX_MODULE_BYTES } from "./policy.ts";

/**
 * How a run ended.
 *
 * - `ok`: it returned an output (whether that is right is for others to say)
 * - `trap`: it hit a trap or overflowed the stack
 * - `bad-output`: it gave no output, one outside its memory, or one longer than allowed
 * - `rejected`: it was not run; the reason is a `Rejection` of policy.ts, `invalid` (does not compile), `no_verify`
 *   or `input_too_large`
 * - `deadline`: it was killed
 */
type ExecutorVerdict = "ok" | "trap" | "bad-output" | "rejected" | "deadline";

/** A day. */
const MAX_WALL_MS = 86_400_000;

export interface RunRequest {
  readonly firmware: Uint8Array;
  readonly input: Uint8Array;
  /** Milliseconds of wall-clock time from handing over to a ready child, 1..86,400,000. Compiling counts. */
  readonly wallMs: number;
  /** Most bytes of output. */
  readonly maxOutput: number;
}

export interface VerifyRequest {
  readonly firmware: Uint8Array;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  /** As for a run. */
  readonly wallMs: number;
}

export type RunResult =
  | { readonly verdict: "ok"; readonly output: Uint8Array; readonly wallMs: number }
  | {
      readonly verdict: Exclude<ExecutorVerdict, "ok">;
      readonly reason: string;
      readonly wallMs: number;
    };

export interface VerifyResult {
  /** How the check itself ended: a wrong output is `ok` and not valid. */
  readonly verdict: ExecutorVerdict;
  /** True only when the firmware's `verify` returned 1. */
  readonly valid: boolean;
  readonly reason?: string;
  readonly wallMs: number;
}

interface Outcome {
  readonly verdict: ExecutorVerdict;
  readonly reason: string;
  readonly valid: boolean;
  readonly body: Uint8Array;
  readonly wallMs: number;
}

interface Job {
  readonly request: ChildRequest;
  readonly parts: readonly Uint8Array[];
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  child: Child | null;
}

export class Executor {
  readonly #clock: Clock;
  readonly #cores: number;
  readonly #queue: Job[] = [];
  /** Lanes that wait for a job. */
  readonly #idle: ((job: Job | null) => void)[] = [];
  readonly #children = new Set<Child>();
  #lanes: Promise<void>[] = [];
  #isOpen: boolean = false;

  /** `cores`: children at work at the same time, 1 unless told. */
  constructor(options: { readonly clock: Clock; readonly cores?: number }) {
    this.#clock = options.clock;
    this.#cores = options.cores ?? 1;
  }

  /**
   * Starts the children and waits until they are ready.
   *
   * @throws {@link Fault} `executor_died` when one does not start
   */
  async start(): Promise<void> {
    this.#isOpen = true;
    const started = await Promise.allSettled(Array.from({ length: this.#cores }, () => this.#spawn()));
    const failure = started.find((result) => result.status === "rejected");
    if (failure !== undefined) {
      await this.stop();
      throw failure.reason;
    }
    const children = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    this.#lanes = children.map((child) => this.#serve({ child }));
  }

  /** Kills the children; runs that are queued or under way end with the fault `executor_died`. */
  async stop(): Promise<void> {
    this.#isOpen = false;
    for (const job of this.#queue.splice(0)) job.reject(stopped());
    for (const wake of this.#idle.splice(0)) wake(null);
    const gone = [...this.#children].map((child) => child.gone);
    for (const child of this.#children) child.kill();
    await Promise.all([...this.#lanes, ...gone]);
    this.#lanes = [];
  }

  /** Process ids of the children that live now. */
  get pids(): number[] {
    return [...this.#children].flatMap((child) =>
      child.isLive && child.pid !== undefined ? [child.pid] : [],
    );
  }

  /**
   * Runs a module on an input.
   *
   * @throws {@link Fault} `executor_died` when two children in turn ended under it, or the executor is not started;
   *   `usage` when `wallMs` is out of range
   */
  async run({ firmware, input, wallMs, maxOutput }: RunRequest): Promise<RunResult> {
    const outcome = await this.#submit("run", wallMs, maxOutput, [firmware, input]);
    if (outcome.verdict !== "ok") {
      return { verdict: outcome.verdict, reason: outcome.reason, wallMs: outcome.wallMs };
    }
    return { verdict: "ok", output: outcome.body, wallMs: outcome.wallMs };
  }

  /**
   * Asks a module's `verify` whether an output answers an input.
   *
   * @throws {@link Fault} `executor_died` and `usage`, as for {@link Executor.run}
   */
  async verify({ firmware, input, output, wallMs }: VerifyRequest): Promise<VerifyResult> {
    const { verdict, valid, reason, ...rest } = await this.#submit("verify", wallMs, 0, [
      firmware,
      input,
      output,
    ]);
    const took = { wallMs: rest.wallMs };
    return verdict === "ok" ? { verdict, valid, ...took } : { verdict, valid: false, reason, ...took };
  }

  #submit(op: "run" | "verify", wallMs: number, maxOutput: number, parts: Uint8Array[]): Promise<Outcome> {
    const [firmwareBytes = 0, inputBytes = 0, outputBytes = 0] = parts.map((part) => part.length);
    if (firmwareBytes > MAX_MODULE_BYTES) return Promise.resolve(rejected("too_large"));
    if (firmwareBytes + inputBytes + outputBytes > MAX_BODY)
      return Promise.resolve(rejected("input_too_large"));
    if (!(wallMs >= 1 && wallMs <= MAX_WALL_MS)) {
      return Promise.reject(new Fault("usage", `expected wallMs within 1..${MAX_WALL_MS}, got ${wallMs}`));
    }
    if (!this.#isOpen) return Promise.reject(stopped());
    const request = { op, firmwareBytes, inputBytes, maxOutput, wallMs };
    return new Promise((resolve, reject) => {
      const job: Job = { request, parts, resolve, reject };
      const wake = this.#idle.shift();
      if (wake === undefined) this.#queue.push(job);
      else wake(job);
    });
  }

  /** One lane: takes jobs one after the other, and keeps a warm child for the next. */
  async #serve(lane: Lane): Promise<void> {
    while (this.#isOpen) {
      const job = this.#queue.shift() ?? (await new Promise<Job | null>((wake) => this.#idle.push(wake)));
      if (job === null) return;
      try {
        job.resolve(await this.#attempt(lane, job));
        await this.#warm(lane);
      } catch (error) {
        // of a job that is answered, only the warming can have failed: the next job tries that again and is told
        job.reject(error);
      }
    }
  }

  async #attempt(lane: Lane, job: Job): Promise<Outcome> {
    for (let attempts = 0; attempts < 2; attempts++) {
      const outcome = await this.#ask(await this.#warm(lane), job);
      if (outcome !== null) return outcome;
      if (!this.#isOpen) throw stopped();
    }
    throw new Fault("executor_died", "two child processes in turn ended while running one task firmware");
  }

  /** The lane's child, or another one when that has ended. */
  async #warm(lane: Lane): Promise<Child> {
    if (lane.child?.isLive) return lane.child;
    lane.child = null;
    lane.child = await this.#spawn();
    return lane.child;
  }

  async #spawn(): Promise<Child> {
    if (!this.#isOpen) throw stopped();
    const child = await Child.start();
    this.#children.add(child);
    void child.gone.then(() => this.#children.delete(child));
    if (this.#isOpen) return child;
    child.kill();
    await child.gone;
    throw stopped();
  }

  /** Null when the child ended without an answer before the deadline. */
  async #ask(child: Child, { request, parts }: Job): Promise<Outcome | null> {
    const began = this.#clock.now();
    let isLate = false;
    const cancel = this.#clock.after(request.wallMs, () => {
      isLate = true;
      child.kill();
    });
    const frame = await child.ask(request, parts);
    cancel();
    const wallMs = this.#clock.now() - began;
    if (isLate) return { ...NOTHING, verdict: "deadline", reason: "killed", wallMs };
    const outcome = frame && readReply(frame, request, wallMs);
    // whatever speaks nonsense is not our program any more
    if (outcome === null) child.kill();
    return outcome;
  }
}

const VERDICTS: readonly ChildReply["verdict"][] = ["ok", "trap", "bad-output", "rejected"];
const NOTHING = { reason: "", valid: false, body: new Uint8Array() };

/** The child has run hostile code, so its replies are read as anyone's. */
function readReply({ header, body }: Frame, request: ChildRequest, wallMs: number): Outcome | null {
  if (typeof header !== "object" || header === null) return null;
  const reply: { verdict?: unknown; reason?: unknown; valid?: unknown } = header;
  const verdict = VERDICTS.find((known) => known === reply.verdict);
  if (verdict === undefined || body.length > request.maxOutput) return null;
  const reason = typeof reply.reason === "string" ? reply.reason : "";
  return { verdict, reason, valid: reply.valid === true, body: new Uint8Array(body), wallMs };
}

function rejected(reason: string): Outcome {
  return { ...NOTHING, verdict: "rejected", reason, wallMs: 0 };
}

function stopped(): Fault {
  return new Fault("executor_died", "the executor is not running");
}
