import { describe, expect, test } from "vitest";
import { TARGETS } from "../../kernels/compile.ts";
import {
  type Claim,
  drawing,
  G,
  holds,
  inverse,
  keyFor,
  Many,
  modN,
  N,
  nextX,
  outcome,
  sign,
  signWith,
  tampered,
} from "../../kernels/many.ts";

const draw = drawing("comb");
const WRAPPED_X = nextX(N + 1n);
const WRAPPED_S = draw() >> 1n;
const SECRETS = [draw(), draw(), 1n, N - 1n, 1n << 64n, 1n << 20n, N - (1n << 20n), draw()];
/** The last key is made for a signature whose R has an x of n or more. */
const KEYS = [...SECRETS.map((secret) => G.multiply(secret)), keyFor(WRAPPED_X, 1, WRAPPED_S, 9n)];
const WRAPPED: Claim = { r: WRAPPED_X - N, s: WRAPPED_S, digest: 9n, parity: 2, key: 8, hint: 0n };
const secret = (key: number): bigint => SECRETS[key] ?? 1n;
const VALID = Array.from({ length: 256 }, (_, i) => sign(secret(i % 8), i % 8, draw(), draw()));
const valid = (i: number): Claim => VALID[i % VALID.length] as Claim;

/** Of a level of the tree: 5 G + 5 Q with Q = G; G + 2^10 G + 2^20 G + Q with Q = 2^20 G, and with its opposite. */
const EQUAL = signWith(1n, 2, 5n, 5n);
const OPPOSITE = signWith(secret(6), 6, 1n + (1n << 10n) + (1n << 20n), 1n);
const EXCEPTIONAL = [
  EQUAL,
  OPPOSITE,
  signWith(secret(5), 5, 1n + (1n << 10n) + (1n << 20n), 1n),
  signWith(N - 1n, 3, 1n + (1n << 10n), 1n),
  signWith(1n, 2, 1025n, 1025n),
  signWith(N - 1n, 3, draw(), 3n),
  signWith(secret(0), 0, 0n, 1n),
  signWith(secret(0), 0, 0n, N - 1n),
  sign(secret(0), 0, draw(), secret(0)),
  sign(secret(1), 1, draw(), N - secret(1)),
  sign(secret(4), 4, 0n, draw()),
  sign(secret(7), 7, N, draw()),
  WRAPPED,
];
/** u1 G + u2 Q is infinity: 5 G - 5 G, and all of u1 G against all of u2 Q. */
const INFINITE = [
  ...[nextX(draw()), nextX(draw())].map((r) => ({ r, s: modN(r * inverse(5n)), digest: r, key: 3 })),
  ...[0, 2, 7].map((key) => {
    const r = nextX(draw());
    return { r, s: 1n + (draw() >> 2n), digest: modN(-r * secret(key)), key };
  }),
].map((claim): Claim => ({ ...claim, parity: 2, hint: 0n }));
/** What no signature can be: r or s out of range, high s, a parity there is none of. */
const EXCLUDED = [0n, N, 2n ** 256n - 1n]
  .flatMap((value) => [
    { ...valid(0), r: value },
    { ...valid(1), s: value },
    { ...valid(2), s: value, parity: 2 },
  ])
  .concat([
    { ...valid(3), s: N - valid(3).s },
    { ...valid(4), parity: 3 },
    { ...valid(5), parity: 255 },
  ]);

/** Claims of which every seventh or so is wrong in one field, the others being valid in one of three ways. */
function mixed(n: number): Claim[] {
  return Array.from({ length: n }, (_, i) => {
    const claim = valid(i * 5 + n);
    if (i % 7 === n % 7) {
      const field = (["r", "s", "digest"] as const)[i % 3] ?? "r";
      return tampered(claim, field, (n + 29 * i) % 254);
    }
    if (i % 11 === 3) return { ...claim, parity: claim.parity ^ 1 };
    if (i % 5 === 0) return { ...claim, s: N - claim.s, parity: 2 };
    return i % 13 === 2 ? { ...claim, key: (claim.key + 1) % 8 } : claim;
  });
}

describe.each(TARGETS)("exact checks of many signatures, %s", async (target) => {
  const many = await Many.open(target);
  const keys = many.keys(KEYS);

  test.each([...Array.from({ length: 21 }, (_, n) => n), 63, 64, 65, 130])(
    "%i signatures, each its own",
    (n) => {
      const claims = mixed(n);
      expect(many.comb(claims, keys)).toEqual(claims.map((claim) => holds(claim, KEYS)));
    },
  );

  test.each([256, 1024, 4096])("%i signatures, some of them wrong, the same ones again and again", (n) => {
    const claims = Array.from({ length: n }, (_, i) => valid(i));
    const wrong = [0, 1, n >> 1, n - 65, n - 1];
    for (const i of wrong) claims[i] = tampered(valid(i), "digest", i % 256);
    const verdicts = many.comb(claims, keys);
    expect(verdicts.flatMap((verdict, i) => (verdict ? [] : [i]))).toEqual(wrong);
  });

  test("every exceptional sum among others, with its opposite claim", () => {
    for (const one of EXCEPTIONAL) {
      expect(holds(one, KEYS)).toBe(true);
      const claims = [
        valid(1),
        one,
        valid(2),
        { ...one, parity: one.parity === 2 ? 0 : one.parity ^ 1 },
        valid(3),
      ];
      expect(many.comb(claims, keys)).toEqual([true, true, true, false, true]);
    }
    expect(many.comb(EXCEPTIONAL, keys)).toEqual(EXCEPTIONAL.map(() => true));
  });

  test("the same signature many times, and all opposite sums at once", () => {
    const same = Array.from({ length: 33 }, () => EQUAL);
    expect(many.comb(same, keys)).toEqual(same.map(() => true));
    const opposite = Array.from({ length: 9 }, (_, i) => [OPPOSITE, INFINITE[i % 5] as Claim]).flat();
    expect(many.comb(opposite, keys)).toEqual(opposite.map((_, i) => i % 2 === 0));
  });

  test("a sum that is infinity is no signature", () => {
    expect(many.comb(INFINITE, keys)).toEqual(INFINITE.map(() => false));
  });

  test("what is out of range spoils no other", () => {
    const claims = EXCLUDED.flatMap((claim, i) => [claim, valid(i)]);
    expect(many.comb(claims, keys)).toEqual(claims.map((_, i) => i % 2 === 1));
    expect(many.comb(EXCLUDED, keys)).toEqual(EXCLUDED.map(() => false));
  });

  test("says of every claim what the single check says", () => {
    const claims = [...mixed(40), ...EXCEPTIONAL, ...INFINITE, ...EXCLUDED];
    expect(many.comb(claims, keys)).toEqual(claims.map((claim) => many.single(claim, keys)));
  });
});

describe.each(TARGETS)("no branch of the tree and the comb can be left out, %s", async (target) => {
  const many = await Many.open(target, true);
  const keys = many.keys(KEYS);
  const all = (...claims: Claim[]) =>
    many.comb([...claims, ...VALID.slice(0, 8)], keys).every((verdict) => verdict);

  test.each([
    ["TREE_ZERO_PRODUCT", 40, () => all(EQUAL)],
    ["TREE_EQUAL", 41, () => all(EQUAL)],
    ["TREE_OPPOSITE", 42, () => all(OPPOSITE)],
    [
      "COMB_EXCLUDED",
      43,
      () => many.comb([...EXCLUDED, ...VALID.slice(0, 8)], keys).filter((verdict) => verdict).length === 8,
    ],
    ["WRAPPED_R", 47, () => all(WRAPPED)],
  ])("%s", (_, branch, check) => {
    many.kernels.switchOff(branch);
    const without = outcome(check);
    many.kernels.switchOff(0);
    expect(check()).toBe(true);
    expect(without).not.toBe(true);
  });
});
