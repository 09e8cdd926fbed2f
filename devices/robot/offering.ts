/** What makes an offer of an order: its terms, its signature, and the money that goes with it. */
import { instant } from "../../src/base/clock.ts";
import { ZERO } from "../../src/base/money.ts";
import { COSTS_HASH, METER_VERSION } from "../../src/firmware/meter/costs.ts";
import type { Message } from "../../src/protocol/message.ts";
import { offerDigest, taskIdOf } from "../../src/protocol/typed-data.ts";
import { newCommandId } from "./command-id.ts";
import { budgetOf, type OpenOffer, type Order, openOffer } from "./order.ts";
import { mustBeOffer } from "./order-check.ts";
import type { RobotParts } from "./parts.ts";

/** What an offer says of its run, besides its price. */
export type Work = Pick<Message<"offer">, "firmware" | "input" | "profile" | "memoryMiB">;

/** From the offer to its answer, unless told. */
const DEADLINE_MS = 60_000;
/** An offer without a manifest, all its numbers and its voucher's as long as they get. */
const OFFER_BYTES = 2_048;

/** What an order's offer takes at most, its voucher included, bytes. */
export function commandBytesOf({ manifest }: Order): number {
  return OFFER_BYTES + (manifest ? Buffer.byteLength(JSON.stringify(manifest)) : 0);
}

/**
 * An offer that may be sent: its money is set aside, and what was signed for it is on disk.
 *
 * @throws {@link Fault} as {@link import("./hire.ts").Hiring.hire} says; the reason of the order's signal while nothing of
 * money is signed
 */
export async function signOffer(parts: RobotParts, order: Order, work: Work): Promise<OpenOffer> {
  const { market, signer, wallet, lanes, creditLimit, now, events } = parts;
  order.signal?.throwIfAborted();
  const { maxPrice, checkBudget = ZERO, payment = "prepaid", fuelLimit, manifest } = order;
  const deadline = instant(now() + (order.deadlineMs ?? DEADLINE_MS));
  const sizes = { firmwareBytes: order.firmware.length, inputBytes: order.input.length };
  const named = { id: newCommandId(now()), ...work, ...sizes };
  const metered = { fuelLimit, meter: METER_VERSION, costs: COSTS_HASH };
  const unsigned = { ...named, ...metered, maxPrice, checkBudget, deadline, payment };
  const whole = { version: 1 as const, ...unsigned, ...(manifest && { manifest }) };
  mustBeOffer(whole);
  const digest = offerDigest(market, signer.address, unsigned);
  const signature = await signer.sign(digest);
  const signed = { ...whole, signature };
  wallet.offering(maxPrice);
  const task = taskIdOf(digest);
  if (payment === "result") {
    await wallet.remember(signed).catch((error: unknown) => {
      wallet.forget(task).catch((failed: unknown) => events.emit({ kind: "fault", error: failed }));
      throw error;
    });
    return openOffer(signed, task, null, order);
  }
  const need = budgetOf(signed);
  const sight = await lanes.lane();
  order.signal?.throwIfAborted();
  const hold = await wallet.cover(need, { sight, limit: creditLimit(need) });
  const message = hold.voucher ? { ...signed, voucher: hold.voucher } : signed;
  return openOffer(message, task, hold, order);
}
