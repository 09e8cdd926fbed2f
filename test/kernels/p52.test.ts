import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Constants } from "../../assembly/generate/fma.ts";
import { Unproven } from "../../assembly/generate/form.ts";
import { p52Sources, product, square, write } from "../../assembly/generate/p52.ts";
import { REDUCED, sumOf } from "../../assembly/generate/p52-product.ts";
import { P } from "./digits.ts";
import { type Field, mod, pairField } from "./pair-field.ts";

let field: Field;
beforeAll(async () => {
  field = await pairField("relaxed");
}, 60_000);

describe("the fused build at the ends of its intervals", () => {
  const RADIX = 2n ** 52n;
  const value = (digits: readonly bigint[]): bigint =>
    digits.reduceRight((sum, digit) => sum * RADIX + digit, 0n);
  const highest = (weight: bigint, index: number): bigint => sumOf(weight)[index]?.high ?? 0n;

  /** Numbers below 2^32, the same in every run. */
  function* numbers(): Generator<number, never> {
    for (let state = 0x9e3779b9; ; ) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      yield state >>> 0;
    }
  }

  const source = numbers();
  const next = (below: number): number => source.next().value % below;

  /** Digits at both ends of their interval, next to them, at zero, and anywhere. */
  function extreme(weight: bigint): readonly bigint[] {
    return [0, 1, 2, 3, 4].map((index) => {
      const high = highest(weight, index);
      const anywhere = BigInt(next(2 ** 32)) * BigInt(next(2 ** 32));
      const choices = [high, high, high, -high, -high, -high, high - 1n, 1n - high, 0n];
      return choices[next(choices.length + 2)] ?? (anywhere % (2n * high)) - high;
    });
  }

  test("multiplies digits at their limits in every combination of signs", () => {
    const fits = (digits: readonly bigint[]): boolean =>
      digits.every((digit, index) => digit <= highest(1n, index) && -digit <= highest(1n, index));
    let wrong = 0;
    for (let trial = 0; trial < 2 ** 15; trial++) {
      const signs = (weight: bigint, bits: number): readonly bigint[] =>
        [0, 1, 2, 3, 4].map((index) =>
          (bits >> index) & 1 ? -highest(weight, index) : highest(weight, index),
        );
      const [a, b] = [
        [signs(2n, trial), extreme(2n)],
        [signs(1n, trial >> 5), extreme(1n)],
      ] as const;
      for (const lane of [0, 1] as const) {
        field.setDigits(1, lane, a[lane]);
        field.setDigits(2, lane, b[lane]);
      }
      field.run("mul", field.at(3), field.at(1), field.at(2));
      field.run("sqr", field.at(4), field.at(2));
      field.run("subReduced", field.at(5), field.at(1), field.at(2));
      for (const lane of [0, 1] as const) {
        const [x, y] = [value(a[lane]), value(b[lane])];
        for (const [place, wanted] of [
          [3, x * y],
          [4, y * y],
          [5, x - y],
        ] as const) {
          const found = field.digits(place, lane);
          if ((value(found) - wanted) % P !== 0n || !fits(found)) wrong += 1;
        }
      }
    }
    expect(wrong).toBe(0);
  });

  test("brings every sum of three back to one form", () => {
    let wrong = 0;
    for (let trial = 0; trial < 20_000; trial++) {
      const digits = [extreme(3n), extreme(3n)] as const;
      for (const lane of [0, 1] as const) field.setDigits(1, lane, digits[lane]);
      const read = field.read(field.at(1));
      field.run("reduce", field.at(2), field.at(1));
      for (const lane of [0, 1] as const) {
        const wanted = mod(value(digits[lane]));
        if (read[lane] !== wanted || mod(value(field.digits(2, lane))) !== wanted) wrong += 1;
      }
    }
    expect(wrong).toBe(0);
  });

  test("knows zero in each of its forms, and what is only next to it", () => {
    const balanced = (number: bigint): bigint[] => {
      const digits: bigint[] = [];
      for (let rest = number; digits.length < 5; rest = (rest - (digits.at(-1) ?? 0n)) >> 52n) {
        digits.push(digits.length < 4 ? BigInt.asIntN(52, rest) : rest);
      }
      return digits;
    };
    const move = fc.constantFrom(-1n, 0n, 1n);
    const moves = fc.tuple(move, move, move, move);
    fc.assert(
      fc.property(fc.constantFrom(0n, P, -P), moves, fc.constantFrom(0n, 0n, 1n, -1n), (zero, moved, off) => {
        const digits = balanced(zero + off);
        for (const [index, by] of moved.entries()) {
          digits[index] = (digits[index] ?? 0n) + by * RADIX;
          digits[index + 1] = (digits[index + 1] ?? 0n) - by;
        }
        fc.pre(digits.every((digit, index) => digit <= highest(3n, index) && -digit <= highest(3n, index)));
        field.setDigits(1, 0, digits);
        field.setDigits(1, 1, [-0, -0, -0, -0, -0].map(BigInt));
        expect(field.run("isZero", field.at(1), 0)).toBe(Number(off === 0n));
        expect(field.run("isZero", field.at(1), 1)).toBe(1);
        expect(field.read(field.at(1))).toEqual([mod(off), 0n]);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the proof", () => {
  const generated = (kernel: Parameters<typeof write>[1]): string =>
    write(new Constants("CONSTANTS"), kernel);
  const beyond = REDUCED.map(({ low, high }, index) =>
    index === 2 ? { low: low - 1n, high: high + 1n } : { low, high },
  );

  test("holds for one loose factor, on either side", () => {
    expect(p52Sources().map(({ name }) => name)).toEqual(["p52"]);
    expect(generated(product(sumOf(2n), REDUCED))).toContain("export function mul(");
    expect(generated(product(REDUCED, sumOf(2n)))).toContain("export function mul(");
  });

  test.each([
    ["two loose factors", product(sumOf(2n), sumOf(2n))],
    ["a factor of three", product(sumOf(3n), REDUCED)],
    ["a digit one beyond", product(sumOf(2n), beyond)],
    ["the square of a loose element", square(sumOf(2n))],
    ["a product without its last carry", product(sumOf(2n), REDUCED, 3)],
    ["a product of reduced elements without its last carry", product(REDUCED, REDUCED, 3)],
  ])("refuses %s", (_, kernel) => {
    expect(() => generated(kernel)).toThrow(Unproven);
  });
});
