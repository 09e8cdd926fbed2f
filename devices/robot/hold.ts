/** Money set aside: for an offer, or to pay what is owed. */
import type { Amount } from "../../src/base/money.ts";
import type { Voucher } from "../../src/protocol/voucher.ts";
import type { Sight } from "./lane-sight.ts";

/** What bounds a signature besides the gateway's own view of the lane. */
export type Bounds = {
  /** The lane by the reader that the device's owner chose. */
  readonly sight?: Sight;
  /** The most that may be signed and unexplained; no limit unless told. */
  readonly limit?: bigint;
  /**
   * It pays for what has been done: on a closing lane too, and a voucher that may never have arrived is signed as it
   * was.
   */
  readonly isDebt?: boolean;
};

/** Money set aside for one offer, and the voucher that must travel with it, if its lane needs one. */
export type Hold = { readonly need: Amount; readonly voucher: Voucher | null };

/**
 * How a hold ended: the gateway never took it, nobody knows (the next login tells), or the task's cost and what is
 * left on the lane (null where that was not told).
 */
export type HoldEnd = "refused" | "unknown" | { readonly spent: Amount; readonly credit: Amount | null };
