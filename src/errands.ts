/**
 * Errands: what the gateway itself does so that a task goes on. It fetches bytes, asks the checker, runs as referee.
 *
 * Wants are read from the state, so a restarted gateway runs the same errands again; what each one finds goes to
 * the heartbeat as a command.
 */

import type { Hex } from "./base/bytes.ts";
import type { Clock, Instant } from "./base/clock.ts";
import { Fault, isFault } from "./base/fault.ts";
import { isRefusal, type Refusal, refuse } from "./base/refusal.ts";
import type { BlobStore } from "./blob/blob.ts";
import { Pins } from "./blob/pins.ts";
import { VERIFY_GRACE_MS } from "./exchange/course.ts";
import type { TaskCommand } from "./exchange/decide.ts";
import { type Want, wantKey, wantOf } from "./exchange/wants.ts";
import type { Executor } from "./firmware/executor.ts";
import { judgeModule } from "./firmware/policy.ts";
import type { BlobCourier } from "./link/blob-courier.ts";
import { isOpen, type Task } from "./market/task.ts";

export type ErrandOptions = {
  readonly courier: BlobCourier;
  readonly store: BlobStore;
  readonly executor: Executor;
  readonly clock: Clock;
  /** Wall-clock limit of the gateway's own run, milliseconds; the checker has at most {@link CHECKER_MS}. */
  readonly runMs: number;
  /** How long a device has to hand over bytes that it has named, milliseconds. */
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

/** Most bytes that the gateway's own run may give. */
const MAX_OUTPUT = 16_777_216;

/** A checker that takes longer has said no: the others wait behind it. */
const CHECKER_MS = 10_000;

/** After how long an errand is tried again that failed by our own fault, milliseconds. */
const RETRY_MS = 1_000;

type Errand = { readonly task: Hex; readonly abort: AbortController; isMoot: boolean };

export class Errands {
  readonly #options: ErrandOptions;
  readonly #running = new Map<string, Errand>();
  readonly #pins: Pins;
  #isStopped: boolean = false;

  constructor(options: ErrandOptions) {
    this.#options = options;
    this.#pins = new Pins(options.store);
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
    if (isOpen(task)) this.#pins.hold(task.id, blobsOf(task));
    else this.#pins.release(task.id);
    if (want && key !== null && !this.#running.has(key)) this.#start(want, key);
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
    const stopTimer = clock.after(Math.max(0, this.#latest(want) - clock.now()), () => errand.abort.abort());
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
    if (want === "blobs") return Math.max(graceUntil(), Math.min(task.offeredAt + inputMs, task.deadline));
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
    const firmware = await courier.fetch(task.requester, task.firmware, task.firmwareBytes, signal);
    if (isRefusal(firmware)) return refused(firmware);
    const rejection = judgeModule(firmware);
    if (rejection)
      return refused(refuse("firmware_rejected", `the module breaks the static policy: ${rejection}`));
    const input = await courier.fetch(task.requester, task.input, task.inputBytes, signal);
    return isRefusal(input) ? refused(input) : { topic: "blobsHere", task: task.id };
  }

  async #inspect(want: Want & { want: "inspection" }, signal: AbortSignal): Promise<TaskCommand> {
    const { task, award } = want;
    const output = await this.#output(want, signal);
    if (isRefusal(output)) {
      return { topic: "outputMissing", task: task.id, award, reason: `${output.refused}: ${output.hint}` };
    }
    const { passed, reason } = await this.#check(task, output, signal);
    return { topic: "inspected", task: task.id, award, passed, reason };
  }

  /** The output, from its provider; somebody else may do the task if it does not come soon. */
  async #output(
    { task, output }: Want & { want: "inspection" },
    signal: AbortSignal,
  ): Promise<Uint8Array | Refusal> {
    const { courier, clock, inputMs } = this.#options;
    const late = new AbortController();
    const stopTimer = clock.after(inputMs, () => late.abort());
    const provider = task.run?.provider ?? task.requester;
    const either = AbortSignal.any([signal, late.signal]);
    return await courier.fetch(provider, output, task.run?.outputBytes ?? 0, either).finally(stopTimer);
  }

  /** What the firmware's own checker says; whatever is not a clear yes is for the referee to decide. */
  async #check(
    task: Task,
    output: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ passed: boolean; reason: string }> {
    const { executor, runMs } = this.#options;
    const { firmware, input } = await this.#bytesOf(task, signal);
    try {
      const found = await executor.verify({ firmware, input, output, wallMs: Math.min(runMs, CHECKER_MS) });
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
    const { executor, store, runMs } = this.#options;
    const { firmware, input } = await this.#bytesOf(task, signal);
    try {
      const found = await executor.run({ firmware, input, wallMs: runMs, maxOutput: MAX_OUTPUT });
      if (found.verdict !== "ok") {
        return {
          topic: "refereed",
          task: task.id,
          award,
          output: null,
          reason: `${found.verdict}: ${found.reason}`,
        };
      }
      const output = await store.put(found.output);
      if (!isRefusal(output))
        return { topic: "refereed", task: task.id, award, output, reason: "the gateway's own run" };
      return { topic: "refereed", task: task.id, award, output: null, reason: output.refused };
    } catch (fault) {
      if (!isFault(fault, "executor_died")) throw fault;
      return { topic: "refereed", task: task.id, award, output: null, reason: "the executor died" };
    }
  }

  async #bytesOf(task: Task, signal: AbortSignal): Promise<{ firmware: Uint8Array; input: Uint8Array }> {
    const { requester, firmware, firmwareBytes, input, inputBytes } = task;
    return {
      firmware: await this.#needed(requester, firmware, firmwareBytes, signal),
      input: await this.#needed(requester, input, inputBytes, signal),
    };
  }

  async #needed(device: Hex, hash: Hex, total: number, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#options.courier.fetch(device, hash, total, signal);
    if (isRefusal(bytes)) throw new Fault("blob_missing", `blob ${hash}: ${bytes.refused}`);
    return bytes;
  }
}

function blobsOf({ firmware, input, run }: Task): Hex[] {
  return run?.output ? [firmware, input, run.output] : [firmware, input];
}
