/** Batches that hold forgeries: in number, of many kinds, each with a hint as good as its forger can make it. */
import { createHash } from "node:crypto";
import { bytes32, integer, mod, N, P, pointBytes, timesG } from "./arithmetic.ts";
import type { Build, Signed } from "./build.ts";
import { byNonce, exact } from "./craft.ts";
import { hintFor } from "./hint.ts";

/** A signature with the y of its R beside it. */
export type Hinted = { readonly signed: Signed; readonly hint: Uint8Array };

/** Small numbers that look random and are the same on every machine (xorshift32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }
}

const hashed = (name: string) => integer(createHash("sha256").update(name).digest());

/** Signatures that hold, of keys that take turns. */
export function validPool(count: number, keys: number): readonly Hinted[] {
  return Array.from({ length: count }, (_, index) => {
    const secret = mod(hashed(`key ${index % keys}`), N);
    const signed = exact(byNonce(secret, mod(hashed(`nonce ${index}`), N), hashed(`digest ${index}`)));
    return { signed, hint: hintFor(signed) };
  });
}

const flip = (bytes: Uint8Array, bit: number) => {
  const changed = bytes.slice();
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
};

const rOf = ({ signature }: Signed) => signature.subarray(0, 32);
const sOf = ({ signature }: Signed) => signature.subarray(32);
const join = (r: Uint8Array, s: Uint8Array) => {
  const signature = new Uint8Array(64);
  signature.set(r);
  signature.set(s, 32);
  return signature;
};

/** What a forger makes of one signature, with another at hand. */
type Forgery = (one: Hinted, other: Hinted, dice: Dice, build: Build) => Hinted;

const negated = (hint: Uint8Array) => bytes32(P - integer(hint));
const otherParity = ({ parity }: Signed) => (parity === 0 ? 1 : 0);

/** Of these only the sum can tell: ranges, curve and hint are in order. */
export const QUIET: readonly Forgery[] = [
  // a bit of the digest
  ({ signed, hint }, _, dice) => ({
    signed: { ...signed, digest: flip(signed.digest, dice.below(256)) },
    hint,
  }),
  // a bit of s, which stays low
  ({ signed, hint }, _, dice) => {
    return {
      signed: { ...signed, signature: join(rOf(signed), flip(sOf(signed), 8 + dice.below(248))) },
      hint,
    };
  },
  // the opposite R
  ({ signed, hint }) => ({ signed: { ...signed, parity: otherParity(signed) }, hint: negated(hint) }),
  // the R of another
  ({ signed }, other) => {
    const signature = join(rOf(other.signed), sOf(signed));
    return { signed: { ...signed, signature, parity: other.signed.parity }, hint: other.hint };
  },
  // the s of another
  ({ signed, hint }, other) => {
    return { signed: { ...signed, signature: join(rOf(signed), sOf(other.signed)) }, hint };
  },
  // the digest of another
  ({ signed, hint }, other) => ({ signed: { ...signed, digest: other.signed.digest }, hint }),
  // the key of another, or its opposite where that is the same
  ({ signed, hint }, other) => {
    const { key } = other.signed;
    const same = Buffer.from(key).equals(signed.key);
    return { signed: { ...signed, key: same ? FOREIGN : key }, hint };
  },
  // an s that says nothing
  ({ signed, hint }, other) => ({
    signed: { ...signed, signature: join(rOf(signed), bytes32(integer(rOf(other.signed)) >> 1n)) },
    hint,
  }),
];

/** A key that none of the pool's signatures is by. */
const FOREIGN = pointBytes(timesG(3n) ?? { x: 0n, y: 0n });

/** Of these something before the sum may tell. */
export const LOUD: readonly Forgery[] = [
  // a bit of r: half of them are no x
  ({ signed }, _, dice, build) => {
    const signature = join(flip(rOf(signed), dice.below(256)), sOf(signed));
    const point = build.decompress(rOf({ ...signed, signature }), signed.parity);
    return { signed: { ...signed, signature }, hint: point?.slice(32) ?? bytes32(1n) };
  },
  // the opposite parity with the hint left as it was
  ({ signed, hint }) => ({ signed: { ...signed, parity: otherParity(signed) }, hint }),
  // high s, which plain ECDSA would take
  ({ signed, hint }) => {
    const signature = join(rOf(signed), bytes32(N - integer(sOf(signed))));
    return { signed: { ...signed, signature, parity: otherParity(signed) }, hint: negated(hint) };
  },
  ({ signed, hint }) => ({ signed: { ...signed, signature: join(rOf(signed), bytes32(0n)) }, hint }),
  ({ signed, hint }) => ({ signed: { ...signed, signature: join(bytes32(0n), sOf(signed)) }, hint }),
  ({ signed, hint }) => ({ signed: { ...signed, signature: join(bytes32(N), sOf(signed)) }, hint }),
];

/** Two signatures whose errors are e and -e: their plain sum holds. */
export function cancellingPair(one: Hinted, other: Hinted, error: bigint): readonly [Hinted, Hinted] {
  const shifted = ({ signed, hint }: Hinted, by: bigint): Hinted => {
    const digest = bytes32(mod(integer(signed.digest) + by * integer(sOf(signed)), N));
    return { signed: { ...signed, digest }, hint };
  };
  return [shifted(one, error), shifted(other, -error)];
}
