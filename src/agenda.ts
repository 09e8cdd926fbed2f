/**
 * The agenda: goes on with the tasks that were open at the start, and wakes the heartbeat at the first deadline.
 *
 * After a start devices first get the time to come back, so no deadline is enforced at once.
 */
import { type Clock, type Instant, instant } from "./base/clock.ts";
import type { Errands } from "./errands.ts";
import { dueTasks, firstDue } from "./exchange/course.ts";
import type { Obstacle, State } from "./exchange/state.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { openTasks } from "./market/market.ts";
import type { Task } from "./market/task.ts";

/** How long after its start the gateway waits for bids again, milliseconds. */
const BIDS_AFTER_MS = 1_000;

/** How long after its start no other deadline is enforced: a device tries to come back every five seconds at least. */
const GRACE_MS = 6_000;

/** The longest wait before the next look: a clock that was set back by months must not make a timer of months. */
const LONGEST_WAIT_MS = 3_600_000;

export type AgendaOptions = {
  readonly state: State;
  readonly clock: Clock;
  readonly heartbeat: Pick<Heartbeat, "tell">;
  readonly errands: () => Pick<Errands, "consider">;
  /** How long a requester may take to hand over its bytes, milliseconds. */
  readonly inputMs: number;
  /** How far ahead an offer's deadline may lie, milliseconds. */
  readonly maxDeadlineMs: number;
  /** What keeps this machine from taking new work on; {@link Agenda.look} once it has changed. Without it, nothing does. */
  readonly obstacle?: () => Obstacle | null;
};

export class Agenda {
  readonly #options: AgendaOptions;
  #bidsFrom: Instant = instant(0);
  #graceUntil: Instant = instant(0);
  #isOpen: boolean = false;
  #stopTimer: () => void = () => undefined;
  /** Deadlines that have passed are on their way through the heartbeat. */
  #isTelling: boolean = false;

  constructor(options: AgendaOptions) {
    this.#options = options;
  }

  /** Until when no deadline but that of bids is enforced. */
  get graceUntil(): Instant {
    return this.#graceUntil;
  }

  /** Goes on with the tasks that were open. */
  async open(): Promise<void> {
    const { state, errands } = this.#options;
    this.#giveGrace();
    const open = [...openTasks(state.market)];
    await this.#reopen(open);
    for (const task of open) errands().consider(task);
    this.#isOpen = true;
    this.look();
  }

  /**
   * Gateway time was stepped: bids are gathered anew, as their time was another. What nobody has been awarded and would stay
   * open for longer than any offer may, ends.
   */
  async stepped(): Promise<void> {
    const { state, clock, heartbeat, maxDeadlineMs } = this.#options;
    this.#giveGrace();
    if (!this.#isOpen) return;
    const latest = clock.now() + maxDeadlineMs;
    const reason = "the gateway's clock was set back, and the deadline is too far ahead";
    const waiting = [...openTasks(state.market)].filter(
      ({ state: now }) => now === "offered" || now === "announced",
    );
    const far = waiting.filter(({ deadline }) => deadline > latest);
    await Promise.all(far.map(({ id: task }) => heartbeat.tell({ topic: "abandoned", task, reason })));
    await this.#reopen(waiting.filter(({ deadline }) => deadline <= latest));
    this.look();
  }

  /** Gathers bids for those that are announced, all in one group: each alone would wait for a commit of its own. */
  async #reopen(tasks: readonly Task[]): Promise<void> {
    const { heartbeat } = this.#options;
    const from = this.#bidsFrom;
    const announced = tasks.filter((task) => task.state === "announced");
    await Promise.all(announced.map(({ id: task }) => heartbeat.tell({ topic: "reopened", task, from })));
  }

  #giveGrace(): void {
    const now = this.#options.clock.now();
    this.#bidsFrom = instant(now + BIDS_AFTER_MS);
    this.#graceUntil = instant(now + GRACE_MS);
  }

  /** Wakes nobody any more. */
  close(): void {
    this.#isOpen = false;
    this.#stopTimer();
  }

  /** Something has changed: another deadline may be the first one now. */
  look(): void {
    const { clock, state, inputMs } = this.#options;
    this.#stopTimer();
    if (!this.#isOpen || this.#isTelling) return;
    const due = firstDue(state, inputMs, this.#notBefore());
    if (!due) return;
    const wait = Math.min(LONGEST_WAIT_MS, Math.max(0, due.at - clock.now()));
    this.#stopTimer = clock.after(wait, () => void this.#tell());
  }

  /** Wakes the heartbeat for every deadline that has passed, all of them in one group. */
  async #tell(): Promise<void> {
    const { clock, state, inputMs, heartbeat } = this.#options;
    this.#isTelling = true;
    const now = clock.now();
    const passed = [...dueTasks(state, inputMs, this.#notBefore())].filter(({ at }) => at <= now);
    await Promise.all(passed.map(({ task }) => heartbeat.tell({ topic: "due", task })));
    this.#isTelling = false;
    this.look();
  }

  #notBefore(): (task: Task) => Instant | null {
    const isTimeless = this.#options.obstacle?.() === "clock_unsynchronized";
    return ({ state: now }) => {
      if (now !== "announced") return this.#graceUntil;
      return isTimeless ? null : this.#bidsFrom;
    };
  }
}
