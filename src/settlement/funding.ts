/** What the gateway's own lanes lack, and how much of that its vault can pay. Pure. */
import { type Amount, subtract } from "../base/money.ts";
import { type Lane, observe, roomOf } from "../payment/lane.ts";
import type { LaneOnChain } from "./chain.ts";
import type { FundRow } from "./vault-calls.ts";

/** Rows of one transaction: the dearest, a lane's first funding, takes some 52,000 of its 2^24 gas (EIP-7825). */
export const MAX_FUND_ROWS = 250;

export type FundTerms = {
  /** Room that each lane is topped up to. */
  readonly laneDeposit: Amount;
  /** The class of windows of lanes that are opened. */
  readonly window: number;
};

/**
 * What each lane lacks of its room, counted at the newest block: what is on its way must not be sent twice.
 *
 * Half of the room is the threshold: topping up at each payment would cost gas each time. A lane that was closed stays
 * closed until it is opened by hand, and one that is closing takes nothing.
 */
export function topUps(
  lanes: readonly { readonly known: Lane; readonly head: LaneOnChain }[],
  { laneDeposit, window }: FundTerms,
): (FundRow & { readonly opens: boolean })[] {
  return lanes.flatMap(({ known, head }) => {
    const opens = head.deposit === 0n;
    if (head.closeAt !== 0 || (opens && head.epoch !== 0)) return [];
    const room = roomOf(observe(known, head));
    if (room * 2n >= laneDeposit) return [];
    const missing = subtract(laneDeposit, room);
    return [{ payee: known.payee, amount: missing, window: opens ? window : head.window, opens }];
  });
}

/** The first rows that `budget` can pay in full. */
export function affordable<Row extends FundRow>(rows: readonly Row[], budget: bigint): Row[] {
  let left = budget;
  const paid: Row[] = [];
  for (const row of rows) {
    left -= row.amount;
    if (left < 0n) break;
    paid.push(row);
  }
  return paid;
}

/** What rows cost together. */
export function sumOf(rows: readonly FundRow[]): bigint {
  return rows.reduce((sum, row) => sum + row.amount, 0n);
}
