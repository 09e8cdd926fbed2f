/**
 * Points between the wire and the kernels: 64 bytes, x and y, most significant byte first (SEC1 2.3.3 without
 * its prefix).
 */
import { bytesFromWords, compareWords, wordsFromBytes } from "../bytes";
import * as field from "../field/p29";

/** p, the field's order. */
const P: usize = memory.data<u64>(
  [0xfffffffefffffc2f, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff],
  16,
);

const WORDS: usize = memory.data(32, 16);
const T0: usize = memory.data(40, 16);
const T1: usize = memory.data(40, 16);

/** y^2 = x^3 + 7, at weight 2 */
function curveEquation(r: usize, x: usize): void {
  field.sqr(T0, x);
  field.mul(T0, T0, x);
  field.add(r, T0, field.SEVEN);
}

/** A number below p -> words; false when it is not below p */
export function coordinateFromBytes(words: usize, bytes: usize): bool {
  wordsFromBytes(words, bytes);
  return compareWords(words, P) < 0;
}

/** A number below p -> element; false when it is not below p */
export function elementFromBytes(r: usize, bytes: usize): bool {
  if (!coordinateFromBytes(WORDS, bytes)) return false;
  field.fromWords(r, WORDS);
  return true;
}

/** The one number below p */
function bytesFromElement(bytes: usize, a: usize): void {
  field.toWords(WORDS, a);
  bytesFromWords(bytes, WORDS);
}

/**
 * Reads a point.
 *
 * @param r x and y, each of weight 1
 * @returns false when a coordinate is not below p or the point is not on the curve (as infinity's 64 zeros
 * are not)
 */
export function pointFromBytes(r: usize, bytes: usize): bool {
  if (!elementFromBytes(r, bytes) || !elementFromBytes(r + field.ELEMENT, bytes + 32)) return false;
  curveEquation(T1, r);
  field.sqr(T0, r + field.ELEMENT);
  return field.equal(T1, T0);
}

/** x ‖ y, 64 bytes, big endian. */
export function bytesFromPoint(bytes: usize, a: usize): void {
  bytesFromElement(bytes, a);
  bytesFromElement(bytes + 32, a + field.ELEMENT);
}

/**
 * Puts the y of this parity beside x.
 *
 * @param point its x is set, weight 1
 * @returns false when no point has this x. There is none with y = 0: -7 is no cube
 */
export function liftX(point: usize, odd: bool): bool {
  const y = point + field.ELEMENT;
  curveEquation(T1, point);
  field.reduce(T1, T1);
  if (!field.squareRoot(y, T1)) return false;
  if (field.isOdd(y) != odd) field.negate(y, y);
  return true;
}
