/**
 * One signature by a key whose comb exists: u1 G + u2 Q is about 58 table points and no doubling. Half of
 * them are added up in lane 0, half in lane 1, whichever point they are multiples of.
 *
 * A lane's sum is X, Y, ZZ, ZZZ with x = X/ZZ, y = Y/ZZZ and ZZ^3 = ZZZ^2: 8 multiplications and 2 squarings
 * per point. Every addition multiplies ZZ by its difference of x, squared, so that ZZ is zero in the end
 * exactly when some addition was of equal or opposite points. Then all is added again, one point at a time
 * with every case looked at.
 *
 * Not re-entrant.
 */
import { wordsFromBytes } from "../bytes";
import { invertModN } from "../field/divsteps";
import * as order from "../field/order";
import * as field from "../field/p29";
import * as pair from "../field/pair";
import { fetchPoints } from "./affine-tree";
import { exceptional, KNOWN_FEW, KNOWN_ODD, KNOWN_ZERO_DENOMINATOR } from "./exceptional";
import * as jacobian from "./jacobian";
import { isPointOf, readSignature } from "./signature";
import { GENERATOR_WIDTH, generatorComb, KEY_WIDTH, pushMultiples, unpackPoint } from "./tables";

const SCRATCH: usize = memory.data(12 * 80, 16);
const X: usize = SCRATCH;
const Y: usize = SCRATCH + 80;
const ZZ: usize = SCRATCH + 160;
const ZZZ: usize = SCRATCH + 240;
const P: usize = SCRATCH + 320;
const R: usize = SCRATCH + 400;
const PP: usize = SCRATCH + 480;
const PPP: usize = SCRATCH + 560;
const Q: usize = SCRATCH + 640;
const T: usize = SCRATCH + 720;
const X2: usize = SCRATCH + 800;
const Y2: usize = SCRATCH + 880;

const WORDS: usize = memory.data(32, 16);
const AFFINE: usize = memory.data(80, 16);
const LANE: usize = memory.data(128, 16);

const SIGNED_R: usize = memory.data(32, 16);
const S: usize = memory.data(32, 16);
const SCALAR: usize = memory.data(72, 16);
const INVERSE: usize = memory.data(72, 16);
/** References of one sum: at most as many as the two combs have windows. */
const REFS: usize = memory.data(64 * 4, 16);
const SUM: usize = memory.data(128, 16);

/** x and y of the points that the two references name, one per lane. */
@inline
function gatherPoints(x: usize, y: usize, a: u32, b: u32): void {
  const first = <usize>(a & ~1);
  const second = <usize>(b & ~1);
  pair.gather(x, first, second);
  pair.gatherSigned(y, first + pair.ELEMENT, second + pair.ELEMENT, a & 1, b & 1);
}

/**
 * With P and R the differences of x and y over the common denominators: PP = P^2, PPP = P^3, and the sum's X
 * and Y, X' = R^2 - PPP - 2 Q and Y' = R (Q - X') - Y PPP for Q = X PP. Y' is loose.
 */
@inline
function addBy(): void {
  pair.sqr(PP, P);
  pair.mul(PPP, P, PP);
  pair.mul(Q, X, PP);
  pair.sqr(T, R);
  pair.sub2Reduced(T, T, PPP, Q);
  pair.subReduced(X, T, Q);
  pair.sub(T, Q, X);
  pair.mul(T, R, T);
  pair.mul(Y, Y, PPP);
  pair.sub(Y, T, Y);
}

/** The sum of the first two points of each lane. */
function begin(a: u32, b: u32, c: u32, d: u32): void {
  gatherPoints(X, Y, a, b);
  gatherPoints(X2, Y2, c, d);
  pair.subReduced(P, X2, X);
  pair.subReduced(R, Y2, Y);
  addBy();
  pair.copy(ZZ, PP);
  pair.copy(ZZZ, PPP);
}

/** Adds a point to each lane. */
function addPair(a: u32, b: u32): void {
  gatherPoints(X2, Y2, a, b);
  pair.mul(P, X2, ZZ);
  pair.subReduced(P, P, X);
  pair.mul(R, Y2, ZZZ);
  pair.subReduced(R, R, Y);
  addBy();
  pair.mul(ZZ, ZZ, PP);
  pair.mul(ZZZ, ZZZ, PPP);
}

function toElement(element: usize, from: usize, lane: i32): void {
  pair.toWords(WORDS, from, lane);
  field.fromWords(element, WORDS);
}

/** A lane as a Jacobian point, once X and Y are X ZZ and Y ZZZ: then Z is ZZ. */
function toJacobian(point: usize, lane: i32): void {
  toElement(AFFINE, X, lane);
  toElement(AFFINE + field.ELEMENT, Y, lane);
  jacobian.fromAffine(point, AFFINE, AFFINE + field.ELEMENT);
  toElement(point + jacobian.AFFINE, ZZ, lane);
}

function addReference(out: usize, ref: u32): void {
  unpackPoint(AFFINE, ref);
  jacobian.addAffine(out, out, AFFINE, AFFINE + field.ELEMENT);
}

function sumOneByOne(out: usize, refs: usize, count: i32): void {
  jacobian.setInfinity(out);
  for (let i: usize = 0; i < <usize>count << 2; i += 4) addReference(out, load<u32>(refs + i));
}

/**
 * out = the sum of the points that the references name.
 *
 * @param refs u32 each, references of the affine tree
 * @param out a Jacobian point
 */
export function sumReferences(out: usize, refs: usize, count: i32): void {
  if (exceptional(KNOWN_FEW, count < 4)) {
    sumOneByOne(out, refs, count);
    return;
  }
  const half = <usize>(count >> 1);
  const middle = refs + (half << 2);
  begin(load<u32>(refs), load<u32>(middle), load<u32>(refs, 4), load<u32>(middle, 4));
  for (let i: usize = 8; i < half << 2; i += 4) addPair(load<u32>(refs + i), load<u32>(middle + i));
  if (exceptional(KNOWN_ZERO_DENOMINATOR, pair.isZero(ZZ, 0) || pair.isZero(ZZ, 1))) {
    sumOneByOne(out, refs, count);
    return;
  }
  pair.mul(X, X, ZZ);
  pair.mul(Y, Y, ZZZ);
  toJacobian(out, 0);
  toJacobian(LANE, 1);
  jacobian.addPoints(out, out, LANE);
  if (exceptional(KNOWN_ODD, (count & 1) != 0)) addReference(out, load<u32>(refs + (half << 3)));
}

/** Appends the references of words / s times a comb's point; {@link INVERSE} is 1 / s. */
function pushQuotient(count: i32, comb: usize, width: i32, words: usize): i32 {
  order.spreadWords(SCALAR, words);
  order.mul(SCALAR, SCALAR, INVERSE);
  order.plainToWords(WORDS, SCALAR);
  return count + pushMultiples(REFS + (<usize>count << 2), comb, width, WORDS);
}

/**
 * Does the key of this comb verify this signature?
 *
 * With parity 0 or 1 (v - 27) exactly when recovery gives the key: s <= n/2, x(R) = r and never r + n, y(R)
 * of that parity. With parity 2 as SEC1 4.1.4: either y, x(R) mod n = r, any s.
 *
 * @param signature r and s, 64 bytes
 * @param digest 32 bytes, taken modulo n
 * @param comb of width KEY_WIDTH
 */
export function verifyKnown(signature: usize, digest: usize, comb: usize, parity: i32): i32 {
  if (!readSignature(SIGNED_R, S, signature, parity)) return 0;
  invertModN(S, S);
  order.fromWords(INVERSE, S);
  wordsFromBytes(WORDS, digest);
  let count = pushQuotient(0, generatorComb(), GENERATOR_WIDTH, WORDS);
  count = pushQuotient(count, comb, KEY_WIDTH, SIGNED_R);
  fetchPoints(REFS, count);
  sumReferences(SUM, REFS, count);
  return isPointOf(SUM, SIGNED_R, parity) ? 1 : 0;
}
