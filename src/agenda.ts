/**
 * The agenda: goes on with the tasks that were open at the start, and wakes the heartbeat at the first deadline.
 *
 * After a start devices first get the time to come back, so no deadline is enforced at once.
 */
import { type Clock, type Instant, instant } from "./base/clock.ts";
import type { Errands } from "./errands.ts";
import { firstDue } from "./exchange/course.ts";
import type { State } from "./exchange/state.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { openTasks } from "./market/market.ts";
import type { Task } from "./market/task.ts";

/** How long after its start the gateway waits for bids again, milliseconds. */
const BIDS_AFTER_MS = 1_000;

/** How long after its start no other deadline is enforced: a device tries to come back every five seconds at least. */
const GRACE_MS = 6_000;

export type AgendaOptions = {
  readonly state: State;
  readonly clock: Clock;
  readonly heartbeat: Pick<Heartbeat, "tell">;
  readonly errands: () => Pick<Errands, "consider">;
  /** How long a requester may take to hand over its bytes, milliseconds. */
  readonly inputMs: number;
};

export class Agenda {
  readonly #options: AgendaOptions;
  #bidsFrom: Instant = instant(0);
  #graceUntil: Instant = instant(0);
  #isOpen: boolean = false;
  #stopTimer: () => void = () => undefined;

  constructor(options: AgendaOptions) {
    this.#options = options;
  }

  /** Until when no deadline but that of bids is enforced. */
  get graceUntil(): Instant {
    return this.#graceUntil;
  }

  /** Goes on with the tasks that were open. */
  async open(): Promise<void> {
    const { state, clock, heartbeat, errands } = this.#options;
    const now = clock.now();
    this.#bidsFrom = instant(now + BIDS_AFTER_MS);
    this.#graceUntil = instant(now + GRACE_MS);
    for (const task of openTasks(state.market)) {
      if (task.state === "announced") {
        await heartbeat.tell({ topic: "reopened", task: task.id, from: this.#bidsFrom });
      }
      errands().consider(task);
    }
    this.#isOpen = true;
    this.look();
  }

  /** Wakes nobody any more. */
  close(): void {
    this.#isOpen = false;
    this.#stopTimer();
  }

  /** Something has changed: another deadline may be the first one now. */
  look(): void {
    const { clock, state, inputMs, heartbeat } = this.#options;
    this.#stopTimer();
    if (!this.#isOpen) return;
    const notBefore = ({ state: now }: Task) => (now === "announced" ? this.#bidsFrom : this.#graceUntil);
    const due = firstDue(state, inputMs, notBefore);
    if (!due) return;
    this.#stopTimer = clock.after(Math.max(0, due.at - clock.now()), () => {
      void heartbeat.tell({ topic: "due", task: due.task }).then(() => this.look());
    });
  }
}
