import { describe, expect, test } from "vitest";
import { TARGETS } from "../../kernels/compile.ts";
import { bytes64, drawing, G, LAMBDA, Many, modN, N, outcome, Point } from "../../kernels/many.ts";

const draw = drawing("msm");
const BASES = Array.from({ length: 256 }, draw);
const POINTS = BASES.map((base) => G.multiply(base));
const TOP = 2n ** 256n;
/** Scalars whose halves, digits and carries are at their ends. */
const EDGES = [
  ...[0n, 1n, 2n, 3n, N - 1n, N - 2n, N, N + 1n, TOP - 1n, TOP - 2n, (N - 1n) / 2n, (N + 1n) / 2n],
  ...[LAMBDA, N - LAMBDA, LAMBDA - 1n, LAMBDA + 1n, modN(LAMBDA * 2n ** 127n), 2n ** 128n - 1n, 2n ** 128n],
  ...Array.from({ length: 32 }, (_, i) => 2n ** BigInt(8 * i) - 1n),
  ...Array.from({ length: 32 }, (_, i) => 2n ** BigInt(8 * i + 7)),
];

/** What the sum of scalars times base times G is. */
function expected(bases: readonly bigint[], scalars: readonly bigint[]): Buffer | null {
  const sum = modN(bases.reduce((total, base, i) => total + base * (scalars[i] ?? 0n), 0n));
  return sum === 0n ? null : bytes64(G.multiply(sum));
}

const pick = <T>(values: readonly T[], n: number, from = 0): T[] =>
  Array.from({ length: n }, (_, i) => values[(from + i) % values.length] as T);

describe.each(TARGETS)("multi-scalar multiplication, %s", async (target) => {
  const many = await Many.open(target);
  const sum = (bases: readonly bigint[], scalars: readonly bigint[]) =>
    many.msm(
      bases.map((base) => (modN(base) === 0n ? Point.ZERO : G.multiply(modN(base)))),
      scalars,
    );

  test.each([...Array.from({ length: 21 }, (_, n) => n), 33, 50, 64, 100, 256, 512, 1500, 4096])(
    "%i terms",
    (n) => {
      const scalars = pick(EDGES.concat(Array.from({ length: 97 }, draw)), n, n);
      expect(many.msm(pick(POINTS, n), scalars)).toEqual(expected(pick(BASES, n), scalars));
      const drawn = Array.from({ length: n }, draw);
      expect(many.msm(pick(POINTS, n), drawn)).toEqual(expected(pick(BASES, n), drawn));
    },
  );

  test("one term, every edge", () => {
    for (const scalar of EDGES) expect(sum([3n], [scalar])).toEqual(expected([3n], [scalar]));
  });

  test("agrees with @noble/curves, term by term", () => {
    const scalars = [draw(), draw(), draw()];
    const noble = scalars.reduce(
      (total, scalar, i) => total.add((POINTS[i] ?? G).multiply(scalar)),
      Point.ZERO,
    );
    expect(many.msm(POINTS.slice(0, 3), scalars)).toEqual(bytes64(noble));
  });

  test("points that are infinity, scalars that are 0", () => {
    const d = draw();
    expect(sum([0n], [d])).toBe(null);
    expect(sum([0n, 0n, 0n], [d, d, 1n])).toBe(null);
    expect(sum([5n, 0n, 7n], [d, d, 1n])).toEqual(expected([5n, 0n, 7n], [d, d, 1n]));
    expect(sum([0n, 5n], [1n, d])).toEqual(expected([0n, 5n], [1n, d]));
    expect(sum([5n, 7n], [0n, N])).toBe(null);
    expect(sum([5n, 7n, 9n], [0n, d, N])).toEqual(expected([5n, 7n, 9n], [0n, d, N]));
  });

  test("equal and opposite points, in one bucket and across", () => {
    const d = draw();
    for (const n of [2, 3, 8, 40, 130]) {
      const same = pick([d], n);
      expect(sum(same, same)).toEqual(expected(same, same));
      const signs = same.map((base, i) => (i % 2 === 0 ? base : N - base));
      expect(sum(signs, same)).toEqual(expected(signs, same));
      const doubles = same.map((base, i) => modN(base << BigInt(i)));
      const halves = same.map((_, i) => modN(d * 2n ** BigInt(n - i)));
      expect(sum(doubles, halves)).toEqual(expected(doubles, halves));
      const rotated = same.map((base, i) => modN(base * LAMBDA ** BigInt(i % 3)));
      expect(sum(rotated, same)).toEqual(expected(rotated, same));
    }
  });

  test("sums that are infinity, in every way they can come about", () => {
    const d = draw();
    expect(sum([d, N - d], [9n, 9n])).toBe(null);
    expect(sum([d, d], [9n, N - 9n])).toBe(null);
    expect(sum([d, modN(2n * d)], [2n, N - 1n])).toBe(null);
    expect(sum([d, modN(LAMBDA * d), modN(LAMBDA * LAMBDA * d)], [5n, 5n, 5n])).toBe(null);
    const bases = pick(BASES, 60);
    const scalars = Array.from({ length: 60 }, draw);
    const rest = bases.reduce((total, base, i) => total + base * (scalars[i] ?? 0n), 0n);
    expect(many.msm([...pick(POINTS, 60), G], [...scalars, modN(-rest)])).toBe(null);
  });

  test("sums so far that meet their equal or their opposite on the way down", () => {
    for (const [high, low] of [
      [1n, 2n],
      [1n, N - 2n],
      [3n, 6n],
      [5n, N - 10n],
    ] as const) {
      for (const bit of [1n, 7n, 63n, 64n, 90n]) {
        const bases = [high, low];
        const scalars = [2n ** bit, 2n ** (bit - 1n)];
        expect(sum(bases, scalars)).toEqual(expected(bases, scalars));
        expect(sum([...bases, 11n], [...scalars, 1n])).toEqual(expected([...bases, 11n], [...scalars, 1n]));
      }
    }
  });
});

describe.each(TARGETS)("no branch of the sum can be left out, %s", async (target) => {
  const many = await Many.open(target, true);
  const same = (bases: readonly bigint[], scalars: readonly bigint[]) => () => {
    const points = bases.map((base) => (base === 0n ? Point.ZERO : G.multiply(base)));
    const got = many.msm(points, scalars);
    const want = expected(bases, scalars);
    return got === null || want === null ? got === want : got.equals(want);
  };

  test.each([
    ["TREE_ZERO_PRODUCT", 40, same([7n, 7n], [1n, 1n])],
    ["TREE_EQUAL", 41, same([7n, 7n], [1n, 1n])],
    ["TREE_OPPOSITE", 42, same([7n, N - 7n, 5n], [1n, 1n, 2n])],
    ["MSM_POINT_INFINITY", 48, same([0n, 5n], [1n, 1n])],
    ["ADD_TO_INFINITY, the first of Horner's points", 1, same([7n], [5n])],
    ["ADD_EQUAL, Horner's sum meets its equal", 3, same([1n, 2n], [2n, 1n])],
    ["ADD_OPPOSITE, Horner's sum meets its opposite", 4, same([1n, N - 2n, 3n], [4n, 2n, 1n])],
    ["AFFINE_INFINITY, the sum", 6, same([1n, N - 2n], [2n, 1n])],
  ])("%s", (_, branch, check) => {
    many.kernels.switchOff(branch);
    const without = outcome(check);
    many.kernels.switchOff(0);
    expect(check()).toBe(true);
    expect(without).not.toBe(true);
  });
});
