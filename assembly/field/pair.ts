/**
 * Two elements modulo p = 2^256 - 2^32 - 977 at a time.
 *
 * Code that uses pairs is written once: the fused build calculates both lanes with one instruction
 * (assembly/field/pair-fma.ts), the base build one after the other (assembly/field/pair-scalar.ts). What lies in memory
 * differs between the two; words agree bit for bit.
 *
 * - A *pair* is `PAIR` bytes, 16-byte aligned; a *packed element* is `ELEMENT` bytes, 8-byte aligned; a *point* is the
 *   packed x and the packed y. *Words* are a 256-bit integer as four u64, least significant first.
 * - *Reduced*: what every function here gives, except `add` and `sub`. *Loose*: the sum or difference of two reduced
 *   pairs. What a function takes is said there; without a word it is reduced. Every result may lie where an argument
 *   lies.
 * - Not constant in time: for public numbers only. `inverse`, `squareRoot`, `isZero` and `isOdd` share scratch memory.
 */
import { isOddWords, isZeroWords, setWords } from "../bytes";
import { invertModP } from "./divsteps";
import * as fused from "./pair-fma";
import * as scalar from "./pair-scalar";

/** Bytes of a pair. */
export const PAIR: usize = 80;
/** Bytes of a packed element. */
export const ELEMENT: usize = 40;
/** Bytes of a packed affine point: x, then y. */
export const POINT: usize = 80;

/** 1 in both lanes. */
export const ONE: usize = ASC_FEATURE_RELAXED_SIMD ? fused.ONE : scalar.ONE;
/** 7 in both lanes, the constant of the curve. */
export const SEVEN: usize = ASC_FEATURE_RELAXED_SIMD ? fused.SEVEN : scalar.SEVEN;
/** A cube root of unity in both lanes: lambda (x, y) = (BETA x, y). */
export const BETA: usize = ASC_FEATURE_RELAXED_SIMD ? fused.BETA : scalar.BETA;

/** 1 when this build's multiplication is exact on this machine: relaxed_madd may round twice where no FMA exists. */
export function hasFusedMultiplyAdd(): i32 {
  if (ASC_FEATURE_RELAXED_SIMD) return fused.isFused() ? 1 : 0;
  else return 1;
}

/** r = a * b; one of the two may be loose. */
@inline
export function mul(r: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.mul(r, a, b);
  else scalar.mul(r, a, b);
}

/** r = a * a. */
@inline
export function sqr(r: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.sqr(r, a);
  else scalar.sqr(r, a);
}

/** r = a^(2^count), count at least 1. */
@inline
export function sqrTimes(r: usize, a: usize, count: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.sqrTimes(r, a, count);
  else scalar.sqrTimes(r, a, count);
}

/** r = a + b, loose. */
@inline
export function add(r: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.add(r, a, b);
  else scalar.add(r, a, b);
}

/** r = a - b, loose. */
@inline
export function sub(r: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.sub(r, a, b);
  else scalar.sub(r, a, b);
}

/** r = a + b; one of the two may be loose. */
@inline
export function addReduced(r: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.addReduced(r, a, b);
  else scalar.addReduced(r, a, b);
}

/** r = a - b; one of the two may be loose. */
@inline
export function subReduced(r: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.subReduced(r, a, b);
  else scalar.subReduced(r, a, b);
}

/** r = a - b - c. */
@inline
export function sub2Reduced(r: usize, a: usize, b: usize, c: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.sub2Reduced(r, a, b, c);
  else scalar.sub2Reduced(r, a, b, c);
}

/** r = a, for a sum of up to three reduced pairs, signs as they come. */
@inline
export function reduce(r: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.reduce(r, a);
  else scalar.reduce(r, a);
}

/** r = a, of any kind. */
@inline
export function copy(r: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.copy(r, a);
  else scalar.copy(r, a);
}

/** r = -a; loose when a is. */
@inline
export function negate(r: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.negate(r, a);
  else scalar.negate(r, a);
}

/** r = a with its lanes exchanged; loose when a is. */
@inline
export function swapLanes(r: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.swapLanes(r, a);
  else scalar.swapLanes(r, a);
}

/** Packed a into lane 0, packed b into lane 1. */
@inline
export function gather(pair: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.gather(pair, a, b);
  else scalar.gather(pair, a, b);
}

/** As {@link gather}; an element is negated where its flag is 1 instead of 0. */
@inline
export function gatherSigned(pair: usize, a: usize, b: usize, negateA: u32, negateB: u32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.gatherSigned(pair, a, b, negateA, negateB);
  else scalar.gatherSigned(pair, a, b, negateA, negateB);
}

/** Lane 0 to packed a, lane 1 to packed b. */
@inline
export function scatter(pair: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.scatter(pair, a, b);
  else scalar.scatter(pair, a, b);
}

/** Any 256-bit integer, modulo p, into one lane. */
@inline
export function fromWords(pair: usize, lane: i32, words: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.fromWords(pair, lane, words);
  else scalar.fromWords(pair, lane, words);
}

/** One lane as words, 0 to p - 1; of any sum of up to three reduced pairs. */
@inline
export function toWords(words: usize, pair: usize, lane: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.toWords(words, pair, lane);
  else scalar.toWords(words, pair, lane);
}

/** Any 256-bit integer, modulo p, as a packed element. */
@inline
export function packWords(element: usize, words: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.packWords(element, words);
  else scalar.packWords(element, words);
}

/** A packed element as words, 0 to p - 1; of any sum of up to three reduced elements. */
@inline
export function unpackWords(words: usize, element: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.unpackWords(words, element);
  else scalar.unpackWords(words, element);
}

const WORDS: usize = memory.data(32, 16);

/** Whether a lane is zero modulo p; of any sum of up to three reduced pairs. */
@inline
export function isZero(pair: usize, lane: i32): bool {
  if (ASC_FEATURE_RELAXED_SIMD) return fused.mayBeZero(pair, lane) && isZeroExactly(pair, lane);
  else return scalar.isZero(pair, lane);
}

function isZeroExactly(pair: usize, lane: i32): bool {
  toWords(WORDS, pair, lane);
  return isZeroWords(WORDS);
}

/** Whether a lane's number from 0 to p - 1 is odd; of any sum of up to three reduced pairs. */
export function isOdd(pair: usize, lane: i32): bool {
  toWords(WORDS, pair, lane);
  return isOddWords(WORDS);
}

/** Of `inverse`: the lanes without zeros, the same exchanged, and their product. */
const SAFE: usize = memory.data(80, 16);
const SWAPPED: usize = memory.data(80, 16);
const PRODUCT: usize = memory.data(80, 16);

/** Puts an integer below 2^64 into a lane. */
function setLane(pair: usize, lane: i32, value: u64): void {
  setWords(WORDS, value, 0, 0, 0);
  fromWords(pair, lane, WORDS);
}

/** r = 1 / a, where a lane that is zero stays zero: one inversion, of the product of both lanes. */
export function inverse(r: usize, a: usize): void {
  const zeros = i32(isZero(a, 0)) | (i32(isZero(a, 1)) << 1);
  copy(SAFE, a);
  if (zeros & 1) setLane(SAFE, 0, 1);
  if (zeros & 2) setLane(SAFE, 1, 1);
  swapLanes(SWAPPED, SAFE);
  mul(PRODUCT, SAFE, SWAPPED);
  toWords(WORDS, PRODUCT, 0);
  invertModP(WORDS, WORDS);
  fromWords(PRODUCT, 0, WORDS);
  fromWords(PRODUCT, 1, WORDS);
  mul(r, PRODUCT, SWAPPED);
  if (zeros & 1) setLane(r, 0, 0);
  if (zeros & 2) setLane(r, 1, 0);
}

/** Of `squareRoot`: a, its powers a^(2^k - 1) that the chain comes back to, and the power it works on. */
const BASE: usize = memory.data(80, 16);
const X2: usize = memory.data(80, 16);
const X3: usize = memory.data(80, 16);
const X11: usize = memory.data(80, 16);
const X22: usize = memory.data(80, 16);
const X44: usize = memory.data(80, 16);
const X88: usize = memory.data(80, 16);
const POWER: usize = memory.data(80, 16);

/** r = a^(2^count) * b. */
function raise(r: usize, a: usize, count: i32, b: usize): void {
  sqrTimes(r, a, count);
  mul(r, r, b);
}

/**
 * r = a^((p + 1) / 4), a root of each lane that is a square (p = 3 mod 4); the other root is -r.
 *
 * @returns bit l is set where lane l is a square; r is of no use in the other lane
 */
export function squareRoot(r: usize, a: usize): i32 {
  copy(BASE, a);
  // (p + 1) / 4 = 2^254 - 2^30 - 244 is 223 ones, a zero, 22 ones, four zeros, two ones and two zeros.
  raise(X2, BASE, 1, BASE);
  raise(X3, X2, 1, BASE);
  raise(POWER, X3, 3, X3);
  raise(POWER, POWER, 3, X3);
  raise(X11, POWER, 2, X2);
  raise(X22, X11, 11, X11);
  raise(X44, X22, 22, X22);
  raise(X88, X44, 44, X44);
  raise(POWER, X88, 88, X88);
  raise(POWER, POWER, 44, X44);
  raise(POWER, POWER, 3, X3);
  raise(POWER, POWER, 23, X22);
  raise(POWER, POWER, 6, X2);
  sqrTimes(POWER, POWER, 2);
  sqr(X2, POWER);
  copy(r, POWER);
  subReduced(X2, X2, BASE);
  return i32(isZero(X2, 0)) | (i32(isZero(X2, 1)) << 1);
}
