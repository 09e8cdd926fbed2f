/** What a lane is called in words: derived from what the chain and the newest voucher say, never stored. */
import type { LaneOnChain } from "../../settlement/chain.ts";

/**
 * `NONE`: never funded. `OPEN`: vouchers can be signed. `EXHAUSTED`: all of the deposit is signed away. `CLOSING`: its
 * payer has asked to close it. `CLOSED`: it was open before, and can be opened again.
 */
export type LaneState = "NONE" | "OPEN" | "EXHAUSTED" | "CLOSING" | "CLOSED";

/** @param signed - the newest voucher's cumulative, in this epoch; what is settled where none is known */
export function laneState(lane: LaneOnChain, signed: bigint): LaneState {
  if (lane.deposit === 0n) return lane.epoch === 0 ? "NONE" : "CLOSED";
  if (lane.closeAt !== 0) return "CLOSING";
  return signed >= lane.deposit ? "EXHAUSTED" : "OPEN";
}
