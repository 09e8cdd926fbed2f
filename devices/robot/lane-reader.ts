/** Where a device learns what a lane holds: a chain or a watchtower that its owner chose, not the gateway. */
import type { Hex } from "../../src/base/bytes.ts";
import type { Amount } from "../../src/base/money.ts";

/** A lane as its reader shows it. Gains count once they are confirmed, a closing as soon as it is seen. */
export type LaneReading = {
  /** Which of its lives the lane is in; vouchers of others are void. */
  readonly epoch: number;
  /** Confirmed. */
  readonly deposit: Amount;
  /** Claimed in this epoch. */
  readonly settled: Amount;
  /** Unix seconds from when the payer can take back what is not claimed; 0 while open. */
  readonly closeAt: number;
  /** Class of the challenge window, an index into `WINDOW_SECONDS`. */
  readonly window: number;
  /** The block that the deposit was read at, where the reader knows it. */
  readonly block?: bigint;
};

/** Reads lanes. Addresses are lower case. */
export interface LaneReader {
  /**
   * One lane, as it is now. A lane that nobody has funded is empty, in epoch 0.
   *
   * @throws {@link Fault} `chain_unreachable` when nobody answers, or with what is no lane; `chain_mismatch` when it
   * is another chain, or has no such vault
   */
  lane(payer: Hex, payee: Hex, token: Hex): Promise<LaneReading>;
}
