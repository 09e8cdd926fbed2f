/**
 * Many signatures at once, with one verdict for all: one random linear combination of their equations.
 *
 * For R = the point of r and the signature's parity, a signature is valid exactly when u1 G + u2 Q - R = O.
 * This checks sum a_i (u1_i G + u2_i Q_i - R_i) = O for coefficients a_i = x_i + lambda y_i, x_i and y_i
 * uniform in -2^63..2^63-1. The pairs (x, y) give 2^128 different a, since the shortest vector of the lattice
 * x + lambda y = 0 mod n is longer than 2^126. The group's order is prime, so when any signature is not valid
 * at most one a of it makes the sum O, whatever the others are: a batch that is not valid passes with
 * probability at most 2^-128, provided that the coefficients are drawn after all else is fixed, and unknown
 * to whoever made the signatures.
 *
 * What is accepted is what recovery gives: r, s in 1..n-1, s <= n/2, parity 0 or 1, x(R) = r and never r + n.
 * All of it is checked before the sum.
 *
 * Not re-entrant.
 */
import { isOddWords, setWords, wordsFromBytes } from "../bytes";
import * as order from "../field/order";
import * as pair from "../field/pair";
import { coordinateFromBytes } from "./affine-point";
import { FIRST_NEGATIVE, SECOND_NEGATIVE, split } from "./glv";
import { invertAll, LINK, openInverses, putInverse, takeInverse } from "./inverses";
import { isInfinity } from "./jacobian";
import { sumTerms, termsBytes } from "./msm";
import { ANY, readSignature } from "./signature";
import { generatorTerms } from "./tables";

/** The eigenvalue that belongs to the field's BETA, in words. */
const LAMBDA_WORDS: usize = memory.data<u64>(
  [0xdf02967c1b23bd72, 0x122e22ea20816678, 0xa5261c028812645a, 0x5363ad4cc05c30e0],
  16,
);
const LAMBDA: usize = memory.data(72, 16);
const MINUS_LAMBDA: usize = memory.data(72, 16);

const R: usize = memory.data(32, 16);
const S: usize = memory.data(32, 16);
const WORDS: usize = memory.data(32, 16);
const COEFFICIENT: usize = memory.data(72, 16);
const QUOTIENT: usize = memory.data(72, 16);
const NUMBER: usize = memory.data(72, 16);
const X: usize = memory.data(80, 16);
const Y: usize = memory.data(80, 16);
const RIGHT: usize = memory.data(80, 16);
const T: usize = memory.data(80, 16);
const SUM: usize = memory.data(128, 16);

/** What is kept of a signature's R: R and lambda R, packed. */
const LIFTED: usize = 2 * pair.POINT;

/** The workspace, carved by {@link carve}; the links are done with before the terms are summed. */
let points: usize = 0;
let scalars: usize = 0;
let refs: usize = 0;
let magnitudes: usize = 0;
let rest: usize = 0;

/** The columns of the call. */
let signatures: usize = 0;
let parities: usize = 0;
let digests: usize = 0;
let keys: usize = 0;
let hints: usize = 0;
let coefficients: usize = 0;

@inline
function termCount(n: i32, keyCount: i32): i32 {
  return 2 * n + 4 * (keyCount + 1);
}

function carve(at: usize, n: i32, keyCount: i32): void {
  const terms = <usize>termCount(n, keyCount);
  points = at;
  scalars = points + <usize>(n + 1) * LIFTED;
  refs = scalars + <usize>(keyCount + 1) * order.NUMBER;
  magnitudes = (refs + 4 * terms + 15) & ~15;
  rest = (magnitudes + 8 * terms + 8 + 15) & ~15;
}

/** Bytes of workspace for {@link verifyAll}. */
export function batchWorkspaceBytes(n: i32, keyCount: i32): usize {
  carve(0, n, keyCount);
  return rest + max(<usize>n * LINK, termsBytes(termCount(n, keyCount), 1));
}

/** Puts in s of every signature; false when one can be no signature, or has no key. */
function admit(n: i32, keyCount: i32): bool {
  openInverses(rest);
  for (let i: usize = 0; i < <usize>n; i++) {
    const parity = <i32>load<u8>(parities + i);
    if (parity == ANY || !readSignature(R, S, signatures + (i << 6), parity)) return false;
    if (load<u32>(keys + (i << 2)) >= <u32>keyCount) return false;
    putInverse(S);
  }
  return true;
}

/** Reads a hint into its lane of {@link Y}; false when it is not below p or not of the signature's parity. */
function readHint(i: usize, lane: i32): bool {
  if (!coordinateFromBytes(WORDS, hints + (i << 5))) return false;
  if (i32(isOddWords(WORDS)) != <i32>load<u8>(parities + i)) return false;
  pair.fromWords(Y, lane, WORDS);
  return true;
}

/** y of both lanes into {@link Y} from the hints; false when one is not that of the point meant. */
function hintedY(i: usize, j: usize): bool {
  if (!readHint(i, 0) || !readHint(j, 1)) return false;
  pair.sqr(T, Y);
  pair.subReduced(T, T, RIGHT);
  return pair.isZero(T, 0) && pair.isZero(T, 1);
}

/** The references of a signature's two terms, their signs as the parity of {@link Y} says. */
function putPoint(i: usize, lane: i32): void {
  const opposite = hints == 0 && i32(pair.isOdd(Y, lane)) != <i32>load<u8>(parities + i);
  const point = <u32>(points + i * LIFTED);
  store<u32>(refs + (i << 3), point | u32(opposite));
  store<u32>(refs + (i << 3), (point + <u32>pair.POINT) | u32(opposite), 4);
}

/** R and lambda R of the signatures i and j; false when an r is no x of the curve, or a hint is wrong. */
function lift(i: usize, j: usize): bool {
  wordsFromBytes(WORDS, signatures + (i << 6));
  pair.fromWords(X, 0, WORDS);
  wordsFromBytes(WORDS, signatures + (j << 6));
  pair.fromWords(X, 1, WORDS);
  pair.sqr(RIGHT, X);
  pair.mul(RIGHT, RIGHT, X);
  pair.addReduced(RIGHT, RIGHT, pair.SEVEN);
  if (hints != 0) {
    if (!hintedY(i, j)) return false;
  } else if (pair.squareRoot(Y, RIGHT) != 3) return false;
  putPoint(i, 0);
  putPoint(j, 1);
  const first = points + i * LIFTED;
  const second = points + j * LIFTED;
  pair.scatter(X, first, second);
  pair.mul(X, X, pair.BETA);
  pair.scatter(X, first + pair.POINT, second + pair.POINT);
  pair.scatter(Y, first + pair.ELEMENT, second + pair.ELEMENT);
  pair.scatter(Y, first + pair.POINT + pair.ELEMENT, second + pair.POINT + pair.ELEMENT);
  return true;
}

function liftAll(n: i32): bool {
  for (let i = 0; i < n; i += 2) {
    if (!lift(i, min(i + 1, n - 1))) return false;
  }
  return true;
}

@inline
function magnitude(value: i64): u64 {
  return value < 0 ? 0 - <u64>value : <u64>value;
}

/** Magnitude and sign of a term of -a R: half a coefficient. */
@inline
function putHalf(term: usize, value: i64): void {
  store<u64>(magnitudes + (term << 3), magnitude(value));
  const ref = refs + (term << 2);
  store<u32>(ref, load<u32>(ref) ^ u32(value > 0));
}

function spreadWord(number: usize, value: u64): void {
  setWords(WORDS, value, 0, 0, 0);
  order.spreadWords(number, WORDS);
}

/** {@link COEFFICIENT} = x + lambda y, plain */
function readCoefficient(x: i64, y: i64): void {
  spreadWord(NUMBER, magnitude(y));
  order.mul(COEFFICIENT, NUMBER, y < 0 ? MINUS_LAMBDA : LAMBDA);
  spreadWord(NUMBER, magnitude(x));
  if (x < 0) order.sub(COEFFICIENT, COEFFICIENT, NUMBER);
  else order.add(COEFFICIENT, COEFFICIENT, NUMBER);
}

/** Adds 32 bytes times {@link QUOTIENT} to a point's scalar. */
function addScalar(scalar: usize, bytes: usize): void {
  wordsFromBytes(WORDS, bytes);
  order.spreadWords(NUMBER, WORDS);
  order.mul(NUMBER, NUMBER, QUOTIENT);
  order.accumulate(scalar, NUMBER);
}

/** The scalars of G and of every key, and the magnitudes of all R. */
function weigh(n: i32, keyCount: i32): void {
  order.fromWords(LAMBDA, LAMBDA_WORDS);
  order.negate(MINUS_LAMBDA, LAMBDA);
  memory.fill(scalars, 0, <usize>(keyCount + 1) * order.NUMBER);
  invertAll();
  for (let i = <usize>n; i-- != 0; ) {
    const x = load<i64>(coefficients + (i << 4));
    const y = load<i64>(coefficients + (i << 4), 8);
    putHalf(2 * i, x);
    putHalf(2 * i + 1, y);
    readCoefficient(x, y);
    takeInverse(QUOTIENT);
    order.mul(QUOTIENT, QUOTIENT, COEFFICIENT);
    addScalar(scalars, digests + (i << 5));
    addScalar(scalars + <usize>(load<u32>(keys + (i << 2)) + 1) * order.NUMBER, signatures + (i << 6));
  }
}

/**
 * Two terms of a point P and 2^64 P for a 128-bit half of a scalar, its low word brought below 2^63 by a
 * sign.
 */
function putWords(term: usize, point: usize, step: usize, words: usize, negative: u32): void {
  const lowWord = load<u64>(words);
  const borrowed = lowWord >> 63;
  store<u64>(magnitudes + (term << 3), borrowed ? 0 - lowWord : lowWord);
  store<u64>(magnitudes + (term << 3), load<u64>(words, 8) + borrowed, 8);
  store<u32>(refs + (term << 2), <u32>point | (negative ^ <u32>borrowed));
  store<u32>(refs + (term << 2), <u32>(point + step) | negative, 4);
}

/** The four terms of every point that has a scalar. */
function putKeys(n: i32, keyCount: i32, terms: usize): void {
  let term: usize = <usize>n << 1;
  for (let k: usize = 0; k <= <usize>keyCount; k++) {
    const scalar = scalars + k * order.NUMBER;
    const point = k == 0 ? generatorTerms() : <usize>load<u32>(terms + ((k - 1) << 2));
    order.reduce(scalar, scalar);
    order.plainToWords(WORDS, scalar);
    const signs = split(WORDS, WORDS);
    putWords(term, point, 2 * pair.POINT, WORDS, u32((signs & FIRST_NEGATIVE) != 0));
    putWords(term + 2, point + pair.POINT, 2 * pair.POINT, WORDS + 16, u32((signs & SECOND_NEGATIVE) != 0));
    term += 4;
  }
}

/**
 * Are all of n signatures valid?
 *
 * @param parityColumn 1 byte each, 0 | 1; any other is refused
 * @param keyColumn u32 each; `keyCount` or more is refused
 * @param terms u32 per key: the address of its terms
 * @param hintColumn 0, or the y of every R, 32 bytes each; checked against curve and parity
 * @param coefficientColumn 16 random bytes each, drawn when all else was fixed
 * @param workspace `batchWorkspaceBytes(n, keyCount)`, 16-byte aligned
 * @returns whether all are; when not, nothing is said about which
 */
export function verifyAll(
  n: i32,
  signatureColumn: usize,
  parityColumn: usize,
  digestColumn: usize,
  keyColumn: usize,
  keyCount: i32,
  terms: usize,
  hintColumn: usize,
  coefficientColumn: usize,
  workspace: usize,
): bool {
  signatures = signatureColumn;
  parities = parityColumn;
  digests = digestColumn;
  keys = keyColumn;
  hints = hintColumn;
  coefficients = coefficientColumn;
  carve(workspace, n, keyCount);
  if (!admit(n, keyCount) || !liftAll(n)) return false;
  weigh(n, keyCount);
  putKeys(n, keyCount, terms);
  sumTerms(termCount(n, keyCount), 1, refs, magnitudes, rest, SUM);
  return isInfinity(SUM);
}
