/** Names for commands: sorted by time, so that a log reads in order, and never the same twice. */
import { toHex } from "../../src/base/bytes.ts";
import type { Instant } from "../../src/base/clock.ts";

/** Crockford's base 32, whose characters sort as their values do. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** 26 characters of base 32: 48 bits of milliseconds, then 80 random bits (the layout of a ULID). */
export function newCommandId(now: Instant): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  let bits = (BigInt(now) << 80n) | BigInt(toHex(random));
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = DIGITS.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
}
