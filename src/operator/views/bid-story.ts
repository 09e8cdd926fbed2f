/**
 * Why each bid won or lost, by the auction's own rules (`market/auction.ts`): at an award the least rate wins, and among
 * equals the earliest bid, of those that have not run out, whose provider is not out of the task, and has room on its
 * lane for what the run may cost. A check is drawn among the others whom the check budget pays.
 *
 * A rate that stands in a factsheet is no bid of its own: who wants a task says so, by hand or by its program.
 */
import type { Hex } from "../../base/bytes.ts";
import { mostOf } from "../../market/task.ts";
import type { FactNamed } from "../../protocol/facts.ts";

/** Why a bid won or lost: all the words there are. */
export const BID_WORDS = [
  "lowest",
  "earliest of equals",
  "drawn as checker",
  "dearer",
  "later at the same rate",
  "no room on its lane",
  "over the check budget",
  "not drawn",
  "ran out",
  "bid again",
  "declined",
  "accepted too late",
  "gave up",
  "ran too long",
  "output missing",
  "found wrong",
  "out of the task",
  "kept out by its operator",
  "no award",
  "waiting",
] as const;
export type BidWord = (typeof BID_WORDS)[number];

/** How a provider left, in those words. */
export const LEFT_WORDS: Readonly<Record<FactNamed<"withdrawn">["how"], BidWord>> = {
  declined: "declined",
  accept_timeout: "accepted too late",
  forfeited: "gave up",
  run_timeout: "ran too long",
  output_missing: "output missing",
  outvoted: "found wrong",
};

export type ToldBid = {
  readonly fact: FactNamed<"bidPlaced">;
  readonly index: number;
  readonly at: number;
  won: boolean;
  why: BidWord;
};

/** The bids of one task as its records tell them. */
export class BidStory {
  readonly #offer: FactNamed<"offered">;
  readonly bids: ToldBid[] = [];
  readonly #out = new Set<Hex>();
  #keptOut: readonly Hex[] = [];
  /** Who runs it. */
  #runner: Hex | null = null;

  constructor(offer: FactNamed<"offered">) {
    this.#offer = offer;
  }

  placed(fact: FactNamed<"bidPlaced">, index: number, at: number): void {
    for (const bid of this.bids) {
      // one that had run out may be made anew
      if (bid.fact.provider === fact.provider && bid.why === "waiting") bid.why = "bid again";
    }
    this.bids.push({ fact, index, at, won: false, why: "waiting" });
  }

  /** @param keptOut - whom its operator has kept out at that time */
  awarded(award: FactNamed<"awarded">, at: number, keptOut: readonly Hex[]): void {
    this.#keptOut = keptOut;
    const standing = this.#standing();
    const winner = standing.find(({ fact }) => fact.provider === award.provider);
    for (const bid of standing) {
      if (bid === winner || bid.fact.provider === this.#runner) continue;
      bid.why = award.role === "run" ? this.#lostTo(bid, winner, at) : this.#notChecking(bid, award, at);
    }
    if (winner) {
      const isAlone = standing.every((one) => one === winner || one.fact.rate > winner.fact.rate);
      winner.won = true;
      winner.why = award.role === "check" ? "drawn as checker" : this.#wonBy(winner, standing, isAlone, at);
    }
    if (award.role === "run") this.#runner = award.provider;
  }

  withdrawn({ provider, how, role }: FactNamed<"withdrawn">): void {
    const bid = this.#standing().find(({ fact }) => fact.provider === provider);
    if (bid) Object.assign(bid, { won: false, why: LEFT_WORDS[how] });
    // who has only declined may bid again
    if (how !== "declined") this.#out.add(provider);
    if (role === "run" && this.#runner === provider) this.#runner = null;
  }

  /** The task is over: what waited for an award gets none. */
  ended(): void {
    for (const bid of this.bids) if (bid.why === "waiting") bid.why = "no award";
  }

  /** The newest bid of each provider, in the order they came. */
  #standing(): ToldBid[] {
    return this.bids.filter(
      (bid) =>
        !this.bids.some((later) => later.index > bid.index && later.fact.provider === bid.fact.provider),
    );
  }

  #wonBy(winner: ToldBid, standing: readonly ToldBid[], isAlone: boolean, at: number): BidWord {
    if (isAlone) return "lowest";
    const isEqual = standing.some(
      (one) => one !== winner && one.fact.rate === winner.fact.rate && this.#hindered(one, at) === null,
    );
    return isEqual ? "earliest of equals" : "lowest";
  }

  #lostTo(bid: ToldBid, winner: ToldBid | undefined, at: number): BidWord {
    const hindered = this.#hindered(bid, at);
    if (hindered) return hindered;
    if (winner && bid.fact.rate > winner.fact.rate) return "dearer";
    // an equal rate before the winner's, or a lower one, was passed over for the one reason that is left
    const isLater = winner !== undefined && bid.fact.rate === winner.fact.rate && bid.index > winner.index;
    return isLater ? "later at the same rate" : "no room on its lane";
  }

  #notChecking(bid: ToldBid, award: FactNamed<"awarded">, at: number): BidWord {
    // why it lost the run says more
    if (bid.why !== "waiting") return bid.why;
    const hindered = this.#hindered(bid, at);
    if (hindered) return hindered;
    const { fuelLimit, checkBudget } = this.#offer;
    const { price } = mostOf(bid.fact.rate, fuelLimit, award.feeBasisPoints);
    return price > checkBudget ? "over the check budget" : "not drawn";
  }

  /** What kept a bid from being awarded at all. */
  #hindered({ fact, why }: ToldBid, at: number): BidWord | null {
    if (this.#out.has(fact.provider)) return why === "waiting" ? "out of the task" : why;
    if (why === "declined") return why;
    if (this.#keptOut.includes(fact.provider)) return "kept out by its operator";
    return fact.expires <= at ? "ran out" : null;
  }
}
