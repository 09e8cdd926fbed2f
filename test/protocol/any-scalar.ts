/** Arbitrary scalars of messages and facts, written from their documentation. */
import fc from "fast-check";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { type Amount, amount, MAX_AMOUNT } from "../../src/base/money.ts";
import type { Voucher } from "../../src/protocol/voucher.ts";

const hexOf = (length: number): fc.Arbitrary<Hex> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(toHex);

export const anyAddress = hexOf(20);
export const anyHash = hexOf(32);
export const anySignature = hexOf(65);
export const anyTask = hexOf(16);
export const anyAmount: fc.Arbitrary<Amount> = fc
  .oneof(fc.constantFrom(0n, 1n, MAX_AMOUNT), fc.bigInt({ min: 0n, max: MAX_AMOUNT }))
  .map(amount);
export const anyInstant: fc.Arbitrary<Instant> = fc.integer({ min: 0, max: 2 ** 53 - 1 }).map(instant);
export const anyId = fc.stringMatching(/^[0-9A-Za-z_-]{1,40}$/);
export const anyBytes = fc.integer({ min: 0, max: 16_777_216 });
export const anyCount = fc.integer({ min: 0, max: 2 ** 53 - 1 });
/** Any text, lone surrogates and control characters included. */
export const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)),
  maxLength: 60,
});
export const anyRole = fc.constantFrom("run" as const, "check" as const);
export const one = fc.constant(1 as const);

export const anyVoucher: fc.Arbitrary<Voucher> = fc.record({
  chainId: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
  vault: anyAddress,
  payee: anyAddress,
  token: anyAddress,
  epoch: fc.integer({ min: 0, max: 0xffffff }),
  cumulative: anyAmount,
  signature: anySignature,
});
