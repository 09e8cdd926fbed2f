/**
 * ECDSA over secp256k1 of 32-byte digests, one signature at a time: verification (SEC1 4.1.4) and recovery of
 * the key (SEC1 4.1.6). Variable time: for public values alone. Not re-entrant.
 */
import { wordsFromBytes } from "../bytes";
import * as order from "../field/order";
import * as field from "../field/p29";
import { bytesFromPoint, liftX, pointFromBytes } from "./affine-point";
import { doubleScalar } from "./double-scalar";
import { toAffine } from "./jacobian";
import { ANY, isPointOf, readSignature } from "./signature";

const R: usize = memory.data(32, 16);
const S: usize = memory.data(32, 16);
const DIGEST: usize = memory.data(32, 16);
const U1: usize = memory.data(32, 16);
const U2: usize = memory.data(32, 16);
const INVERSE: usize = memory.data(72, 16);
const SCALAR: usize = memory.data(72, 16);
const KEY: usize = memory.data(80, 16);
const SUM: usize = memory.data(128, 16);

/** u = a b mod n: words of any a below 2^256, and an entered b */
function multiplyWords(u: usize, a: usize, b: usize): void {
  order.spreadWords(SCALAR, a);
  order.mul(SCALAR, SCALAR, b);
  order.plainToWords(u, SCALAR);
}

/**
 * Does this key verify this signature?
 *
 * With parity 0 or 1 (v - 27) exactly when {@link recoverOne} gives the key: s <= n/2, x(R) = r, never r + n.
 * With parity 2 as SEC1 4.1.4: either y, x(R) mod n = r, any s.
 *
 * @param signature r and s, 64 bytes
 * @param digest 32 bytes, taken modulo n
 * @param key 64 bytes: x and y
 * @returns 1 valid | 0 not, also for a key that is no point
 */
export function verifyOne(signature: usize, digest: usize, key: usize, parity: i32): i32 {
  if (!readSignature(R, S, signature, parity) || !pointFromBytes(KEY, key)) return 0;
  wordsFromBytes(DIGEST, digest);
  order.fromWords(INVERSE, S);
  order.inverse(INVERSE, INVERSE);
  multiplyWords(U1, DIGEST, INVERSE);
  multiplyWords(U2, R, INVERSE);
  doubleScalar(SUM, U1, U2, KEY, KEY + field.ELEMENT);
  return isPointOf(SUM, R, parity) ? 1 : 0;
}

/**
 * The key whose signature this is: r^-1 (s R - z G), R the point with x = r and y of this parity.
 *
 * @param parity 0 | 1, v - 27; anything else is refused
 * @param outKey 64 bytes, x and y, written when there is a key
 * @returns 1 | 0 when r or s is out of range, s > n/2, no point has x = r, or the key would be infinity
 */
export function recoverOne(signature: usize, digest: usize, parity: i32, outKey: usize): i32 {
  if (parity == ANY || !readSignature(R, S, signature, parity)) return 0;
  field.fromWords(KEY, R);
  if (!liftX(KEY, parity == 1)) return 0;
  wordsFromBytes(DIGEST, digest);
  order.fromWords(INVERSE, R);
  order.inverse(INVERSE, INVERSE);
  multiplyWords(U2, S, INVERSE);
  order.negate(INVERSE, INVERSE);
  multiplyWords(U1, DIGEST, INVERSE);
  doubleScalar(SUM, U1, U2, KEY, KEY + field.ELEMENT);
  if (!toAffine(KEY, SUM)) return 0;
  bytesFromPoint(outKey, KEY);
  return 1;
}
