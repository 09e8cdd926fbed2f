/** Batches whose points are related on purpose, and forgeries that hide behind one another. */
import { LAMBDA, mod, N, timesG } from "./arithmetic.ts";
import type { Signed } from "./build.ts";
import { byNonce, type Crafted, exact, lowered, opposite, signedBy } from "./craft.ts";
import { Draw } from "./draw.ts";

/** Signatures to be judged in one call, and whether all hold. */
export type Group = {
  readonly name: string;
  readonly all: readonly Signed[];
  /** Random when absent. */
  readonly coefficients?: Uint8Array;
  /** The right ones when absent, and a call without any as well. */
  readonly hints?: readonly Uint8Array[];
  /** No call with hints, and no comb: it is about the batch alone. */
  readonly withoutHints?: boolean;
  readonly expected: boolean;
};

/** Signatures of nonces k under keys d, with digests z. */
type Made = readonly (readonly [d: bigint, k: bigint, z: bigint])[];

const craftAll = (made: Made) => made.map(([d, k, z]) => byNonce(mod(d, N), mod(k, N), mod(z, N)));

/** What a valid batch can be made of so that its points meet one another, G or the keys. */
function relations(): readonly (readonly [string, Made])[] {
  const draw = new Draw("groups");
  const next = () => draw.below(N - 1n) + 1n;
  const [d, e, k] = [next(), next(), next()];
  const z = next();
  const powers = Array.from({ length: 12 }, (_, at) => 2n ** BigInt(at));
  const three: Made = [
    [d, k, z],
    [d, next(), next()],
    [e, next(), next()],
  ];
  return [
    ["one", three.slice(0, 1)],
    ["three", three],
    ["the same twice", [...three, ...three.slice(0, 1)]],
    ["the same 17 times", Array.from({ length: 17 }, () => three[0] ?? [d, k, z])],
    ["all twice", [...three, ...three]],
    [
      "one R, several digests",
      [
        [d, k, z],
        [d, k, next()],
        [d, k, next()],
      ],
    ],
    [
      "one R, several keys",
      [
        [d, k, z],
        [e, k, next()],
        [-d, k, next()],
      ],
    ],
    [
      "R and -R",
      [
        [d, k, z],
        [d, -k, next()],
        [e, -k, next()],
      ],
    ],
    ["R, 2R, 4R..", powers.map((power) => [d, k * power, next()])],
    ["R, 2R, 4R.. of many keys", powers.map((power) => [next(), k * power, next()])],
    [
      "R, 2^64 R",
      [
        [d, k, z],
        [d, k * 2n ** 64n, next()],
      ],
    ],
    [
      "R, λR, λ²R",
      [
        [d, k, z],
        [d, k * LAMBDA, next()],
        [d, k * LAMBDA * LAMBDA, next()],
      ],
    ],
    [
      "R = G, -G, λG",
      [
        [d, 1n, z],
        [d, -1n, next()],
        [e, LAMBDA, next()],
      ],
    ],
    [
      "R = 2^64 G, 2^64 λG",
      [
        [d, 2n ** 64n, z],
        [e, LAMBDA * 2n ** 64n, next()],
      ],
    ],
    [
      "R = Q, -Q",
      [
        [d, d, z],
        [d, -d, next()],
        [e, d, next()],
      ],
    ],
    [
      "R = λQ, 2^64 Q",
      [
        [d, d * LAMBDA, z],
        [d, d * 2n ** 64n, next()],
      ],
    ],
    [
      "Q = G, -G",
      [
        [1n, k, z],
        [-1n, k, next()],
        [1n, next(), next()],
      ],
    ],
    [
      "Q = λG, 2^64 G, 2G",
      [
        [LAMBDA, k, z],
        [2n ** 64n, next(), next()],
        [2n, next(), next()],
      ],
    ],
    ["Q, -Q, λQ, 2Q, 2^64 Q", [d, -d, d * LAMBDA, 2n * d, d * 2n ** 64n].map((key) => [key, next(), next()])],
    [
      "u1 = 0",
      [
        [d, k, 0n],
        [d, next(), 0n],
        [e, next(), 0n],
      ],
    ],
    [
      "Q = G, R = G, u1 = 0",
      [
        [1n, 1n, 0n],
        [1n, 2n, 0n],
      ],
    ],
    [
      "u1 and -u1",
      [
        [d, k, z],
        [d, -k, z],
      ],
    ],
    ["small everything", powers.map((power) => [power, power, power])],
  ];
}

/** Coefficients that no random source would give: they bring the points of several signatures into one bucket. */
function fixedCoefficients(count: number): readonly (readonly [string, Uint8Array])[] {
  const each = (bytes: readonly number[]) =>
    new Uint8Array(Array.from({ length: count }, () => bytes).flat());
  const zeros = Array.from({ length: 7 }, () => 0);
  const low = [1, ...zeros];
  const high = [...zeros, 1];
  return [
    ["coefficients of 0xff", each(Array.from({ length: 16 }, () => 0xff))],
    ["coefficients of 0x55", each(Array.from({ length: 16 }, () => 0x55))],
    ["coefficients 1, 1", each([...low, ...low])],
    ["coefficients 1, 0", each([...low, ...zeros, 0])],
    ["coefficients 0, 1", each([...zeros, 0, ...low])],
    ["coefficients 2^56, 2^56", each([...high, ...high])],
    ["coefficients 0x80", each(Array.from({ length: 16 }, () => 0x80))],
  ];
}

function valid(): Group[] {
  return relations().flatMap(([name, made]): Group[] => {
    const all = craftAll(made).map(exact);
    const chosen = fixedCoefficients(all.length).map(([how, coefficients]): Group => {
      return { name: `${name}, ${how}`, all, coefficients, expected: true };
    });
    return [{ name, all, expected: true }, ...chosen];
  });
}

/** Each relation with one of its signatures spoilt. */
function spoilt(): Group[] {
  const ways: readonly (readonly [string, (good: Crafted) => Crafted])[] = [
    ["another digest", (good) => ({ ...good, z: good.z ^ 1n })],
    ["wrong v", (good) => ({ ...good, parity: opposite(good.parity) })],
    ["high s", (good) => ({ ...good, s: N - good.s, parity: opposite(good.parity) })],
    ["s = 0", (good) => ({ ...good, s: 0n })],
    ["another s", (good) => ({ ...good, s: good.s === 1n ? 2n : good.s - 1n })],
  ];
  return relations().flatMap(([name, made]) => {
    const good = craftAll(made).map(lowered);
    return ways.map(([what, spoil], at): Group => {
      const which = at % good.length;
      const changed = good.map((one, index) => (index === which ? spoil(one) : one));
      const all = changed.map((one) => signedBy(one, one.parity));
      return { name: `${name}, one with ${what}`, all, expected: false };
    });
  });
}

/** Errors that add up to nothing as long as all coefficients are alike: only random ones tell. */
function cancelling(): Group[] {
  const draw = new Draw("cancelling");
  const d = draw.below(N - 1n) + 1n;
  const make = (d2: bigint) => lowered(byNonce(d2, draw.below(N - 1n) + 1n, draw.below(N)));
  const shift = (good: Crafted, error: bigint) => ({ ...good, z: mod(good.z + error * good.s, N) });
  const signAll = (all: readonly Crafted[]) => all.map((one) => signedBy(one, one.parity));
  const [a, b, c] = [make(d), make(d), make(d)];
  const error = draw.below(N - 1n) + 1n;
  return [
    { name: "errors e, -e", all: signAll([shift(a, error), shift(b, -error)]), expected: false },
    { name: "errors G, -G", all: signAll([shift(a, 1n), shift(b, -1n)]), expected: false },
    {
      name: "errors e, λe, λ²e",
      all: signAll([shift(a, error), shift(b, error * LAMBDA), shift(c, error * LAMBDA * LAMBDA)]),
      expected: false,
    },
    {
      name: "errors e, e, -2e",
      all: signAll([shift(a, error), shift(b, error), shift(c, -2n * error)]),
      expected: false,
    },
    {
      name: "two digests swapped",
      all: signAll([
        { ...a, z: b.z },
        { ...b, z: a.z },
      ]),
      expected: false,
    },
    {
      name: "two s swapped",
      all: signAll([
        { ...a, s: b.s },
        { ...b, s: a.s },
      ]),
      expected: false,
    },
    {
      name: "two R swapped",
      all: signAll([
        { ...a, r: b.r, parity: b.parity },
        { ...b, r: a.r, parity: a.parity },
      ]),
      expected: false,
    },
    ...keySwaps(d, make),
  ];
}

function keySwaps(d: bigint, make: (d: bigint) => Crafted): Group[] {
  const other = d ^ 1n;
  const [a, b] = [make(d), make(other)];
  const [q, p] = [timesG(d), timesG(other)];
  if (!q || !p) return [];
  const all = [
    { ...a, key: p },
    { ...b, key: q },
  ].map((one) => signedBy(one, one.parity));
  return [{ name: "two keys swapped", all, expected: false }];
}

/** All of them, the same on every call. */
export function everyGroup(): readonly Group[] {
  return [...valid(), ...spoilt(), ...cancelling()];
}
