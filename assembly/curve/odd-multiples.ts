/**
 * The odd multiples of a point that is met for the first time, without an inversion.
 *
 * All of them share one denominator c, which is left out: the table holds (x c^2, y c^3), affine points of an
 * isomorphic curve on which the addition formulas are the same. They come by co-Z additions of 2Q (Meloni,
 * WAIFI 2007; Goundar, Joye, Miyaji, Rivain, Venelli, Journal of Cryptographic Engineering 1 (2011)).
 *
 * No addition here can meet equal or opposite points: k Q = +-2 Q for an odd k <= 13 would need a group of
 * order at most 15, and the order is a 256-bit prime.
 */
import { ELEMENT } from "../field/pair";
import * as fused from "./fused-multiples";
import * as scalar from "./scalar-multiples";

/** The table is for digits of this width: Q, 3 Q, ... 15 Q. */
export const MULTIPLE_WIDTH: i32 = 5;
/** One multiple, packed: x, y, and x of its image under the endomorphism, whose y is the same. */
const ENTRY: usize = 3 * ELEMENT;

const TABLE: usize = memory.data(8 * 120, 16);

/**
 * Fills the table with the odd multiples of a point.
 *
 * @param c a pair, to hold the denominator they share in both lanes (in the base build in lane 0 alone)
 * @param x,y elements of weight 1: a point on the curve
 */
export function buildMultiples(c: usize, x: usize, y: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.buildMultiples(TABLE, c, x, y);
  else scalar.buildMultiples(TABLE, c, x, y);
}

/** x of d Q for an odd digit d > 0 */
@inline
export function multipleX(digit: i32): usize {
  return TABLE + (<usize>digit >> 1) * ENTRY;
}

/** y of d Q, and of its image under the endomorphism */
@inline
export function multipleY(digit: i32): usize {
  return TABLE + (<usize>digit >> 1) * ENTRY + ELEMENT;
}

/** x of d lambda Q */
@inline
export function multipleBetaX(digit: i32): usize {
  return TABLE + (<usize>digit >> 1) * ENTRY + 2 * ELEMENT;
}
