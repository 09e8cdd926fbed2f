import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Costs,
  ceiling,
  costOfHour,
  earningsOfHour,
  suggestRate,
} from "../../../src/operator/price/rate.ts";
import { priceOf } from "../../../src/protocol/fuel.ts";

/** A Raspberry Pi at work: 5 W at 0.30 USDT a kilowatt-hour, no wear, 20 % margin. */
const PI: Costs = {
  watts: 5_000_000n,
  kwh: 300_000_000_000n,
  wear: 0n,
  margin: 20_000_000n,
  runs: 1,
  tokenDecimals: 6,
};

const costs = fc.record({
  watts: fc.bigInt(0n, 10_000_000_000n),
  kwh: fc.bigInt(0n, 10_000_000_000_000n),
  wear: fc.bigInt(0n, 10_000_000_000_000n),
  margin: fc.bigInt(0n, 1_000_000_000n),
  runs: fc.integer({ min: 1, max: 64 }),
  tokenDecimals: fc.constantFrom(0, 2, 6, 18),
});
const speed = fc.integer({ min: 1_000_000, max: 20_000_000_000 });

/** What an hour earns at a rate, less what it costs with the margin, both times a common denominator: its sign counts. */
function gain(of: Costs, fuelPerSecond: number, rate: bigint): bigint {
  const { numerator, denominator } = costOfHour(of);
  const earned = rate * BigInt(fuelPerSecond) * 3_600n * denominator * 100_000_000n;
  return earned - numerator * (100_000_000n + of.margin) * 10n ** 12n;
}

describe("the suggested rate", () => {
  it("is what a calculator says", () => {
    // 0.005 kW x 0.30 = 0.0015 USDT an hour; with 20 % 0.0018, so 1,800 units for 3.6 x 10^12 fuel
    expect(ceiling(costOfHour(PI))).toBe(1_500n);
    expect(suggestRate(PI, 1_000_000_000)).toBe(500n);
    expect(suggestRate({ ...PI, wear: 1_500_000_000n }, 1_000_000_000)).toBe(1_000n);
    expect(suggestRate({ ...PI, runs: 4 }, 1_000_000_000)).toBe(125n);
    expect(suggestRate({ ...PI, tokenDecimals: 18 }, 1_000_000_000)).toBe(500n * 10n ** 12n);
    expect(earningsOfHour(suggestRate(PI, 1_000_000_000), 1_000_000_000)).toBe(1_800n);
  });

  it("is rounded up, and 1 at least", () => {
    expect(suggestRate(PI, 999_999_999)).toBe(501n);
    expect(suggestRate({ ...PI, watts: 0n }, 1)).toBe(1n);
    const wear = 10n ** 20n;
    expect(() => suggestRate({ ...PI, wear, tokenDecimals: 18 }, 1)).toThrow(
      expect.objectContaining({ code: "amount_range" }),
    );
    expect(suggestRate({ ...PI, watts: 1n }, 20_000_000_000)).toBe(1n);
  });

  it("covers costs and margin, and no lower one does", () => {
    fc.assert(
      fc.property(costs, speed, (of, fuelPerSecond) => {
        const rate = suggestRate(of, fuelPerSecond);
        expect(gain(of, fuelPerSecond, rate)).toBeGreaterThanOrEqual(0n);
        if (rate > 1n) expect(gain(of, fuelPerSecond, rate - 1n)).toBeLessThan(0n);
      }),
    );
  });

  it("does not fall when anything costs more, nor rise on a faster machine", () => {
    const dearer = fc.constantFrom("watts", "kwh", "wear", "margin");
    fc.assert(
      fc.property(costs, speed, dearer, fc.bigInt(0n, 10n ** 9n), speed, (of, slow, what, more, faster) => {
        const rate = suggestRate(of, slow);
        expect(suggestRate({ ...of, [what]: of[what] + more }, slow)).toBeGreaterThanOrEqual(rate);
        expect(suggestRate(of, slow + faster)).toBeLessThanOrEqual(rate);
        expect(suggestRate({ ...of, runs: of.runs + 1 }, slow)).toBeLessThanOrEqual(rate);
      }),
    );
  });

  it("earns no more in an hour of one run than the run is charged", () => {
    fc.assert(
      fc.property(costs, fc.integer({ min: 1_000_000, max: 50_000_000 }), (of, fuelPerSecond) => {
        const rate = suggestRate(of, fuelPerSecond);
        const charged = priceOf(rate, fuelPerSecond * 3_600);
        expect(charged - earningsOfHour(rate, fuelPerSecond)).toBeOneOf([0n, 1n]);
      }),
    );
  });
});
