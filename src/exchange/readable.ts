/**
 * Which blobs a task names, who hands each of them over, and who may read them.
 *
 * The parties to a task and nobody else: its requester, what it has handed over and the answer it has paid for; a
 * provider that has accepted it, in either role, what it needs to run it, for as long as the task is open.
 *
 * A right is its task's: once the market has forgotten the task, which it does with the oldest of more ended ones than it
 * remembers, the answer can be read no more, even where its bytes are still kept.
 */
import type { Hex } from "../base/bytes.ts";
import { type Assignment, isOpen, type Task } from "../market/task.ts";

/** A blob that a task names, and the device it comes from. */
export type Handed = { readonly hash: Hex; readonly device: Hex };

/** Every blob that the task names by now: firmware, input, and the outputs that its providers have told. */
export function blobsOf({ requester, firmware, input, run, check }: Task): Handed[] {
  const handed: Handed[] = [
    { hash: firmware, device: requester },
    { hash: input, device: requester },
  ];
  for (const one of [run, check]) if (one?.output) handed.push({ hash: one.output, device: one.provider });
  return handed;
}

/** Whether this task lets the device read the blob. */
export function isReadable(task: Task, device: Hex, hash: Hex): boolean {
  const { requester, firmware, input, run, check, end, state, bidBy } = task;
  const isWork = hash === firmware || hash === input;
  if (device === requester) {
    // it was announced once both were here: an offer that only names them grants nothing
    if (isWork && bidBy !== null) return true;
    // an invoiced task has no end before it is paid
    if (hash === end?.output && (state === "paid" || state === "settled")) return true;
  }
  return isWork && isOpen(task) && (hasAccepted(run, device) || hasAccepted(check, device));
}

function hasAccepted(assignment: Assignment | null, device: Hex): boolean {
  return assignment !== null && assignment.provider === device && assignment.stage !== "awarded";
}

/** Where {@link isReadable} can be true. */
function* partsOf({ requester, firmware, input, run, check, end }: Task): Generator<Handed> {
  for (const device of new Set([requester, run?.provider, check?.provider])) {
    if (!device) continue;
    for (const hash of [firmware, input]) yield { device, hash };
  }
  if (end?.output) yield { device: requester, hash: end.output };
}

/** Besides one for each task, what is noted before it is looked for what is about tasks that are forgotten. */
const MOST_NOTED = 1_024;

/**
 * Who may read what because of any task: finds it without looking at every one.
 *
 * What it was told of is only where to look. Whether a task still grants it is asked of the task, so that a right ends
 * with what it came from; one that {@link note} was not told of yet is not there yet.
 */
export class ReadingRights {
  readonly #tasks: ReadonlyMap<Hex, Task>;
  /** Tasks that have let a device read a blob: by device, by hash. */
  readonly #granting = new Map<Hex, Map<Hex, Set<Hex>>>();
  /** Since what is forgotten was last looked for. */
  #noted: number = 0;

  /** @param tasks - of the market, which changes them in place */
  constructor(tasks: ReadonlyMap<Hex, Task>) {
    this.#tasks = tasks;
    for (const task of tasks.values()) this.note(task);
  }

  /** A task has changed, and that is on the disk. */
  note(task: Task): void {
    for (const { device, hash } of partsOf(task)) {
      if (!isReadable(task, device, hash)) continue;
      const blobs = this.#granting.get(device) ?? new Map<Hex, Set<Hex>>();
      const ids = blobs.get(hash) ?? new Set();
      if (ids.has(task.id)) continue;
      this.#granting.set(device, blobs.set(hash, ids.add(task.id)));
      this.#noted++;
    }
    if (this.#noted > this.#tasks.size + MOST_NOTED) this.#forget();
  }

  /** Whether a task lets the device read the blob now. */
  mayRead(device: Hex, hash: Hex): boolean {
    const ids = this.#granting.get(device)?.get(hash) ?? [];
    for (const id of ids) {
      const task = this.#tasks.get(id);
      if (task && isReadable(task, device, hash)) return true;
      this.#drop(device, hash, id);
    }
    return false;
  }

  #drop(device: Hex, hash: Hex, id: Hex): void {
    const blobs = this.#granting.get(device);
    const ids = blobs?.get(hash);
    ids?.delete(id);
    if (ids?.size === 0) blobs?.delete(hash);
    if (blobs?.size === 0) this.#granting.delete(device);
  }

  #forget(): void {
    for (const [device, blobs] of this.#granting) {
      for (const [hash, ids] of blobs) {
        for (const id of ids) if (!this.#tasks.has(id)) ids.delete(id);
        if (ids.size === 0) blobs.delete(hash);
      }
      if (blobs.size === 0) this.#granting.delete(device);
    }
    this.#noted = 0;
  }
}
