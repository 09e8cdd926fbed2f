/** What is wrong with an order, found before anything is signed or set aside for it. */
import { z } from "zod";
import { Fault } from "../../src/base/fault.ts";
import { MAX_BLOB } from "../../src/blob/blob.ts";
import { type Message, messageSchemas } from "../../src/protocol/message.ts";
import type { Order } from "./order.ts";

/**
 * Checks what can be said of an order before its bytes are looked at.
 *
 * @param maxFuel - the most that the gateway lets an offer name
 * @throws {@link Fault} `usage`
 */
export function mustBeOrder({ firmware, input, fuelLimit }: Order, maxFuel: number): void {
  for (const [name, { length }] of Object.entries({ firmware, input })) {
    if (length > MAX_BLOB)
      throw new Fault("usage", `the ${name} has ${length} bytes, of at most ${MAX_BLOB}`);
  }
  if (Number.isInteger(fuelLimit) && fuelLimit >= 1 && fuelLimit <= maxFuel) return;
  throw new Fault("usage", `the fuel limit is a whole number from 1 to ${maxFuel}, not ${fuelLimit}`);
}

const unsigned = messageSchemas.offer.omit({ signature: true, voucher: true });

/**
 * Checks that an offer can be sent, before it is signed and money is set aside for it.
 *
 * @throws {@link Fault} `usage`, with what is wrong in its message
 */
export function mustBeOffer(offer: Omit<Message<"offer">, "signature" | "voucher">): void {
  try {
    z.encode(unsigned, offer);
  } catch (cause) {
    const where = cause instanceof z.ZodError ? cause.issues.map(({ path }) => path.join(".")) : [];
    throw new Fault("usage", `the order makes no offer: ${where.join(", ") || String(cause)}`, { cause });
  }
}
