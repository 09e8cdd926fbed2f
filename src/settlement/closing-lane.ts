/** A lane that is closing while money of its payee is unclaimed: what a watchtower is there for. Pure. */
import { type Amount, subtract } from "../base/money.ts";
import { WINDOW_SECONDS } from "../payment/lane.ts";
import type { LaneOnChain } from "./chain.ts";
import type { KeptVoucher } from "./tower-file.ts";
import type { ShelfLane } from "./voucher-shelf.ts";

export type ClosingLane = {
  readonly lane: ShelfLane;
  /** The voucher to claim. */
  readonly row: KeptVoucher;
  /** What claiming it adds, above zero; no lane pays more than its deposit. */
  readonly unclaimed: Amount;
  /** From when the payer can take the rest back, unix seconds. */
  readonly closeAt: number;
  readonly windowSeconds: number;
  /** Only the block that counts shows it: at the head the lane has gone on, or a node lies. */
  readonly isDoubtful: boolean;
};

/**
 * What is in danger on a lane as it was seen; null when nothing is.
 *
 * The newest block decides. Where it says less than the one that counts, which is believed of no single node, that one
 * is asked as well: who lies about the head must not blind the watch.
 */
export function closingLane(lane: ShelfLane): ClosingLane | null {
  if (!lane.seen) return null;
  const { head, confirmed } = lane.seen;
  const now = endangered(lane, head, false);
  if (now || !confirmed) return now;
  const saysLess = head.epoch !== confirmed.epoch || head.deposit < confirmed.deposit;
  return saysLess ? endangered(lane, confirmed, true) : null;
}

function endangered(lane: ShelfLane, at: LaneOnChain, isDoubtful: boolean): ClosingLane | null {
  const { epoch, deposit, settled, closeAt } = at;
  const row = lane.rows.get(epoch);
  if (!row || closeAt === 0) return null;
  const { cumulative } = row.voucher;
  const worth = cumulative < deposit ? cumulative : deposit;
  if (worth <= settled) return null;
  const unclaimed = subtract(worth, settled);
  return { lane, row, unclaimed, closeAt, windowSeconds: windowSecondsOf(at), isDoubtful };
}

/** The lane's challenge window; the shortest one for a class that is not known. */
export function windowSecondsOf({ window }: Pick<LaneOnChain, "window">): number {
  return WINDOW_SECONDS[window] ?? WINDOW_SECONDS[0];
}

/**
 * How many quarters of the challenge window have passed.
 *
 * @param at - unix seconds
 * @returns 0 in the first one, 4 and no more when the window is over
 */
export function quartersPassed({ closeAt, windowSeconds }: ClosingLane, at: number): number {
  const passed = at - (closeAt - windowSeconds);
  return Math.max(0, Math.min(4, Math.floor((4 * passed) / windowSeconds)));
}
