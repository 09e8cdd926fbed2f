/**
 * Digits of pairs, one lane from here and one from there: what the formulas that share a pair's lanes are
 * made of.
 */

/** From a digit to the next, in a pair. */
export const NEXT: usize = 16;
/** From lane 0 to lane 1. */
export const LANE: usize = 8;

/** A digit at a, and one at b, of either lane or of packed elements. */
@inline
export function join(a: usize, b: usize): v128 {
  return v128.load_lane<u64>(b, v128.load_zero<u64>(a), 1);
}

/** The digit at a, twice. */
@inline
export function both(a: usize): v128 {
  return v128.load64_splat(a);
}

/** The lanes in the other order. */
@inline
export function swap(digit: v128): v128 {
  return v128.shuffle<u64>(digit, digit, 1, 0);
}
