import { describe, expect, test } from "vitest";
import { TARGETS } from "../../kernels/compile.ts";
import {
  type Claim,
  drawCoefficients,
  drawing,
  G,
  holds,
  keyFor,
  LAMBDA,
  Many,
  modN,
  N,
  nextX,
  nextXOfNone,
  outcome,
  P,
  pointOfY,
  sign,
  tampered,
} from "../../kernels/many.ts";

const draw = drawing("batch");
/** A point whose y is so small that y + p is still 256 bits, and the key that made it R. */
const SMALL_Y = Array.from({ length: 40 }, (_, i) => pointOfY(BigInt(i + 1))).find((point) => point) ?? G;
const SMALL_S = draw() >> 1n;
const WRAPPED_X = nextX(N + 1n);
const SECRETS = [draw(), draw(), 1n, N - 1n, 1n << 64n, LAMBDA, modN(LAMBDA << 64n), draw()];
const KEYS = [
  ...SECRETS.map((secret) => G.multiply(secret)),
  keyFor(SMALL_Y.x, Number(SMALL_Y.y & 1n), SMALL_S, 3n),
  keyFor(WRAPPED_X, 0, SMALL_S, 5n),
];
const SMALL: Claim = {
  ...{ r: SMALL_Y.x, s: SMALL_S, digest: 3n, key: 8, hint: SMALL_Y.y },
  parity: Number(SMALL_Y.y & 1n),
};
const WRAPPED = { r: WRAPPED_X - N, s: SMALL_S, digest: 5n, key: 9, hint: 0n };
const secret = (key: number): bigint => SECRETS[key] ?? 1n;
const VALID = Array.from({ length: 256 }, (_, i) => sign(secret(i % 8), i % 8, draw(), draw()));
const valid = (i: number): Claim => VALID[i % VALID.length] as Claim;
const list = (n: number, from = 0): Claim[] => Array.from({ length: n }, (_, i) => valid(from + i));
const COEFFICIENTS = drawCoefficients(4096, "coefficients");
const BOTH = [false, true];

const k = draw();
/** Valid signatures whose R are equal, opposite, doubles, or multiples that the tables hold too. */
const RELATED = [
  ...[0, 1, 7].map((key) => sign(secret(key), key, draw(), k)),
  ...[0, 1, 7].map((key) => sign(secret(key), key, draw(), N - k)),
  ...[2n, 4n, N - 2n, LAMBDA, N - LAMBDA, LAMBDA * LAMBDA].map((times) =>
    sign(secret(0), 0, draw(), modN(times * k)),
  ),
  ...[1n, 2n, N - 1n, 1n << 64n, LAMBDA, modN(LAMBDA << 64n)].map((nonce) =>
    sign(secret(1), 1, draw(), nonce),
  ),
  ...[0, 1, 4].flatMap((key) =>
    [secret(key), N - secret(key)].map((nonce) => sign(secret(key), key, draw(), nonce)),
  ),
  ...[2, 3, 4, 5, 6].flatMap((key) =>
    [0n, N, draw()].map((digest) => sign(secret(key), key, digest, draw())),
  ),
  SMALL,
];

/** x and y of every signature's coefficient. */
const pairs = (...values: bigint[]) => BigInt64Array.from(values);

describe.each(TARGETS)("batches with random coefficients, %s", async (target) => {
  const many = await Many.open(target);
  const keys = many.keys(KEYS);
  const coefficients = COEFFICIENTS;
  const verdicts = (claims: readonly Claim[]) =>
    BOTH.map((hinted) => many.batch(claims, keys, { hinted, coefficients }));

  test.each([...Array.from({ length: 21 }, (_, n) => n), 64, 256, 1024, 2000])("%i valid signatures", (n) => {
    expect(verdicts(list(n))).toEqual([true, true]);
  });

  test.each([1, 2, 3, 20, 64, 256])("one wrong field among %i", (n) => {
    for (const field of ["r", "s", "digest"] as const) {
      for (const bit of [0, 1, 100, 250]) {
        const claims = list(n, 3);
        const at = (bit * 7 + field.length) % n;
        claims[at] = tampered(claims[at] as Claim, field, bit);
        expect(holds(claims[at] as Claim, KEYS)).toBe(false);
        expect(verdicts(claims)).toEqual([false, false]);
      }
    }
    const other = list(n);
    other[n - 1] = { ...valid(n - 1), key: n % 8 };
    expect(verdicts(other)).toEqual([false, false]);
    const wrong = list(n);
    wrong[n >> 1] = { ...valid(n >> 1), parity: valid(n >> 1).parity ^ 1 };
    expect(verdicts(wrong)).toEqual([false, false]);
  });

  test("refuses what recovery refuses, though the rest is valid", () => {
    const one = valid(1);
    const refused = [
      ...[0n, N, N + 1n, 2n ** 256n - 1n].flatMap((value) => [
        { ...one, r: value },
        { ...one, s: value },
      ]),
      { ...one, s: N - one.s, parity: one.parity ^ 1, hint: P - one.hint },
      ...[2, 3, 27, 255].map((parity) => ({ ...one, parity })),
      ...[0, 1, 2, 3].map((parity) => ({ ...WRAPPED, parity })),
      ...[0, 1].map((parity) => ({ ...one, r: nextXOfNone(one.r), parity })),
      { ...one, key: KEYS.length },
      { ...one, key: 2 ** 32 - 1 },
    ];
    expect(holds({ ...WRAPPED, parity: 2 }, KEYS)).toBe(true);
    for (const claim of refused) {
      for (const at of [0, 2, 4]) expect(verdicts(list(5, 8).with(at, claim))).toEqual([false, false]);
    }
  });

  test("a hint is checked on the curve and for its parity", () => {
    const one = valid(1);
    const [, hinted] = BOTH;
    const options = { hinted: hinted === true, coefficients };
    const hints = [0n, one.hint ^ 2n, one.hint + 2n, P - one.hint, P, 2n ** 256n - 1n, valid(2).hint];
    for (const hint of hints) {
      for (const at of [0, 3, 4]) {
        expect(many.batch(list(5, 8).with(at, { ...one, hint }), keys, options)).toBe(false);
      }
    }
    expect(verdicts([SMALL])).toEqual([true, true]);
    expect(many.batch([{ ...SMALL, hint: SMALL.hint + P }], keys, options)).toBe(false);
    // The opposite point with its own parity is another claim, and a false one.
    const opposite = { ...one, hint: P - one.hint, parity: one.parity ^ 1 };
    expect(many.batch([opposite, valid(2)], keys, options)).toBe(false);
  });

  test("takes valid signatures however their points are related", () => {
    for (const claim of RELATED) expect(holds(claim, KEYS)).toBe(true);
    expect(verdicts(RELATED)).toEqual([true, true]);
    for (const claim of RELATED) expect(verdicts([claim, claim, valid(1), claim])).toEqual([true, true]);
    for (const [i, claim] of RELATED.entries()) {
      const next = RELATED[(i + 1) % RELATED.length] as Claim;
      expect(verdicts([claim, next])).toEqual([true, true]);
      expect(verdicts([claim, tampered(next, "digest", i), claim])).toEqual([false, false]);
    }
  });

  test("takes one valid signature a thousand times", () => {
    const same = Array.from({ length: 1000 }, () => valid(0));
    expect(verdicts(same)).toEqual([true, true]);
    expect(verdicts(same.with(999, tampered(valid(0), "digest", 0)))).toEqual([false, false]);
  });

  test("takes every coefficient, the outermost and 0 too", () => {
    const least = -(2n ** 63n);
    for (const x of [0n, 1n, -1n, least, -least - 1n, 128n, -128n, 127n]) {
      for (const y of [0n, 1n, -1n, least, -least - 1n]) {
        for (const hinted of BOTH) {
          const options = { hinted, coefficients: pairs(x, y, y, x, 1n, 0n) };
          expect(many.batch([valid(0), valid(1), valid(2)], keys, options)).toBe(true);
          expect(many.batch([valid(0), valid(0), valid(0)], keys, options)).toBe(true);
        }
      }
    }
  });

  test("sums as the coefficients say: opposite ones cancel even what is forged", () => {
    const forged = tampered(valid(0), "digest", 5);
    const cancelling = { hinted: false, coefficients: pairs(7n, 9n, -7n, -9n) };
    expect(many.batch([forged, forged], keys, cancelling)).toBe(true);
    expect(many.batch([forged, tampered(forged, "digest", 6)], keys, cancelling)).toBe(false);
    expect(many.batch([forged, forged], keys, { hinted: false, coefficients: pairs(7n, 9n, -7n, 9n) })).toBe(
      false,
    );
  });

  test.each([0, 1, 40])("%i signatures among keys that have none", (n) => {
    const idle = {
      count: 500,
      tables: keys.tables,
      terms: Array.from({ length: 500 }, (_, i) => keys.terms[i % 10] ?? 0),
    };
    const claims = list(n).map((claim, i) => ({ ...claim, key: claim.key + 10 * (i % 50) }));
    expect(BOTH.map((hinted) => many.batch(claims, idle, { hinted, coefficients }))).toEqual([true, true]);
    if (n === 0) return;
    const wrong = claims.with(n - 1, tampered(valid(n - 1), "digest", 9));
    expect(BOTH.map((hinted) => many.batch(wrong, idle, { hinted, coefficients }))).toEqual([false, false]);
  });

  test("takes no forged batch", () => {
    for (let i = 0; i < 300; i++) {
      const n = 2 + (i % 3);
      const claims = list(n, i).map((claim, j) =>
        j === i % n ? { ...RELATED[i % RELATED.length], ...claim, digest: draw() } : claim,
      );
      const coefficients = drawCoefficients(n, `forged ${i}`);
      expect(many.batch(claims, keys, { hinted: i % 2 === 1, coefficients })).toBe(false);
    }
  });
});

describe.each(TARGETS)("no branch of the tree can be left out of a batch, %s", async (target) => {
  const many = await Many.open(target, true);
  const keys = many.keys(KEYS);
  const twice = [valid(0), valid(0), valid(1)];
  const check = (claims: readonly Claim[], coefficients: BigInt64Array<ArrayBuffer>) => () =>
    many.batch(claims, keys, { hinted: false, coefficients });

  test.each([
    ["TREE_ZERO_PRODUCT, equal", 40, check(twice, pairs(3n, 5n, 3n, 5n, 11n, 12n))],
    ["TREE_EQUAL", 41, check(twice, pairs(3n, 5n, 3n, 5n, 11n, 12n))],
    ["TREE_OPPOSITE", 42, check(twice, pairs(3n, 5n, -3n, 7n, 11n, 12n))],
    // Without it every sum stays infinity, which is what a valid batch comes to.
    ["ADD_TO_INFINITY", 1, () => !check(list(3).with(1, tampered(valid(1), "digest", 0)), COEFFICIENTS)()],
  ])("%s", (_, branch, run) => {
    many.kernels.switchOff(branch);
    const without = outcome(run);
    many.kernels.switchOff(0);
    expect(run()).toBe(true);
    expect(without).not.toBe(true);
  });
});
