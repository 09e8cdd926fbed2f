/** Whether the gateway's lane to a provider can pay for one more award. */
import type { Instant } from "../../src/base/clock.ts";
import type { Amount } from "../../src/base/money.ts";
import { WINDOW_SECONDS } from "../../src/payment/lane.ts";
import type { Sight } from "./lane-sight.ts";

export type LaneDemand = {
  /** What the award pays. */
  readonly due: Amount;
  readonly runBy: Instant;
  /** It was accepted before: a run that ends in time may go on although the lane has begun to close. */
  readonly isAccepted: boolean;
  /** The epoch that the gateway says it signs for; null when it has not said. */
  readonly promisedEpoch: number | null;
  /** The highest total that it has signed in the lane's epoch. */
  readonly received: Amount;
  /** Accepted or delivered before, and not paid. */
  readonly unpaid: bigint;
  /** The most that may be unpaid; no limit but the lane's room when null. */
  readonly limit: bigint | null;
  /** The shortest challenge window that this device puts up with, seconds. */
  readonly minWindow: number;
};

/** Before the end of a closing lane, milliseconds: the voucher must come, and reach the chain. */
const CLOSE_MARGIN_MS = 600_000;

/** Why an award is not taken on: its pay would not be safe. Null when it is. */
export function whyUnpayable(sight: Sight, demand: LaneDemand): string | null {
  const { due, runBy, isAccepted, promisedEpoch, received, unpaid, limit, minWindow } = demand;
  const { epoch, deposit, settled, closeAt, window } = sight;
  if (promisedEpoch !== null && promisedEpoch !== epoch) {
    return `the gateway pays in epoch ${promisedEpoch} of its lane, which is in epoch ${epoch}`;
  }
  if (closeAt !== 0 && !isAccepted) return "the gateway's lane to us is closing";
  if (closeAt !== 0 && runBy > closeAt * 1_000 - CLOSE_MARGIN_MS) {
    return "the gateway's lane to us closes before the run can be paid";
  }
  const seconds = window === null ? null : (WINDOW_SECONDS[window] ?? 0);
  if (seconds !== null && seconds < minWindow) {
    return `the lane's challenge window is ${seconds} s, and ${minWindow} s are needed`;
  }
  const paid = received > settled ? received : settled;
  const room = deposit - paid - unpaid;
  if (room < due) return `the gateway's lane to us has room for ${room > 0n ? room : 0n}, not for ${due}`;
  if (limit !== null && unpaid + due > limit) {
    return `${unpaid + due} would be unpaid, and the limit is ${limit}`;
  }
  return null;
}
