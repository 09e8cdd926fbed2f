/**
 * A watchtower's alarms: money that is not saved when a quarter of its window is over, and a chain that cannot be read.
 *
 * They are raised by what was seen last and by whichever is later, the chain's time or ours, so that neither an outage
 * nor a clock that stands still keeps one from being raised. Each is told once, and again with every further quarter.
 */
import type { Instant } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { type ClosingLane, quartersPassed, windowSecondsOf } from "./closing-lane.ts";
import type { TowerEvent } from "./tower-event.ts";
import type { ShelfLane } from "./voucher-shelf.ts";

/** A window of which no quarter may pass unseen, where the lanes have none that is shorter: seconds. */
const LONGEST_WINDOW = 86_400;

export type AlarmListener = {
  readonly onEvent: (event: TowerEvent) => void;
  readonly onFault: (fault: unknown) => void;
};

export class TowerAlarms {
  readonly #listener: AlarmListener;
  /** Quarters that have been told of, by lane and closing. */
  #told: ReadonlyMap<string, number> = new Map();
  #blind = false;

  constructor(listener: AlarmListener) {
    this.#listener = listener;
  }

  /** How many are up. */
  get count(): number {
    return this.#told.size + Number(this.#blind);
  }

  /**
   * Raises what is new, and takes back what is over.
   *
   * @param closing - every lane in danger
   * @param at - unix seconds
   */
  judge(closing: readonly ClosingLane[], at: number): void {
    const told = new Map<string, number>();
    for (const one of closing) {
      const quarters = quartersPassed(one, at);
      if (quarters === 0) continue;
      const { lane, row, closeAt, unclaimed } = one;
      const { epoch } = row.voucher;
      const id = `${lane.id}/${epoch}/${closeAt}`;
      told.set(id, quarters);
      if (quarters <= (this.#told.get(id) ?? 0)) continue;
      this.#listener.onEvent({ kind: "alarm", ...lane.key, epoch, closeAt, unclaimed, quarters });
      this.#listener.onFault(overdue(one, quarters));
    }
    this.#told = told;
  }

  /** The same for the chain: `since` is when every lane was read last. */
  judgeSight(lanes: readonly ShelfLane[], since: Instant, now: Instant): void {
    const windows = lanes.flatMap(({ seen }) => (seen ? windowSecondsOf(seen.head) : []));
    const shortest = windows.reduce((least, one) => Math.min(least, one), LONGEST_WINDOW);
    const isBlind = now - since >= (shortest * 1_000) / 4;
    if (isBlind && !this.#blind) {
      this.#listener.onEvent({ kind: "blind", since });
      const seconds = Math.floor((now - since) / 1_000);
      const text = `the chain was not read for ${seconds} s: a close may pass unseen`;
      this.#listener.onFault(new Fault("chain_unreachable", text, { facts: { seconds } }));
    }
    this.#blind = isBlind;
  }
}

function overdue({ lane, unclaimed, closeAt }: ClosingLane, quarters: number): Fault {
  const { payer, payee, token } = lane.key;
  const when = new Date(closeAt * 1_000).toISOString();
  const what = `${unclaimed} units of the lane from ${payer} to ${payee} are unclaimed`;
  const facts = { payer, payee, token, unclaimed, closeAt, quarters };
  return new Fault("claim_overdue", `${what}, ${quarters}/4 of the window is over, it ends ${when}`, {
    facts,
  });
}
