/** Arbitrary scalars of messages and facts, written from their documentation. */
import fc from "fast-check";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { type Amount, amount, MAX_AMOUNT } from "../../src/base/money.ts";
import { MAX_FUEL, MAX_RATE, MEMORY_CLASSES, PROFILES, RUN_VERDICTS } from "../../src/protocol/fuel.ts";
import type { Manifest } from "../../src/protocol/manifest.ts";
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
export const anyBytes = fc.integer({ min: 0, max: 67_108_864 });
export const anyCount = fc.integer({ min: 0, max: 2 ** 53 - 1 });
export const anyRate: fc.Arbitrary<Amount> = fc
  .oneof(fc.constantFrom(0n, 1n, MAX_RATE), fc.bigInt({ min: 0n, max: MAX_RATE }))
  .map(amount);
export const anyFuel = fc.oneof(fc.constantFrom(0, MAX_FUEL), fc.integer({ min: 0, max: MAX_FUEL }));
export const anyProfile = fc.constantFrom(...PROFILES);
export const anyMemory = fc.constantFrom(...MEMORY_CLASSES);
export const anyVerdict = fc.constantFrom(...RUN_VERDICTS);
export const anyMeter = { meter: fc.integer({ min: 1, max: 0xffff }), costs: anyHash };
/** How a run is bounded and metered. */
export const anyRunTerms = {
  profile: anyProfile,
  memoryMiB: anyMemory,
  fuelLimit: fc.integer({ min: 1, max: MAX_FUEL }),
  ...anyMeter,
};
const label = (most: number) => fc.stringMatching(new RegExp(`^[ -~]{1,${most}}$`));
export const anyManifest: fc.Arbitrary<Manifest> = fc.record({
  firmware: anyHash,
  name: label(64),
  version: label(32),
  licence: label(64),
  profile: anyProfile,
  memoryMiB: anyMemory,
  author: anyAddress,
  signature: anySignature,
});
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
