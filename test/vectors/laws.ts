/** Laws of every path of every build, for fast-check to break: the fast and the long edition differ in their counts. */
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import fc from "fast-check";
import { bytes32, integer, LAMBDA, lift, mod, N, P, pointBytes, timesG } from "./arithmetic.ts";
import type { Build, Signed } from "./build.ts";
import { byNonce, byPoint, byScalars, exact, lowered, plain, signedBy } from "./craft.ts";
import { hintFor } from "./hint.ts";
import { holdsByNoble } from "./oracle.ts";
import { trialFailures } from "./suite.ts";

const word = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
const power = fc.integer({ min: 0, max: 255 }).map((bits) => 2n ** BigInt(bits));
const small = fc.bigInt({ min: -5n, max: 5n });
const signedPower = fc.tuple(power, fc.constantFrom(1n, -1n)).map(([size, sign]) => size * sign);

/** Few bits set, in windows of their own or side by side. */
const sparse = fc
  .array(signedPower, { minLength: 1, maxLength: 4 })
  .map((terms) => terms.reduce((a, b) => a + b, 0n));
/** Runs of ones: 2^a - 2^b. */
const runs = fc.tuple(power, power).map(([a, b]) => a - b);
/** One byte over and over: the same digit in every window of that width. */
const repeated = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 32 }))
  .map(([byte, count]) => BigInt(`0x${byte.toString(16).padStart(2, "0").repeat(count)}`));
const near = fc.tuple(fc.constantFrom(0n, N / 2n, LAMBDA, LAMBDA * LAMBDA, P - N, 2n ** 128n), small);

/** Integers of 256 bits, those above n among them. */
const edge = fc.oneof(
  word,
  sparse,
  runs,
  repeated,
  near.map(([base, by]) => base + by),
);
const integer256 = edge.map((value) => mod(value, 2n ** 256n));

/** In `1..n-1`. */
const scalar = edge.map((value) => mod(value, N - 1n) + 1n);

function check(builds: readonly Build[], name: string, signed: Signed, expected: boolean): void {
  for (const build of builds) {
    for (const failure of trialFailures(build, [{ name, signed, expected }])) {
      throw new Error(`${build.variant}: ${failure}`);
    }
  }
}

/** One bit of what was signed, or of who is said to have. */
function changed(signed: Signed, bit: number): Signed {
  const flip = (bytes: Uint8Array, at: number) => {
    const copy = bytes.slice();
    copy[at >> 3] = (copy[at >> 3] ?? 0) ^ (1 << (at & 7));
    return copy;
  };
  if (bit < 512) return { ...signed, signature: flip(signed.signature, bit) };
  if (bit < 768) return { ...signed, digest: flip(signed.digest, bit - 512) };
  return { ...signed, key: flip(signed.key, bit - 768) };
}

const anyBit = fc.integer({ min: 0, max: 1279 });

/** Whatever u1, u2 and the key are, what they make holds; with a bit changed, what @noble/curves says. */
export function scalarsLaw(builds: readonly Build[], numRuns: number): void {
  const run = (d: bigint, u1: bigint, u2: bigint, bit: number, isPlain: boolean) => {
    const key = timesG(d);
    fc.pre(key !== null && mod(u1 + u2 * d, N) !== 0n);
    if (!key) return;
    const crafted = byScalars(key, mod(u1, N), u2);
    const signed = isPlain ? plain(crafted) : exact(crafted);
    check(builds, "made", signed, true);
    const other = changed(signed, bit);
    check(builds, `bit ${bit}`, other, holdsByNoble(other));
  };
  fc.assert(fc.property(scalar, edge, scalar, anyBit, fc.boolean(), run), { numRuns });
}

/** Whatever R, s and the digest are, they hold under the key that they make, and under its opposite do not. */
export function pointLaw(builds: readonly Build[], numRuns: number): void {
  const run = (x: bigint, odd: boolean, s: bigint, z: bigint, isPlain: boolean) => {
    fc.pre(x < P && lift(x, 0) !== null);
    const crafted = byPoint(x, odd ? 1 : 0, s, z);
    fc.pre(crafted !== null);
    if (!crafted) return;
    const signed = isPlain ? plain(crafted) : exact(crafted);
    check(builds, "made", signed, isPlain || x < N);
    const { key } = crafted;
    const opposite = { ...signed, key: pointBytes({ x: key.x, y: P - key.y }) };
    check(builds, "opposite key", opposite, holdsByNoble(opposite));
  };
  const wide = integer256.map((value) => mod(value, P));
  fc.assert(fc.property(wide, fc.boolean(), scalar, integer256, fc.boolean(), run), { numRuns });
}

const b64 = (value: bigint) => Buffer.from(bytes32(value)).toString("base64url");

/** What OpenSSL signs holds; with a bit changed, what OpenSSL says. */
export function opensslLaw(builds: readonly Build[], numRuns: number): void {
  const run = (d: bigint, message: Uint8Array, bit: number) => {
    const point = timesG(d);
    fc.pre(point !== null);
    if (!point) return;
    const jwk = { kty: "EC", crv: "secp256k1", d: b64(d), x: b64(point.x), y: b64(point.y) };
    const dsaEncoding = "ieee-p1363" as const;
    const secret = createPrivateKey({ key: jwk, format: "jwk" });
    const signature = new Uint8Array(sign("sha256", message, { key: secret, dsaEncoding }));
    const key = createPublicKey(secret);
    const asSigned = (bytes: Uint8Array): Signed => {
      const digest = builds[0]?.sha256(message) ?? new Uint8Array(32);
      return { signature: bytes, digest, key: pointBytes(point), parity: 2 };
    };
    check(builds, "by OpenSSL", asSigned(signature), true);
    const other = changed(asSigned(signature), bit).signature;
    const verdict = verify("sha256", message, { key, dsaEncoding }, other);
    check(builds, `bit ${bit}`, asSigned(other), verdict);
  };
  const bits = fc.integer({ min: 0, max: 511 });
  fc.assert(fc.property(scalar, fc.uint8Array({ maxLength: 200 }), bits, run), { numRuns });
}

/** Signatures whose nonces and keys are multiples of few points, so that many sums meet. */
const meeting = fc.tuple(
  fc.constantFrom(1n, 2n, -1n, LAMBDA, 2n ** 64n, 7n, 11n),
  fc.constantFrom(1n, -1n, 2n, 4n, LAMBDA),
);
const made = fc
  .tuple(meeting, meeting, integer256)
  .map(([[a, b], [c, e], z]) => lowered(byNonce(mod(a * b, N), mod(c * e, N), z)));

const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
/** Coefficients as they should be, and one for all. */
const coefficients = fc.option(
  fc.oneof(
    sixteen,
    fc.constantFrom(1, 0x80, 0xff).map((byte) => new Uint8Array(16).fill(byte)),
  ),
);

/** A batch holds whatever relations its points have; with a bit changed, what @noble/curves says of that signature. */
export function batchLaw(builds: readonly Build[], numRuns: number): void {
  const run = (
    all: readonly ReturnType<typeof lowered>[],
    same: Uint8Array | null,
    at: number,
    bit: number,
  ) => {
    const signed = all.map((one) => signedBy(one, one.parity));
    const usual = same === null ? {} : { coefficients: new Uint8Array(all.flatMap(() => [...same])) };
    const which = at % signed.length;
    const one = signed[which];
    if (!one) return;
    const other = changed(one, bit);
    const spoilt = signed.map((each, index) => (index === which ? other : each));
    const right = holdsByNoble(other);
    for (const build of builds) {
      const verdicts = {
        batch: build.batch(signed, usual),
        "hinted batch": build.batch(signed, { ...usual, hints: signed.map(hintFor) }),
        comb: build.comb(signed).every(Boolean),
        "spoilt batch": build.batch(spoilt) === right,
        "spoilt hinted batch": build.batch(spoilt, { hints: spoilt.map(hintFor) }) === right,
        "spoilt comb": build.comb(spoilt).every((verdict, index) => verdict === (index !== which || right)),
      };
      const wrong = Object.entries(verdicts).filter(([, verdict]) => !verdict);
      if (wrong.length > 0) throw new Error(`${build.variant}: ${wrong.map(([path]) => path).join(", ")}`);
    }
  };
  const list = fc.array(made, { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(list, coefficients, fc.nat(39), anyBit, run), { numRuns });
}

/** Sums of up to 80 terms, among them many of the same points, are what their scalars sum to. */
export function sumLaw(builds: readonly Build[], numRuns: number): void {
  const term = fc.tuple(fc.oneof(scalar, fc.constantFrom(0n, 1n, 2n, N - 1n, LAMBDA)), edge);
  const run = (terms: readonly (readonly [bigint, bigint])[]) => {
    const bytes = (k: bigint) => {
      const point = timesG(k);
      return point ? pointBytes(point) : null;
    };
    const points = terms.map(([k]) => bytes(k) ?? new Uint8Array(64));
    const scalars = terms.map(([, by]) => bytes32(mod(by, 2n ** 256n)));
    const sum = terms.reduce((total, [k], at) => total + k * integer(scalars[at] ?? new Uint8Array(0)), 0n);
    const right = bytes(sum);
    for (const build of builds) {
      const found = build.msm(points, scalars);
      const agrees = found && right ? Buffer.from(found).equals(right) : found === right;
      if (!agrees) throw new Error(`${build.variant}: sum of ${terms.length} terms`);
    }
  };
  fc.assert(fc.property(fc.array(term, { maxLength: 80 }), run), { numRuns });
}
