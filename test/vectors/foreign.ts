/**
 * Points of other curves, and numbers that are right but for p or n: what passes where a range or the curve's equation
 * is not checked.
 *
 * The addition formulas do not look at the 7 of y² = x³ + 7, so that any x and y are a point of some curve that they
 * compute on: with points of small order there, forgeries hold.
 */
import {
  type Affine,
  bytes32,
  combine,
  inverse,
  lift,
  mod,
  N,
  P,
  pointBytes,
  power,
  timesG,
} from "./arithmetic.ts";
import type { Signed } from "./build.ts";
import { byNonce, type Crafted, exact, nextX, signedBy } from "./craft.ts";
import type { Group } from "./groups.ts";
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

/** Of order three on the curve that it is on: 3x³ = 4y². */
function thirdOrder(from: bigint): Affine {
  for (let x = from; ; x++) {
    const square = mod(3n * x * x * x * inverse(4n, P), P);
    const y = power(square, (P + 1n) / 4n, P);
    if (mod(y * y, P) === square && lift(x, 0) !== null) return { x, y };
  }
}

const all = (count: number, byte: number) =>
  new Uint8Array(16 * count).map((_, at) => (at % 8 === 0 ? byte : 0));

/** u1·G + u2·Q is infinity, and R of a hint that makes a multiple of it infinity too. */
function foreignHints(): Group[] {
  const d = 1_234_567n;
  const key = timesG(d);
  if (!key) return [];
  return [5n, 2n ** 70n].flatMap((from): Group[] => {
    const point = thirdOrder(from);
    const parity = (point.y & 1n) === 1n ? 1 : 0;
    const crafted: Crafted = { r: point.x, s: 99n, z: mod(-point.x * d, N), parity, key };
    const one = signedBy(crafted, parity);
    const hint = bytes32(point.y);
    const even = signedBy({ ...crafted, parity: 0 }, 0);
    return [3, 6].flatMap((factor) => [
      {
        name: `R of order three, times ${factor}`,
        all: [one],
        hints: [hint],
        coefficients: all(1, factor),
        expected: false,
      },
      {
        name: `R of order three twice, times ${factor}`,
        all: [one, one],
        hints: [hint, hint],
        coefficients: all(2, factor),
        expected: false,
      },
      {
        name: `R of order two, times ${factor + 1}`,
        all: [even],
        hints: [new Uint8Array(32)],
        coefficients: all(1, 2 * factor),
        expected: false,
      },
    ]);
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
  const good = exact(byNonce(3n, 5n, 7n));
  const beside = foreignHints().map((group): Group => {
    const { coefficients, ...rest } = group;
    const doubled = coefficients
      ? { coefficients: new Uint8Array([...coefficients, ...coefficients.slice(0, 16)]) }
      : {};
    const y = lift(
      mod(BigInt(`0x${Buffer.from(good.signature.subarray(0, 32)).toString("hex")}`), P),
      good.parity,
    );
    return {
      ...rest,
      ...doubled,
      name: `${group.name}, beside one that holds`,
      all: [...group.all, good],
      hints: [...(group.hints ?? []), bytes32(y ?? 0n)],
    };
  });
  return [...foreignHints(), ...beside, ...nearHints()];
}
