/** What a signature must be before any point is looked at, and what it must be when its point is known. */
import { addWords, compareWords, wordsFromBytes } from "../bytes";
import { N, isHigh, isInRange } from "../field/order";
import { fromWords } from "../field/p29";
import { WRAPPED_R, exceptional } from "./exceptional";
import { hasX, yIsOdd } from "./jacobian";

/** A parity: plain ECDSA, whose signature does not say which of two points it made. */
export const ANY: i32 = 2;

/** p - n, in words: an r below it is also the remainder of r + n. */
const P_MINUS_N: usize = memory.data<u64>([0x402da1722fc9baee, 0x4551231950b75fc4, 1, 0], 16);

const X: usize = memory.data(40, 16);
const WRAPPED: usize = memory.data(32, 16);

/**
 * Reads r and s, each into words.
 *
 * @param signature 64 bytes
 * @param parity 0 | 1, v - 27: s is at most n/2 (EIP-2); {@link ANY}: SEC1 4.1.4, any s
 * @returns false unless both are in 1..n-1, s is as low as it must be, and the parity is one of these
 */
export function readSignature(r: usize, s: usize, signature: usize, parity: i32): bool {
  if (<u32>parity > <u32>ANY) return false;
  wordsFromBytes(r, signature);
  wordsFromBytes(s, signature + 32);
  if (!isInRange(r) || !isInRange(s)) return false;
  return parity == ANY || !isHigh(s);
}

/**
 * Is this point, u1 G + u2 Q, the one that r tells of? Infinity never is.
 *
 * @param sum a Jacobian point
 * @param r words, 1..n-1
 * @param parity 0 | 1: x = r and y is of that parity; {@link ANY}: x mod n = r, where x may be r + n
 */
export function isPointOf(sum: usize, r: usize, parity: i32): bool {
  fromWords(X, r);
  if (hasX(sum, X)) return parity == ANY || yIsOdd(sum) == (parity == 1);
  if (parity != ANY || !exceptional(WRAPPED_R, compareWords(r, P_MINUS_N) < 0)) return false;
  addWords(WRAPPED, r, N);
  fromWords(X, WRAPPED);
  return hasX(sum, X);
}
