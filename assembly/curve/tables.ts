/**
 * Multiples of a point that are made once: the windows of a comb for exact checks, and four terms for
 * batches.
 *
 * A comb of width c holds, for each of its windows w, the packed points j 2^(c w) P for j = 1..2^(c-1): a
 * scalar below 2^255 is the sum of one of them, or its opposite, per window.
 */
import { subWords } from "../bytes";
import * as field from "../field/p29";
import { BETA, ELEMENT, gather, mul, POINT, packWords, scatter, unpackWords } from "../field/pair";
import * as order from "../field/order";
import { addJobs, openTree, putJob } from "./affine-tree";
import { setGenerator } from "./generator";
import { AFFINE, JACOBIAN, double, fromAffine, toAffine } from "./jacobian";

/** Width of a key's comb: 32 windows of 128 points. */
export const KEY_WIDTH: i32 = 8;
/** Width of the generator's comb: it is made once, and fewer windows are fewer additions. */
export const GENERATOR_WIDTH: i32 = 10;
/** The most references that {@link pushMultiples} puts for a comb of a key, and of the generator. */
export const KEY_WINDOWS: i32 = 32;
export const GENERATOR_WINDOWS: i32 = 26;

/** P, lambda P, 2^64 P, 2^64 lambda P */
export const TERMS: usize = 4 * POINT;

/**
 * Additions that share an inversion while a comb is made, and room for them: 48,000 bytes by `treeBytes(1024,
 * 0)`.
 */
const JOBS: i32 = 512;
const TREE: usize = memory.data(48000, 16);

/** Every doubling, and the product of all Z up to it: the widest comb takes 26 * 10. */
const CHAIN: usize = memory.data(260 * 128, 16);
const PRODUCTS: usize = memory.data(260 * 40, 16);

const WORDS: usize = memory.data(32, 16);
const AFFINE_POINT: usize = memory.data(80, 16);
const JACOBIAN_POINT: usize = memory.data(128, 16);
const INVERSE: usize = memory.data(40, 16);
const T0: usize = memory.data(40, 16);
const T1: usize = memory.data(40, 16);
const X_PAIR: usize = memory.data(80, 16);
const DIGITS: usize = memory.data(48, 16);

/** Windows of a comb: enough for 255 bits and the last window's carry. */
function windowsOf(width: i32): i32 {
  return (255 + width) / width;
}

/** Bytes of a comb. */
export function combBytes(width: i32): usize {
  return (<usize>windowsOf(width) << (width - 1)) * POINT;
}

/** An affine point in the scalar field's form -> packed */
export function packPoint(point: usize, affine: usize): void {
  field.toWords(WORDS, affine);
  packWords(point, WORDS);
  field.toWords(WORDS, affine + field.ELEMENT);
  packWords(point + ELEMENT, WORDS);
}

/** A reference -> its affine point in the scalar field's form, its sign minded */
export function unpackPoint(affine: usize, ref: u32): void {
  const point = <usize>(ref & ~1);
  unpackWords(WORDS, point);
  field.fromWords(affine, WORDS);
  unpackWords(WORDS, point + ELEMENT);
  field.fromWords(affine + field.ELEMENT, WORDS);
  if (ref & 1) field.negate(affine + field.ELEMENT, affine + field.ELEMENT);
}

/** The packed point j 2^(width window) P of a comb. */
@inline
function entry(comb: usize, width: i32, window: i32, j: i32): usize {
  return comb + ((<usize>window << (width - 1)) + <usize>(j - 1)) * POINT;
}

/** 2^i P for all i that a comb needs, in their places: doublings in a row, then one inversion for all. */
function powers(comb: usize, width: i32, affine: usize): void {
  const count = windowsOf(width) * width;
  fromAffine(CHAIN, affine, affine + field.ELEMENT);
  field.copy(PRODUCTS, CHAIN + AFFINE);
  for (let i: usize = 1; i < <usize>count; i++) {
    const point = CHAIN + i * JACOBIAN;
    double(point, point - JACOBIAN);
    field.mul(PRODUCTS + i * field.ELEMENT, PRODUCTS + (i - 1) * field.ELEMENT, point + AFFINE);
  }
  field.inverse(INVERSE, PRODUCTS + <usize>(count - 1) * field.ELEMENT);
  for (let i = count - 1; i > 0; i--) {
    const point = CHAIN + <usize>i * JACOBIAN;
    field.mul(T0, INVERSE, PRODUCTS + <usize>(i - 1) * field.ELEMENT);
    field.mul(INVERSE, INVERSE, point + AFFINE);
    field.sqr(T1, T0);
    field.mul(AFFINE_POINT, point, T1);
    field.mul(T1, T1, T0);
    field.mul(AFFINE_POINT + field.ELEMENT, point + field.ELEMENT, T1);
    packPoint(entry(comb, width, i / width, 1 << i % width), AFFINE_POINT);
  }
  packPoint(comb, affine);
}

/**
 * Makes a comb. No addition meets equal or opposite points: it adds different multiples below n/2 of one
 * point.
 *
 * @param comb `combBytes(width)` bytes at an even address
 * @param affine a point on the curve, in the scalar field's form
 */
export function buildComb(comb: usize, width: i32, affine: usize): void {
  powers(comb, width, affine);
  const windows = windowsOf(width);
  for (let m = 2; m < 1 << (width - 1); m <<= 1) {
    let jobs = 0;
    openTree(TREE, 2 * JOBS);
    for (let w = 0; w < windows; w++) {
      const top = <u32>entry(comb, width, w, m);
      for (let j = 1; j < m; j++) {
        putJob(jobs++, top, <u32>entry(comb, width, w, j), entry(comb, width, w, m + j));
        if (jobs < JOBS) continue;
        addJobs(jobs);
        jobs = 0;
      }
    }
    if (jobs != 0) addJobs(jobs);
  }
}

/**
 * Makes the four terms of a point: {@link TERMS} bytes at an even address.
 *
 * @param affine a point on the curve, in the scalar field's form
 */
export function buildTerms(terms: usize, affine: usize): void {
  packPoint(terms, affine);
  fromAffine(JACOBIAN_POINT, affine, affine + field.ELEMENT);
  for (let i = 0; i < 64; i++) double(JACOBIAN_POINT, JACOBIAN_POINT);
  toAffine(AFFINE_POINT, JACOBIAN_POINT);
  packPoint(terms + 2 * POINT, AFFINE_POINT);
  gather(X_PAIR, terms, terms + 2 * POINT);
  mul(X_PAIR, X_PAIR, BETA);
  scatter(X_PAIR, terms + POINT, terms + 3 * POINT);
  memory.copy(terms + POINT + ELEMENT, terms + ELEMENT, ELEMENT);
  memory.copy(terms + 3 * POINT + ELEMENT, terms + 2 * POINT + ELEMENT, ELEMENT);
}

/**
 * Appends references that sum to scalar P, none for a window whose digit is 0.
 *
 * @param refs u32 each, room for one per window
 * @param words the scalar, below n; changed
 * @returns how many
 */
export function pushMultiples(refs: usize, comb: usize, width: i32, words: usize): i32 {
  const negative = order.isHigh(words);
  if (negative) subWords(DIGITS, order.N, words);
  else memory.copy(DIGITS, words, 32);
  const half = 1 << (width - 1);
  const mask = (1 << width) - 1;
  const windows = windowsOf(width);
  let count: usize = 0;
  let carry = 0;
  let bit = 0;
  for (let w = 0; w < windows; w++) {
    let digit = (<i32>(load<u64>(DIGITS + <usize>(bit >> 3)) >> <u64>(bit & 7)) & mask) + carry;
    bit += width;
    carry = i32(digit > half);
    digit -= carry << width;
    if (digit == 0) continue;
    const sign = digit >> 31;
    const point = entry(comb, width, w, (digit ^ sign) - sign);
    store<u32>(refs + (count << 2), <u32>point | (<u32>(sign & 1) ^ u32(negative)));
    count++;
  }
  return <i32>count;
}

const GENERATOR: usize = memory.data(80, 16);

let comb: usize = 0;

/** The generator's comb, of width {@link GENERATOR_WIDTH}. */
export function generatorComb(): usize {
  return comb;
}

/** The generator's terms. */
export function generatorTerms(): usize {
  return comb + combBytes(GENERATOR_WIDTH);
}

/**
 * Makes the generator's comb and terms.
 *
 * @param at above `__heap_base`, 16-byte aligned; the memory grows if it must
 * @returns the first address after them, 16-byte aligned
 */
export function buildGenerator(at: usize): usize {
  comb = at;
  const end = generatorTerms() + TERMS;
  const missing = <i32>((end + 0xffff) >> 16) - memory.size();
  if (missing > 0) memory.grow(missing);
  setGenerator(GENERATOR);
  buildComb(comb, GENERATOR_WIDTH, GENERATOR);
  buildTerms(generatorTerms(), GENERATOR);
  return end;
}
