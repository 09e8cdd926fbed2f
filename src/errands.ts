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
import { type BlobStore, MAX_BLOB } from "./blob/blob.ts";
import { VERIFY_GRACE_MS } from "./exchange/course.ts";
import type { TaskCommand } from "./exchange/decide.ts";
import { blobsOf } from "./exchange/readable.ts";
import { type Want, wantKey, wantOf } from "./exchange/wants.ts";
import type { Executor, RunResult } from "./firmware/executor.ts";
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

type Errand = { readonly task: Hex; readonly abort: AbortController; isMoot: boolean };

export class Errands {
  readonly #options: ErrandOptions;
  readonly #running = new Map<string, Errand>();
  #isStopped: boolean = false;

  constructor(options: ErrandOptions) {
    this.#options = options;
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
    const firmware = await courier.fetch(task.requester, task.firmware, task.firmwareBytes, signal);
    if (isRefusal(firmware)) return refused(firmware);
    const rejection = await this.#whyRejected(task, firmware);
    if (rejection !== null) return refused(refuse("firmware_rejected", rejection));
    const refusal = await courier.bring(task.requester, task.input, task.inputBytes, signal);
    return refusal ? refused(refusal) : { topic: "blobsHere", task: task.id };
  }

  /** What about the module breaks the policy, or the offer's own words about it; null when nothing does. */
  async #whyRejected({ profile, memoryMiB }: Task, firmware: Uint8Array): Promise<string | null> {
    const found = await this.#options.executor.inspect(firmware);
    if (found.verdict !== "ok") return `the module breaks the static policy: ${found.reason}`;
    if (found.profile !== profile)
      return `the module is of profile ${found.profile}, the offer says ${profile}`;
    if (found.memoryMiB <= memoryMiB) return null;
    return `the module may use ${found.memoryMiB} MiB of memory, the offer says ${memoryMiB}`;
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
    const outputBytes = task.run?.outputBytes ?? 0;
    const stopTimer = clock.after(handoverMs(outputBytes, { inputMs }), () => late.abort());
    const provider = task.run?.provider ?? task.requester;
    const either = AbortSignal.any([signal, late.signal]);
    return await courier.fetch(provider, output, outputBytes, either).finally(stopTimer);
  }

  /** What the firmware's own checker says; whatever is not a clear yes is for the referee to decide. */
  async #check(
    task: Task,
    output: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ passed: boolean; reason: string }> {
    const { executor, runMs } = this.#options;
    const { firmware, input } = await this.#bytesOf(task, signal);
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
    const { executor, runMs } = this.#options;
    const { firmware, input } = await this.#bytesOf(task, signal);
    const { fuelLimit } = task;
    const said = { topic: "refereed", task: task.id, award } as const;
    try {
      const found = await executor.run({ firmware, input, fuelLimit, wallMs: runMs, maxOutput: MAX_BLOB });
      return { ...said, ...(await this.#testimonyOf(found)) };
    } catch (fault) {
      if (!isFault(fault, "executor_died")) throw fault;
      return { ...said, outcome: null, reason: "the executor died" };
    }
  }

  /** What the gateway's own run says; nothing where this machine, and not the program, has ended it. */
  async #testimonyOf(found: RunResult): Promise<{ outcome: Outcome | null; reason: string }> {
    if (found.verdict === "ok") {
      const output = await this.#options.store.put(found.output);
      if (isRefusal(output)) return { outcome: null, reason: output.refused };
      return { outcome: { verdict: "ok", output, fuel: found.fuel }, reason: "the gateway's own run" };
    }
    const reason = `${found.verdict}: ${found.reason}`;
    const verdict = RUN_VERDICTS.find((one) => one === found.verdict);
    return { outcome: verdict ? { verdict, output: null, fuel: found.fuel } : null, reason };
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
