/**
 * Payment: lanes into and out of the gateway, and the books that join them.
 *
 * Pure, like the market: `decide…` and plain questions read, `applyToPayment` alone changes.
 */
import type { Hex } from "../base/bytes.ts";
import { type Amount, add, amount, subtract, ZERO } from "../base/money.ts";
import { isRefusal, type Refusal, refuse } from "../base/refusal.ts";
import { type Fact, type FactNamed, type Leg, type Posting, UNSIGNED } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import { type Voucher, voucherPayer } from "../protocol/voucher.ts";
import { type Books, balanceOf, emptyBooks, move, post } from "./books.ts";
import { type Lane, newLane, observe, roomOf, signedWith, worth } from "./lane.ts";

export type PaymentState = {
  /** Lanes to the gateway, by payer. */
  readonly incoming: Map<Hex, Lane>;
  /** Lanes from the gateway, by payee. */
  readonly outgoing: Map<Hex, Lane>;
  readonly books: Books;
};

/** No lanes and empty books, as before the first record. */
export function emptyPayment(): PaymentState {
  return { incoming: new Map(), outgoing: new Map(), books: emptyBooks() };
}

/** The lane from a device to the gateway; one that the chain has not shown yet is empty. */
export function incomingLane(state: PaymentState, market: Market, payer: Hex): Lane {
  return state.incoming.get(payer) ?? newLane(payer, market.gateway, market.token);
}

function outgoingLane(state: PaymentState, market: Market, payee: Hex): Lane {
  return state.outgoing.get(payee) ?? newLane(market.gateway, payee, market.token);
}

/** Signed by the device and not yet spent or held. */
export function creditOf(state: PaymentState, device: Hex): Amount {
  return balanceOf(state.books, `credit:${device}`);
}

/** Reserved for the device's open tasks, in atomic units; what they do not cost goes back to its credit. */
export function heldOf(state: PaymentState, device: Hex): Amount {
  return balanceOf(state.books, `held:${device}`);
}

/** What the gateway can still sign to a payee, beyond what its running awards may need. */
export function hubRoom(state: PaymentState, market: Market, payee: Hex, held: Amount): Amount {
  const room = roomOf(outgoingLane(state, market, payee));
  return room > held ? subtract(room, held) : ZERO;
}

/** A voucher is taken on its own merits, whatever becomes of the command that carries it. */
export function decideVoucher(
  state: PaymentState,
  market: Market,
  payer: Hex,
  voucher: Voucher,
): FactNamed<"voucherReceived"> | Refusal {
  if (voucherPayer(market, voucher) !== payer)
    return refuse("bad_signature", "the voucher is not signed by this device");
  const lane = incomingLane(state, market, payer);
  const gain = worth(lane, voucher);
  if (isRefusal(gain)) return gain;
  return {
    kind: "voucherReceived",
    payer,
    amount: gain,
    voucher,
    postings: move(`in:${payer}`, `credit:${payer}`, gain),
  };
}

/**
 * Squares the books with what the chain shows of a lane; null when they agree.
 *
 * A new epoch makes void what was signed and not claimed: the payer's credit pays for that first, and what is held or
 * spent already is the gateway's loss. A claim of a voucher that was never seen here is money all the same.
 */
export function reconcile(
  state: PaymentState,
  market: Market,
  seen: Pick<Lane, "payer" | "payee" | "token" | "epoch" | "settled">,
): FactNamed<"laneReconciled"> | null {
  if (seen.token !== market.token) return null;
  const { payer, payee, epoch, settled } = seen;
  const isIncoming = payee === market.gateway;
  const lane = isIncoming ? incomingLane(state, market, payer) : outgoingLane(state, market, payee);
  if (epoch < lane.epoch) return null;
  const isFresh = epoch > lane.epoch;
  const unclaimed = isFresh ? subtract(lane.signed, lane.settled) : ZERO;
  const unseen = isFresh ? settled : settled > lane.signed ? subtract(settled, lane.signed) : ZERO;
  if (unclaimed === 0n && unseen === 0n) return null;
  const postings = isIncoming
    ? [...voided(state, payer, unclaimed), ...move(`in:${payer}`, `credit:${payer}`, unseen)]
    : [...move(`out:${payee}`, "recovery", unclaimed), ...move("recovery", `out:${payee}`, unseen)];
  return { kind: "laneReconciled", payer, payee, epoch, amount: unseen - unclaimed, postings };
}

function voided(state: PaymentState, payer: Hex, unclaimed: Amount): Posting[] {
  const credit = creditOf(state, payer);
  const fromCredit = unclaimed < credit ? unclaimed : credit;
  const loss = subtract(unclaimed, fromCredit);
  return [...move(`credit:${payer}`, `in:${payer}`, fromCredit), ...move("recovery", `in:${payer}`, loss)];
}

/**
 * Reserves an offer's budget out of the requester's credit; `extra` is what its voucher has just added.
 *
 * @param budget - maxPrice and checkBudget together, so up to twice `MAX_AMOUNT`
 */
export function decideHold(
  state: PaymentState,
  market: Market,
  requester: Hex,
  budget: bigint,
  extra: Amount,
): readonly Posting[] | Refusal {
  if (incomingLane(state, market, requester).closeAt !== 0) return refuse("lane_closing");
  if (add(creditOf(state, requester), extra) < budget) return refuse("credit_short");
  return move(`credit:${requester}`, `held:${requester}`, amount(budget));
}

/** Gives a hold back whole. */
export function release(requester: Hex, held: Amount): readonly Posting[] {
  return move(`held:${requester}`, `credit:${requester}`, held);
}

/** A provider's part of one payment. */
export type Due = {
  readonly payee: Hex;
  readonly role: "run" | "check";
  readonly price: Amount;
  readonly fee: Amount;
};

/** Every leg of one payment, with vouchers still to be signed, and the postings that bind them. */
export function decidePayment(
  state: PaymentState,
  market: Market,
  requester: Hex,
  held: Amount,
  dues: readonly Due[],
): { legs: Leg[]; fee: Amount; spent: Amount; postings: Posting[] } {
  const legs: Leg[] = [];
  const postings: Posting[] = [];
  let fee = ZERO;
  let spent = ZERO;
  for (const due of dues) {
    const sum = subtract(due.price, due.fee);
    const lane = outgoingLane(state, market, due.payee);
    const cumulative = add(lane.signed, sum);
    const voucher = {
      payee: due.payee,
      token: lane.token,
      epoch: lane.epoch,
      cumulative,
      signature: UNSIGNED,
    };
    legs.push({ payee: due.payee, role: due.role, amount: sum, voucher });
    postings.push(
      ...move(`held:${requester}`, `out:${due.payee}`, sum),
      ...move(`held:${requester}`, "fee", due.fee),
    );
    fee = add(fee, due.fee);
    spent = add(spent, due.price);
  }
  postings.push(...release(requester, subtract(held, spent)));
  return { legs, fee, spent, postings };
}

/** Applies one fact in place. Facts of other rooms change nothing here. */
export function applyToPayment(state: PaymentState, market: Market, fact: Fact): void {
  switch (fact.kind) {
    case "laneObserved":
      applyObserved(state, market, fact);
      break;
    case "claimed":
      for (const lane of fact.lanes) applyObserved(state, market, lane);
      break;
    case "voucherReceived": {
      const lane = incomingLane(state, market, fact.payer);
      state.incoming.set(fact.payer, signedWith(lane, fact.voucher));
      break;
    }
    case "paid":
      for (const leg of fact.legs) {
        state.outgoing.set(leg.payee, signedWith(outgoingLane(state, market, leg.payee), leg.voucher));
      }
      break;
    default:
  }
}

/** Writes a whole record's postings; they must sum to zero together. */
export function applyPostings(state: PaymentState, postings: readonly Posting[]): void {
  post(state.books, postings);
}

function applyObserved(
  state: PaymentState,
  market: Market,
  seen: Pick<Lane, "payer" | "payee" | "token" | "epoch" | "deposit" | "settled" | "closeAt">,
): void {
  if (seen.token !== market.token) return;
  if (seen.payee === market.gateway) {
    state.incoming.set(seen.payer, observe(incomingLane(state, market, seen.payer), seen));
  } else if (seen.payer === market.gateway) {
    state.outgoing.set(seen.payee, observe(outgoingLane(state, market, seen.payee), seen));
  }
}

/** Lanes whose newest voucher is worth more than what the chain has paid. */
export function claimable(state: PaymentState): readonly (Lane & { newest: Voucher })[] {
  const found: (Lane & { newest: Voucher })[] = [];
  for (const lanes of [state.incoming, state.outgoing]) {
    for (const lane of lanes.values()) {
      if (lane.newest && lane.newest.cumulative > lane.settled) found.push({ ...lane, newest: lane.newest });
    }
  }
  return found;
}
