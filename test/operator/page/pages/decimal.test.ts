import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAmount } from "../../../../src/base/money.ts";
import { coinsOf, sumOf, trimmed } from "../../../../src/operator/page/pages/decimal.ts";

test("sums are exact, with losses among them", () => {
  const counts = fc.array(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), { maxLength: 8 });
  fc.assert(
    fc.property(counts, (all) => {
      const sum = all.reduce((total, one) => total + one, 0n);
      const text = sumOf(all.map((one) => formatAmount(one, 6)));
      expect(text).toBe(all.length === 0 ? "0" : formatAmount(sum, 6));
    }),
  );
});

test("amounts of unequal length are summed at the longest", () => {
  expect(sumOf(["1", "0.5", "0.000001"])).toBe("1.500001");
  expect(sumOf(["-0.5", "0.25"])).toBe("-0.25");
  expect(sumOf([])).toBe("0");
});

test("native coins lose their needless zeros and nothing else", () => {
  expect(trimmed("0.000428000000000000")).toBe("0.000428");
  expect(trimmed("10")).toBe("10");
  expect(trimmed("10.000")).toBe("10");
  expect(coinsOf("41203100000000")).toBe("0.0000412031");
  expect(coinsOf("0")).toBe("0");
  expect(coinsOf("1")).toBe(`0.${"0".repeat(17)}1`);
  expect(coinsOf("2000000000000000000")).toBe("2");
});
