/** Since when vouchers wait to be claimed that are worth the gas: what is worth less waits for company, and may for ever. */
import { type Instant, instant } from "../../base/clock.ts";
import { WINDOW_SECONDS } from "../../payment/lane.ts";
import { type Claimable, costOf, type GasTerms, laneGas, worthOf } from "../../settlement/claim-policy.ts";

export type WaitingOptions = {
  /** How long anything may wait, milliseconds; a quarter of the lane's window if that is less. */
  readonly everyMs: number;
  /** Payee of most lanes. */
  readonly gateway: string;
  readonly startedAt: Instant;
};

export type Waiting = { readonly since: Instant | null; readonly until: Instant | null };

export class WaitingClaims {
  readonly #options: WaitingOptions;
  #since: ReadonlyMap<string, Instant> | null = null;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /**
   * Takes note of what waits now, and says since when the oldest does, and when the first is to be claimed at the latest.
   *
   * @param lanes - those with something to claim
   * @param claimedAt - when the newest claim was recorded; 0 before the first
   */
  note(lanes: readonly Claimable[], terms: GasTerms, claimedAt: Instant, now: Instant): Waiting {
    const worthy = lanes.filter((lane) => this.#isWorthIt(lane, terms));
    const fresh = this.#since === null ? this.#waitedBefore(claimedAt) : now;
    this.#since = new Map(worthy.map((lane) => [nameOf(lane), this.#since?.get(nameOf(lane)) ?? fresh]));
    const times = worthy.map((lane) => {
      const since = this.#since?.get(nameOf(lane)) ?? now;
      return { since, until: since + this.#patience(lane) };
    });
    if (times.length === 0) return { since: null, until: null };
    const least = (all: readonly number[]) => all.reduce((a, b) => Math.min(a, b));
    return {
      since: instant(least(times.map(({ since }) => since))),
      until: instant(least(times.map(({ until }) => until))),
    };
  }

  /** What a start finds may have waited since the last claim; one interval at most, so that it has a chance to go out. */
  #waitedBefore(claimedAt: Instant): Instant {
    const { startedAt, everyMs } = this.#options;
    return claimedAt === 0 ? startedAt : instant(Math.max(claimedAt, startedAt - everyMs));
  }

  #isWorthIt(lane: Claimable, terms: GasTerms): boolean {
    const cost = costOf(laneGas(lane, this.#options.gateway), terms);
    const worth = worthOf(lane);
    return worth > 0n && (cost === null || worth >= cost || lane.closeAt !== 0);
  }

  #patience({ window }: Claimable): number {
    return Math.min(this.#options.everyMs, ((WINDOW_SECONDS[window] ?? WINDOW_SECONDS[0]) * 1_000) / 4);
  }
}

/** A lane in one of its lives. */
function nameOf({ payer, payee, epoch }: Claimable): string {
  return `${payer} ${payee} ${epoch}`;
}
