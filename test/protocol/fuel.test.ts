import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amount, MAX_AMOUNT } from "../../src/base/money.ts";
import { feeOf, MAX_FUEL, MAX_RATE, priceOf } from "../../src/protocol/fuel.ts";
import { anyAmount, anyFuel, anyRate } from "./any-scalar.ts";

describe("the price of fuel", () => {
  it.each([
    [0n, 0, 1n],
    [0n, MAX_FUEL, 1n],
    [1n, 10 ** 12, 1n],
    [1n, 10 ** 12 + 1, 2n],
    [2_500_000n, 1_234_567, 4n],
    [1_000_000_000_000n, 7, 7n],
    [7n, 2 * 10 ** 12 - 1, 14n],
    [MAX_RATE, MAX_FUEL, (MAX_AMOUNT / 1_000n) * 1_000n],
  ])("at %s for 10^12 is, for %i of it, %s", (rate, fuel, price) => {
    expect(priceOf(amount(rate), fuel)).toBe(price);
  });

  it("is the least whole number that pays for it all, and never nothing", () => {
    fc.assert(
      fc.property(anyRate, anyFuel, (rate, fuel) => {
        const price = priceOf(rate, fuel);
        const exact = rate * BigInt(fuel);
        expect(price >= 1n && price * 10n ** 12n >= exact).toBe(true);
        expect(price === 1n || (price - 1n) * 10n ** 12n < exact).toBe(true);
      }),
    );
  });

  it("of less fuel is never more, nor is what is left of it when the fee is off", () => {
    fc.assert(
      fc.property(
        anyRate,
        anyFuel,
        anyFuel,
        fc.integer({ min: 0, max: 10_000 }),
        (rate, one, other, points) => {
          const [less, more] = [priceOf(rate, Math.min(one, other)), priceOf(rate, Math.max(one, other))];
          expect(less <= more).toBe(true);
          expect(less - feeOf(less, points) <= more - feeOf(more, points)).toBe(true);
        },
      ),
    );
  });

  it("has no place above the largest rate and the most fuel", () => {
    const tooMuch = expect.objectContaining({ code: "amount_range" });
    expect(() => priceOf(amount(MAX_RATE + 1n), MAX_FUEL)).toThrow(tooMuch);
    expect(() => priceOf(MAX_RATE, MAX_FUEL + 10 ** 9)).toThrow(tooMuch);
  });
});

describe("the fee", () => {
  it.each([
    [10_000n, 200, 200n],
    [49n, 200, 0n],
    [50n, 200, 1n],
    [0n, 10_000, 0n],
    [7n, 10_000, 7n],
    [7n, 0, 0n],
    [2n ** 96n - 1n, 10_000, 2n ** 96n - 1n],
  ])("on %s units at %i basis points is %s, rounded down", (price, basisPoints, fee) => {
    expect(feeOf(amount(price), basisPoints)).toBe(fee);
  });

  it("is never more than the price", () => {
    fc.assert(
      fc.property(anyAmount, fc.integer({ min: 0, max: 10_000 }), (price, basisPoints) => {
        expect(feeOf(price, basisPoints) <= price).toBe(true);
      }),
    );
  });
});
