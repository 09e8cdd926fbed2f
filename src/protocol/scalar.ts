/**
 * The scalars that messages and facts are made of, each with one text form.
 *
 * Decoding brands them; encoding gives the text back, so that `JSON -> message -> JSON` is the identity up to
 * the case of hexadecimal digits.
 */
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { instant as brandInstant, type Instant } from "../base/clock.ts";
import { type Amount, amount as brandAmount, MAX_AMOUNT } from "../base/money.ts";
import { MAX_FUEL, MAX_RATE, MEMORY_CLASSES } from "./fuel.ts";

function hexOf(bytes: number) {
  const digits = z.string().regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`));
  return z.codec(digits, z.custom<Hex>(), {
    decode: (text) => text.toLowerCase() as Hex,
    encode: (hex) => hex,
  });
}

/** An account: 20 bytes, lower case once decoded. */
export const address = hexOf(20);
/** SHA-256 of a blob, or keccak-256 of typed data: 32 bytes. */
export const hash32 = hexOf(32);
/** r, s, v: 65 bytes, see `kernels/signature.ts`. */
export const signature = hexOf(65);
/** The first 16 bytes of the offer's digest: gateway-wide unique, and known to the requester beforehand. */
export const taskId = hexOf(16);

/** Decimal text of atomic units, `"0"` to `"79228162514264337593543950335"`, no sign, no leading zero. */
export const amount = z.codec(z.string().regex(/^(0|[1-9][0-9]{0,28})$/), z.custom<Amount>(), {
  decode: (text, context) => {
    const count = BigInt(text);
    if (count <= MAX_AMOUNT) return brandAmount(count);
    context.issues.push({ code: "custom", message: "more than 2^96 - 1", input: text });
    return z.NEVER;
  },
  encode: (count) => count.toString(),
});

/** The price of 10^12 of fuel: decimal text of atomic units, `0..MAX_RATE`. */
export const rate = amount.refine((count) => count <= MAX_RATE, "more than any run can be paid");

/** Fuel that a run has burnt, `0..MAX_FUEL`. */
export const fuel = z.number().int().min(0).max(MAX_FUEL);

/** Fuel that a run may burn, `1..MAX_FUEL`. */
export const fuelLimit = fuel.min(1);

/** MiB of memory that a run may have. */
export const memoryClass = z.literal(MEMORY_CLASSES);

/** Which meter counts; the hash of its cost table stands beside it, so that both sides count alike. */
export const meterVersion = z.number().int().min(1).max(0xffff);

/** A signed change of an account, decimal text. */
export const change = z.codec(z.string().regex(/^-?(0|[1-9][0-9]{0,30})$/), z.bigint(), {
  decode: (text) => BigInt(text),
  encode: (count) => count.toString(),
});

/** Milliseconds since 1970, gateway time. */
export const instant = z.codec(
  z
    .number()
    .int()
    .min(0)
    .max(2 ** 53 - 1),
  z.custom<Instant>(),
  {
    decode: (ms) => brandInstant(ms),
    encode: (at) => at,
  },
);

/** A command's idempotency key, chosen by its sender, unique per sender. */
export const commandId = z.string().regex(/^[0-9A-Za-z_-]{1,40}$/);

/** VDA 5050's characters for manufacturer and serial number; one topic level, so no `/`, `+` or `#`. */
export const topicLevel = z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/);

/** Tells a device's connections apart. */
export const slot = z.string().regex(/^[A-Za-z0-9]{1,16}$/);
