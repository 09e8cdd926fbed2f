/**
 * A lane: what one payer has deposited for one payee, and promised to it so far.
 *
 * The chain owns deposit, settled, epoch and closing; the newest voucher owns `signed`. Used by the gateway for
 * both of its sides and by devices for theirs. Pure.
 */
import type { Hex } from "../base/bytes.ts";
import { type Amount, subtract, ZERO } from "../base/money.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import type { Voucher } from "../protocol/voucher.ts";

export type Lane = {
  readonly payer: Hex;
  readonly payee: Hex;
  readonly token: Hex;
  readonly epoch: number;
  readonly deposit: Amount;
  /** Claimed on chain, `≤ signed`. */
  readonly settled: Amount;
  /** Unix seconds; 0 while open. */
  readonly closeAt: number;
  /** Highest cumulative of this epoch, `≤ deposit`, never falls within an epoch. */
  readonly signed: Amount;
  readonly newest: Voucher | null;
};

/** A lane as the chain has it before anybody deposits: epoch 0, open, nothing signed. */
export function newLane(payer: Hex, payee: Hex, token: Hex): Lane {
  return {
    payer,
    payee,
    token,
    epoch: 0,
    deposit: ZERO,
    settled: ZERO,
    closeAt: 0,
    signed: ZERO,
    newest: null,
  };
}

/** What can still be signed on a lane. */
export function roomOf(lane: Lane): Amount {
  return lane.closeAt === 0 && lane.deposit > lane.signed ? subtract(lane.deposit, lane.signed) : ZERO;
}

/** What the chain shows now. A new epoch voids every voucher of the old one. */
export function observe(lane: Lane, seen: Pick<Lane, "epoch" | "deposit" | "settled" | "closeAt">): Lane {
  const { epoch, deposit, settled, closeAt } = seen;
  // A node that lags must not bring void vouchers back to life.
  if (epoch < lane.epoch) return lane;
  const fresh = epoch !== lane.epoch;
  const newest = fresh ? null : lane.newest;
  const signed = fresh || settled > lane.signed ? settled : lane.signed;
  return { ...lane, epoch, deposit, settled, closeAt, newest, signed };
}

/** What a voucher with a good signature adds to its lane, or why it adds nothing. */
export function worth(lane: Lane, voucher: Omit<Voucher, "signature">): Amount | Refusal {
  if (voucher.payee !== lane.payee || voucher.token !== lane.token || voucher.epoch !== lane.epoch) {
    return refuse("voucher_wrong_lane");
  }
  if (voucher.cumulative <= lane.signed) return refuse("voucher_stale");
  if (voucher.cumulative > lane.deposit) return refuse("voucher_over_deposit");
  return subtract(voucher.cumulative, lane.signed);
}

/** The lane after a voucher, which the caller has judged by {@link worth} or signed itself: nothing is checked here. */
export function signedWith(lane: Lane, voucher: Voucher): Lane {
  return { ...lane, signed: voucher.cumulative, newest: voucher };
}
