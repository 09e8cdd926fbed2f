import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { TARGETS } from "../../kernels/compile.ts";
import {
  bytesOf,
  CurveModule,
  encode,
  join,
  LAMBDA,
  lift,
  modulo,
  multiplesOf,
  N,
  numberOf,
  P,
  Point,
  times,
  written,
} from "../../kernels/curve-module.ts";
import { POINTS_ENTRY } from "../../kernels/points-entry.ts";

const G = Point.BASE;
const Q = times(G, 0x1f3a5c79d2b4e6f8013579bdf02468acen);
const timesQ = multiplesOf(Q);

/** Points that meet as equal, opposite and infinity all the time. */
const few = fc.integer({ min: -3, max: 3 }).map(BigInt);
const scalar = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
const denominator = fc.oneof(fc.constantFrom(1n, P - 1n, 2n), fc.bigInt({ min: 1n, max: P - 1n }));

const BOUNDARIES = [0n, N, N / 2n, N / 2n + 1n, LAMBDA, N - LAMBDA, 2n ** 128n, 2n ** 255n, 2n ** 64n]
  .flatMap((value) => [-2n, -1n, 0n, 1n, 2n].map((step) => value + step))
  .concat([2n ** 256n - 1n, P - 1n, P])
  .filter((value) => value >= 0n && value < 2n ** 256n);

describe.each(TARGETS)("%s: points", (target) => {
  let curve: CurveModule;
  let a: number;
  let b: number;
  let out: number;

  beforeAll(async () => {
    curve = await CurveModule.compile(POINTS_ENTRY, target);
    [a, b, out] = [curve.place(96), curve.place(96), curve.place(256)];
  }, 120_000);

  /** A point by its multiple of Q, over a denominator. */
  const put = (at: number, multiple: bigint, over: bigint) =>
    curve.put(at, join(encode(timesQ(multiple)), bytesOf(over)));
  const taken = () => curve.take(out, 65);

  test.each(["addPoints", "addAffinePoint", "addScaledPoint"])("%s, all pairs that coincide", (name) => {
    for (let i = -3n; i <= 3n; i++) {
      for (let j = -3n; j <= 3n; j++) {
        if (name !== "addPoints" && j === 0n) continue;
        curve.run(name, put(a, i, 5n), put(b, j, 11n), out);
        expect([i, j, taken()]).toEqual([i, j, written(timesQ(i + j))]);
      }
    }
  });

  test.each(["addPoints", "addAffinePoint", "addScaledPoint"])("%s, any denominators", (name) => {
    fc.assert(
      fc.property(few, few, denominator, denominator, (i, j, over, other) => {
        if (name !== "addPoints" && j === 0n) return;
        curve.run(name, put(a, i, over), put(b, j, other), out);
        expect(taken()).toEqual(written(timesQ(i + j)));
      }),
      { numRuns: 300 },
    );
  });

  test("doubles", () => {
    fc.assert(
      fc.property(few, denominator, (i, over) => {
        curve.run("doublePoint", put(a, i, over), out);
        expect(taken()).toEqual(written(timesQ(2n * i)));
      }),
    );
  });

  test("compares x and tells the parity of y without and with a denominator", () => {
    for (const [i, over] of [1n, 2n, -2n, 5n].flatMap((k) => [1n, 7n, P - 1n].map((z) => [k, z] as const))) {
      const { x, y } = timesQ(i).toAffine();
      curve.put(b, bytesOf(x));
      expect(curve.run("comparesX", put(a, i, over), b)).toBe(1);
      expect(curve.run("comparesY", a)).toBe(Number(y & 1n));
      curve.put(b, bytesOf(modulo(x + 1n, P)));
      expect(curve.run("comparesX", a, b)).toBe(0);
    }
    curve.put(b, new Uint8Array(32));
    expect(curve.run("comparesX", put(a, 0n, 1n), b)).toBe(0);
  });

  test("a chain of doublings and additions, through infinity and back", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant(0), multiple: fc.constant(1n) }),
      fc.record({ kind: fc.constantFrom(1, 2), multiple: few.filter((k) => k !== 0n) }),
    );
    const steps = curve.place(66 * 40);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), denominator, (program, shared) => {
        let sum = 0n;
        const bytes = program.map(({ kind, multiple }) => {
          sum = kind === 0 ? 2n * sum : sum + multiple;
          const negative = multiple < 0n;
          const point = timesQ(negative ? -multiple : multiple);
          return join(Uint8Array.of(kind, negative ? 1 : 0), encode(point));
        });
        curve.put(steps, join(...bytes));
        curve.run("runChain", steps, program.length, curve.put(b, bytesOf(shared)), out);
        expect(taken()).toEqual(written(timesQ(sum)));
      }),
      { numRuns: 400 },
    );
  });

  test("splits scalars into halves below 2^128", () => {
    const random = fc.sample(scalar, 10_000);
    let largest = 0n;
    for (const k of [...BOUNDARIES, ...random]) {
      const signs = curve.run("splitScalar", curve.put(a, bytesOf(k)), out);
      const [first, second] = [numberOf(curve.take(out, 16)), numberOf(curve.take(out + 16, 16))];
      const sum = (signs & 1 ? -first : first) + (signs & 2 ? -second : second) * LAMBDA;
      if (modulo(sum - k, N) !== 0n) expect.fail(`${k} is split into ${first} and ${second}`);
      for (const half of [first, second]) if (half > largest) largest = half;
    }
    // The bound of the basis: 0.64 * 2^128; a fifth of it is passed by any ten thousand scalars.
    expect(largest).toBeLessThan((64n * 2n ** 128n) / 100n);
    expect(largest).toBeGreaterThan(2n ** 126n);
  });

  test.each([2, 5, 12, 16])("non-adjacent form of width %i", (width) => {
    const magnitude = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
      fc.constantFrom(0n, 1n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 127n, 2n ** 128n - 1n, 2n ** 128n - 2n ** 64n),
    );
    fc.assert(
      fc.property(magnitude, (k) => {
        const length = curve.run("writeDigits", curve.put(a, bytesOf(k, 16)), width, out);
        const digits = new Int16Array(curve.take(out, 2 * 129).buffer);
        const set = [...digits.entries()].filter(([, digit]) => digit !== 0);
        expect(set.reduce((sum, [i, digit]) => sum + (BigInt(digit) << BigInt(i)), 0n)).toBe(k);
        expect(length).toBe((set.at(-1)?.[0] ?? -1) + 1);
        for (const [, digit] of set) expect(Math.abs(digit) < 2 ** (width - 1) && digit % 2 !== 0).toBe(true);
        for (const [i, [at]] of set.entries())
          expect(at - (set[i - 1]?.[0] ?? -width)).toBeGreaterThanOrEqual(width);
      }),
      { numRuns: 300 },
    );
  });

  test("u1 G + u2 Q, for Q related to G and for scalars at the boundaries", () => {
    const keys = [1n, -1n, 2n, -2n, 3n, LAMBDA, -LAMBDA, 2n ** 128n, 15n, N / 2n, 0x1234567n].map((k) =>
      times(G, k),
    );
    const edges = fc.constantFrom(...BOUNDARIES);
    const pick = fc.oneof(edges, scalar, fc.integer({ min: 0, max: 4 }).map(BigInt));
    fc.assert(
      fc.property(pick, pick, fc.constantFrom(...keys), (u1, u2, key) => {
        curve.put(a, join(bytesOf(u1), bytesOf(u2)));
        curve.run("sumOfMultiples", a, curve.put(b, encode(key)), out);
        expect(taken()).toEqual(written(times(G, u1).add(times(key, u2))));
      }),
      { numRuns: 300 },
    );
  });

  test("reads compressed and whole points, and refuses what is none", () => {
    const small = [1n, 2n, 3n, 4n, 5n, 6n, 8n];
    for (const x of [...small, P - 1n, P - 2n, P, P + 1n, P + 2n, 2n ** 256n - 1n, Q.toAffine().x]) {
      for (const parity of [0, 1]) {
        const point = lift(x, parity === 1);
        expect([x, curve.run("decompress", curve.put(a, bytesOf(x)), parity, out)]).toEqual([
          x,
          point ? 1 : 0,
        ]);
        if (point) expect(curve.take(out, 64)).toEqual(encode(point));
      }
      expect(curve.run("decompress", a, 2, out)).toBe(0);
    }
    const isPoint = (x: bigint, y: bigint) =>
      curve.run("isOnCurve", curve.put(a, join(bytesOf(x), bytesOf(y))));
    const { x, y } = Q.toAffine();
    expect([isPoint(x, y), isPoint(x, P - y), isPoint(x, y + 1n), isPoint(x + 1n, y)]).toEqual([1, 1, 0, 0]);
    expect([isPoint(0n, 0n), isPoint(1n, 0n), isPoint(y, x), isPoint(P, y), isPoint(x, P)]).toEqual([
      0, 0, 0, 0, 0,
    ]);
    // The same numbers modulo p, but not below it.
    const { y: root } = (lift(1n, false) ?? Q).toAffine();
    expect([isPoint(1n, root), isPoint(P + 1n, root)]).toEqual([1, 0]);
  });
});
