/** Checks of sums of points, of points from hashes and of Schnorr signatures, where additions meet their exceptions. */

import { createHash } from "node:crypto";
import { secp256k1_hasher } from "@noble/curves/secp256k1.js";
import {
  type Affine,
  bytes32,
  integer,
  inverse,
  LAMBDA,
  mod,
  N,
  P,
  pointBytes,
  timesG,
} from "./arithmetic.ts";
import type { Build } from "./build.ts";
import { byNonce, exact, nextGap } from "./craft.ts";
import { Draw } from "./draw.ts";
import { hintFor } from "./hint.ts";

const INFINITY = new Uint8Array(64);

/** k·G as 64 bytes, infinity as zeros. */
const point = (k: bigint) => {
  const found = timesG(k);
  return found ? pointBytes(found) : INFINITY;
};

/** Terms as multiples of G, each with its scalar: what they sum to is known without adding points. */
type Sum = { readonly name: string; readonly terms: readonly (readonly [k: bigint, scalar: bigint])[] };

function sums(): Sum[] {
  const draw = new Draw("sums");
  const next = () => draw.below(N - 1n) + 1n;
  const many = (count: number, make: (at: number) => readonly [bigint, bigint]) =>
    Array.from({ length: count }, (_, at) => make(at));
  const k = next();
  const s = next();
  const scalars = [0n, 1n, 2n, N - 1n, N / 2n, N / 2n + 1n, LAMBDA, N - LAMBDA, 2n ** 64n, 2n ** 128n - 1n];
  return [
    ...scalars.map((scalar) => ({ name: `one term, ${scalar.toString(16)}`, terms: [[k, scalar]] as const })),
    { name: "none", terms: [] },
    { name: "infinity", terms: [[0n, s]] },
    {
      name: "infinity among others",
      terms: [
        [k, s],
        [0n, next()],
        [next(), next()],
      ],
    },
    { name: "only infinity", terms: many(5, () => [0n, next()]) },
    { name: "all scalars zero", terms: many(5, () => [next(), 0n]) },
    {
      name: "P, -P",
      terms: [
        [k, s],
        [-k, s],
      ],
    },
    {
      name: "P and P with -s",
      terms: [
        [k, s],
        [k, -s],
      ],
    },
    {
      name: "P, P",
      terms: [
        [k, s],
        [k, s],
      ],
    },
    {
      name: "2P, P with 2",
      terms: [
        [2n * k, 1n],
        [k, 2n],
      ],
    },
    {
      name: "-2P, P with 2",
      terms: [
        [-2n * k, 1n],
        [k, 2n],
      ],
    },
    {
      name: "2P with 1, P with 3",
      terms: [
        [2n * k, 1n],
        [k, 3n],
      ],
    },
    {
      name: "P, λP, λ²P",
      terms: [
        [k, s],
        [k * LAMBDA, s],
        [k * LAMBDA * LAMBDA, s],
      ],
    },
    {
      name: "P with λ, λP",
      terms: [
        [k, LAMBDA],
        [LAMBDA * k, 1n],
      ],
    },
    ...[2, 8, 33, 200].flatMap((count) => [
      { name: `${count} at random`, terms: many(count, () => [next(), next()]) },
      { name: `${count} of one point`, terms: many(count, () => [k, next()]) },
      { name: `${count} of one point and scalar`, terms: many(count, () => [k, s]) },
      { name: `${count} that cancel`, terms: many(count, (at) => [k, at % 2 === 0 ? s : -s]) },
      {
        name: `${count} powers`,
        terms: many(count, (at) => [2n ** BigInt(at % 250), 2n ** BigInt(250 - (at % 250))]),
      },
      { name: `${count} opposite points`, terms: many(count, (at) => [at % 2 === 0 ? k : -k, next()]) },
    ]),
  ];
}

function* sumFailures(build: Build): Generator<string> {
  for (const { name, terms } of sums()) {
    const points = terms.map(([k]) => point(mod(k, N)));
    const scalars = terms.map(([, scalar]) => bytes32(mod(scalar, N)));
    const expected = point(
      mod(
        terms.reduce((sum, [k, scalar]) => sum + k * scalar, 0n),
        N,
      ),
    );
    const found = build.msm(points, scalars);
    const right = found
      ? expected !== INFINITY && Buffer.from(found).equals(expected)
      : expected === INFINITY;
    if (!right) yield `sum of ${name}: wrong`;
  }
}

const challenge = (...parts: readonly Uint8Array[]) => {
  const tag = createHash("sha256").update("BIP0340/challenge").digest();
  const hash = createHash("sha256").update(tag).update(tag);
  for (const part of parts) hash.update(part);
  return mod(integer(hash.digest()), N);
};

type Schnorr = { readonly name: string; readonly signature: Uint8Array; readonly expected: boolean };

/** BIP 340 signatures by the nonce k; `change` spoils them. */
function schnorrs(d: bigint, key: Affine, message: Uint8Array): Schnorr[] {
  const even = ({ y }: Affine) => (y & 1n) === 0n;
  const secret = even(key) ? d : N - d;
  const join = (r: bigint, s: bigint) => new Uint8Array([...bytes32(r), ...bytes32(s)]);
  const e = (r: bigint) => challenge(bytes32(r), bytes32(key.x), message);
  const signed = [1n, N - 1n, d, LAMBDA, 2n ** 64n].flatMap((k): Schnorr[] => {
    const r = timesG(k);
    if (!r) return [];
    const nonce = even(r) ? k : N - k;
    const s = mod(nonce + e(r.x) * secret, N);
    const odd = mod(N - nonce + e(r.x) * secret, N);
    return [
      { name: `k = ${k.toString(16)}`, signature: join(r.x, s), expected: true },
      { name: `k = ${k.toString(16)}, R of odd y`, signature: join(r.x, odd), expected: false },
      { name: `k = ${k.toString(16)}, s + 1`, signature: join(r.x, mod(s + 1n, N)), expected: false },
      { name: `k = ${k.toString(16)}, s + n`, signature: join(r.x, 2n ** 256n - 1n), expected: false },
    ];
  });
  // s = e d makes R infinity, whatever r the signature claims
  const infinite = [0n, 1n, key.x, P - 1n].map((r): Schnorr => {
    return {
      name: `R = infinity, r = ${r.toString(16)}`,
      signature: join(r, mod(e(r) * secret, N)),
      expected: false,
    };
  });
  return [...signed, ...infinite, { name: "r = p", signature: join(P, 1n), expected: false }];
}

function* schnorrFailures(build: Build): Generator<string> {
  const draw = new Draw("schnorr");
  for (const d of [1n, N - 1n, LAMBDA, draw.below(N - 1n) + 1n]) {
    const key = timesG(d);
    if (!key) continue;
    for (const length of [0, 1, 32, 100]) {
      const message = draw.bytes(length);
      for (const { name, signature, expected } of schnorrs(d, key, message)) {
        const verdict = build.schnorr(bytes32(key.x), message, signature);
        if (verdict !== expected) yield `Schnorr, d = ${d.toString(16)}, ${name}: says ${verdict}`;
        for (const x of [nextGap(key.x), P, 2n ** 256n - 1n, 0n]) {
          if (build.schnorr(bytes32(x), message, signature)) yield `Schnorr, ${name}: a key that is no point`;
        }
      }
    }
  }
}

/** s·R = z·G has no key; one digest further has. */
function* recoveryFailures(build: Build): Generator<string> {
  const draw = new Draw("recovery");
  for (const k of [1n, N - 1n, LAMBDA, draw.below(N - 1n) + 1n]) {
    const r = timesG(k);
    if (!r) continue;
    const s = draw.below(N / 2n) + 1n;
    const parity = (r.y & 1n) === 0n ? 0 : 1;
    const signature = new Uint8Array([...bytes32(r.x), ...bytes32(s)]);
    const [none, some] = [0n, 1n].map((more) => {
      return build.recover({ signature, digest: bytes32(mod(s * k + more, N)), parity });
    });
    const key = pointBytes(timesG(-inverse(r.x, N)) ?? { x: 0n, y: 0n });
    if (none !== null) yield `recovery to infinity, k = ${k.toString(16)}: a key`;
    if (!some || !Buffer.from(some).equals(key))
      yield `recovery beside infinity, k = ${k.toString(16)}: wrong`;
  }
}

/** Parities that are none: what holds with 0 or 1 is refused with them, on every path. */
function* parityFailures(build: Build): Generator<string> {
  const signed = exact(byNonce(5n, 7n, 11n));
  const copies = (parity: number) => Array.from({ length: 5 }, () => ({ ...signed, parity }));
  for (const parity of [3, 4, 27, 28, 128, 255]) {
    const one = { ...signed, parity };
    const verdicts = [
      build.single(one),
      build.known(one),
      build.comb([one]).includes(true),
      build.comb(copies(parity)).includes(true),
      build.batch([one]),
      build.batch([one], { hints: [hintFor(signed)] }),
      build.recover(one) !== null,
      build.decompress(signed.signature.subarray(0, 32), parity) !== null,
    ];
    for (const [path, verdict] of verdicts.entries())
      if (verdict) yield `parity ${parity}: path ${path} takes it`;
  }
}

function* hashFailures(build: Build): Generator<string> {
  const draw = new Draw("hash to curve");
  for (const [length, dstLength] of [
    [0, 1],
    [3, 48],
    [128, 255],
    [300, 16],
    [32, 32],
  ] as const) {
    const message = draw.bytes(length);
    const tag = draw.bytes(dstLength);
    const { x, y } = secp256k1_hasher.hashToCurve(message, { DST: tag }).toAffine();
    const found = Buffer.from(build.hashToCurve(message, tag) ?? []);
    if (!found.equals(pointBytes({ x, y }))) yield `hash to curve, ${length} and ${dstLength} bytes: wrong`;
  }
}

function* coordinateFailures(build: Build): Generator<string> {
  const draw = new Draw("coordinates");
  for (const k of [1n, 2n, N - 1n, LAMBDA, draw.below(N - 1n) + 1n]) {
    const found = timesG(k);
    if (!found) continue;
    const { x, y } = found;
    const lifted = [0, 1].map((parity) => Buffer.from(build.decompress(bytes32(x), parity) ?? []));
    const right = [y, P - y]
      .toSorted((a) => ((a & 1n) === 0n ? -1 : 1))
      .map((one) => pointBytes({ x, y: one }));
    if (!lifted.every((one, at) => one.equals(right[at] ?? INFINITY)))
      yield `the points of x(${k.toString(16)} G): wrong`;
    if (!build.isOnCurve(pointBytes(found))) yield `${k.toString(16)} G: not on the curve`;
    const off = [
      { x, y: mod(y + 1n, P) },
      { x: mod(x + 1n, P), y },
      { x, y: 0n },
      { x: 0n, y: 0n },
      { x: P, y },
    ];
    for (const one of off) {
      const { table, terms } = build.takesKey(pointBytes(one));
      if (build.isOnCurve(pointBytes(one)) || table || terms) yield `${one.x}, ${one.y}: on the curve`;
    }
    const gap = bytes32(nextGap(x));
    const signature = new Uint8Array([...gap, ...bytes32(1n)]);
    for (const parity of [0, 1]) {
      if (build.decompress(gap, parity)) yield `an x that no point has: a point`;
      if (build.recover({ signature, digest: gap, parity })) yield `an r that no point has: a key`;
    }
  }
  if (build.decompress(bytes32(P), 0) ?? build.decompress(bytes32(2n ** 256n - 1n), 1))
    yield "an x of p or more: a point";
}

/** Sums, hashes, Schnorr signatures and coordinates that are wrong. */
export function* pointFailures(build: Build): Generator<string> {
  yield* sumFailures(build);
  yield* recoveryFailures(build);
  yield* parityFailures(build);
  yield* schnorrFailures(build);
  yield* hashFailures(build);
  yield* coordinateFailures(build);
}
