/**
 * Elements modulo p = 2^256 - 2^32 - 977, one at a time, in integers.
 *
 * An element is 40 bytes: 9 signed `i32` digits of 29 bits, lowest first, and 4 bytes of padding that are
 * never read. Digits are balanced around zero and redundant, so one number has many forms.
 *
 * The *weight* of an element says how large its digits may be: `|d_i| <= weight * (2^28 + 2^22)`, and for the
 * last one `|d_8| <= weight * (2^23 + 8)`. `assembly/generate/p29.ts` proves that:
 *
 * | function | takes | gives |
 * |---|---|---|
 * | `mul(r, a, b)` | weight(a) * weight(b) <= 15 | 1 |
 * | `sqr(r, a)` | 3 | 1 |
 * | `sqrTimes(r, a, count)` | 1 | 1 |
 * | `add`, `sub` | | weight(a) + weight(b), at most 7 |
 * | `negate` | 7 | weight(a) |
 * | `addReduced`, `subReduced` | 7 each | 1 |
 * | `reduce` | 7 | 1 |
 * | `fromWords`, `inverse`, `squareRoot`, `ONE`, `SEVEN`, `BETA` | | 1 |
 * | `toWords`, `isZero`, `isOdd`, `equal`, `inverse`, `squareRoot` | 7 each | |
 *
 * No element weighs more than 7. In all functions `r` may be `a` or `b`. All are for public numbers, in
 * variable time.
 */
import { mul, ONE, reduce, settle, spread, sqr, sqrTimes, subReduced } from "../../build/assembly/p29";
import { setWords } from "../bytes";
import { invertModP } from "./divsteps";

export { add, addReduced, BETA, mul, negate, ONE, reduce } from "../../build/assembly/p29";
export { SEVEN, sqr, sqrTimes, sub, subReduced } from "../../build/assembly/p29";

/** Bytes of an element. */
export const ELEMENT: usize = 40;

/** 2^256 - p. */
const COMPLEMENT: u64 = 0x1000003d1;

/** Of `toWords`, `isZero`, `equal` and what calls them. */
const DIGITS: usize = memory.data(40, 16);
const DIFFERENCE: usize = memory.data(40, 16);
const WORDS: usize = memory.data(32, 16);

/** Of `squareRoot`: a^(2^k - 1) for k = 2, 3, 11, 22, 44, 88 and what is being made; and a copy of `a`. */
const POWERS: usize = memory.data(8 * 40, 16);

/** Digit by digit: a wider load of digits that were just stored would have to wait for them. */
export function copy(r: usize, a: usize): void {
  store<i32>(r, load<i32>(a));
  store<i32>(r, load<i32>(a, 4), 4);
  store<i32>(r, load<i32>(a, 8), 8);
  store<i32>(r, load<i32>(a, 12), 12);
  store<i32>(r, load<i32>(a, 16), 16);
  store<i32>(r, load<i32>(a, 20), 20);
  store<i32>(r, load<i32>(a, 24), 24);
  store<i32>(r, load<i32>(a, 28), 28);
  store<i32>(r, load<i32>(a, 32), 32);
}

/** r = 0. */
export function setZero(r: usize): void {
  memory.fill(r, 0, ELEMENT);
}

/** r = 1. */
export function setOne(r: usize): void {
  copy(r, ONE);
}

/** Any 256 bits, `>= p` too. */
export function fromWords(r: usize, words: usize): void {
  spread(r, words);
  reduce(r, r);
}

/** The one form in `0..p-1`. */
export function toWords(words: usize, a: usize): void {
  settle(DIGITS, a);
  const d2 = digit(8);
  const d4 = digit(16);
  const d6 = digit(24);
  const d8 = digit(32);
  let w0 = digit(0) | (digit(4) << 29) | (d2 << 58);
  let w1 = (d2 >> 6) | (digit(12) << 23) | (d4 << 52);
  let w2 = (d4 >> 12) | (digit(20) << 17) | (d6 << 46);
  let w3 = (d6 >> 18) | (digit(28) << 11) | (d8 << 40);
  // The number is below 2p. It is p or more exactly when adding 2^256 - p reaches 2^256.
  const s0 = w0 + COMPLEMENT;
  const s1 = w1 + u64(s0 < w0);
  const s2 = w2 + u64(s1 < w1);
  const s3 = w3 + u64(s2 < w2);
  if ((d8 >> 24) | u64(s3 < w3)) {
    w0 = s0;
    w1 = s1;
    w2 = s2;
    w3 = s3;
  }
  setWords(words, w0, w1, w2, w3);
}

@inline
function digit(offset: usize): u64 {
  return load<u32>(DIGITS + offset);
}

/** Whether a is 0 modulo p. */
export function isZero(a: usize): bool {
  // At weight 7 a multiple of p is k * p with |k| <= 4, whose lowest 29 bits are -977 k.
  const low = (load<i32>(a) << 3) >> 3;
  if (low > 4 * 977 || low < -4 * 977) return false;
  toWords(WORDS, a);
  return (load<u64>(WORDS) | load<u64>(WORDS, 8) | load<u64>(WORDS, 16) | load<u64>(WORDS, 24)) == 0;
}

/** Is the canonical number odd? */
export function isOdd(a: usize): bool {
  toWords(WORDS, a);
  return (load<u64>(WORDS) & 1) != 0;
}

/** Whether a and b are the same modulo p. */
export function equal(a: usize, b: usize): bool {
  subReduced(DIFFERENCE, a, b);
  return isZero(DIFFERENCE);
}

/** `r = 1 / a`; of 0 it is 0. */
export function inverse(r: usize, a: usize): void {
  toWords(WORDS, a);
  invertModP(WORDS, WORDS);
  fromWords(r, WORDS);
}

/**
 * `r = a^((p+1)/4)`, a square root of `a` if it has one (p = 3 mod 4); the other one is `-r`.
 *
 * @returns whether `r * r = a`; if not, `a` has no root and `r` is of no use
 */
export function squareRoot(r: usize, a: usize): bool {
  const base = POWERS;
  const x2 = POWERS + 40;
  const x3 = POWERS + 80;
  const x11 = POWERS + 120;
  const x22 = POWERS + 160;
  const x44 = POWERS + 200;
  const x88 = POWERS + 240;
  const x = POWERS + 280;
  reduce(base, a);
  // (p+1)/4 = 2^254 - 2^30 - 244 has 223 ones, a zero, 22 ones, four zeros, two ones and two zeros.
  raise(x2, base, 1, base);
  raise(x3, x2, 1, base);
  raise(x, x3, 3, x3);
  raise(x, x, 3, x3);
  raise(x11, x, 2, x2);
  raise(x22, x11, 11, x11);
  raise(x44, x22, 22, x22);
  raise(x88, x44, 44, x44);
  raise(x, x88, 88, x88);
  raise(x, x, 44, x44);
  raise(x, x, 3, x3);
  raise(x, x, 23, x22);
  raise(x, x, 6, x2);
  sqrTimes(x, x, 2);
  sqr(x2, x);
  copy(r, x);
  return equal(x2, base);
}

/** `r = a^(2^count) * b`. */
function raise(r: usize, a: usize, count: i32, b: usize): void {
  sqrTimes(r, a, count);
  mul(r, r, b);
}
