/**
 * Payment: lanes into and out of the gateway, and the books that join them.
 *
 * Pure, like the market: `decide…` and plain questions read, `applyToPayment` alone changes.
 */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import { type Amount, add, amount, subtract, ZERO } from "../base/money.ts";
import { isRefusal, type Refusal, refuse } from "../base/refusal.ts";
import { type Fact, type FactNamed, type Leg, type Posting, UNSIGNED } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import type { Voucher } from "../protocol/voucher.ts";
import { type Books, balanceOf, emptyBooks, move, post } from "./books.ts";
import { type Lane, type LaneSeen, misplaced, newLane, observe, roomOf, signedWith, worth } from "./lane.ts";
import { applyToStanding, emptyStandings, type Standings } from "./standing.ts";
import { applyToWages, trimWages, type Wages } from "./wages.ts";

export type PaymentState = {
  /** Lanes to the gateway, by payer. */
  readonly incoming: Map<Hex, Lane>;
  /** Lanes from the gateway, by payee. */
  readonly outgoing: Map<Hex, Lane>;
  readonly books: Books;
  readonly standings: Standings;
  readonly wages: Wages;
  /** Why no voucher is signed; null while they are. */
  stopped: string | null;
};

/** No lanes and empty books, as before the first record. */
export function emptyPayment(): PaymentState {
  const [incoming, outgoing, wages] = [new Map(), new Map(), new Map()];
  return { incoming, outgoing, wages, books: emptyBooks(), standings: emptyStandings(), stopped: null };
}

/** The lane from a device to the gateway; one that the chain has not shown yet is empty. */
export function incomingLane(state: PaymentState, market: Market, payer: Hex): Lane {
  return state.incoming.get(payer) ?? newLane(payer, market.gateway, market.token);
}

/** The lane from the gateway to a device; one that the chain has not shown yet is empty. */
export function outgoingLane(state: PaymentState, market: Market, payee: Hex): Lane {
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

/** What the device has been invoiced for and has not signed yet, and what of it a close has made void. */
export function owedBy(state: PaymentState, device: Hex): Amount {
  return balanceOf(state.books, `owed:${device}`);
}

/** Pay of the device's that waits among its credit for a voucher, atomic units. */
export function wagesOf(state: PaymentState, device: Hex): Amount {
  return amount(state.wages.get(device) ?? 0n);
}

/** What the gateway can still sign to a payee, beyond what its running awards may need; nothing while it is stopped. */
export function hubRoom(state: PaymentState, market: Market, payee: Hex, held: Amount): Amount {
  if (state.stopped !== null) return ZERO;
  const room = roomOf(outgoingLane(state, market, payee));
  return room > held ? subtract(room, held) : ZERO;
}

/** Until when vouchers of a closing lane are taken: they still have to be claimed before its window ends. */
export function closesBefore(lane: Lane, marginMs: number): number {
  return lane.closeAt === 0 ? Number.POSITIVE_INFINITY : lane.closeAt * 1_000 - marginMs;
}

export type VoucherRules = {
  readonly now: Instant;
  /** Before the end of a closing lane's window, milliseconds; see {@link closesBefore}. */
  readonly closeMarginMs: number;
  /** Least window class of a lane that vouchers are taken on. */
  readonly leastWindow: number;
  /** Whether an account signed it. */
  readonly isPayer: (voucher: Voucher, payer: Hex) => boolean;
};

/**
 * A voucher is taken on its own merits, whatever becomes of the command that carries it.
 *
 * `voucher_stale` says that as much is signed already; that is decided before its signature is looked at.
 */
export function decideVoucher(
  state: PaymentState,
  market: Market,
  payer: Hex,
  voucher: Voucher,
  rules: VoucherRules,
): FactNamed<"voucherReceived"> | Refusal {
  const lane = incomingLane(state, market, payer);
  const stray = misplaced(lane, market, voucher);
  if (stray) return stray;
  const gain = worth(lane, voucher);
  if (isRefusal(gain)) return gain;
  if (rules.now >= closesBefore(lane, rules.closeMarginMs)) return refuse("lane_closing");
  if (lane.window < rules.leastWindow) return refuse("window_short");
  if (!rules.isPayer(voucher, payer)) {
    return refuse("bad_signature", "the voucher is not signed by this device");
  }
  const postings = move(`in:${payer}`, `credit:${payer}`, gain);
  return { kind: "voucherReceived", payer, amount: gain, voucher, postings };
}

/**
 * Reserves an offer's budget out of the requester's credit, with what its voucher has just added.
 *
 * @param budget - maxPrice and checkBudget together, so up to twice `MAX_AMOUNT`
 */
export function decideHold(requester: Hex, credit: bigint, budget: bigint): readonly Posting[] | Refusal {
  if (credit < budget) return refuse("credit_short");
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

export type Bill = Pick<FactNamed<"ended">, "price" | "fee" | "legs" | "postings">;

/**
 * Every leg of one payment, with vouchers still to be signed, and the postings that bind them.
 *
 * A payee whose lane has no room gets credit: the award kept room for it, but a close may have come in between. So does
 * every payee while paying is stopped.
 *
 * @param source - what pays: the requester's hold, or its debt
 * @param before - what other payments of the same record sign already
 */
export function decideBill(
  state: PaymentState,
  market: Market,
  source: `${"held" | "owed"}:${Hex}`,
  dues: readonly Due[],
  before: readonly Leg[] = [],
): Bill {
  const legs: Leg[] = [];
  const postings: Posting[] = [];
  let fee = ZERO;
  let price = ZERO;
  for (const due of dues) {
    const sum = subtract(due.price, due.fee);
    const voucher = nextVoucher(state, market, due.payee, sum, [...before, ...legs]);
    if (voucher) legs.push({ payee: due.payee, role: due.role, amount: sum, voucher });
    postings.push(...move(source, voucher ? `out:${due.payee}` : `credit:${due.payee}`, sum));
    postings.push(...move(source, "fee", due.fee));
    fee = add(fee, due.fee);
    price = add(price, due.price);
  }
  return { price, fee, legs, postings };
}

/** The voucher that pays `sum` more on the lane to a payee, on top of `legs`; null without room for it, and while stopped. */
function nextVoucher(
  state: PaymentState,
  market: Market,
  payee: Hex,
  sum: Amount,
  legs: readonly Leg[],
): Voucher | null {
  if (state.stopped !== null) return null;
  const lane = outgoingLane(state, market, payee);
  const before = legs.findLast((leg) => leg.payee === payee)?.voucher.cumulative ?? lane.signed;
  if (lane.closeAt !== 0 || before + sum > lane.deposit) return null;
  const { chainId, vault, token } = market;
  const cumulative = add(before, sum);
  return { chainId, vault, payee, token, epoch: lane.epoch, cumulative, signature: UNSIGNED };
}

/**
 * Credit given back on the lane to its device; null when the lane has no room for it.
 *
 * @param legs - what the same record signs to this device already
 */
export function decidePayout(
  state: PaymentState,
  market: Market,
  device: Hex,
  sum: Amount,
  legs: readonly Leg[],
): FactNamed<"creditPaidOut"> | null {
  const voucher = nextVoucher(state, market, device, sum, legs);
  if (!voucher) return null;
  const postings = move(`credit:${device}`, `out:${device}`, sum);
  return { kind: "creditPaidOut", device, amount: sum, voucher, postings };
}

/** Applies one fact in place. Facts of other rooms change nothing here. */
export function applyToPayment(state: PaymentState, market: Market, fact: Fact, at: Instant): void {
  applyToStanding(state.standings, fact, at);
  applyToWages(state.wages, fact);
  switch (fact.kind) {
    case "payingStopped":
      state.stopped = fact.reason;
      break;
    case "payingResumed":
      state.stopped = null;
      break;
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
    case "voucherShown":
    case "creditPaidOut": {
      const payee = fact.voucher.payee;
      state.outgoing.set(payee, signedWith(outgoingLane(state, market, payee), fact.voucher));
      break;
    }
    case "invoiced":
    case "ended":
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
  trimWages(state.wages, state.books, postings);
}

/** The state with the lanes as these facts show them; the books are the same ones. */
export function withLanesSeen(state: PaymentState, market: Market, facts: readonly Fact[]): PaymentState {
  const seen = { ...state, incoming: new Map(state.incoming), outgoing: new Map(state.outgoing) };
  for (const fact of facts) {
    const lanes = fact.kind === "laneObserved" ? [fact] : fact.kind === "claimed" ? fact.lanes : [];
    for (const lane of lanes) applyObserved(seen, market, lane);
  }
  return seen;
}

function applyObserved(
  state: PaymentState,
  market: Market,
  seen: Pick<Lane, "payer" | "payee" | "token"> & LaneSeen,
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
