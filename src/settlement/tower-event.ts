/** What a watchtower has seen or done, told once each. */
import type { Instant } from "../base/clock.ts";
import type { Amount } from "../base/money.ts";
import type { LaneKey } from "./chain.ts";
import type { ClaimEvent } from "./tower-claims.ts";

type OfLane = LaneKey & { readonly epoch: number };

export type TowerEvent =
  | ClaimEvent
  /** A lane is closing with money to save on it; again when a reorganization has undone the saving. */
  | (OfLane & { readonly kind: "laneClosing"; readonly closeAt: number; readonly unclaimed: Amount })
  /** As many quarters of the window are over, and the money is not saved. */
  | (OfLane & {
      readonly kind: "alarm";
      readonly closeAt: number;
      readonly unclaimed: Amount;
      readonly quarters: number;
    })
  /** All that the voucher is worth is settled, in a block that counts. */
  | (OfLane & { readonly kind: "laneSaved"; readonly settled: Amount })
  /** An epoch is over for good; `short` is what the voucher kept here was worth beyond what was settled. */
  | (OfLane & { readonly kind: "laneClosed"; readonly settled: Amount; readonly short: bigint })
  /** A lane to a payee that vouchers are kept for is closing, and none of it was ever brought. */
  | (LaneKey & { readonly kind: "laneUnguarded"; readonly closeAt: number })
  /** The chain has not been read for a quarter of the shortest window. */
  | { readonly kind: "blind"; readonly since: Instant };
