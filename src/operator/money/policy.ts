/** The least that a lane should hold: a multiple of what claiming it costs. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import type { Chain, LaneKey } from "../../settlement/chain.ts";
import { leastDeposit } from "../../settlement/claim-policy.ts";
import type { Settings } from "../settings.ts";
import { coinPriceOf } from "./settlement-terms.ts";

/** What a gateway's policy depends on besides the price of gas. */
export type Policy = {
  readonly chain: Chain;
  readonly settings: Settings;
  readonly gateway: Hex;
  readonly decimals: number;
};

/**
 * Refuses a lane whose deposit would be too small to be worth claiming, by the gateway's policy at today's price of gas.
 * Nothing is refused while `settlement.coin_price` does not say what a coin costs.
 *
 * @param deposit - what the lane would hold, atomic units
 * @throws {@link Fault} `funds_short` with the least; `config_syntax` for a price that is no decimal; `chain_unreachable`
 */
export async function requireMinimum(policy: Policy, lane: LaneKey, deposit: bigint): Promise<void> {
  const { chain, settings, gateway, decimals } = policy;
  const { lane_minimum: multiple } = settings.settlement;
  const coinPrice = coinPriceOf(settings, decimals);
  if (coinPrice === null) return;
  const { maxFeePerGas: gasPrice } = await chain.fees();
  const least = leastDeposit(lane, { gasPrice, coinPrice, gateway }, multiple);
  if (deposit >= least) return;
  const [would, minimum] = [formatAmount(deposit, decimals), formatAmount(least, decimals)];
  const words = `a lane of ${would} is below the minimum of ${minimum}, ${multiple} times what claiming it costs`;
  throw new Fault("funds_short", words, { facts: { has: deposit, needs: least } });
}
