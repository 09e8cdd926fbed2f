/** The chain of the base build: a Jacobian point, one multiplication at a time. */
import * as field from "../field/p29";
import {
  addAffine,
  addAffineScaled,
  copyPoint,
  double,
  isInfinity,
  setInfinity,
} from "./jacobian";

const ELEMENT: usize = field.ELEMENT;

const POINT: usize = memory.data(128, 16);
const SHARED: usize = memory.data(40, 16);
const OPPOSITE_Y: usize = memory.data(40, 16);

/** y, or -y in a place of its own, which the next call overwrites */
@inline
function signed(y: usize, negative: bool): usize {
  if (!negative) return y;
  field.negate(OPPOSITE_Y, y);
  return OPPOSITE_Y;
}

/** Begins at infinity. @param shared the denominator that addToChain's points leave out */
export function startChain(shared: usize): void {
  field.copy(SHARED, shared);
  setInfinity(POINT);
}

export function doubleChain(): void {
  double(POINT, POINT);
}

/** Adds (x, +-y), whose coordinates leave the shared denominator out. @param x,y elements of weight 1 */
export function addToChain(x: usize, y: usize, negative: bool): void {
  addAffine(POINT, POINT, x, signed(y, negative));
}

/** Adds an affine point with its y or with -y, in its own coordinates. */
export function addOutsider(point: usize, negative: bool): void {
  addAffineScaled(POINT, POINT, point, signed(point + ELEMENT, negative), SHARED);
}

/** The point as a Jacobian point, its shared denominator put back */
export function endChain(r: usize): void {
  copyPoint(r, POINT);
  if (!isInfinity(r)) field.mul(r + 2 * ELEMENT, r + 2 * ELEMENT, SHARED);
}
