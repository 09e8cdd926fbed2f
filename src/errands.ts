/**
 * Errands: what the gateway itself does so that a task goes on. It fetches bytes, asks the checker, runs as referee.
 *
 * Bytes are loaded only in the turn in which the executor needs them: open tasks may name far more than memory holds.
 *
 * Wants are read from the state, so a restarted gateway runs the same errands again; what each one finds goes to
 * the heartbeat as a command.
 */

import type { Hex } from "./base/bytes.ts";
import type { Clock, Instant } from "./base/clock.ts";
import { Fault, isFault } from "./base/fault.ts";
import { isRefusal, type Refusal, refuse } from "./base/refusal.ts";
import { Turns } from "./base/turns.ts";
import { type BlobStore, MAX_BLOB } from "./blob/blob.ts";
import { VERIFY_GRACE_MS } from "./exchange/course.ts";
import type { TaskCommand } from "./exchange/decide.ts";
import { blobsOf } from "./exchange/readable.ts";
import { type Want, wantKey, wantOf } from "./exchange/wants.ts";
import type { Executor, RunResult } from "./firmware/executor.ts";
import { BRIEF_FUEL } from "./firmware/frames.ts";
import { MAX_MODULE_BYTES } from "./firmware/policy.ts";
import type { BlobCourier } from "./link/blob-courier.ts";
import { handoverMs } from "./market/rules.ts";
import { isOpen, type Task } from "./market/task.ts";
import { type Outcome, RUN_VERDICTS } from "./protocol/fuel.ts";

export type ErrandOptions = {
  readonly courier: BlobCourier;
  readonly store: BlobStore;
  /** On whose account the blobs are kept that a device hands over. */
  readonly ownerOf: (device: Hex) => string;
  readonly executor: Executor;
  readonly clock: Clock;
  /** Wall-clock limit of the gateway's own run, milliseconds; the checker has at most {@link CHECKER_MS}. */
  readonly runMs: number;
  /** As in the market's rules. */
  readonly inputMs: number;
  /** Before that nothing is given up: devices come back after a restart. */
  readonly graceUntil: () => Instant;
  /** The task as it is now; undefined once it is forgotten. */
  readonly taskOf: (id: Hex) => Task | undefined;
  readonly tell: (command: TaskCommand) => Promise<void>;
  /** A requester's bytes were refused: its device hears so, and it is counted. */
  readonly onRefused: (task: Task, refusal: Refusal) => void;
  readonly onFault: (fault: unknown) => void;
};

/** A checker that takes longer has said no: the others wait behind it. */
const CHECKER_MS = 10_000;

/** After how long an errand is tried again that failed by our own fault, milliseconds. */
const RETRY_MS = 1_000;

/** Bytes are loaded as they are here: in a turn no device is waited for. */
const AT_ONCE = AbortSignal.abort();

type Testimony = { readonly outcome: Outcome | null; readonly reason: string };

type Errand = { readonly task: Hex; readonly abort: AbortController; isMoot: boolean };

export class Errands {
  readonly #options: ErrandOptions;
  readonly #running = new Map<string, Errand>();
  /**
   * Of inspections, and of the checks and referee runs with little fuel and with much: nobody waits for those that take
   * longer. A requester has one of each kind at a time. Of the long ones one is loaded while the executor does the
   * others: it leaves one of its cores free of them.
   */
  readonly #turns: { readonly inspection: Turns; readonly brief: Turns; readonly long: Turns };
  #isStopped: boolean = false;

  constructor(options: ErrandOptions) {
    const { cores } = options.executor;
    this.#options = options;
    this.#turns = {
      inspection: new Turns(Math.max(1, cores - 1)),
      brief: new Turns(1),
      long: new Turns(cores),
    };
  }

  /** Takes on what the task wants now, unless it is under way already, and drops what it wants no more. */
  consider(task: Task): void {
    if (this.#isStopped) return;
    const want = wantOf(task);
    const key = want && wantKey(want);
    for (const [other, errand] of this.#running) {
      if (errand.task !== task.id || other === key) continue;
      errand.isMoot = true;
      errand.abort.abort();
      this.#running.delete(other);
    }
    this.#hold(task);
    if (want && key !== null && !this.#running.has(key)) this.#start(want, key);
  }

  /** What an open task names stays; the retention of what an ended one has named begins. */
  #hold(task: Task): void {
    const { store, ownerOf } = this.#options;
    const uses = blobsOf(task).map(({ hash, device }) => ({ hash, owner: ownerOf(device) }));
    if (isOpen(task)) store.hold(task.id, uses);
    else store.release(task.id);
  }

  stop(): void {
    this.#isStopped = true;
    for (const { abort } of this.#running.values()) abort.abort();
  }

  #start(want: Want, key: string): void {
    const { clock, onFault, tell, taskOf } = this.#options;
    const { id } = want.task;
    const errand: Errand = { task: id, abort: new AbortController(), isMoot: false };
    this.#running.set(key, errand);
    const late = new Fault("timed_out", "this machine came to an errand too late", { facts: { task: id } });
    const wait = Math.max(0, this.#latest(want) - clock.now());
    const stopTimer = clock.after(wait, () => errand.abort.abort(late));
    const isWanted = () => !this.#isStopped && !errand.isMoot;
    const again = () => {
      const task = taskOf(id);
      if (task) this.consider(task);
    };
    void this.#run(want, errand)
      .then((command) => (isWanted() ? tell(command) : undefined))
      .catch((fault: unknown) => {
        if (!isWanted()) return;
        onFault(fault);
        clock.after(RETRY_MS, again);
      })
      .finally(() => {
        stopTimer();
        if (this.#running.get(key) === errand) this.#running.delete(key);
      });
  }

  /** Until when an errand is worth running: what was delivered in time is verified even after the deadline. */
  #latest({ want, task }: Want): number {
    const { inputMs, graceUntil } = this.#options;
    if (want === "blobs") {
      const wait = handoverMs(task.firmwareBytes + task.inputBytes, { inputMs });
      return Math.max(graceUntil(), Math.min(task.offeredAt + wait, task.deadline));
    }
    return task.deadline + VERIFY_GRACE_MS;
  }

  #run(want: Want, errand: Errand): Promise<TaskCommand> {
    const { signal } = errand.abort;
    if (want.want === "blobs") return this.#fetchBlobs(want.task, errand);
    return want.want === "inspection" ? this.#inspect(want, signal) : this.#referee(want, signal);
  }

  async #fetchBlobs(task: Task, errand: Errand): Promise<TaskCommand> {
    const { courier, onRefused } = this.#options;
    const { signal } = errand.abort;
    const refused = (refusal: Refusal): TaskCommand => {
      if (!errand.isMoot && !this.#isStopped) onRefused(task, refusal);
      return { topic: "blobsRefused", task: task.id, reason: `${refusal.refused}: ${refusal.hint}` };
    };
    if (task.firmwareBytes > MAX_MODULE_BYTES) {
      return refused(refuse("too_large", `send a module of at most ${MAX_MODULE_BYTES} bytes`));
    }
    const missing = await courier.bring(task.requester, task.firmware, task.firmwareBytes, signal);
    if (missing) return refused(missing);
    const inspect = () => this.#whyRejected(task);
    const rejection = await this.#turns.inspection.take(task.requester, signal, inspect);
    if (rejection !== null) return refused(refuse("firmware_rejected", rejection));
    const refusal = await courier.bring(task.requester, task.input, task.inputBytes, signal);
    return refusal ? refused(refusal) : { topic: "blobsHere", task: task.id };
  }

  /** What about the module breaks the policy, or the offer's own words about it; null when nothing does. */
  async #whyRejected(task: Task): Promise<string | null> {
    const { profile, memoryMiB } = task;
    const firmware = await this.#load(task.requester, task.firmware, task.firmwareBytes);
    const found = await this.#options.executor.inspect(firmware);
    if (found.verdict !== "ok") return `the module breaks the static policy: ${found.reason}`;
    if (found.profile !== profile)
      return `the module is of profile ${found.profile}, the offer says ${profile}`;
    if (found.memoryMiB <= memoryMiB) return null;
    return `the module may use ${found.memoryMiB} MiB of memory, the offer says ${memoryMiB}`;
  }

  async #inspect(want: Want & { want: "inspection" }, signal: AbortSignal): Promise<TaskCommand> {
    const { task, award } = want;
    const missing = await this.#bringOutput(want, signal);
    if (missing) {
      return { topic: "outputMissing", task: task.id, award, reason: `${missing.refused}: ${missing.hint}` };
    }
    await this.#bringBoth(task, signal);
    const { passed, reason } = await this.#inTurn(task, signal, () => this.#check(want));
    return { topic: "inspected", task: task.id, award, passed, reason };
  }

  /** The output, from its provider; somebody else may do the task if it does not come soon. */
  async #bringOutput(want: Want & { want: "inspection" }, signal: AbortSignal): Promise<Refusal | null> {
    const { courier, clock, inputMs } = this.#options;
    const { provider, bytes } = sourceOf(want);
    const late = new AbortController();
    const stopTimer = clock.after(handoverMs(bytes, { inputMs }), () => late.abort());
    const either = AbortSignal.any([signal, late.signal]);
    return await courier.bring(provider, want.output, bytes, either).finally(stopTimer);
  }

  /** What the firmware's own checker says; whatever is not a clear yes is for the referee to decide. */
  async #check(
    want: Want & { want: "inspection" },
  ): Promise<{ readonly passed: boolean; readonly reason: string }> {
    const { task } = want;
    const { executor, runMs } = this.#options;
    const { firmware, input } = await this.#bytesOf(task);
    const { provider, bytes } = sourceOf(want);
    const output = await this.#load(provider, want.output, bytes);
    // no checker may cost us more than the run itself could
    const limits = { fuelLimit: task.fuelLimit, wallMs: Math.min(runMs, CHECKER_MS) };
    try {
      const found = await executor.verify({ firmware, input, output, ...limits });
      if (found.verdict === "ok") return { passed: found.valid, reason: found.valid ? "valid" : "not valid" };
      const hasNone = found.verdict === "rejected" && found.reason === "no_verify";
      return { passed: hasNone, reason: hasNone ? "the firmware has no checker" : found.verdict };
    } catch (fault) {
      if (!isFault(fault, "executor_died")) throw fault;
      return { passed: false, reason: "the executor died" };
    }
  }

  async #referee(want: Want & { want: "referee" }, signal: AbortSignal): Promise<TaskCommand> {
    const { task, award } = want;
    await this.#bringBoth(task, signal);
    const found = await this.#inTurn(task, signal, () => this.#ownRun(want));
    return { topic: "refereed", task: task.id, award, ...found };
  }

  async #ownRun(want: Want): Promise<Testimony> {
    const { task } = want;
    const { executor, runMs } = this.#options;
    const { firmware, input } = await this.#bytesOf(task);
    const { fuelLimit } = task;
    try {
      const found = await executor.run({ firmware, input, fuelLimit, wallMs: runMs, maxOutput: MAX_BLOB });
      return await this.#testimonyOf(found, sourceOf(want).provider);
    } catch (fault) {
      if (!isFault(fault, "executor_died")) throw fault;
      return { outcome: null, reason: "the executor died" };
    }
  }

  /**
   * What the gateway's own run says; nothing where this machine, and not the program, has ended it. The output is on the
   * account of its provider, who is the one not to be paid where that has no room.
   */
  async #testimonyOf(found: RunResult, provider: Hex): Promise<Testimony> {
    const { store, ownerOf } = this.#options;
    if (found.verdict === "ok") {
      const output = await store.put(found.output, ownerOf(provider));
      if (isRefusal(output)) return { outcome: null, reason: output.refused };
      return { outcome: { verdict: "ok", output, fuel: found.fuel }, reason: "the gateway's own run" };
    }
    const reason = `${found.verdict}: ${found.reason}`;
    const verdict = RUN_VERDICTS.find((one) => one === found.verdict);
    return { outcome: verdict ? { verdict, output: null, fuel: found.fuel } : null, reason };
  }

  /** Firmware and input, from the requester where the store has let them go. */
  async #bringBoth(task: Task, signal: AbortSignal): Promise<void> {
    const { requester, firmware, firmwareBytes, input, inputBytes } = task;
    const { courier } = this.#options;
    needed(firmware, await courier.bring(requester, firmware, firmwareBytes, signal));
    needed(input, await courier.bring(requester, input, inputBytes, signal));
  }

  /** Loads and runs what is to be run of a task. */
  #inTurn<T>(task: Task, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turns = task.fuelLimit > BRIEF_FUEL ? this.#turns.long : this.#turns.brief;
    return turns.take(task.requester, signal, work);
  }

  async #bytesOf(task: Task): Promise<{ readonly firmware: Uint8Array; readonly input: Uint8Array }> {
    const { requester, firmware, firmwareBytes, input, inputBytes } = task;
    return {
      firmware: await this.#load(requester, firmware, firmwareBytes),
      input: await this.#load(requester, input, inputBytes),
    };
  }

  /** What was brought; in a turn. */
  async #load(device: Hex, hash: Hex, total: number): Promise<Uint8Array> {
    return needed(hash, await this.#options.courier.fetch(device, hash, total, AT_ONCE));
  }
}

/** Whom the output comes from, and how many bytes it was said to have. */
function sourceOf({ task }: Want): { readonly provider: Hex; readonly bytes: number } {
  return { provider: task.run?.provider ?? task.requester, bytes: task.run?.outputBytes ?? 0 };
}

function needed<T>(hash: Hex, found: T | Refusal): T {
  if (isRefusal(found)) throw new Fault("blob_missing", `blob ${hash}: ${found.refused}`);
  return found;
}
