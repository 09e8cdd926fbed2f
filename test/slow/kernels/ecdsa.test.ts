import { secp256k1 } from "@noble/curves/secp256k1.js";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { TARGETS } from "../../kernels/compile.ts";
import {
  bytesOf,
  CurveModule,
  encode,
  inverseModulo,
  join,
  LAMBDA,
  lift,
  modulo,
  N,
  numberOf,
  P,
  Point,
  times,
} from "../../kernels/curve-module.ts";

const G = Point.BASE;
const HALF = (N - 1n) / 2n;

/** One signature and what is claimed of it. */
type Claim = {
  readonly r: bigint;
  readonly s: bigint;
  readonly z: bigint;
  readonly v: number;
  readonly key: Point;
};

/** SEC1 4.1.6, low s, never r + n: what the module has to give. */
function recovered({ r, s, z, v }: Omit<Claim, "key">): Point | null {
  if (r < 1n || r >= N || s < 1n || s > HALF || v < 0 || v > 1) return null;
  const point = lift(r, v === 1);
  if (!point) return null;
  const key = times(times(point, s).subtract(times(G, z)), inverseModulo(r, N));
  return key.is0() ? null : key;
}

/** SEC1 4.1.4: what parity 2 has to give. */
function verifies({ r, s, z, key }: Claim): boolean {
  if (r < 1n || r >= N || s < 1n || s >= N) return false;
  const inverse = inverseModulo(s, N);
  const sum = times(G, z * inverse).add(times(key, r * inverse));
  return !sum.is0() && modulo(sum.toAffine().x, N) === r;
}

/** A key that makes any r (an x of the curve, or its remainder), s and z a signature. */
function claimFor(x: bigint, odd: boolean, s: bigint, z: bigint): Claim {
  const point = lift(x, odd);
  if (!point) throw new Error("no such point");
  const r = modulo(x, N);
  const key = times(times(point, s).subtract(times(G, z)), inverseModulo(r, N));
  return { r, s, z, v: odd ? 1 : 0, key };
}

/** The first x at or after this one that a point has. */
function nextX(start: bigint): bigint {
  let x = start;
  while (!lift(x, false)) x += 1n;
  return x;
}

const scalar = fc.bigInt({ min: 1n, max: N - 1n });
const EDGES = [
  0n,
  1n,
  2n,
  HALF - 1n,
  HALF,
  HALF + 1n,
  N - 2n,
  N - 1n,
  N,
  N + 1n,
  P - N,
  P - N - 1n,
  P - 1n,
  P,
].concat([P + 1n, 2n ** 256n - 1n, 2n ** 128n]);

describe.each(TARGETS)("%s: ECDSA", (target) => {
  let curve: CurveModule;
  let places: { signature: number; digest: number; key: number; out: number };

  beforeAll(async () => {
    curve = await CurveModule.compile('export * from "./curve/exports-single";', target);
    const place = (bytes: number) => curve.place(bytes);
    places = { signature: place(64), digest: place(32), key: place(64), out: place(64) };
  }, 120_000);

  function put({ r, s, z }: Omit<Claim, "key">): void {
    curve.put(places.signature, join(bytesOf(r), bytesOf(s)));
    curve.put(places.digest, bytesOf(z));
  }

  function verify(claim: Omit<Claim, "key">, key: Uint8Array, parity = claim.v): number {
    put(claim);
    return curve.run("verifyOne", places.signature, places.digest, curve.put(places.key, key), parity);
  }

  function recover(claim: Omit<Claim, "key">): Uint8Array | null {
    put(claim);
    const found = curve.run("recoverOne", places.signature, places.digest, claim.v, places.out);
    return found === 1 ? curve.take(places.out, 64) : null;
  }

  /** All three answers for a claim are those of the two definitions. */
  function agrees(claim: Claim): void {
    const key = recovered(claim);
    expect([claim, recover(claim)]).toEqual([claim, key && encode(key)]);
    expect([claim, verify(claim, encode(claim.key))]).toEqual([claim, key?.equals(claim.key) ? 1 : 0]);
    expect([claim, verify(claim, encode(claim.key), 2)]).toEqual([claim, verifies(claim) ? 1 : 0]);
  }

  test("takes @noble/curves' signatures, and none of them tampered with", () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(scalar, bytes, fc.nat(64 * 8 + 32 * 8 - 1), (secret, message, bit) => {
        const signed = secp256k1.sign(message, bytesOf(secret), { prehash: false, format: "recovered" });
        const [v = 9, ...rest] = signed;
        const [r, s] = [
          numberOf(Uint8Array.from(rest.slice(0, 32))),
          numberOf(Uint8Array.from(rest.slice(32))),
        ];
        const key = times(G, secret);
        const claim = { r, s, z: numberOf(message), v, key };
        expect(verify(claim, encode(key))).toBe(1);
        expect(recover(claim)).toEqual(encode(key));
        agrees({ ...claim, v: 1 - v });
        agrees({ ...claim, s: N - s });
        const flip = 1n << BigInt(bit % 256);
        if (bit < 256) agrees({ ...claim, r: r ^ flip });
        else if (bit < 512) agrees({ ...claim, s: s ^ flip });
        else agrees({ ...claim, z: claim.z ^ flip });
      }),
      { numRuns: 30 },
    );
  });

  test("a key of the wrong sign, another key, a key beside the curve", () => {
    const claim = claimFor(nextX(5n), true, 77n, 1234n);
    const { x, y } = claim.key.toAffine();
    expect(verify(claim, encode(claim.key))).toBe(1);
    for (const parity of [1, 2]) {
      expect(verify(claim, encode(claim.key.negate()), parity)).toBe(0);
      expect(verify(claim, encode(G), parity)).toBe(0);
      expect(verify(claim, join(bytesOf(x), bytesOf(y ^ 1n)), parity)).toBe(0);
      expect(verify(claim, join(bytesOf(y), bytesOf(x)), parity)).toBe(0);
      expect(verify(claim, new Uint8Array(64), parity)).toBe(0);
    }
  });

  test("a key whose coordinates are not below p", () => {
    // r = x(R) is searched so that the key has a small x: from Q = r^-1 (s R - z G), s R = r Q + z G.
    const key = lift(1n, false) ?? G;
    const r = modulo(times(G, 99n).add(times(key, 7n)).toAffine().x, N);
    const s = modulo(r * inverseModulo(7n, N), N);
    const claim = { r, s, z: modulo(99n * s, N), v: 2, key };
    expect(verify(claim, encode(key))).toBe(1);
    expect(verify(claim, join(bytesOf(P + 1n), bytesOf(key.toAffine().y)))).toBe(0);
  });

  test("r, s and z at their bounds", () => {
    for (const r of EDGES) for (const s of EDGES) agrees({ r, s, z: 5n, v: Number((r ^ s) & 1n), key: G });
    for (const z of EDGES) agrees(claimFor(nextX(12n), false, 3n, z));
    const x = nextX(1000n);
    for (const s of [1n, 2n, HALF - 1n, HALF, HALF + 1n, N - 1n]) {
      for (const odd of [false, true]) agrees(claimFor(x, odd, s, 42n));
    }
    expect(verify(claimFor(x, true, HALF, 42n), encode(claimFor(x, true, HALF, 42n).key))).toBe(1);
    expect(verify(claimFor(x, true, HALF + 1n, 42n), encode(claimFor(x, true, HALF + 1n, 42n).key))).toBe(0);
  });

  test("parities other than 0, 1 and, to verify, 2", () => {
    const claim = claimFor(nextX(3n), false, 9n, 10n);
    for (const v of [-1, 3, 4, 27, 28])
      expect([verify(claim, encode(claim.key), v), recover({ ...claim, v })]).toEqual([0, null]);
    expect(recover({ ...claim, v: 2 })).toBeNull();
  });

  test("r + n stands for a point to plain ECDSA alone", () => {
    for (const start of [N + 1n, N + 2n ** 64n, P - 2000n]) {
      const claim = claimFor(nextX(start), false, 31n, 8n);
      expect(claim.r).toBeLessThan(P - N);
      expect(verify(claim, encode(claim.key), 2)).toBe(1);
      for (const v of [0, 1]) expect(verify({ ...claim, v }, encode(claim.key))).toBe(0);
      agrees(claim);
    }
    // From r = p - n on there is no such point: r + n - p is another one's x.
    for (const start of [0n, 1n, 2n ** 64n]) {
      const x = nextX(start);
      const r = x + P - N;
      const key = times(times(lift(x, false) ?? G, 31n).subtract(times(G, 8n)), inverseModulo(r, N));
      agrees({ r, s: 31n, z: 8n, v: 0, key });
      expect(verify({ r, s: 31n, z: 8n, v: 2 }, encode(key))).toBe(0);
    }
  });

  test("R = Q, R = -Q, Q = +-G, +-2 G, lambda G, 2^128 G, each with z = 0, n and others", () => {
    const secrets = [1n, -1n, 2n, -2n, LAMBDA, -LAMBDA, 2n ** 128n, 15n].map((k) => modulo(k, N));
    for (const secret of secrets) {
      for (const nonce of [1n, secret, N - secret, modulo(2n * secret, N), LAMBDA]) {
        for (const z of [0n, N, secret]) {
          const { x, y } = times(G, nonce).toAffine();
          const r = modulo(x, N);
          const s = modulo(inverseModulo(nonce, N) * (z + r * secret), N);
          // The one of s and n - s that is low, with the parity that goes with it.
          const low = s <= HALF;
          agrees({ r, s: low ? s : N - s, z, v: Number(low ? y & 1n : ~y & 1n), key: times(G, secret) });
        }
      }
    }
  });

  test("sums and keys that are infinity", () => {
    for (const secret of [1n, 2n, 12345n, LAMBDA]) {
      const key = times(G, secret);
      for (const r of [1n, 5n, modulo(key.toAffine().x, N)]) {
        // z + r d = 0, so that u1 G + u2 Q = 0 for every s.
        for (const s of [1n, 2n, 999n]) agrees({ r, s, z: modulo(-r * secret, N), v: 0, key });
      }
      // s k = z, so that the key would be 0.
      const { x, y } = key.toAffine();
      for (const s of [1n, 2n, 1000n])
        agrees({ r: modulo(x, N), s, z: modulo(s * secret, N), v: Number(y & 1n), key });
    }
  });

  test("writes no key when there is none", () => {
    curve.put(places.out, new Uint8Array(64).fill(0xaa));
    expect(recover({ r: 1n, s: 0n, z: 1n, v: 0 })).toBeNull();
    expect(curve.take(places.out, 64)).toEqual(new Uint8Array(64).fill(0xaa));
  });
});
