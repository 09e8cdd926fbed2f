/**
 * The timekeeper: whether this machine's clock can be relied on, and when gateway time follows it.
 *
 * What is signed expires by gateway time. While that is known to be wrong no offer is taken and nothing is awarded. When
 * somebody sets the clock, gateway time goes on as it was until nothing is open, so that no task ends early; and at the
 * longest for ten minutes, so that none stays open for hours.
 */
import { type Instant, instant } from "./base/clock.ts";
import { Fault } from "./base/fault.ts";
import type { SteadyClock } from "./base/steady-clock.ts";
import type { ClockObstacle } from "./exchange/state.ts";
import { spanText } from "./operator/watch/alert/rule.ts";

/** How often the two clocks are compared, milliseconds. */
const LOOK_MS = 1_000;

/** How often the machine is asked again that has said no, or that has said nothing, milliseconds. */
const ASK_MS = { no: 5_000, silence: 60_000 } as const;

/** How long gateway time does not follow a clock that was set, milliseconds. */
export const FOLLOW_MS = 600_000;

/** How far a block's time may be ahead of ours, milliseconds: none is made in the future. */
export const AHEAD_MS = 60_000;

export type TimekeeperOptions = {
  readonly clock: SteadyClock;
  /** `assume`: neither the machine nor the chain is asked; a clock that was set is noticed all the same. */
  readonly synchronized: "auto" | "assume";
  /** Whether the machine says that its clock is synchronised; null where nobody can say. */
  readonly askMachine: () => Promise<boolean | null>;
  /** The newest block's time, and when it was read; null before the first, and on a chain that makes up its time. */
  readonly newestBlock: () => { readonly time: Instant; readonly readAt: Instant } | null;
  /** Whether no task waits for anything by the clock. */
  readonly isIdle: () => boolean;
  /** How long an award and its run take at the most, milliseconds. */
  readonly longestRunMs: number;
  readonly onFault: (fault: Fault) => void;
  /** {@link Timekeeper.obstacle} has changed. */
  readonly onChange: () => void;
  /** Gateway time was stepped by so many milliseconds; negative: back. */
  readonly onStep: (byMs: number) => void;
  /** Takes a line about what is over. */
  readonly say: (line: string) => void;
};

export class Timekeeper {
  readonly #options: TimekeeperOptions;
  readonly #stop = new AbortController();
  /** What the machine has said; a yes stands until its clock is set. */
  #word: boolean | null = null;
  #askAt: Instant | null = null;
  /** Whether the newest block proves that gateway time is behind. */
  #isBehind: boolean = false;
  #blockReadAt: Instant | null = null;
  #obstacle: ClockObstacle | null = null;
  /** What was told and is not over. */
  readonly #told = new Set<ClockObstacle>();
  #looking: Promise<void> | null = null;

  constructor(options: TimekeeperOptions) {
    this.#options = options;
  }

  /** Why no offers are taken; null while time can be relied on. */
  get obstacle(): ClockObstacle | null {
    return this.#obstacle;
  }

  /** Resolves when the machine has answered for the first time; then goes on looking. */
  async start(): Promise<void> {
    await this.look();
    this.#looking = this.#goOn();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  /** Compares the clocks, asks whoever is to be asked, and steps where it is time to. */
  async look(): Promise<void> {
    const { clock, isIdle } = this.#options;
    const jump = clock.look();
    const isWrong = this.#obstacle === "clock_unsynchronized" && !this.#told.has("clock_jumped");
    if (jump !== null && !isWrong) this.#tellJump(jump.by);
    // what is known to be wrong is worth no wait
    const waited = jump === null ? 0 : clock.now() - jump.since;
    if (jump !== null && (isWrong || isIdle() || waited >= FOLLOW_MS)) this.#step();
    const isFollowing = clock.look() === null;
    if (isFollowing) await this.#ask(this.#told.delete("clock_jumped"));
    this.#readBlock();
    const isRunOver = waited >= FOLLOW_MS - this.#options.longestRunMs;
    this.#judge(isFollowing ? null : isRunOver ? "clock_unsynchronized" : "clock_jumped");
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#options.clock.sleep(LOOK_MS, signal).catch(() => undefined);
      if (!signal.aborted) await this.look();
    }
  }

  #tellJump(by: number): void {
    if (this.#told.has("clock_jumped")) return;
    this.#told.add("clock_jumped");
    const words = `this machine's clock was set ${by > 0 ? "forward" : "back"} by ${spanText(Math.abs(by))}: no offers are taken, and what is open goes on by the old time for ${spanText(FOLLOW_MS)} at most`;
    this.#options.onFault(new Fault("clock_jumped", words, { facts: { by } }));
  }

  #step(): void {
    const by = this.#options.clock.step();
    this.#isBehind = false;
    this.#askAt = null;
    this.#options.say(
      `gateway time follows the machine's clock, ${spanText(Math.abs(by))} ${by > 0 ? "forward" : "back"}`,
    );
    this.#options.onStep(by);
  }

  /** @param wasSet - whoever has set the clock may have stopped what keeps it right */
  async #ask(wasSet: boolean): Promise<void> {
    const { clock, synchronized, askMachine } = this.#options;
    if (synchronized === "assume" || (this.#word === true && !wasSet)) return;
    if (this.#askAt !== null && clock.now() < this.#askAt && !wasSet) return;
    this.#word = await askMachine().catch(() => null);
    this.#askAt = instant(clock.now() + (this.#word === false ? ASK_MS.no : ASK_MS.silence));
  }

  /** A block that is behind us proves nothing: the node may be. */
  #readBlock(): void {
    const block = this.#options.newestBlock();
    if (this.#options.synchronized === "assume" || block === null || block.readAt === this.#blockReadAt)
      return;
    this.#blockReadAt = block.readAt;
    this.#isBehind = block.time - block.readAt > AHEAD_MS;
  }

  #judge(jumped: ClockObstacle | null): void {
    const before = this.#obstacle;
    const isUnset = this.#word === false || this.#isBehind;
    this.#obstacle = jumped ?? (isUnset ? "clock_unsynchronized" : null);
    if (jumped === null) this.#tellUnset(isUnset);
    if (this.#obstacle !== before) this.#options.onChange();
  }

  #tellUnset(isUnset: boolean): void {
    if (isUnset === this.#told.has("clock_unsynchronized")) return;
    if (!isUnset) {
      this.#told.delete("clock_unsynchronized");
      this.#options.say("the clock is synchronised: offers are taken again");
      return;
    }
    this.#told.add("clock_unsynchronized");
    const why = this.#isBehind
      ? "the chain's newest block is ahead of this machine's clock"
      : "this machine's clock is not synchronised";
    const words = `${why}: no offers are taken and nothing is awarded until it is set; sudo timedatectl set-ntp true`;
    const facts = { by: this.#isBehind ? "chain" : "machine" };
    this.#options.onFault(new Fault("clock_unsynchronized", words, { facts }));
  }
}
