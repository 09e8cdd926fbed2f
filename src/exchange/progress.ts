/**
 * How far a task has come, passed on from its provider to its requester: told, and never journalled.
 *
 * A requester hears no more of it than a person can follow, however much its provider says.
 */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import { isRefusal, type Refusal, refuse } from "../base/refusal.ts";
import { isOpen, type Task } from "../market/task.ts";
import { type Message, PROGRESS_STEPS } from "../protocol/message.ts";
import type { Outgoing } from "./outbox.ts";

/** Between two messages on one step of an award, milliseconds: less than the second that providers keep to. */
const LEAST_MS = 500;
/** Awards whose newest message is remembered: the oldest is forgotten first, and may then say one more. */
const MOST_AWARDS = 4_096;

/**
 * What a provider says of its run, as its requester hears it.
 *
 * Refuses `unknown_task`, `not_yours` to all but the provider that has accepted the task's award (its checker is none),
 * and `wrong_state` once the task has ended.
 */
function progressFor(
  tasks: ReadonlyMap<Hex, Task>,
  provider: Hex,
  message: Message<"progress">,
): Outgoing | Refusal {
  const task = tasks.get(message.task);
  if (!task) return refuse("unknown_task");
  if (task.run?.provider !== provider || task.run.stage === "awarded") return refuse("not_yours");
  if (!isOpen(task)) return refuse("wrong_state");
  return { to: task.requester, topic: "progress", message: { ...message, from: "gateway" } };
}

type Passed = { readonly step: number; readonly at: Instant };

export class ProgressRelay {
  readonly #tasks: ReadonlyMap<Hex, Task>;
  /** The newest message that was passed on, by the award that it is about. */
  readonly #passed = new Map<Hex, Passed>();

  /** @param tasks - of the market, which changes them in place */
  constructor(tasks: ReadonlyMap<Hex, Task>) {
    this.#tasks = tasks;
  }

  /**
   * What is said to the requester now; null for what comes too soon after the one before, goes a step back, or is our
   * own echo. Refuses `unknown_task`, `not_yours` and `wrong_state` as {@link progressFor}.
   */
  pass(provider: Hex, message: Message<"progress">, now: Instant): Outgoing | Refusal | null {
    if (message.from === "gateway") return null;
    const outgoing = progressFor(this.#tasks, provider, message);
    const award = this.#tasks.get(message.task)?.run?.award;
    if (isRefusal(outgoing) || award === undefined) return outgoing;
    const step = PROGRESS_STEPS.indexOf(message.step);
    const before = this.#passed.get(award);
    if (before && (step < before.step || (step === before.step && now - before.at < LEAST_MS))) return null;
    this.#passed.delete(award);
    this.#passed.set(award, { step, at: now });
    const [oldest] = this.#passed.keys();
    if (this.#passed.size > MOST_AWARDS && oldest !== undefined) this.#passed.delete(oldest);
    return outgoing;
  }
}
