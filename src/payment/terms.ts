/** What a device is told at login: where it trades, on what terms, and how its lane stands. */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import type { Terms } from "../protocol/message.ts";
import type { Market } from "../protocol/typed-data.ts";
import { creditOf, heldOf, incomingLane, type PaymentState } from "./payment.ts";

export function termsFor(
  state: PaymentState,
  market: Market,
  device: Hex,
  common: { readonly time: Instant; readonly feeBasisPoints: number; readonly decimals: number },
): Terms {
  const { epoch, deposit, signed } = incomingLane(state, market, device);
  const lane = { epoch, deposit, signed, credit: creditOf(state, device), held: heldOf(state, device) };
  const { gateway, chainId, vault, token } = market;
  return { ...common, gateway, chainId, vault, token, lane };
}
