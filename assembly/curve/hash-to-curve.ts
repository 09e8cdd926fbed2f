/**
 * Points that nobody knows the logarithm of: secp256k1_XMD:SHA-256_SSWU_RO_ of RFC 9380 (8.7, 6.6.2, 5.3.1).
 * Variable time: for public messages alone. Not re-entrant.
 */
import { wordsFromBytes } from "../bytes";
import * as field from "../field/p29";
import { sha256Final, sha256Init, sha256Update } from "../hash/sha256";
import { bytesFromPoint } from "./affine-point";
import { SWU_ZERO, exceptional } from "./exceptional";
import { isogeny } from "./isogeny";
import { JACOBIAN, addPoints, setFinite, toAffine } from "./jacobian";

const ELEMENT: usize = field.ELEMENT;

/** A' and B' = 1771 of the isogenous curve, Z = -11, and 2^256 mod p. */
const A_WORDS: usize = memory.data<u64>(
  [0x405447c01a444533, 0xe953d363cb6f0e5d, 0xa08a5558f0f5d272, 0x3f8731abdd661adc],
  16,
);
const B: usize = memory.data<i32>([1771, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16);
const Z: usize = memory.data<i32>([-11, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16);
const TOP: usize = memory.data<i32>([977, 8, 0, 0, 0, 0, 0, 0, 0, 0], 16);

/** "H2C-OVERSIZE-DST-" */
const OVERSIZE: usize = memory.data<u8>(
  [0x48, 0x32, 0x43, 0x2d, 0x4f, 0x56, 0x45, 0x52, 0x53, 0x49, 0x5a, 0x45, 0x2d, 0x44, 0x53, 0x54, 0x2d],
);
const OVERSIZE_BYTES: u32 = 17;
/** Longest tag that is used as it is. */
const LONGEST_TAG: u32 = 255;

const HASH: usize = 32;
/** Two numbers of 48 bytes, ceil((256 + 128) / 8) each: 3 hashes. */
const NUMBER: usize = 48;
const UNIFORM: usize = memory.data(96, 16);
const ZERO_BLOCK: usize = memory.data(64, 16);
/** The length asked for in two bytes, and a zero: what stands between message and tag. */
const LENGTH: usize = memory.data<u8>([0, 96, 0]);
const STATE: usize = memory.data(112, 16);
const FIRST_HASH: usize = memory.data(32, 16);
/** What each later hash takes: 32 bytes, then its number. */
const BLOCK: usize = memory.data(40, 16);
const TAG: usize = memory.data(256, 16);

const WORDS: usize = memory.data(32, 16);
const U: usize = memory.data(40, 16);
const A: usize = memory.data(40, 16);
const X: usize = memory.data(40, 16);
const Y: usize = memory.data(40, 16);
const T0: usize = memory.data(40, 16);
const T1: usize = memory.data(40, 16);
const T2: usize = memory.data(40, 16);
const POINTS: usize = memory.data(256, 16);
const AFFINE_SUM: usize = memory.data(80, 16);

/** DST_prime: the tag, or the hash of one too long, and its length; returns the bytes of it */
function primeTag(tag: usize, length: u32): u32 {
  let bytes = length;
  if (length > LONGEST_TAG) {
    sha256Init(STATE);
    sha256Update(STATE, OVERSIZE, OVERSIZE_BYTES);
    sha256Update(STATE, tag, length);
    sha256Final(STATE, TAG);
    bytes = <u32>HASH;
  } else memory.copy(TAG, tag, length);
  store<u8>(TAG + bytes, <u8>bytes);
  return bytes + 1;
}

/** expand_message_xmd, 96 bytes at UNIFORM */
function expand(message: usize, length: u32, tag: usize, tagLength: u32): void {
  const primed = primeTag(tag, tagLength);
  sha256Init(STATE);
  sha256Update(STATE, ZERO_BLOCK, 64);
  sha256Update(STATE, message, length);
  sha256Update(STATE, LENGTH, 3);
  sha256Update(STATE, TAG, primed);
  sha256Final(STATE, FIRST_HASH);
  for (let i: usize = 0; i < 3; i++) {
    const before = UNIFORM + (i - 1) * HASH;
    for (let at: usize = 0; at < HASH; at += 8) {
      const previous = i == 0 ? 0 : load<u64>(before + at);
      store<u64>(BLOCK + at, load<u64>(FIRST_HASH + at) ^ previous);
    }
    store<u8>(BLOCK + HASH, <u8>(i + 1));
    sha256Init(STATE);
    sha256Update(STATE, BLOCK, <u32>HASH + 1);
    sha256Update(STATE, TAG, primed);
    sha256Final(STATE, UNIFORM + i * HASH);
  }
}

/** 48 bytes, most significant first, modulo p */
function reduceNumber(r: usize, bytes: usize): void {
  store<u64>(WORDS, bswap<u64>(load<u64>(bytes, 8)));
  store<u64>(WORDS, bswap<u64>(load<u64>(bytes)), 8);
  store<u64>(WORDS, 0, 16);
  store<u64>(WORDS, 0, 24);
  field.fromWords(T0, WORDS);
  field.mul(T0, T0, TOP);
  wordsFromBytes(WORDS, bytes + 16);
  field.fromWords(r, WORDS);
  field.addReduced(r, r, T0);
}

/** r = x^3 + A' x + B', at weight 1; not x's place */
function isogenousEquation(r: usize, x: usize): void {
  field.sqr(r, x);
  field.add(r, r, A);
  field.mul(r, r, x);
  field.addReduced(r, r, B);
}

/**
 * The simplified Shallue-van de Woestijne-Ulas map and the isogeny, for an element u of weight 1.
 *
 * @param r a Jacobian point, never infinity
 */
export function mapToCurve(r: usize, u: usize): void {
  field.fromWords(A, A_WORDS);
  // x1 = B / -A (1 + 1 / t) with t = Z^2 u^4 + Z u^2, or B / (Z A) when t = 0: u = 0 or u^2 = -1 / Z.
  field.sqr(T0, u);
  field.mul(T0, T0, Z);
  field.sqr(T1, T0);
  field.addReduced(T1, T1, T0);
  field.add(T2, T1, field.ONE);
  field.mul(T2, T2, B);
  if (exceptional(SWU_ZERO, field.isZero(T1))) field.copy(T1, Z);
  else field.negate(T1, T1);
  field.mul(T1, T1, A);
  field.inverse(T1, T1);
  field.mul(X, T2, T1);
  isogenousEquation(T1, X);
  if (!field.squareRoot(Y, T1)) {
    // x2 = Z u^2 x1 has a y exactly when x1 has none.
    field.mul(X, X, T0);
    isogenousEquation(T1, X);
    field.squareRoot(Y, T1);
  }
  if (field.isOdd(u) != field.isOdd(Y)) field.negate(Y, Y);
  isogeny(r, X, Y);
  setFinite(r);
}

/**
 * hash_to_curve. The cofactor is 1: nothing is to be cleared.
 *
 * @param tag the domain separation tag, one byte at least; above 255 bytes its hash stands for it (5.3.3)
 * @param outPoint 64 bytes, x and y, written when there is a point
 * @returns 1 | 0 for an empty tag, or in the case nobody can find: two opposite points
 */
export function hashToCurve(message: usize, length: u32, tag: usize, tagLength: u32, outPoint: usize): i32 {
  if (tagLength == 0) return 0;
  expand(message, length, tag, tagLength);
  reduceNumber(U, UNIFORM);
  mapToCurve(POINTS, U);
  reduceNumber(U, UNIFORM + NUMBER);
  mapToCurve(POINTS + JACOBIAN, U);
  addPoints(POINTS, POINTS, POINTS + JACOBIAN);
  if (!toAffine(AFFINE_SUM, POINTS)) return 0;
  bytesFromPoint(outPoint, AFFINE_SUM);
  return 1;
}
