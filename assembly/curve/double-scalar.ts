/**
 * u1 G + u2 Q for a point Q that is met for the first time: four 128-bit scalars over one chain of doublings
 * (Straus, American Mathematical Monthly 71 (1964)): the halves of u1 on G and 2^128 G, the parts of u2 on Q
 * and lambda Q.
 *
 * Variable time: for public values alone. Not re-entrant.
 */
import { addOutsider, addToChain, doubleChain, endChain, startChain } from "./chain";
import { GENERATOR_WIDTH, highMultiple, lowMultiple } from "./generator";
import { FIRST_NEGATIVE, SECOND_NEGATIVE, split } from "./glv";
import { MULTIPLE_WIDTH, buildMultiples, multipleBetaX, multipleX, multipleY } from "./odd-multiples";
import { wnaf } from "./wnaf";

const LOW_DIGITS: usize = memory.data(260, 16);
const HIGH_DIGITS: usize = memory.data(260, 16);
const FIRST_DIGITS: usize = memory.data(260, 16);
const SECOND_DIGITS: usize = memory.data(260, 16);
const PARTS: usize = memory.data(32, 16);
const SHARED: usize = memory.data(80, 16);

@inline
function digitAt(digits: usize, position: i32): i32 {
  return <i32>load<i16>(digits + (<usize>position << 1));
}

/** Adds what the digits of this position say. */
function addDigits(position: i32, firstNegative: bool, secondNegative: bool): void {
  const first = digitAt(FIRST_DIGITS, position);
  if (first != 0) {
    const size = abs(first);
    addToChain(multipleX(size), multipleY(size), first < 0 != firstNegative);
  }
  const second = digitAt(SECOND_DIGITS, position);
  if (second != 0) {
    const size = abs(second);
    addToChain(multipleBetaX(size), multipleY(size), second < 0 != secondNegative);
  }
  const low = digitAt(LOW_DIGITS, position);
  if (low != 0) addOutsider(lowMultiple(abs(low)), low < 0);
  const high = digitAt(HIGH_DIGITS, position);
  if (high != 0) addOutsider(highMultiple(abs(high)), high < 0);
}

/**
 * r = u1 G + u2 Q.
 *
 * @param r a Jacobian point
 * @param u1,u2 words, any value below 2^256
 * @param x,y elements of weight 1: Q, on the curve
 */
export function doubleScalar(r: usize, u1: usize, u2: usize, x: usize, y: usize): void {
  const signs = split(PARTS, u2);
  const firstNegative = (signs & FIRST_NEGATIVE) != 0;
  const secondNegative = (signs & SECOND_NEGATIVE) != 0;
  let length = wnaf(LOW_DIGITS, u1, GENERATOR_WIDTH);
  length = max(length, wnaf(HIGH_DIGITS, u1 + 16, GENERATOR_WIDTH));
  length = max(length, wnaf(FIRST_DIGITS, PARTS, MULTIPLE_WIDTH));
  length = max(length, wnaf(SECOND_DIGITS, PARTS + 16, MULTIPLE_WIDTH));
  buildMultiples(SHARED, x, y);
  startChain(SHARED);
  for (let i = length - 1; i >= 0; i--) {
    doubleChain();
    addDigits(i, firstNegative, secondNegative);
  }
  endChain(r);
}
