/** Whether the lanes on chain are what the journal says of them. */
import type { Hex } from "../../base/bytes.ts";
import type { LanesSaid } from "../../journal/verify.ts";
import type { LaneKey, LaneOnChain } from "../../settlement/chain.ts";
import type { Verification } from "../api/settlement.ts";

/** Lanes at one block, in the order in which they were asked for. */
export type LanesSeen = { readonly block: bigint; readonly lanes: readonly LaneOnChain[] };

/** Reads lanes at the newest block that counts as confirmed. Throws what {@link Chain.lanes} throws. */
export type ReadLanes = (keys: readonly LaneKey[]) => Promise<LanesSeen>;

/** The lanes that a journal knows. */
export function laneKeys({ market, incoming, outgoing }: LanesSaid): LaneKey[] {
  if (!market) return [];
  const { gateway, token } = market;
  return [
    ...[...incoming.keys()].map((payer) => ({ payer: payer as Hex, payee: gateway, token })),
    ...[...outgoing.keys()].map((payee) => ({ payer: gateway, payee: payee as Hex, token })),
  ];
}

/**
 * Compares what the chain shows with a journal that was read after it, so that the journal has every voucher that can
 * have been claimed. A lane that has gone on since the journal's newest look at it is no contradiction.
 *
 * @param keys - {@link laneKeys} of the journal as it was when the chain was read
 * @param seen - a lane for each key
 */
export function compareLanes(
  said: LanesSaid,
  keys: readonly LaneKey[],
  seen: LanesSeen,
): NonNullable<Verification["chain"]> {
  const block = Number(seen.block);
  for (const [at, key] of keys.entries()) {
    const lane = seen.lanes[at];
    const why = lane ? contradiction(said, key, lane) : "it was not read";
    if (why !== null) {
      return { agrees: false, block, why: `the lane of ${key.payer} to ${key.payee}: ${why}` };
    }
  }
  return { agrees: true, block, why: `${keys.length} lanes are what the journal says` };
}

function contradiction({ market, incoming, outgoing }: LanesSaid, key: LaneKey, lane: LaneOnChain) {
  const isIncoming = key.payee === market?.gateway;
  const told = isIncoming ? incoming.get(key.payer) : outgoing.get(key.payee);
  if (!told || lane.epoch > told.epoch) return null;
  if (lane.epoch < told.epoch) return `on chain it is in epoch ${lane.epoch}, here in ${told.epoch}`;
  if (lane.settled > told.signed) return `the chain has paid ${lane.settled}, and ${told.signed} were signed`;
  if (lane.settled < told.settled)
    return `the chain has paid ${lane.settled}, and here ${told.settled} are settled`;
  if (lane.deposit < told.signed) return `${told.signed} are signed, and ${lane.deposit} deposited`;
  return null;
}
