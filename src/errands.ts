/**
 * Errands: what the gateway itself does so that a task goes on. It fetches bytes, asks the checker, runs as referee.
 *
 * Wants are read from the state, so a restarted gateway runs the same errands again; what each one finds goes to
 * the heartbeat as a command.
 */

import type { Hex } from "./base/bytes.ts";
import type { Clock } from "./base/clock.ts";
import { Fault, isFault } from "./base/fault.ts";
import { isRefusal, type Refusal, refuse } from "./base/refusal.ts";
import type { BlobStore } from "./blob/blob.ts";
import type { TaskCommand } from "./exchange/decide.ts";
import { type Want, wantKey, wantOf } from "./exchange/wants.ts";
import type { Executor } from "./firmware/executor.ts";
import { judgeModule } from "./firmware/policy.ts";
import type { BlobCourier } from "./link/blob-courier.ts";
import type { Task } from "./market/task.ts";

export type ErrandOptions = {
  readonly courier: BlobCourier;
  readonly store: BlobStore;
  readonly executor: Executor;
  readonly clock: Clock;
  /** Wall-clock limit of the checker and of the gateway's own run, milliseconds. */
  readonly runMs: number;
  readonly tell: (command: TaskCommand) => Promise<void>;
  /** A requester's bytes were refused: its device hears so, and it is counted. */
  readonly onRefused: (task: Task, refusal: Refusal) => void;
  readonly onFault: (fault: unknown) => void;
};

/** Most bytes that the gateway's own run may give. */
const MAX_OUTPUT = 16_777_216;

export class Errands {
  readonly #options: ErrandOptions;
  readonly #running = new Map<string, AbortController>();
  #stopped: boolean = false;

  constructor(options: ErrandOptions) {
    this.#options = options;
  }

  /** Takes on what the task wants now, unless it is under way already. */
  consider(task: Task): void {
    const want = wantOf(task);
    if (!want || this.#stopped) return;
    const key = wantKey(want);
    if (this.#running.has(key)) return;
    const abort = new AbortController();
    this.#running.set(key, abort);
    const { clock, onFault } = this.#options;
    const stopTimer = clock.after(Math.max(0, task.deadline - clock.now()), () => abort.abort());
    void this.#run(want, abort.signal)
      .then((command) => (command && !this.#stopped ? this.#options.tell(command) : undefined))
      .catch((fault: unknown) => (this.#stopped ? undefined : onFault(fault)))
      .finally(() => {
        stopTimer();
        this.#running.delete(key);
      });
  }

  stop(): void {
    this.#stopped = true;
    for (const abort of this.#running.values()) abort.abort();
  }

  #run(want: Want, signal: AbortSignal): Promise<TaskCommand> {
    if (want.want === "blobs") return this.#fetchBlobs(want.task, signal);
    return want.want === "inspection" ? this.#inspect(want, signal) : this.#referee(want, signal);
  }

  async #fetchBlobs(task: Task, signal: AbortSignal): Promise<TaskCommand> {
    const { courier, onRefused } = this.#options;
    const refused = (refusal: Refusal): TaskCommand => {
      onRefused(task, refusal);
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
    const { courier, executor, runMs } = this.#options;
    const provider = task.run?.provider ?? task.requester;
    const output = await courier.fetch(provider, want.output, task.run?.outputBytes ?? 0, signal);
    if (isRefusal(output)) {
      return { topic: "outputMissing", task: task.id, award, reason: `${output.refused}: ${output.hint}` };
    }
    const { firmware, input } = await this.#bytesOf(task, signal);
    const found = await executor.verify({ firmware, input, output, wallMs: runMs });
    if (found.verdict === "rejected" && found.reason === "no_verify") {
      return {
        topic: "inspected",
        task: task.id,
        award,
        passed: true,
        reason: "the firmware has no checker",
      };
    }
    const reason = found.verdict === "ok" ? (found.valid ? "valid" : "not valid") : found.verdict;
    return {
      topic: "inspected",
      task: task.id,
      award,
      passed: found.verdict === "ok" && found.valid,
      reason,
    };
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
