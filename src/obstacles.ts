/** What keeps this machine from taking new work on: its clock, by the timekeeper's word, and its disk. */
import type { Clock } from "./base/clock.ts";
import type { Config } from "./config.ts";
import type { ClockObstacle, Obstacle, State } from "./exchange/state.ts";
import { openTasks } from "./market/market.ts";
import { DiskWatch } from "./operator/disk/disk-watch.ts";
import { Timekeeper, type TimekeeperOptions } from "./timekeeper.ts";

/** Time as a process has it that nobody but its machine tells the time; see {@link Timekeeper}. */
export type TimeParts = Pick<TimekeeperOptions, "clock" | "askMachine">;

export type ObstaclesOptions = Pick<
  TimekeeperOptions,
  "newestBlock" | "longestRunMs" | "onFault" | "onChange" | "onStep" | "say"
> & {
  readonly config: Pick<Config, "data" | "clock" | "disk">;
  readonly clock: Clock;
  /** Null where the clock is beyond doubt. */
  readonly time: TimeParts | null;
  readonly state: State;
};

export class Obstacles {
  readonly #timekeeper: Timekeeper | null;
  readonly #disk: DiskWatch;

  constructor(options: ObstaclesOptions) {
    const { config, clock, time, state, onFault, onChange, say } = options;
    const { newestBlock, longestRunMs, onStep } = options;
    this.#timekeeper =
      time &&
      new Timekeeper({
        ...{ ...time, synchronized: config.clock.synchronized, newestBlock, longestRunMs },
        ...{ onFault, onChange, onStep, say, isIdle: () => isIdle(state) },
      });
    this.#disk = new DiskWatch({
      ...{ folder: config.data, reserve: config.disk.reserve, clock, onFault },
      onChange: (isFull) => {
        if (!isFull) say("there is room on the disk: offers are taken again");
        onChange();
      },
    });
  }

  /** The one that keeps most away; null while nothing is in the way. */
  get current(): Obstacle | null {
    const { ofClock } = this;
    if (ofClock === "clock_unsynchronized") return ofClock;
    return this.#disk.isFull ? "disk_full" : ofClock;
  }

  /** Null while time can be relied on. */
  get ofClock(): ClockObstacle | null {
    return this.#timekeeper?.obstacle ?? null;
  }

  /** Begins to look; resolves when all of it is known for the first time. */
  async start(): Promise<void> {
    this.#disk.start();
    await this.#timekeeper?.start();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#disk.stop();
    await this.#timekeeper?.stop();
  }
}

/** Whether no task waits for anything by the clock: an invoice waits for money alone. */
function isIdle({ market }: State): boolean {
  return [...openTasks(market)].every(({ state }) => state === "invoiced");
}
