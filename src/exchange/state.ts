/**
 * Everything the gateway knows, rebuilt from the journal alone.
 *
 * The exchange is where market, verdict and payment meet: one command's facts stand in one record, so somebody has
 * to see all three. It is as pure as they are: no clock, no disk, no network, and randomness is handed in.
 */

import type { Hex } from "../base/bytes.ts";
import { type Instant, instant } from "../base/clock.ts";
import { applyToMarket } from "../market/apply.ts";
import { emptyMarket, type MarketState } from "../market/market.ts";
import { applyToRoster, type Roster } from "../market/roster.ts";
import type { MarketRules } from "../market/rules.ts";
import { applyPostings, applyToPayment, emptyPayment, type PaymentState } from "../payment/payment.ts";
import { type Fact, type JournalRecord, postingsOf } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import { type Answers, rememberAnswer } from "./answers.ts";

export type State = {
  readonly market: MarketState;
  readonly payment: PaymentState;
  readonly roster: Roster;
  readonly answers: Answers;
  /** Where this journal's money lives, by the newest start in it; null in an empty one. */
  home: Market | null;
  /** When the newest claim was recorded; 0 before the first. */
  claimedAt: Instant;
  /** Claim transactions sent and not yet seen in a block: hash to raw bytes. */
  readonly claims: Map<Hex, { readonly raw: string; readonly nonce: number }>;
};

/** The state before the first record of a journal: no tasks, no lanes, nobody enrolled. */
export function emptyState(): State {
  return {
    market: emptyMarket(),
    payment: emptyPayment(),
    roster: new Map(),
    home: null,
    claimedAt: instant(0),
    answers: new Map(),
    claims: new Map(),
  };
}

/** What a decision may depend on besides the state. */
export type Context = {
  readonly market: Market;
  readonly rules: MarketRules;
  readonly now: Instant;
  /** Uniform in `[0, 1)` and not predictable by devices. */
  readonly draw: () => number;
};

/** Applies a record in place; the same records give the same state on every machine. */
export function apply(state: State, market: Market, record: JournalRecord): void {
  for (const fact of record.facts) {
    applyToMarket(state.market, fact, instant(record.at));
    applyToPayment(state.payment, market, fact);
    applyToRoster(state.roster, fact);
    if (fact.kind === "gatewayStarted") state.home = marketOf(fact);
    if (fact.kind === "claimed") state.claimedAt = instant(record.at);
    if (fact.kind === "claimPrepared")
      state.claims.set(fact.transaction, { raw: fact.raw, nonce: fact.nonce });
    if (fact.kind === "claimed" || fact.kind === "claimDropped") state.claims.delete(fact.transaction);
  }
  applyPostings(state.payment, postingsOf(record.facts));
  rememberAnswer(state.answers, record.cause, record.index, taskNamedBy(record.facts));
}

function marketOf({ gateway, chainId, vault, token }: Market): Market {
  return { gateway, chainId, vault, token };
}

/** The task that a record is about: the first one that a fact names. */
export function taskNamedBy(facts: readonly Fact[]): Hex | null {
  for (const fact of facts) if ("task" in fact) return fact.task;
  return null;
}
