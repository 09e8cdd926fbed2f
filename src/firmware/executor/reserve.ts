/** Children that are ready before they are needed, and all that live. */
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { Child } from "./child.ts";

export class Reserve {
  readonly #clock: Clock;
  /** The next child, ready or about to be. */
  #spare: Promise<Child> | null = null;
  readonly #starting = new Set<Promise<Child>>();
  readonly #children = new Set<Child>();
  #isOpen: boolean = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Kills all children and waits until they are gone. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#spare = null;
    for (const child of this.#children) child.kill();
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#children].map((child) => child.gone));
  }

  /** Those that live. */
  get children(): readonly Child[] {
    return [...this.#children].filter((child) => child.isLive);
  }

  /** Begins to start the next child, if there is none. */
  fill(): void {
    if (this.#spare !== null || !this.#isOpen) return;
    this.#spare = this.#start();
    // whoever takes it is told
    this.#spare.catch(() => {});
  }

  /**
   * A child that is ready; the next one is begun.
   *
   * @throws {@link Fault} `executor_died` when none starts, or the reserve is closed
   */
  async take(): Promise<Child> {
    const spare = this.#spare;
    this.#spare = null;
    const ready = await spare?.catch(() => null);
    const child = ready?.isLive ? ready : await this.#start();
    this.fill();
    return child;
  }

  #start(): Promise<Child> {
    const starting = this.#launch();
    this.#starting.add(starting);
    const done = () => this.#starting.delete(starting);
    starting.then(done, done);
    return starting;
  }

  async #launch(): Promise<Child> {
    if (!this.#isOpen) throw closed();
    const child = await Child.start(this.#clock);
    this.#children.add(child);
    void child.gone.then(() => this.#children.delete(child));
    if (this.#isOpen) return child;
    child.kill();
    await child.gone;
    throw closed();
  }
}

function closed(): Fault {
  return new Fault("executor_died", "the executor is not running");
}
