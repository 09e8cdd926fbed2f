/**
 * Gateway time: it begins at what the machine's clock says, and goes on by the one that nobody sets.
 *
 * Deadlines that were signed stand by it, so that nobody's task ends because somebody has set the clock. A small
 * difference is made good slowly; a large one is a jump, and told. Who knows what is open decides when to follow it.
 */
import { type Clock, type Instant, instant, type TimeSource } from "./clock.ts";

/** How far the machine's clock may be from gateway time before it counts as set, milliseconds. */
export const JUMP_MS = 5_000;

/** By which part gateway time runs faster or slower until a small difference is made good. */
export const SLEW = 1 / 20;

/** The machine's clock was set, and gateway time has not followed. */
export type Jump = {
  /** How far the machine's clock is ahead of gateway time, milliseconds; negative when it was set back. */
  readonly by: number;
  /** When it was noticed, in gateway time. */
  readonly since: Instant;
};

/** See {@link SteadyClock.look}, which somebody has to call every second or so. */
export class SteadyClock implements Clock {
  readonly sleep: Clock["sleep"];
  readonly after: Clock["after"];
  readonly #source: TimeSource;
  /** Gateway time was `time` at `steady`; from then on `owed` is made good. */
  #anchor: { readonly time: number; readonly steady: number; readonly owed: number };
  #jump: Jump | null = null;

  /** @param timers - lengths of time are nobody's to set */
  constructor(source: TimeSource, timers: Pick<Clock, "sleep" | "after">) {
    this.#source = source;
    this.sleep = timers.sleep;
    this.after = timers.after;
    this.#anchor = { time: source.wall(), steady: source.steady(), owed: 0 };
  }

  /** Never goes back but by {@link step}. */
  now(): Instant {
    return instant(Math.floor(this.#timeAt(this.#source.steady())));
  }

  /** Compares the two clocks. Null while gateway time follows the machine's clock; the jump as long as it does not. */
  look(): Jump | null {
    const steady = this.#source.steady();
    const time = this.#timeAt(steady);
    const off = this.#source.wall() - time;
    const isJump = Math.abs(off) > JUMP_MS;
    this.#anchor = { time, steady, owed: isJump ? 0 : off };
    this.#jump = isJump
      ? { by: Math.round(off), since: this.#jump?.since ?? instant(Math.floor(time)) }
      : null;
    return this.#jump;
  }

  /** Follows the machine's clock at once, and says by how many milliseconds. */
  step(): number {
    const steady = this.#source.steady();
    const before = this.#timeAt(steady);
    const time = this.#source.wall();
    this.#anchor = { time, steady, owed: 0 };
    this.#jump = null;
    return Math.round(time - before);
  }

  #timeAt(steady: number): number {
    const { time, steady: from, owed } = this.#anchor;
    const passed = steady - from;
    const most = passed * SLEW;
    return time + passed + Math.max(-most, Math.min(most, owed));
  }
}
