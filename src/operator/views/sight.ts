/** What the living gateway sees of the chain, which the journal does not tell yet. */
import type { Hex } from "../../base/bytes.ts";

export type ChainSight = {
  /** Number of the newest block. */
  readonly head: number;
  /** Confirmations that a transaction needs; null where the chain's own mark decides. */
  readonly needed: number | null;
  /** Transactions that are not over and stand in a block. */
  readonly mined: readonly { readonly transaction: Hex; readonly block: number }[];
};

/** Blocks on top of one, its own counted; at least 1. */
export function confirmationsOf({ head }: ChainSight, block: number): number {
  return Math.max(1, head - block + 1);
}
