/**
 * A lane: what one payer has deposited for one payee, and promised to it so far.
 *
 * The chain owns deposit, settled, epoch and closing; the newest voucher owns `signed`. Used by the gateway for
 * both of its sides and by devices for theirs. Pure.
 */
import type { Hex } from "../base/bytes.ts";
import { type Amount, subtract, ZERO } from "../base/money.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import type { Venue } from "../protocol/eip712.ts";
import type { Voucher } from "../protocol/voucher.ts";

/** How long a closing lane can still be claimed, seconds, by window class: 1 h, 24 h, 72 h, 7 d. */
export const WINDOW_SECONDS = [3_600, 86_400, 259_200, 604_800] as const;

/** What the chain says of a lane. */
export type LaneSeen = Pick<Lane, "epoch" | "deposit" | "settled" | "closeAt" | "window">;

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
  /** Index into {@link WINDOW_SECONDS}, fixed by the first deposit of an epoch. */
  readonly window: number;
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
    window: 0,
    signed: ZERO,
    newest: null,
  };
}

/** What can still be signed on a lane. */
export function roomOf(lane: Lane): Amount {
  return lane.closeAt === 0 && lane.deposit > lane.signed ? subtract(lane.deposit, lane.signed) : ZERO;
}

/** What the chain shows now. A new epoch voids every voucher of the old one. */
export function observe(lane: Lane, seen: LaneSeen): Lane {
  const { epoch, deposit, settled, closeAt, window } = seen;
  // A node that lags must not bring void vouchers back to life.
  if (epoch < lane.epoch) return lane;
  const fresh = epoch !== lane.epoch;
  const newest = fresh ? null : lane.newest;
  const signed = fresh || settled > lane.signed ? settled : lane.signed;
  return { ...lane, epoch, deposit, settled, closeAt, window, newest, signed };
}

/** Why a voucher is not one of this lane's present life, or null; its signature is another matter. */
export function misplaced(lane: Lane, venue: Venue, voucher: Omit<Voucher, "signature">): Refusal | null {
  if (voucher.chainId !== venue.chainId) return refuse("voucher_wrong_chain");
  if (voucher.vault !== venue.vault) return refuse("voucher_wrong_vault");
  if (voucher.token !== lane.token) return refuse("voucher_wrong_token");
  if (voucher.payee !== lane.payee) return refuse("voucher_wrong_payee");
  return voucher.epoch === lane.epoch ? null : refuse("voucher_wrong_epoch");
}

/** What a voucher of this lane, with a good signature, adds to it, or why it adds nothing. */
export function worth(lane: Lane, voucher: Pick<Voucher, "cumulative">): Amount | Refusal {
  if (voucher.cumulative <= lane.signed) return refuse("voucher_stale");
  if (voucher.cumulative > lane.deposit) return refuse("voucher_over_deposit");
  return subtract(voucher.cumulative, lane.signed);
}

/** The lane after a voucher, which the caller has judged by {@link worth} or signed itself: nothing is checked here. */
export function signedWith(lane: Lane, voucher: Voucher): Lane {
  return { ...lane, signed: voucher.cumulative, newest: voucher };
}
