import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { compileEntry, TARGETS } from "./compile.ts";
import { element, elementLimits, InnerModule, modulo, P, power, whole, words } from "./digits.ts";
import { expectInverses } from "./inverses.ts";

const ENTRY = `
export { add, addReduced, BETA, copy, ELEMENT, equal, fromWords, inverse, isOdd, isZero, mul, negate, ONE,
  reduce, setOne, setZero, SEVEN, sqr, sqrTimes, squareRoot, sub, subReduced, toWords } from "./field/p29";
export const heapBase: usize = __heap_base;
`;

const HARD = { numRuns: 1000 };

describe.each(TARGETS)("%s", (target) => {
  let inner: InnerModule;

  beforeAll(async () => {
    inner = new InnerModule(await compileEntry(ENTRY, target));
  });

  /** Calls `name(r, a, b)` on elements; `r` in a place of its own, or in that of `a` or `b`. */
  function onElements(name: string, inputs: readonly (readonly bigint[])[], place = 0): bigint[] {
    const addresses = inputs.map((digits, i) => inner.writeElement(i + 1, digits));
    inner.run(name, inner.at(place), ...addresses);
    return inner.readElement(place);
  }

  function expectElement(digits: readonly bigint[], value: bigint, weight = 1n): void {
    expect(modulo(whole(digits), P)).toBe(modulo(value, P));
    for (const [i, limit] of elementLimits(weight).entries()) {
      const digit = digits[i] ?? limit + 1n;
      expect(digit < 0n ? -digit : digit).toBeLessThanOrEqual(limit);
    }
  }

  test.each([
    [7n, 2n],
    [5n, 3n],
    [4n, 3n],
    [3n, 5n],
    [2n, 7n],
    [1n, 1n],
  ])("multiplies at weights %d and %d, wherever the result goes", (left, right) => {
    fc.assert(
      fc.property(element(left), element(right), fc.constantFrom(0, 1, 2), (a, b, place) => {
        expectElement(onElements("mul", [a, b], place), whole(a) * whole(b));
      }),
      HARD,
    );
  });

  test("multiplies an element by itself in its place", () => {
    fc.assert(
      fc.property(element(3n), (a) => {
        const at = inner.writeElement(1, a);
        inner.run("mul", at, at, at);
        expectElement(inner.readElement(1), whole(a) ** 2n);
      }),
    );
  });

  test("squares at weight 3", () => {
    fc.assert(
      fc.property(element(3n), fc.constantFrom(0, 1), (a, place) => {
        expectElement(onElements("sqr", [a], place), whole(a) ** 2n);
      }),
      HARD,
    );
  });

  test("squares many times", () => {
    fc.assert(
      fc.property(element(1n), fc.integer({ min: 1, max: 20 }), (a, count) => {
        inner.run("sqrTimes", inner.at(0), inner.writeElement(1, a), count);
        expectElement(inner.readElement(0), power(whole(a), 2n ** BigInt(count), P));
      }),
      HARD,
    );
  });

  test("adds and subtracts digit by digit up to weight 7", () => {
    fc.assert(
      fc.property(element(4n), element(3n), fc.constantFrom(0, 1, 2), (a, b, place) => {
        expect(onElements("add", [a, b], place)).toEqual(a.map((digit, i) => digit + (b[i] ?? 0n)));
        expect(onElements("sub", [a, b], place)).toEqual(a.map((digit, i) => digit - (b[i] ?? 0n)));
        expect(onElements("negate", [a], place)).toEqual(a.map((digit) => -digit));
      }),
    );
  });

  test("reduces anything up to weight 7, and sums and differences of two of those", () => {
    fc.assert(
      fc.property(element(7n), element(7n), fc.constantFrom(0, 1, 2), (a, b, place) => {
        expectElement(onElements("addReduced", [a, b], place), whole(a) + whole(b));
        expectElement(onElements("subReduced", [a, b], place), whole(a) - whole(b));
        expectElement(onElements("reduce", [a], place), whole(a));
      }),
      HARD,
    );
  });

  test("takes any words and gives back the one form below p", () => {
    fc.assert(
      fc.property(words, (value) => {
        inner.run("fromWords", inner.at(1), inner.writeWords(0, value));
        expectElement(inner.readElement(1), value);
        inner.run("toWords", inner.at(2), inner.at(1));
        expect(inner.readWords(2)).toBe(value % P);
      }),
      HARD,
    );
  });

  test("gives the one form below p of every form up to weight 7", () => {
    fc.assert(
      fc.property(element(7n), (a) => {
        const at = inner.writeElement(1, a);
        const canonical = modulo(whole(a), P);
        inner.run("toWords", inner.at(0), at);
        expect(inner.readWords(0)).toBe(canonical);
        expect(inner.run("isOdd", at)).toBe(Number(canonical & 1n));
        expect(inner.run("isZero", at)).toBe(Number(canonical === 0n));
      }),
      HARD,
    );
  });

  /** Adds multiples of p and moves carries about, within weight 7. */
  const forms = fc.tuple(
    fc.integer({ min: -3, max: 3 }),
    fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 8, maxLength: 8 }),
  );

  function form(value: bigint, [multiple, carries]: readonly [number, readonly number[]]): bigint[] {
    let rest = value + BigInt(multiple) * P;
    const digits = Array.from({ length: 9 }, (_, i) => {
      const digit = i < 8 ? BigInt.asIntN(29, rest) : rest;
      rest = (rest - digit) >> 29n;
      return digit;
    });
    for (const [i, carry] of carries.entries()) {
      digits[i] = (digits[i] ?? 0n) + (BigInt(carry) << 29n);
      digits[i + 1] = (digits[i + 1] ?? 0n) - BigInt(carry);
    }
    return digits;
  }

  test("knows zero, oddness and equality in every form", () => {
    fc.assert(
      fc.property(words, forms, (value, shape) => {
        const zero = inner.writeElement(1, form(0n, shape));
        expect(inner.run("isZero", zero)).toBe(1);
        expect(inner.run("isOdd", zero)).toBe(0);
        const a = form(value % P, shape);
        expect(modulo(whole(a), P)).toBe(value % P);
        const reduced = onElements("reduce", [a]);
        inner.writeElement(2, reduced);
        expect(inner.run("equal", inner.writeElement(1, a), inner.at(2))).toBe(1);
        inner.writeElement(2, reduced.with(0, (reduced[0] ?? 0n) ^ 1n));
        expect(inner.run("equal", inner.at(1), inner.at(2))).toBe(0);
      }),
      HARD,
    );
  });

  test("inverts, and gives 0 for 0", () => {
    expectInverses(inner, P);
    fc.assert(
      fc.property(element(7n), (a) => {
        expectElement(onElements("inverse", [a]), power(modulo(whole(a), P), P - 2n, P));
      }),
    );
  });

  test("finds roots of squares and of nothing else", () => {
    fc.assert(
      fc.property(words, element(7n), fc.constantFrom(0, 1), (value, digits, place) => {
        const heavy = inner.run("squareRoot", inner.at(place), inner.writeElement(1, digits));
        if (heavy) expectElement(inner.readElement(place), power(whole(digits), (P + 1n) / 4n, P));
        for (const a of [whole(digits), modulo(whole(digits), P) ** 2n, value]) {
          inner.run("fromWords", inner.at(1), inner.writeWords(1, modulo(a, P)));
          const found = inner.run("squareRoot", inner.at(place), inner.at(1));
          const root = power(a, (P + 1n) / 4n, P);
          expect(found).toBe(Number((root * root - a) % P === 0n));
          if (found) expectElement(inner.readElement(place), root);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("has its constants", () => {
    const constant = (name: string): bigint => {
      inner.run("copy", inner.at(0), inner.global(name));
      return modulo(whole(inner.readElement(0)), P);
    };
    expect(constant("ONE")).toBe(1n);
    expect(constant("SEVEN")).toBe(7n);
    expect(constant("BETA")).not.toBe(1n);
    expect(power(constant("BETA"), 3n, P)).toBe(1n);
    inner.run("setOne", inner.at(0));
    expect(whole(inner.readElement(0))).toBe(1n);
    inner.run("setZero", inner.at(0));
    expect(whole(inner.readElement(0))).toBe(0n);
    expect(inner.global("ELEMENT")).toBe(40);
  });
});
