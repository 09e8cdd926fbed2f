/**
 * Points of other curves, and numbers that are right but for p or n: what passes where a range or the curve's equation
 * is not checked.
 *
 * The addition formulas do not look at the 7 of y² = x³ + 7, so that any x and y are a point of some curve that they
 * compute on.
 */
import {
  type Affine,
  bytes32,
  combine,
  integer,
  inverse,
  lift,
  mod,
  N,
  P,
  pointBytes,
  power,
} from "./arithmetic.ts";
import type { Signed } from "./build.ts";
import { byNonce, type Crafted, exact, nextGap, nextX, signedBy } from "./craft.ts";
import type { Group } from "./groups.ts";
import { hintFor } from "./hint.ts";
import type { Trial } from "./trials.ts";

/** k times a point of whatever curve it is on; k is small, and no sum on the way is infinity. */
function times(k: number, point: Affine): Affine {
  let sum = point;
  for (let count = 1; count < k; count++) {
    const slope =
      count === 1
        ? 3n * point.x * point.x * inverse(2n * point.y, P)
        : (point.y - sum.y) * inverse(point.x - sum.x, P);
    const x = mod(slope * slope - sum.x - point.x, P);
    sum = { x, y: mod(slope * (sum.x - x) - sum.y, P) };
  }
  return sum;
}

/** Of a key that is no point: with u1 = 0 nothing but its own curve is computed on. */
function foreignKeys(): Trial[] {
  const keys = [2n, 5n, N - 1n].map((y, at) => ({ x: BigInt(at + 1), y }));
  return keys.flatMap((key) =>
    [1, 2, 3, 5].flatMap((u2): Trial[] => {
      const point = times(u2, key);
      const s = mod(point.x * inverse(BigInt(u2), N), N);
      const parity = (point.y & 1n) === 1n ? 1 : 0;
      const crafted: Crafted = { r: mod(point.x, N), s, z: 0n, parity, key };
      const name = `a key of another curve, u2 = ${u2}`;
      return [
        { name: `${name}, plain`, signed: signedBy(crafted, 2), expected: false },
        { name: `${name}, v`, signed: exact(crafted), expected: false },
      ];
    }),
  );
}

/** r such that r + n is the x of R once p or 2^256 is taken off: only an x below p is taken for r + n. */
function overflowing(): Trial[] {
  return [P - N, 2n ** 256n - N].flatMap((by) =>
    [1n, 2n ** 64n, 2n ** 200n].flatMap((from): Trial[] => {
      const x = nextX(from);
      const y = lift(x, 0);
      const r = x + by;
      const [s, z] = [12_345n, 67_890n];
      const w = inverse(r, N);
      const key = y === null ? null : combine(-z * w, s * w, { x, y });
      if (!key) return [];
      const crafted: Crafted = { r, s, z, parity: 0, key };
      return [0, 1, 2].map((parity) => {
        return {
          name: `r + n - ${by === P - N ? "p" : "2^256"}, v ${parity}`,
          signed: signedBy(crafted, parity),
          expected: false,
        };
      });
    }),
  );
}

/** What one signature of a batch is refused for, whatever the sum of the batch is. */
function unfit(good: Signed): readonly (readonly [string, Signed, Uint8Array])[] {
  const hint = hintFor(good);
  const [r, s] = [integer(good.signature.subarray(0, 32)), integer(good.signature.subarray(32))];
  const withPair = (newR: bigint, newS: bigint): Signed => {
    return { ...good, signature: new Uint8Array([...bytes32(newR), ...bytes32(newS)]) };
  };
  const gap = nextGap(r);
  // what a square root of no square comes to: a y on the curve's twist
  const twisted = bytes32(power(mod(gap ** 3n + 7n, P), (P + 1n) / 4n, P));
  return [
    ["an r that is no x", withPair(gap, s), twisted],
    ["an r that is no x, other v", { ...withPair(gap, s), parity: 1 - good.parity }, twisted],
    ["r = 0", withPair(0n, s), hint],
    ["r = n", withPair(N, s), hint],
    ["s = 0", withPair(r, 0n), hint],
    ["s = n", withPair(r, N), hint],
    ["s = n/2 + 1", withPair(r, N / 2n + 1n), hint],
    ["no v", { ...good, parity: 2 }, hint],
    ["a v of 3", { ...good, parity: 3 }, hint],
  ];
}

/** The same for what its hint is refused for. */
function unfitHints(good: Signed): readonly (readonly [string, Signed, Uint8Array])[] {
  const y = integer(hintFor(good));
  return [
    ["a hint off the curve", good, bytes32(mod(y + 2n, P))],
    ["a hint of zero or one", good, bytes32(BigInt(good.parity))],
    ["a hint of the other v", good, bytes32(P - y)],
    ["another v than its hint", { ...good, parity: 1 - good.parity }, bytes32(y)],
  ];
}

/** With coefficients of zero every sum is infinity: whatever is refused then, is so before the sum. */
function beforeTheSum(): Group[] {
  const goods = [3n, 4n, 5n, 6n, 7n].map((k) => exact(byNonce(k, k ** 20n, k ** 50n)));
  return [1, 2, 3, 4, 5].flatMap((count): Group[] => {
    const all = goods.slice(0, count);
    const coefficients = new Uint8Array(16 * count);
    const name = `${count} times zero`;
    const put = <T>(list: readonly T[], at: number, one: T) =>
      list.map((each, index) => (index === at ? one : each));
    const spoilt = all.flatMap((good, at) => {
      const hints = all.map(hintFor);
      const both = unfit(good).flatMap(([what, signed, hint]): Group[] => {
        const group = {
          name: `${name}, ${what} at ${at}`,
          all: put(all, at, signed),
          coefficients,
          expected: false,
        };
        return [
          { ...group, withoutHints: true },
          { ...group, hints: put(hints, at, hint) },
        ];
      });
      const hinted = unfitHints(good).map(([what, signed, hint]): Group => {
        const wrong = { all: put(all, at, signed), hints: put(hints, at, hint) };
        return { name: `${name}, ${what} at ${at}`, ...wrong, coefficients, expected: false };
      });
      return [...both, ...hinted];
    });
    return [{ name, all, coefficients, expected: true }, ...spoilt];
  });
}

/** x of the points with this y, which is small: y + p is below 2^256. */
function smallY(): Affine {
  for (let y = 1n; ; y++) {
    const cube = mod(y * y - 7n, P);
    const x = power(cube, (P + 2n) / 9n, P);
    if (mod(x * x * x, P) === cube && x < N) return { x, y };
  }
}

/** Hints of one signature that are right modulo p, or of the right parity alone. */
function nearHints(): Group[] {
  const { x, y } = smallY();
  const w = inverse(x, N);
  const [s, z] = [4_321n, 8_765n];
  const key = combine(-z * w, s * w, { x, y });
  const opposite = combine(-z * w, s * w, { x, y: P - y });
  if (!key || !opposite) return [];
  const parity = (y & 1n) === 1n ? 1 : 0;
  const one: Signed = signedBy({ r: x, s, z, parity, key }, parity);
  const other: Signed = { ...one, parity: 1 - parity, key: pointBytes(opposite) };
  const hinted = (name: string, signed: Signed, hint: bigint, expected: boolean): Group => {
    return { name: `a hint ${name}`, all: [signed], hints: [bytes32(hint)], expected };
  };
  return [
    hinted("that is right", one, y, true),
    hinted("that is right for the other", other, P - y, true),
    hinted("of y + p", one, y + P, false),
    hinted("of y + p for the other", other, y + P, false),
    hinted("of y + p and its v", { ...one, parity: 1 - parity }, y + P, false),
    hinted("that is right beside the wrong v", { ...one, parity: 1 - parity }, y, false),
    hinted("of -y", one, P - y, false),
    hinted("of y + 2", one, y + 2n, false),
    hinted("of 2^256 - 1", one, 2n ** 256n - 1n, false),
    hinted("of p", one, P, false),
    hinted("of zero", one, 0n, false),
  ];
}

/** All of them, the same on every call. */
export function foreignTrials(): Trial[] {
  return [...foreignKeys(), ...overflowing()];
}

/** All batches of them. */
export function foreignGroups(): Group[] {
  return [...beforeTheSum(), ...nearHints()];
}
