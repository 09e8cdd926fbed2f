/**
 * One core's worth of work: a child and the jobs it has been given, the first of which it is at.
 *
 * Brief jobs are given to the child one behind the other without waiting for replies; any other job is alone with it.
 * The deadline of a job begins when it is the first, and only once. When the child ends on its own, its jobs are given to another one;
 * a job under which two in turn have ended is given up.
 */
import type { Clock } from "../../base/clock.ts";
import { Fault, isFault } from "../../base/fault.ts";
import { READY, REQUEST_HEAD, type ReplyHead, type RequestHead } from "../frames.ts";
import type { Child } from "./child.ts";
import { isBrief, isLong, isPossible, type Job } from "./job.ts";
import { Pack } from "./pack.ts";

/** Brief jobs that one child is given at a time. */
const DEPTH = 32;
/** Requests of one job that its child is given at a time, and their bytes: enough to keep it busy. */
const WINDOW = 1024;
const WINDOW_BYTES = 2 ** 20;
const PACK_BYTES = 64 * 1024;
/** After a deadline, to read what the child had said before: this process may have been stopped, and the child not. */
const LAST_LOOK_MS = 1;
const NOTHING = new Uint8Array();

/** A job with how far it is. */
type Progress = {
  readonly job: Job;
  readonly isBrief: boolean;
  /** Requests that the child was given, and that it has answered. */
  asked: number;
  answered: number;
  /** Bytes of inputs that it was given and has not answered. */
  bytes: number;
  /** Children that have ended since its last reply. */
  deaths: number;
  /** When it was the first that a child was at, milliseconds; null before. */
  began: number | null;
};

export class Station {
  readonly #clock: Clock;
  readonly #hire: () => Promise<Child>;
  readonly #isFree: () => void;
  readonly #jobs: Progress[] = [];
  #child: Child | null;
  #isHiring: boolean = false;
  #isStopped: boolean = false;
  /** How to call off the deadline of the first job. */
  #callOff: (() => void) | null = null;
  /** Numbers of requests to the child: the next, and the first that is not answered. */
  #next = 0;
  #expected = 0;

  /** `hire`: gets another child. `isFree`: is told when the station may take more. */
  constructor(options: {
    readonly clock: Clock;
    readonly child: Child;
    readonly hire: () => Promise<Child>;
    readonly isFree: () => void;
  }) {
    this.#clock = options.clock;
    this.#hire = options.hire;
    this.#isFree = options.isFree;
    this.#child = options.child;
    this.#listen(options.child);
  }

  get length(): number {
    return this.#jobs.length;
  }

  /** Whether its job may keep it long. */
  get isLong(): boolean {
    return this.#jobs.some(({ job }) => isLong(job));
  }

  /** Whether the job may be given now. */
  mayTake(job: Job): boolean {
    if (this.#jobs.length === 0) return true;
    return isBrief(job) && this.#jobs.length < DEPTH && this.#jobs.every((each) => each.isBrief);
  }

  take(job: Job): void {
    const progress = { job, isBrief: isBrief(job), asked: 0, answered: 0, bytes: 0, deaths: 0, began: null };
    this.#jobs.push(progress);
    const child = this.#child;
    if (child?.isLive !== true) this.#replace();
    else if (this.#jobs.length === 1) this.#attend(child);
    else this.#ask(child, progress);
  }

  /** Ends the child; the jobs fail with `fault`. */
  stop(fault: Fault): void {
    this.#isStopped = true;
    this.#disarm();
    const child = this.#child;
    this.#child = null;
    child?.kill();
    for (const { job } of this.#jobs.splice(0)) job.fail(fault);
  }

  #listen(child: Child): void {
    this.#next = 0;
    this.#expected = 0;
    child.listen({
      accepts: (head) => this.#accepts(head),
      take: (head, body) => this.#take(head, body),
      ended: () => this.#ended(child),
    });
  }

  /** Gives the child all jobs; the first one's time begins. */
  #attend(child: Child): void {
    this.#arm();
    for (const progress of this.#jobs) this.#ask(child, progress);
  }

  #arm(): void {
    const [first] = this.#jobs;
    // what a child that ended has used up is not given again
    if (first === undefined || first.began !== null) return;
    first.began = this.#clock.now();
    this.#callOff = this.#clock.after(first.job.wallMs, () => {
      this.#callOff = this.#clock.after(LAST_LOOK_MS, () => this.#late());
    });
  }

  #disarm(): void {
    this.#callOff?.();
    this.#callOff = null;
  }

  /** Gives the child as much of a job as it may have. */
  #ask(child: Child, progress: Progress): void {
    const { job } = progress;
    const { inputs, output } = job;
    if (progress.asked === inputs.length) return;
    const bytes = inputs.length === 1 ? REQUEST_HEAD + (inputs[0]?.length ?? 0) + output.length : PACK_BYTES;
    const pack = new Pack(Math.min(bytes, PACK_BYTES));
    const isHeld = child.shelf.touch(job.key) !== undefined;
    if (!isHeld) child.shelf.put(job.key, true, job.firmware.length);
    let hasModule = !isHeld;
    for (; progress.asked < inputs.length && hasRoom(progress); progress.asked++) {
      const input = inputs[progress.asked] ?? NOTHING;
      const head = this.#headOf(progress, hasModule, input.length);
      pack.add(head, hasModule ? [job.firmware, input, output] : [input, output]);
      progress.bytes += input.length;
      hasModule = false;
    }
    child.write(pack.finish());
  }

  #headOf({ job, asked }: Progress, hasModule: boolean, inputBytes: number): RequestHead {
    const { op, fuelLimit, maxOutput, hash, firmware, output, inputs } = job;
    this.#next = (this.#next + 1) % READY;
    return {
      ...{ number: this.#next, op, hasModule, isAwaited: asked === inputs.length - 1 },
      ...{ moduleBytes: hasModule ? firmware.length : 0, inputBytes, outputBytes: output.length },
      ...{ maxOutput, wallMs: Math.ceil(job.wallMs), fuelLimit, hash },
    };
  }

  #accepts(head: ReplyHead): boolean {
    const [first] = this.#jobs;
    return first !== undefined && head.number === (this.#expected + 1) % READY && isPossible(first.job, head);
  }

  #take(head: ReplyHead, body: Uint8Array): void {
    const [first] = this.#jobs;
    if (first === undefined) return;
    const { job } = first;
    const wallMs = this.#wallMs(first);
    if (!job.take(head, body, wallMs)) {
      this.#child?.kill();
      return;
    }
    this.#expected = head.number;
    first.bytes -= job.inputs[first.answered]?.length ?? 0;
    first.answered++;
    first.deaths = 0;
    if (first.answered === job.inputs.length) {
      this.#finish(job, wallMs);
      this.#arm();
      this.#isFree();
    } else if (this.#child !== null && first.asked - first.answered <= WINDOW / 2)
      this.#ask(this.#child, first);
  }

  #wallMs({ began }: Progress): number {
    const now = this.#clock.now();
    return now - (began ?? now);
  }

  #finish(job: Job, wallMs: number): void {
    this.#disarm();
    this.#jobs.shift();
    job.end(wallMs);
  }

  #late(): void {
    const [first] = this.#jobs;
    const child = this.#child;
    this.#child = null;
    child?.kill();
    if (first !== undefined) this.#finish(first.job, this.#wallMs(first));
    this.#replace();
    this.#isFree();
  }

  /** A child has ended, and nobody here has killed it at a deadline. */
  #ended(child: Child): void {
    if (child !== this.#child) return;
    this.#child = null;
    const [first] = this.#jobs;
    if (first !== undefined && ++first.deaths === 2) {
      this.#disarm();
      this.#jobs.shift();
      first.job.fail(died({ facts: { words: child.words } }));
    }
    // one that ended with nothing to do may do so again and again: the next job asks for another
    if (this.#jobs.length > 0) this.#replace();
    if (first !== undefined) this.#isFree();
  }

  #replace(): void {
    if (this.#isHiring || this.#isStopped) return;
    this.#isHiring = true;
    void this.#hire().then(
      (child) => this.#hired(child),
      (error: unknown) => this.#unmanned(error),
    );
  }

  #hired(child: Child): void {
    this.#isHiring = false;
    if (this.#isStopped) {
      child.kill();
      return;
    }
    this.#child = child;
    for (const progress of this.#jobs) {
      progress.asked = progress.answered;
      progress.bytes = 0;
    }
    this.#listen(child);
    if (child.isLive) this.#attend(child);
  }

  /** There is no other child to be had: the first job is told; if none waits, the next one tries again. */
  #unmanned(error: unknown): void {
    this.#isHiring = false;
    this.#disarm();
    const first = this.#jobs.shift();
    first?.job.fail(isFault(error) ? error : died({ cause: error }));
    if (this.#jobs.length > 0) this.#replace();
    if (first !== undefined) this.#isFree();
  }
}

function hasRoom({ asked, answered, bytes }: Progress): boolean {
  return asked === answered || (asked - answered < WINDOW && bytes < WINDOW_BYTES);
}

function died(options: ConstructorParameters<typeof Fault>[2]): Fault {
  const message = "two child processes in turn ended while running one task firmware";
  return new Fault("executor_died", message, options);
}
