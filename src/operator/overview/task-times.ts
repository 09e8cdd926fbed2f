/** Since when each live task is in its state: the market remembers the state alone. */
import type { Hex } from "../../base/bytes.ts";
import { type Instant, instant } from "../../base/clock.ts";
import type { Entry } from "../../journal/journal.ts";
import { isOpen, type Task, type TaskState } from "../../market/task.ts";

export class TaskTimes {
  readonly #tasks: ReadonlyMap<Hex, Task>;
  readonly #times = new Map<Hex, { readonly state: TaskState; readonly at: Instant }>();

  /** @param tasks - the market's, live */
  constructor(tasks: ReadonlyMap<Hex, Task>) {
    this.#tasks = tasks;
  }

  /** Records were written, and the market is as they have left it. */
  note(entries: readonly Entry[]): void {
    for (const { at, facts } of entries) {
      for (const fact of facts) if ("task" in fact) this.#look(fact.task, instant(at));
    }
  }

  /** When the task came into its state; of one that has not moved since the start, when it was offered. */
  since({ id, offeredAt }: Pick<Task, "id" | "offeredAt">): Instant {
    return this.#times.get(id)?.at ?? offeredAt;
  }

  #look(id: Hex, at: Instant): void {
    const task = this.#tasks.get(id);
    if (!task || !isOpen(task)) this.#times.delete(id);
    else if (this.#times.get(id)?.state !== task.state) this.#times.set(id, { state: task.state, at });
  }
}
