import { secp256k1 } from "@noble/curves/secp256k1.js";
import { describe, expect, test } from "vitest";
import { TARGETS } from "../../kernels/compile.ts";
import {
  bytes32,
  type Claim,
  drawing,
  G,
  holds,
  keyFor,
  Many,
  modN,
  N,
  nextX,
  outcome,
  Point,
  sign,
  signWith,
  tampered,
} from "../../kernels/many.ts";

const draw = drawing("known key");
const SECRETS = [draw(), draw(), 1n, N - 1n, 1n << 64n, 1n << 20n, N - (1n << 20n), 2n];
const KEYS = SECRETS.map((secret) => G.multiply(secret));
const CLAIMS = Array.from({ length: 24 }, (_, i) => {
  const key = i % SECRETS.length;
  return sign(SECRETS[key] ?? 1n, key, draw(), draw());
});
const DIGESTS = [0n, 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n];

const plain = (claim: Claim): Claim => ({ ...claim, parity: 2 });
/** The same R^-1: what plain ECDSA cannot tell from the claim. */
const high = (claim: Claim): Claim => ({ ...claim, s: N - claim.s, parity: claim.parity ^ 1 });
const secret = (key: number): bigint => SECRETS[key] ?? 1n;

/** r + n for the smallest r that leads to a point there, by a key made for it. */
const WRAPPED_X = nextX(N + 1n);
const WRAPPED_S = draw() >> 1n;
const WRAPPED_KEYS = [keyFor(WRAPPED_X, 0, WRAPPED_S, 5n)];
const WRAPPED: Claim = { r: WRAPPED_X - N, s: WRAPPED_S, digest: 5n, parity: 2, key: 0, hint: 0n };

/** R = a point of few table points: u1 G + u2 Q with u1 = 0 and u2 of one digit, or all digits of one point. */
const FEW = [signWith(secret(0), 0, 0n, 1n), signWith(secret(0), 0, 0n, 2n), signWith(secret(1), 1, 1n, 1n)];
const FEW_OF_THREE = [signWith(secret(0), 0, 1n, 257n), signWith(secret(0), 0, 1025n, 1n)];

/** Four table points, of which the last two, one lane, are 2^20 G and 2^20 G or its opposite. */
const EQUAL_IN_LANE = signWith(secret(5), 5, 1n + (1n << 10n) + (1n << 20n), 1n);
const OPPOSITE_IN_LANE = signWith(secret(6), 6, 1n + (1n << 10n) + (1n << 20n), 1n);
/**
 * Lane 0 is j G + 2^10 j G, lane 1 is the same of Q = G: the lanes are equal. Of odd y, since what is left of 2 P without
 * its tangent is zero everywhere, which has every x and an even y.
 */
const EQUAL_LANES =
  Array.from({ length: 30 }, (_, j) => signWith(1n, 2, BigInt(j + 1) * 1025n, BigInt(j + 1) * 1025n)).find(
    ({ parity }) => parity === 1,
  ) ?? signWith(1n, 2, 1025n, 1025n);
/** Q = -G: all but 3 G cancels, within a lane and between the lanes. */
const CANCELLING = [signWith(N - 1n, 3, 5n, 2n), signWith(N - 1n, 3, draw(), 7n)];

/** The sum is infinity: z = -r d. */
const INFINITE = [0, 2, 3].map((key) => {
  const r = nextX(draw());
  return { r, s: 1n + (draw() >> 2n), digest: modN(-r * secret(key)), key, parity: 2, hint: 0n };
});

describe.each(TARGETS)("one signature by a known key, %s", async (target) => {
  const many = await Many.open(target);
  const keys = many.keys(KEYS);

  test("takes what was signed, and as plain ECDSA also with high s", () => {
    for (const claim of CLAIMS) {
      expect(many.single(claim, keys)).toBe(true);
      expect(many.single(plain(claim), keys)).toBe(true);
      expect(many.single(high(claim), keys)).toBe(false);
      expect(many.single(plain(high(claim)), keys)).toBe(true);
    }
  });

  test("takes any 256 bits as a digest, modulo n", () => {
    for (const digest of DIGESTS) {
      const claim = sign(secret(0), 0, digest, draw());
      expect(holds(claim, KEYS)).toBe(true);
      expect(many.single(claim, keys)).toBe(true);
    }
  });

  test("refuses every changed field, as the equation does", () => {
    for (const [i, claim] of CLAIMS.entries()) {
      const changed = [
        tampered(claim, "r", (37 * i) % 256),
        tampered(claim, "s", (53 * i) % 254),
        tampered(claim, "digest", (71 * i) % 256),
        { ...claim, key: (claim.key + 1) % KEYS.length },
        { ...claim, parity: claim.parity ^ 1 },
      ];
      for (const one of changed) {
        expect(many.single(one, keys)).toBe(holds(one, KEYS));
        expect(many.single(plain(one), keys)).toBe(holds(plain(one), KEYS));
      }
    }
  });

  test("agrees with @noble/curves on plain ECDSA", () => {
    for (const [i, claim] of CLAIMS.entries()) {
      const one = plain(i % 2 === 0 ? claim : tampered(claim, "digest", i));
      const signature = Buffer.concat([bytes32(one.r), bytes32(one.s)]);
      const key = KEYS[one.key]?.toBytes() ?? new Uint8Array();
      const options = { prehash: false, lowS: false };
      const noble = secp256k1.verify(signature, bytes32(one.digest), key, options);
      expect(many.single(one, keys)).toBe(noble);
    }
  });

  test("refuses r and s out of range, and parities there are none of", () => {
    const claim = CLAIMS[0];
    for (const value of [0n, N, N + 1n, 2n ** 256n - 1n]) {
      for (const parity of [claim?.parity ?? 0, 2]) {
        expect(many.single({ ...(claim as Claim), parity, r: value }, keys)).toBe(false);
        expect(many.single({ ...(claim as Claim), parity, s: value }, keys)).toBe(false);
      }
    }
    for (const parity of [3, 4, 27, 28, 255]) {
      expect(many.single({ ...(claim as Claim), parity }, keys)).toBe(false);
    }
  });

  test("takes r + n only as plain ECDSA", () => {
    const own = many.keys(WRAPPED_KEYS);
    expect(holds(WRAPPED, WRAPPED_KEYS)).toBe(true);
    expect(many.single(WRAPPED, own)).toBe(true);
    expect(many.single({ ...WRAPPED, parity: 0 }, own)).toBe(false);
    expect(many.single({ ...WRAPPED, parity: 1 }, own)).toBe(false);
  });

  test.each([
    ["one or two table points", FEW],
    ["three table points", FEW_OF_THREE],
    ["equal points in a lane", [EQUAL_IN_LANE]],
    ["opposite points in a lane", [OPPOSITE_IN_LANE]],
    ["equal lanes", [EQUAL_LANES]],
    ["cancelling points", CANCELLING],
    ["Q = G, -G, 2^64 G, 2 G", [2, 3, 4, 7].map((key) => sign(secret(key), key, draw(), draw()))],
    ["R = Q and R = -Q", [sign(secret(0), 0, draw(), secret(0)), sign(secret(0), 0, draw(), N - secret(0))]],
    ["u1 = 0", [sign(secret(0), 0, 0n, draw()), sign(secret(2), 2, 0n, 1n), sign(secret(0), 0, N, draw())]],
  ])("takes what is valid with %s, and nothing near it", (_, claims) => {
    for (const claim of claims) {
      expect(holds(claim, KEYS)).toBe(true);
      expect(many.single(claim, keys)).toBe(true);
      expect(many.single(plain(high(claim)), keys)).toBe(true);
      expect(many.single({ ...claim, parity: claim.parity ^ 1 }, keys)).toBe(false);
      expect(many.single(tampered(claim, "digest", 3), keys)).toBe(holds(tampered(claim, "digest", 3), KEYS));
    }
  });

  test("refuses a sum that is infinity", () => {
    for (const claim of INFINITE) expect(many.single(claim, keys)).toBe(false);
  });

  test("makes tables of points of the curve only, each entry the multiple it should be", () => {
    const { kernels } = many;
    const table = keys.tables[1] ?? 0;
    let base = KEYS[1] ?? G;
    const expected: Point[] = [];
    for (let window = 0; window < 32; window++) {
      let multiple = base;
      for (let j = 1; j <= 128; j++) {
        expected.push(multiple);
        if (j === 128) base = multiple.double();
        else multiple = multiple.add(base);
      }
    }
    const out = many.alloc(64);
    for (const [i, point] of expected.entries()) {
      if (i % 5 !== 0) continue;
      kernels.unpackEntry(table + 80 * i, out);
      const got = many.take(out, 64);
      const [x, y] = [0, 32].map((at) => BigInt(`0x${got.toString("hex", at, at + 32)}`));
      expect(Point.fromAffine({ x: x ?? 0n, y: y ?? 0n }).equals(point)).toBe(true);
    }
    const off = many.put(Buffer.concat([bytes32(1n), bytes32(1n)]));
    const zero = many.put(new Uint8Array(64));
    const past = many.put(Buffer.concat([bytes32(Point.Fp.ORDER + 1n), bytes32(1n)]));
    for (const key of [off, zero, past]) {
      expect(kernels.buildKeyTable(key, many.alloc(kernels.keyTableBytes()))).toBe(0);
      expect(kernels.buildKeyTerms(key, many.alloc(kernels.keyTermsBytes()))).toBe(0);
    }
  });
});

describe.each(TARGETS)("no branch of the single check can be left out, %s", async (target) => {
  const many = await Many.open(target, true);
  const keys = many.keys(KEYS);
  const wrapped = many.keys(WRAPPED_KEYS);
  const odd = CLAIMS.slice(0, 8);

  test.each([
    ["KNOWN_FEW", 44, () => FEW.every((claim) => many.single(claim, keys))],
    ["KNOWN_ZERO_DENOMINATOR, equal", 45, () => many.single(EQUAL_IN_LANE, keys)],
    ["KNOWN_ZERO_DENOMINATOR, opposite", 45, () => many.single(OPPOSITE_IN_LANE, keys)],
    ["KNOWN_ODD", 46, () => odd.every((claim) => many.single(claim, keys))],
    ["WRAPPED_R", 47, () => many.single(WRAPPED, wrapped)],
    ["ADD_EQUAL, of the lanes", 3, () => many.single(EQUAL_LANES, keys)],
  ])("%s", (_, branch, check) => {
    many.kernels.switchOff(branch);
    const without = outcome(check);
    many.kernels.switchOff(0);
    expect(check()).toBe(true);
    expect(without).not.toBe(true);
  });
});
