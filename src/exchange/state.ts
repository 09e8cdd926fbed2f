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
import type { Limits } from "../payment/standing.ts";
import { type Fact, type FactNamed, type JournalRecord, postingsOf } from "../protocol/facts.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { Market } from "../protocol/typed-data.ts";
import type { Voucher } from "../protocol/voucher.ts";
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
  /** The newest block that a fact was read at. */
  lookedAt: number;
  /** Transactions of the gateway's key that are not known to be over, by hash; replacements stand beside each other. */
  readonly transactions: Map<Hex, PendingTransaction>;
  /** Why no new offers are taken; null while they are. */
  halted: string | null;
  /** Devices that their operator keeps out. */
  readonly disabled: Set<Hex>;
};

/** Signed and journalled, so that it can be sent again as it is. */
export type PendingTransaction = Omit<FactNamed<"transactionPrepared">, "kind" | "transaction">;

/** The state before the first record of a journal: no tasks, no lanes, nobody enrolled. */
export function emptyState(): State {
  return {
    market: emptyMarket(),
    payment: emptyPayment(),
    roster: new Map(),
    home: null,
    claimedAt: instant(0),
    lookedAt: 0,
    answers: new Map(),
    transactions: new Map(),
    halted: null,
    disabled: new Set(),
  };
}

/**
 * What keeps the gateway's machine from taking new work on, while all that is open goes on: too little room on its disk;
 * its clock was set, so that gateway time and the machine's differ. While its clock is not synchronised nothing that
 * expires is signed either: what is announced stays announced.
 */
export type Obstacle = "disk_full" | "clock_jumped" | "clock_unsynchronized";

/** What keeps offers away for the sake of time. */
export type ClockObstacle = Exclude<Obstacle, "disk_full">;

/** What a decision may depend on besides the state. */
export type Context = {
  readonly market: Market;
  readonly rules: MarketRules;
  readonly now: Instant;
  /** Uniform in `[0, 1)` and not predictable by devices. */
  readonly draw: () => number;
  /** 32 random bytes: hides an output until it is paid for. */
  readonly salt: () => Hex;
  readonly limits: Limits;
  /** Null while nothing is in the way. */
  readonly obstacle: Obstacle | null;
  /** Whether an account signed a voucher. The heartbeat knows it for its whole group at once. */
  readonly isPayer: (voucher: Voucher, payer: Hex) => boolean;
  /** Whether the author that a manifest names has signed it; known as {@link Context.isPayer} is. */
  readonly isAuthor: (manifest: Manifest) => boolean;
};

/** Applies a record in place; the same records give the same state on every machine. */
export function apply(state: State, market: Market, record: JournalRecord): void {
  for (const fact of record.facts) {
    applyToMarket(state.market, fact, instant(record.at));
    applyToPayment(state.payment, market, fact, instant(record.at));
    applyToRoster(state.roster, fact);
    if (fact.kind === "gatewayStarted") state.home = marketOf(fact);
    if (fact.kind === "claimed") state.claimedAt = instant(record.at);
    if (fact.kind === "claimed" || fact.kind === "laneObserved") {
      state.lookedAt = Math.max(state.lookedAt, fact.block);
    }
    if (fact.kind === "halted") state.halted = fact.reason;
    if (fact.kind === "resumed") state.halted = null;
    if (fact.kind === "deviceDisabled") state.disabled.add(fact.device);
    if (fact.kind === "deviceEnabled") state.disabled.delete(fact.device);
    applyToTransactions(state.transactions, fact);
  }
  applyPostings(state.payment, postingsOf(record.facts));
  rememberAnswer(state.answers, record.cause, record.index, taskNamedBy(record.facts));
}

function applyToTransactions(pending: State["transactions"], fact: Fact): void {
  if (fact.kind === "transactionPrepared") {
    const { kind: _, transaction, ...rest } = fact;
    pending.set(transaction, rest);
  } else if (fact.kind === "claimed" || fact.kind === "transactionMined") {
    // one of a nonce's transactions is in a block, so that none of the others ever will be
    const nonce = pending.get(fact.transaction)?.nonce;
    for (const [hash, other] of pending) if (other.nonce === nonce) pending.delete(hash);
  } else if (fact.kind === "transactionDropped") {
    pending.delete(fact.transaction);
  }
}

function marketOf({ gateway, chainId, vault, token }: Market): Market {
  return { gateway, chainId, vault, token };
}

/** The task that a record is about: the first one that a fact names. */
export function taskNamedBy(facts: readonly Fact[]): Hex | null {
  for (const fact of facts) if ("task" in fact) return fact.task;
  return null;
}
