/** What a device is told at login: where it trades, on what terms, and how its lane stands. */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import type { Terms } from "../protocol/message.ts";
import type { Market } from "../protocol/typed-data.ts";
import { creditOf, heldOf, incomingLane, type PaymentState } from "./payment.ts";

/**
 * The terms in the ack that opens a session. The lane is the device's own to the gateway, with its credit and holds.
 *
 * @param common - the gateway's time and fee, and the token's decimals
 */
export function termsFor(
  state: PaymentState,
  market: Market,
  device: Hex,
  common: { readonly time: Instant; readonly feeBasisPoints: number; readonly decimals: number },
): Terms {
  const { epoch, deposit, signed, newest } = incomingLane(state, market, device);
  const lane = {
    epoch,
    deposit,
    signed,
    voucher: newest,
    credit: creditOf(state, device),
    held: heldOf(state, device),
  };
  const { gateway, chainId, vault, token } = market;
  return { ...common, gateway, chainId, vault, token, lane };
}
