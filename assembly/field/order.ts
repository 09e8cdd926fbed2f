/**
 * Numbers modulo n, the order of the curve's group.
 *
 * A number is 72 bytes: 9 digits of 29 bits from 0 up in `u64`, lowest first. `mul` is Montgomery's: it
 * divides by R = 2^261. So a number x is *entered* as x R, and the product of two entered numbers is again an
 * entered one; but the product of a *plain* number (`spreadWords`) and an entered one is plain, which saves
 * entering what is used once.
 *
 * The *weight* of a number says how large its digits may be: at most `weight * (2^29 - 1)`, the last one at
 * most `weight * (2^25 - 1)`. `assembly/generate/order29.ts` proves that:
 *
 * | function | takes | gives |
 * |---|---|---|
 * | `mul(r, a, b)` | weight(a) * weight(b) <= 4 | 1 |
 * | `add(r, a, b)` | 6 each | 1 |
 * | `sub(r, a, b)` | a 6, b 1 | 1 |
 * | `negate(r, a)` | 1 | 1 |
 * | `accumulate(r, a)`, no carries | a 1 | weight(r) + 1, at most 2^24 |
 * | `reduce(r, a)` | 2^24 | 1 |
 * | `fromWords`, `spreadWords`, `inverse`, `ONE`, `PLAIN_ONE`, `ZERO` | | 1 |
 * | `plainToWords`, `isZero` | 6 | |
 * | `toWords`, `inverse` | 4 | |
 *
 * In all functions `r` may be `a` or `b`. All are for public numbers: variable time.
 */
import { mul, PLAIN_ONE, RADIX_SQUARED, settle, spread, sub, ZERO } from "../../build/assembly/order29";
import { compareWords, isZeroWords, setWords } from "../bytes";
import { invertModN } from "./divsteps";

export { accumulate, add, mul, reduce, sub } from "../../build/assembly/order29";
export { ONE, PLAIN_ONE, ZERO } from "../../build/assembly/order29";

/** Bytes of a number. */
export const NUMBER: usize = 72;

/** n, in words. */
export const N: usize = memory.data<u64>(
  [0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, 0xffffffffffffffff],
  16,
);

/** (n - 1) / 2, in words: the largest `s` that is not high. */
const HALF: usize = memory.data<u64>(
  [0xdfe92f46681b20a0, 0x5d576e7357a4501d, 0xffffffffffffffff, 0x7fffffffffffffff],
  16,
);

/** 2^256 - n, in words; the uppermost is 0. */
const COMPLEMENT_0: u64 = 0x402da1732fc9bebf;
const COMPLEMENT_1: u64 = 0x4551231950b75fc4;

/** Of `toWords`, `plainToWords`, `isZero` and what calls them. */
const DIGITS: usize = memory.data(72, 16);
const WORDS: usize = memory.data(32, 16);

/** Copies a number, whatever its form. */
export function copy(r: usize, a: usize): void {
  memory.copy(r, a, NUMBER);
}

/** Enters any 256 bits, `>= n` too. */
export function fromWords(r: usize, words: usize): void {
  spread(r, words);
  mul(r, r, RADIX_SQUARED);
}

/** Any 256 bits as a plain number, not entered. */
export function spreadWords(r: usize, words: usize): void {
  spread(r, words);
}

/** The one form in `0..n-1` of an entered number. */
export function toWords(words: usize, a: usize): void {
  mul(DIGITS, a, PLAIN_ONE);
  plainToWords(words, DIGITS);
}

/** The one form in `0..n-1` of a plain number. */
export function plainToWords(words: usize, a: usize): void {
  settle(DIGITS, a);
  const d2 = digit(2);
  const d4 = digit(4);
  const d6 = digit(6);
  const d8 = digit(8);
  const w0 = digit(0) | (digit(1) << 29) | (d2 << 58);
  const w1 = (d2 >> 6) | (digit(3) << 23) | (d4 << 52);
  const w2 = (d4 >> 12) | (digit(5) << 17) | (d6 << 46);
  const w3 = (d6 >> 18) | (digit(7) << 11) | (d8 << 40);
  // The number is below 2n. It is n or more exactly when adding 2^256 - n reaches 2^256.
  const s0 = w0 + COMPLEMENT_0;
  const c0 = u64(s0 < w0);
  const t1 = w1 + COMPLEMENT_1;
  const s1 = t1 + c0;
  const c1 = u64(t1 < w1) + u64(s1 < t1);
  const t2 = w2 + 1;
  const s2 = t2 + c1;
  const c2 = u64(t2 < w2) + u64(s2 < t2);
  const s3 = w3 + c2;
  if ((d8 >> 24) | u64(s3 < w3)) setWords(words, s0, s1, s2, s3);
  else setWords(words, w0, w1, w2, w3);
}

@inline
function digit(index: usize): u64 {
  return load<u64>(DIGITS + (index << 3));
}

/** `r = -a`. */
export function negate(r: usize, a: usize): void {
  sub(r, ZERO, a);
}

/** Is it 0 modulo n, entered or plain? */
export function isZero(a: usize): bool {
  plainToWords(WORDS, a);
  return isZeroWords(WORDS);
}

/** `r = 1 / a`, both entered; of 0 it is 0. */
export function inverse(r: usize, a: usize): void {
  toWords(WORDS, a);
  invertModN(WORDS, WORDS);
  fromWords(r, WORDS);
}

/** Are the words in `1..n-1`, as r and s of a signature must be (SEC1 4.1.4)? */
export function isInRange(words: usize): bool {
  return !isZeroWords(words) && compareWords(words, N) < 0;
}

/** Are the words above n / 2, which Ethereum refuses in s (EIP-2)? */
export function isHigh(words: usize): bool {
  return compareWords(words, HALF) > 0;
}
