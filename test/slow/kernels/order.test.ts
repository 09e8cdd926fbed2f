import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { compileEntry, TARGETS } from "../../kernels/compile.ts";
import {
  InnerModule,
  modulo,
  N,
  number,
  numberLimits,
  power,
  TOP,
  whole,
  words,
} from "../../kernels/digits.ts";
import { expectInverses } from "../../kernels/inverses.ts";

const R = 2n ** 261n;

const ENTRY = `
export { accumulate, add, copy, fromWords, inverse, isHigh, isInRange, isZero, mul, negate, ONE, PLAIN_ONE,
  plainToWords, reduce, spreadWords, sub, toWords, ZERO } from "./field/order";
export { addWords, bytesFromWords, compareWords, isOddWords, isZeroWords, subWords,
  wordsFromBytes } from "./bytes";
export const heapBase: usize = __heap_base;
`;

const HARD = { numRuns: 1000 };

describe.each(TARGETS)("%s", (target) => {
  let inner: InnerModule;

  beforeAll(async () => {
    inner = new InnerModule(await compileEntry(ENTRY, target));
  });

  function onNumbers(name: string, inputs: readonly (readonly bigint[])[], place = 0): bigint[] {
    const addresses = inputs.map((digits, i) => inner.writeNumber(i + 1, digits));
    inner.run(name, inner.at(place), ...addresses);
    return inner.readNumber(place);
  }

  function expectNumber(digits: readonly bigint[], value: bigint, weight = 1n): void {
    expect(modulo(whole(digits), N)).toBe(modulo(value, N));
    for (const [i, limit] of numberLimits(weight).entries()) expect(digits[i]).toBeLessThanOrEqual(limit);
  }

  const inverseOfR = power(R, N - 2n, N);

  test.each([
    [4n, 1n],
    [2n, 2n],
    [1n, 4n],
    [1n, 1n],
  ])("multiplies at weights %d and %d, wherever the result goes", (left, right) => {
    fc.assert(
      fc.property(number(left), number(right), fc.constantFrom(0, 1, 2), (a, b, place) => {
        expectNumber(onNumbers("mul", [a, b], place), whole(a) * whole(b) * inverseOfR);
      }),
      HARD,
    );
  });

  test("adds, subtracts, negates and reduces", () => {
    fc.assert(
      fc.property(number(6n), number(6n), number(1n), fc.constantFrom(0, 1, 2), (a, b, c, place) => {
        expectNumber(onNumbers("add", [a, b], place), whole(a) + whole(b));
        expectNumber(onNumbers("sub", [a, c], place), whole(a) - whole(c));
        expectNumber(onNumbers("negate", [c], place), -whole(c));
      }),
      HARD,
    );
    fc.assert(
      fc.property(number(2n ** 24n), fc.constantFrom(0, 1), (a, place) => {
        expectNumber(onNumbers("reduce", [a], place), whole(a));
      }),
      HARD,
    );
  });

  test("accumulates without carries", () => {
    fc.assert(
      fc.property(number(2n ** 24n - 1n), number(1n), (a, b) => {
        const r = inner.writeNumber(1, a);
        inner.run("accumulate", r, inner.writeNumber(2, b));
        expect(inner.readNumber(1)).toEqual(a.map((digit, i) => digit + (b[i] ?? 0n)));
      }),
    );
  });

  test("enters any words and leaves in the one form below n", () => {
    fc.assert(
      fc.property(words, (value) => {
        inner.run("fromWords", inner.at(1), inner.writeWords(0, value));
        expectNumber(inner.readNumber(1), value * R);
        inner.run("toWords", inner.at(2), inner.at(1));
        expect(inner.readWords(2)).toBe(value % N);
        inner.run("spreadWords", inner.at(1), inner.at(0));
        expectNumber(inner.readNumber(1), value);
        inner.run("plainToWords", inner.at(2), inner.at(1));
        expect(inner.readWords(2)).toBe(value % N);
      }),
      HARD,
    );
    fc.assert(
      fc.property(number(6n), (a) => {
        const at = inner.writeNumber(1, a);
        inner.run("plainToWords", inner.at(0), at);
        expect(inner.readWords(0)).toBe(whole(a) % N);
        expect(inner.run("isZero", at)).toBe(Number(whole(a) % N === 0n));
      }),
      HARD,
    );
    fc.assert(
      fc.property(number(4n), (a) => {
        inner.run("toWords", inner.at(0), inner.writeNumber(1, a));
        expect(inner.readWords(0)).toBe((whole(a) * inverseOfR) % N);
      }),
      HARD,
    );
  });

  test("knows every form of zero", () => {
    for (let multiple = 0n; multiple < 12n; multiple++) {
      const value = multiple * N;
      const digits = Array.from({ length: 9 }, (_, i) =>
        i < 8 ? (value >> BigInt(29 * i)) & (2n ** 29n - 1n) : value >> 232n,
      );
      expect(inner.run("isZero", inner.writeNumber(1, digits))).toBe(1);
      expect(inner.run("isZero", inner.writeNumber(1, digits.with(3, (digits[3] ?? 0n) ^ 1n)))).toBe(0);
    }
  });

  test("a plain number times an entered one is plain", () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        inner.run("spreadWords", inner.at(1), inner.writeWords(0, a));
        inner.run("fromWords", inner.at(2), inner.writeWords(0, b));
        inner.run("mul", inner.at(3), inner.at(1), inner.at(2));
        inner.run("plainToWords", inner.at(0), inner.at(3));
        expect(inner.readWords(0)).toBe((a * b) % N);
      }),
    );
  });

  test("inverts, and gives 0 for 0", () => {
    expectInverses(inner, N);
  });

  test("tells what a signature may hold", () => {
    fc.assert(
      fc.property(words, (value) => {
        const at = inner.writeWords(0, value);
        expect(inner.run("isInRange", at)).toBe(Number(value > 0n && value < N));
        expect(inner.run("isHigh", at)).toBe(Number(2n * value > N));
      }),
      HARD,
    );
  });

  test("has its constants", () => {
    const constant = (name: string): bigint => {
      inner.run("copy", inner.at(0), inner.global(name));
      return whole(inner.readNumber(0));
    };
    expect(constant("ONE")).toBe(R % N);
    expect(constant("PLAIN_ONE")).toBe(1n);
    expect(constant("ZERO")).toBe(0n);
  });

  describe("words", () => {
    test("read and write 32 bytes, most significant first, in place too", () => {
      fc.assert(
        fc.property(words, fc.constantFrom(0, 1), (value, place) => {
          inner.run("bytesFromWords", inner.at(place), inner.writeWords(0, value));
          const swapped = BigInt(
            `0x${value.toString(16).padStart(64, "0").match(/../g)?.toReversed().join("") ?? ""}`,
          );
          expect(inner.readWords(place)).toBe(swapped);
          inner.run("wordsFromBytes", inner.at(place), inner.at(place));
          expect(inner.readWords(place)).toBe(value);
        }),
      );
    });

    test("compare, add and subtract", () => {
      fc.assert(
        fc.property(words, words, fc.constantFrom(0, 1, 2), (a, b, place) => {
          const again = (): [number, number] => [inner.writeWords(1, a), inner.writeWords(2, b)];
          expect(inner.run("compareWords", ...again())).toBe(a < b ? -1 : Number(a > b));
          expect(BigInt(inner.run("addWords", inner.at(place), ...again()))).toBe((a + b) >> 256n);
          expect(inner.readWords(place)).toBe(modulo(a + b, TOP));
          expect(BigInt(inner.run("subWords", inner.at(place), ...again()))).toBe(a < b ? 1n : 0n);
          expect(inner.readWords(place)).toBe(modulo(a - b, TOP));
          expect(inner.run("isZeroWords", inner.writeWords(1, a))).toBe(Number(a === 0n));
          expect(inner.run("isOddWords", inner.at(1))).toBe(Number(a & 1n));
        }),
      );
    });
  });
});
