/** Single signatures on which addition formulas, ranges and rules go wrong where they are not minded. */
import { type Affine, inverse, LAMBDA, mod, N, P, timesG } from "./arithmetic.ts";
import type { Signed } from "./build.ts";
import {
  byNonce,
  byPoint,
  byScalars,
  type Crafted,
  exact,
  lowered,
  nextGap,
  nextX,
  opposite,
  plain,
  signedBy,
  withR,
} from "./craft.ts";
import { Draw } from "./draw.ts";

/** One signature and whether it holds. */
export type Trial = { readonly name: string; readonly signed: Signed; readonly expected: boolean };

const HALF = N / 2n;
const LAMBDA2 = mod(LAMBDA * LAMBDA, N);

/** Keys that are related to G, to the tables' bases and to their images under the endomorphism. */
const KEYS: readonly (readonly [string, bigint])[] = [
  ["G", 1n],
  ["-G", -1n],
  ["2G", 2n],
  ["-3G", -3n],
  ["G/2", HALF + 1n],
  ["λG", LAMBDA],
  ["-λG", -LAMBDA],
  ["λ²G", LAMBDA2],
  ["2^8 G", 2n ** 8n],
  ["-2^8 G", -(2n ** 8n)],
  ["2^64 G", 2n ** 64n],
  ["-2^64 λG", -LAMBDA * 2n ** 64n],
  ["2^128 G", 2n ** 128n],
  ["2^248 G", 2n ** 248n],
];

const name = (value: bigint) => {
  const [near, far] = [mod(value, N), mod(-value, N)];
  const size = near < far ? near : far;
  const text = size.toString(16);
  return `${near < far ? "" : "-"}${text.length > 8 ? `${text.slice(0, 4)}..${text.length}` : `0x${text}`}`;
};

function keyOf(d: bigint): Affine {
  const key = timesG(d);
  if (!key) throw new RangeError("infinity is no key");
  return key;
}

/** Pairs of scalars that meet equal, opposite or missing points somewhere on the way, for the key d·G. */
function scalarsFor(d: bigint, draw: Draw): readonly (readonly [bigint, bigint])[] {
  const some = draw.below(N - 1n) + 1n;
  const small = 0x0101_0101n;
  return [
    [0n, 1n],
    [0n, -1n],
    [0n, some],
    [1n, 1n],
    [1n, -1n],
    [-1n, 1n],
    [2n, 1n],
    [3n, 2n],
    [some, some],
    [some, -some],
    // u1·G = u2·Q: the last addition doubles
    [mod(some * d, N), some],
    [d, 1n],
    [2n * d, 1n],
    [d * 2n ** 64n, 2n ** 64n],
    // half of it cancels on the way
    [1n - d, 1n],
    [-d * 2n ** 128n + 1n, 2n ** 128n],
    [-d * 0xffff_ffffn + 2n ** 200n, 0xffff_ffffn],
    [small, small],
    [small, -small],
    [2n ** 8n * small, small],
    [small * 2n ** 128n, small],
    [LAMBDA, 1n],
    [1n, LAMBDA],
    [-LAMBDA, LAMBDA2],
    [HALF, HALF + 1n],
    [2n ** 255n, 2n ** 255n],
    [N - 2n ** 128n, 2n ** 128n],
  ];
}

/** Both forms of a signature that holds. */
function bothForms(what: string, crafted: Crafted): Trial[] {
  return [
    { name: `${what}, plain`, signed: plain(crafted), expected: true },
    { name: `${what}, v`, signed: exact(crafted), expected: true },
  ];
}

/** Width of a window of a key's table, and of how many the low end is tried. */
const WINDOW = 8n;
const WINDOWS = 12n;

/**
 * u1 that makes u1·G equal or opposite to a part of u2's windows: the low ones together, the next one alone, or what is
 * left of them. No window of u2 is empty, and none carries into the next.
 */
function parts(): Trial[] {
  const draw = new Draw("parts");
  const d = draw.below(N - 1n) + 1n;
  const key = keyOf(d);
  const digits = Array.from({ length: 31 }, () => draw.below(100n) + 1n);
  const u2 = digits.reduce((sum, digit, at) => sum + (digit << (WINDOW * BigInt(at))), 0n);
  return Array.from({ length: Number(WINDOWS) }, (_, at) => BigInt(at) * WINDOW).flatMap((bits) => {
    const low = u2 % 2n ** bits;
    const next = (u2 % 2n ** (bits + WINDOW)) - low;
    const rest = u2 - low;
    const meeting = [next, -next, next - low, -next - low, low, -low, rest, -rest, rest - low, low - rest];
    return meeting
      .filter((part) => part !== 0n && part !== -u2)
      .flatMap((part) => {
        return byBoth(`u1·G against a part of u2·Q at bit ${bits}: ${name(part)}`, key, part * d, u2);
      });
  });
}

/** Width of a window of the generator's table. */
const WIDE = 10n;

/** A key of which few windows meet what u1's windows from some bit on sum to. */
function highParts(): Trial[] {
  const draw = new Draw("high parts");
  const digits = Array.from({ length: 25 }, () => draw.below(400n) + 1n);
  const u1 = digits.reduce((sum, digit, at) => sum + (digit << (WIDE * BigInt(at))), 0n);
  return [10n, 11n, 12n, 13n, 14n, 15n, 16n].flatMap((from) => {
    const high = u1 - (u1 % 2n ** (WIDE * from));
    return [1, -1].flatMap((sign) => {
      const d = mod(BigInt(sign) * high * inverse(5n, N), N);
      return [0x105n, 0x20105n, 0x3020105n].flatMap((u2) => {
        const what = `u2·Q against u1·G from bit ${WIDE * from}: ${sign}, u2 = ${name(u2)}`;
        return byBoth(what, keyOf(d), u1, u2);
      });
    });
  });
}

/**
 * What u1 and u2 make in both forms, and the same u1 and u2 with another r: a sum that went wrong on the way may come to
 * anything, and agree with any r.
 */
function byBoth(what: string, key: Affine, u1: bigint, u2: bigint): Trial[] {
  const crafted = byScalars(key, u1, u2);
  const forged = withR(key, u1, u2, mod(crafted.r + 1n, N));
  return [
    ...bothForms(what, crafted),
    { name: `${what}, another r, plain`, signed: plain(forged), expected: false },
    { name: `${what}, another r, v`, signed: exact(forged), expected: false },
  ];
}

function related(): Trial[] {
  const draw = new Draw("scalars");
  return KEYS.flatMap(([keyName, d]) => {
    const key = keyOf(d);
    return scalarsFor(d, draw).flatMap(([u1, u2]) => {
      if (mod(u1 + u2 * d, N) === 0n) return [];
      return byBoth(`Q = ${keyName}, u1 = ${name(u1)}, u2 = ${name(u2)}`, key, u1, u2);
    });
  });
}

/** u1·G + u2·Q = infinity, with an r that some point has, none has, or that reads as the x of infinity. */
function infinite(): Trial[] {
  const draw = new Draw("infinity");
  return KEYS.flatMap(([keyName, d]) => {
    const key = keyOf(d);
    return [1n, -1n, 2n ** 64n, draw.below(N - 1n) + 1n].flatMap((u2) => {
      const forged = [1n, nextGap(1n), mod(key.x, N), N - 1n].map((r) => withR(key, -u2 * d, u2, r));
      return forged.flatMap((crafted): Trial[] => {
        const what = `infinity: Q = ${keyName}, u2 = ${name(u2)}, r = ${name(crafted.r)}`;
        const low = lowered(crafted);
        return [
          { name: `${what}, plain`, signed: plain(crafted), expected: false },
          { name: `${what}, v`, signed: exact(crafted), expected: false },
          { name: `${what}, other v`, signed: signedBy(low, opposite(low.parity)), expected: false },
        ];
      });
    });
  });
}

/** R among the points that tables hold and that keys are. */
function nonces(): Trial[] {
  const draw = new Draw("nonces");
  const d = draw.below(N - 1n) + 1n;
  const points: readonly (readonly [string, bigint])[] = [
    ...KEYS,
    ["Q", d],
    ["-Q", -d],
    ["2Q", 2n * d],
    ["λQ", LAMBDA * d],
  ];
  return points.flatMap(([what, k]) => bothForms(`R = ${what}`, byNonce(d, k, draw.below(2n ** 256n))));
}

/** s·R = z·G: no key can be recovered, nor does the one verify that infinity's coordinates would make. */
function keyless(): Trial[] {
  const draw = new Draw("keyless");
  return KEYS.flatMap(([what, k]) => {
    const crafted = byNonce(1n, k, 0n);
    const s = draw.below(HALF) + 1n;
    const forged = { ...crafted, s, z: mod(s * k, N), key: { x: 0n, y: 0n } };
    return ([0, 1, 2] as const).map((parity): Trial => {
      return { name: `no key: R = ${what}, v ${parity}`, signed: signedBy(forged, parity), expected: false };
    });
  });
}

/** Integers around the limits of words, digits, the group and the field. */
function limits(): bigint[] {
  const powers = [29n, 32n, 52n, 64n, 128n, 192n, 208n, 232n, 255n].map((bits) => 2n ** bits);
  return [0n, 1n, 2n, 3n, ...powers.flatMap((power) => [power - 1n, power]), HALF, HALF + 1n, N - 2n, N - 1n];
}

/** x of R, s and z at the limits; the key is what these make it. */
function bounded(): Trial[] {
  const draw = new Draw("limits");
  const upward = [1n, ...limits().slice(4), P - N - 1n].map((from) => nextX(from));
  const downward = [N - 1n, P - N - 1n, 2n ** 255n].map((from) => nextX(from, -1n));
  const scalars = limits().filter((value) => value > 0n);
  const digests = [...limits(), N, N + 1n, P, 2n ** 256n - 1n];
  const parities = [0, 1] as const;
  const made = [
    ...[...upward, ...downward]
      .filter((x) => x < N)
      .map((x) => [x, draw.of(scalars), draw.of(digests)] as const),
    ...scalars.map((s) => [nextX(draw.below(N)), s, draw.of(digests)] as const),
    ...digests.map((z) => [nextX(draw.below(N)), draw.of(scalars), z] as const),
  ];
  return made.flatMap(([x, s, z]) => {
    const crafted = byPoint(x, draw.of(parities), s, z);
    const what = `limits: r = ${name(x)}, s = ${name(s)}, z = ${name(z)}`;
    if (!crafted) return [];
    // n/2 itself is low, what is next to it is not
    const asItIs = {
      name: `${what}, s as it is`,
      signed: signedBy(crafted, crafted.parity),
      expected: s <= HALF,
    };
    return [...bothForms(what, crafted), asItIs];
  });
}

/** x of R is n or more: plain ECDSA takes r = x - n, a recovery id of 0 or 1 does not. */
function wrapped(): Trial[] {
  const xs = [nextX(N + 1n), nextX(N + 2n ** 64n), nextX(P - 2n, -1n)];
  return xs.flatMap((x, at) => {
    const parity = at % 2 === 0 ? 0 : 1;
    const crafted = byPoint(x, parity, 5n + BigInt(at), 77n);
    if (!crafted) return [];
    const wide = { ...crafted, r: x };
    return [
      { name: `r + n ${at}, plain`, signed: plain(crafted), expected: true },
      { name: `r + n ${at}, v`, signed: exact(crafted), expected: false },
      { name: `r + n ${at}, other v`, signed: signedBy(crafted, opposite(parity)), expected: false },
      { name: `r + n ${at}, r as x`, signed: signedBy(wide, 2), expected: false },
    ];
  });
}

/** What is no signature of this key and digest, made from one that is. */
function broken(): Trial[] {
  const draw = new Draw("broken");
  const parities: readonly number[] = [0, 1, 2];
  const good = Array.from({ length: 4 }, () => byNonce(draw.below(N), draw.below(N), draw.below(N)));
  return good.flatMap((crafted) => {
    const low = lowered(crafted);
    const other = opposite(low.parity);
    const gap = nextGap(low.r);
    const changed: readonly (readonly [string, Crafted])[] = [
      ["r = 0", { ...low, r: 0n }],
      ["s = 0", { ...low, s: 0n }],
      ["r = s = 0", { ...low, r: 0n, s: 0n }],
      ["r = n", { ...low, r: N }],
      ["s = n", { ...low, s: N }],
      ["s = n + 1", { ...low, s: N + 1n }],
      ["r = p", { ...low, r: P }],
      ["r, s = 2^256 - 1", { ...low, r: 2n ** 256n - 1n, s: 2n ** 256n - 1n }],
      ["another r", { ...low, r: mod(low.r + 1n, N) }],
      ["an r that is no x", { ...low, r: gap }],
      ["another s", { ...low, s: low.s - 1n }],
      ["another digest", { ...low, z: low.z ^ 1n }],
      ["another key", { ...low, key: keyOf(12_345n) }],
      ["the opposite key", { ...low, key: { x: low.key.x, y: P - low.key.y } }],
      ["a key off the curve", { ...low, key: { x: low.key.x, y: mod(low.key.y + 1n, P) } }],
      ["the key 0, 0", { ...low, key: { x: 0n, y: 0n } }],
      ["a key of p or more", { ...low, key: { x: 2n ** 256n - 1n, y: low.key.y } }],
    ];
    const high: Crafted = { ...low, s: N - low.s };
    return [
      ...changed.flatMap(([what, one]) =>
        parities.map((v) => ({ name: `${what}, v ${v}`, signed: signedBy(one, v), expected: false })),
      ),
      { name: "wrong v", signed: signedBy(low, other), expected: false },
      { name: "high s, v", signed: signedBy(high, low.parity), expected: false },
      { name: "high s, other v", signed: signedBy(high, other), expected: false },
      { name: "high s, plain", signed: signedBy(high, 2), expected: true },
      { name: "low s, plain", signed: signedBy(low, 2), expected: true },
      { name: "low s, v", signed: signedBy(low, low.parity), expected: true },
    ];
  });
}

/** All of them, the same on every call. */
export function everyTrial(): readonly Trial[] {
  return [
    ...related(),
    ...parts(),
    ...highParts(),
    ...infinite(),
    ...keyless(),
    ...nonces(),
    ...bounded(),
    ...wrapped(),
    ...broken(),
  ];
}
