/** Signatures made to measure: whoever signs can bring about any u1, u2, R and key that it wants. */
import { type Affine, bytes32, combine, inverse, lift, mod, N, P, pointBytes, timesG } from "./arithmetic.ts";
import type { Signed } from "./build.ts";

/** A signature with all that the signer knows. */
export type Crafted = {
  readonly r: bigint;
  readonly s: bigint;
  readonly z: bigint;
  /** Parity of R's y. */
  readonly parity: 0 | 1;
  readonly key: Affine;
};

/** @param z - any integer of 256 bits: it need not be below n */
export function signedBy({ r, s, z, key }: Crafted, parity: number): Signed {
  const signature = new Uint8Array([...bytes32(r), ...bytes32(s)]);
  return { signature, digest: bytes32(z), key: pointBytes(key), parity };
}

/** As it is, with the high s that it may have, for plain ECDSA. */
export const plain = (crafted: Crafted) => signedBy(crafted, 2);

export const opposite = (parity: 0 | 1) => (parity === 0 ? 1 : 0);

/** With a low s: u1, u2 and R change their signs with it. */
export function lowered(crafted: Crafted): Crafted {
  const { s, parity } = crafted;
  return s <= N / 2n ? crafted : { ...crafted, s: N - s, parity: opposite(parity) };
}

/** With a low s and the recovery id. */
export function exact(crafted: Crafted): Signed {
  const low = lowered(crafted);
  return signedBy(low, low.parity);
}

const parityOf = ({ y }: Affine) => ((y & 1n) === 1n ? 1 : 0);

function known<T>(value: T | null): T {
  if (value === null) throw new RangeError("infinity, or no point of this x");
  return value;
}

/** A signature whose verification computes exactly u1·G + u2·Q. @throws RangeError when that is infinity */
export function byScalars(key: Affine, u1: bigint, u2: bigint): Crafted {
  const point = known(combine(u1, u2, key));
  const r = mod(point.x, N);
  const s = mod(r * inverse(u2, N), N);
  return { r, s, z: mod(u1 * s, N), parity: parityOf(point), key };
}

/** The same for any r, which need not be that of the sum: no signature then. */
export function withR(key: Affine, u1: bigint, u2: bigint, r: bigint): Crafted {
  const s = mod(r * inverse(u2, N), N);
  return { r, s, z: mod(u1 * s, N), parity: 0, key };
}

/** A signature of the point k·G, under the key d. */
export function byNonce(d: bigint, k: bigint, z: bigint): Crafted {
  const point = known(timesG(k));
  const r = mod(point.x, N);
  const s = mod((z + r * d) * inverse(k, N), N);
  return { r, s, z, parity: parityOf(point), key: known(timesG(d)) };
}

/** The key under which r, s sign z with R = (x, y of this parity), or null when there is none. x may be n or more. */
export function byPoint(x: bigint, parity: 0 | 1, s: bigint, z: bigint): Crafted | null {
  const y = lift(x, parity);
  const r = mod(x, N);
  if (y === null || r === 0n) return null;
  const w = inverse(r, N);
  const key = combine(-z * w, s * w, { x, y });
  return key && { r, s, z, parity, key };
}

/** The first x from here on (down with step -1) that is a point's. */
export function nextX(from: bigint, step = 1n): bigint {
  let x = mod(from, P);
  while (lift(x, 0) === null) x = mod(x + step, P);
  return x;
}

/** The first x from here on that is no point's. */
export function nextGap(from: bigint): bigint {
  let x = from;
  while (lift(x, 0) !== null) x++;
  return x;
}
