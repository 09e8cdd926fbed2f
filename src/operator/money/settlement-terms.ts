/** The settings of a gateway as settlement takes them. */

import { Fault } from "../../base/fault.ts";
import { type Amount, parseAmount } from "../../base/money.ts";
import type { SettlementOptions } from "../../settlement/settlement.ts";
import { type Settings, WINDOWS } from "../settings.ts";

/** How long a transaction may wait for a block before it offers more: five blocks of 12 seconds, milliseconds. */
const BUMP_AFTER_MS = 60_000;

const WEI_PER_GWEI = 1_000_000_000;

type Terms = Pick<
  SettlementOptions,
  | "laneDeposit"
  | "window"
  | "pollMs"
  | "settleEveryMs"
  | "coinPrice"
  | "claimGain"
  | "laneMinimum"
  | "gasAlarm"
  | "maxFeePerGas"
  | "bumpAfterMs"
>;

/**
 * What `[chain]` and `[settlement]` say, in atomic units of the token.
 *
 * @throws {@link Fault} `config_syntax` for an amount or a price that is no decimal
 */
export function settlementTerms(settings: Settings, decimals: number): Terms {
  const { settlement, chain } = settings;
  return {
    laneDeposit: configured(settlement.lane_deposit, decimals, "settlement.lane_deposit"),
    window: WINDOWS.indexOf(settlement.window),
    pollMs: chain.poll_ms,
    settleEveryMs: settlement.every_ms,
    coinPrice: coinPriceOf(settings, decimals),
    claimGain: settlement.claim_gain,
    laneMinimum: settlement.lane_minimum,
    gasAlarm: settlement.gas_alarm,
    maxFeePerGas: BigInt(Math.round(settlement.max_fee_gwei * WEI_PER_GWEI)),
    bumpAfterMs: BUMP_AFTER_MS,
  };
}

/**
 * What one of the chain's coins costs, in atomic units of the token; null when nobody has said.
 *
 * @throws {@link Fault} `config_syntax`
 */
export function coinPriceOf({ settlement }: Settings, decimals: number): Amount | null {
  const { coin_price: price } = settlement;
  return price === "" ? null : configured(price, decimals, "settlement.coin_price");
}

function configured(text: string, decimals: number, name: string): Amount {
  try {
    return parseAmount(text, decimals);
  } catch (cause) {
    throw new Fault("config_syntax", `${name} = "${text}" is no amount of the token`, { cause });
  }
}
