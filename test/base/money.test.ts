import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type Amount,
  add,
  amount,
  formatAmount,
  MAX_AMOUNT,
  parseAmount,
  subtract,
  ZERO,
} from "../../src/base/money.ts";

const counts = fc.bigInt({ min: 0n, max: MAX_AMOUNT });
const decimals = fc.integer({ min: 0, max: 18 });
const code = (name: string) => expect.objectContaining({ code: name });

describe("money", () => {
  it.each([
    ["0", 6, 0n],
    ["0.0025", 6, 2_500n],
    ["10.00", 6, 10_000_000n],
    ["00012.5", 6, 12_500_000n],
    ["7", 0, 7n],
    ["0.000001", 6, 1n],
    ["1.000000000000000001", 18, 1_000_000_000_000_000_001n],
  ] as const)("reads %s with %i decimals as %s units", (text, places, count) => {
    expect(parseAmount(text, places)).toBe(count);
  });

  it.each([
    ["0.0000001", 6],
    ["1.0", 0],
    ["", 6],
    [".5", 6],
    ["5.", 6],
    ["-1", 6],
    ["+1", 6],
    ["1e3", 6],
    ["0x10", 6],
    [" 1", 6],
    ["1\n", 6],
    ["1,5", 6],
    ["1_000", 6],
    ["١", 6],
    ["123456789012345678901", 0],
  ] as const)("refuses to read %j with %i decimals", (text, places) => {
    expect(() => parseAmount(text, places)).toThrow(code("amount_syntax"));
  });

  it("reads back every amount that it writes", () => {
    fc.assert(
      fc.property(counts, decimals, (count, places) => {
        const text = formatAmount(count, places);
        fc.pre((text.split(".")[0] ?? "").length <= 20);
        expect(parseAmount(text, places)).toBe(count);
      }),
    );
  });

  it("writes all decimals, so that a column aligns", () => {
    expect(formatAmount(2_500n, 6)).toBe("0.002500");
    expect(formatAmount(-2_500n, 6)).toBe("-0.002500");
    expect(formatAmount(-7n, 0)).toBe("-7");
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 18 }), (count, places) => {
        expect(formatAmount(count, places).split(".")[1]).toHaveLength(places);
        expect(formatAmount(-count, places).replace("-", "")).toBe(formatAmount(count, places));
      }),
    );
  });

  it("keeps order: the larger amount is the larger number of the same length", () => {
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        const [x, y] = [formatAmount(a, 6).padStart(40, "0"), formatAmount(b, 6).padStart(40, "0")];
        expect(x < y).toBe(a < b);
      }),
    );
  });

  it("adds and subtracts within 0..MAX_AMOUNT, and throws outside", () => {
    fc.assert(
      fc.property(counts, counts, (x, y) => {
        const [a, b] = [amount(x), amount(y)];
        if (x + y <= MAX_AMOUNT) expect(subtract(add(a, b), b)).toBe(a);
        else expect(() => add(a, b)).toThrow(code("amount_range"));
        if (x < y) expect(() => subtract(a, b)).toThrow(code("amount_range"));
      }),
    );
    expect(() => amount(-1n)).toThrow(code("amount_range"));
    expect(() => amount(MAX_AMOUNT + 1n)).toThrow(code("amount_range"));
    expect(() => parseAmount("99999999999999999999", 18)).toThrow(code("amount_range"));
    expect(amount(MAX_AMOUNT)).toBe(2n ** 96n - 1n);
    expect(ZERO).toBe(0n);
  });

  it("takes no count without its unit", () => {
    expectTypeOf<bigint>().not.toExtend<Amount>();
    expectTypeOf<Amount>().toExtend<bigint>();
  });
});
