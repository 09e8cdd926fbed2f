/** What a device is told at login: where it trades, on what terms, and how its lane stands. */
import type { Hex } from "../base/bytes.ts";
import type { Terms } from "../protocol/message.ts";
import type { Market } from "../protocol/typed-data.ts";
import { creditOf, heldOf, incomingLane, outgoingLane, owedBy, type PaymentState } from "./payment.ts";

/**
 * The terms in the ack that opens a session. `lane` is the device's own to the gateway, with its
 * credit, holds and debt; `reverse` is the gateway's to the device.
 *
 * @param common - the gateway's time and fee, the token's decimals, what fuel is counted with and how long runs may take
 */
export function termsFor(
  state: PaymentState,
  market: Market,
  device: Hex,
  common: Pick<Terms, "time" | "feeBasisPoints" | "decimals" | "firmware">,
): Terms {
  const { epoch, deposit, settled, closeAt, signed, newest } = incomingLane(state, market, device);
  const lane = {
    ...{ epoch, deposit, signed, settled, closeAt, voucher: newest },
    credit: creditOf(state, device),
    held: heldOf(state, device),
    owed: owedBy(state, device),
  };
  const back = outgoingLane(state, market, device);
  const reverse = {
    ...{ epoch: back.epoch, deposit: back.deposit, settled: back.settled },
    ...{ closeAt: back.closeAt, signed: back.signed },
  };
  const { gateway, chainId, vault, token } = market;
  return { ...common, gateway, chainId, vault, token, lane, reverse };
}
