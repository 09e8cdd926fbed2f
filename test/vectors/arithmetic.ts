/** secp256k1 in bigint: the reference for what the kernels say. Source: SEC 2 v2.0 section 2.4.1. */
import { Point } from "@noble/secp256k1";

/** The field's prime. */
export const P = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn;

/** Order of the group. */
export const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Cube root of one mod n: λ(x, y) = (βx, y). */
export const LAMBDA = 0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72n;

export type Affine = { readonly x: bigint; readonly y: bigint };

/** In `0..modulus-1`. */
export function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** @throws RangeError for zero */
export function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, u, v] = [mod(value, modulus), modulus, 1n, 0n];
  if (a === 0n) throw new RangeError("zero has no inverse");
  while (a !== 0n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [u, v] = [v - quotient * u, u];
  }
  return mod(v, modulus);
}

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, mod(base, modulus)];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** 32 bytes, big-endian. */
export function bytes32(value: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(64, "0"), "hex"));
}

export function integer(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

/** x ‖ y. */
export function pointBytes({ x, y }: Affine): Uint8Array {
  return new Uint8Array([...bytes32(x), ...bytes32(y)]);
}

/** The y of this x and parity, or null when x is no coordinate of a point. */
export function lift(x: bigint, parity: number): bigint | null {
  const square = mod(x * x * x + 7n, P);
  const root = power(square, (P + 1n) / 4n, P);
  if (x >= P || mod(root * root, P) !== square) return null;
  return Number(root & 1n) === parity ? root : P - root;
}

/** scalar·G, or null for infinity. */
export function timesG(scalar: bigint): Affine | null {
  const k = mod(scalar, N);
  return k === 0n ? null : Point.BASE.multiply(k, false).toAffine();
}

/** a·G + b·Q, or null for infinity. */
export function combine(a: bigint, b: bigint, q: Affine): Affine | null {
  const times = (k: bigint, point: Point) => (k === 0n ? Point.ZERO : point.multiply(k, false));
  const sum = times(mod(a, N), Point.BASE).add(times(mod(b, N), Point.fromAffine(q)));
  return sum.is0() ? null : sum.toAffine();
}
