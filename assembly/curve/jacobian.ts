/**
 * Points of secp256k1, y^2 = x^3 + 7 modulo p (SEC2 2.4.1), one at a time.
 *
 * An affine point is x and y, two elements. A Jacobian point is X, Y, Z with x = X/Z^2, y = Y/Z^3, and a flag
 * for the point at infinity, whose coordinates mean nothing. The group's order is an odd prime: no point has
 * y = 0, so doubling a point that is not infinity always gives a point, and every point on the curve is a
 * multiple of any other.
 *
 * Weights (see the field): X and Y weigh at most 3, Z at most 1, affine coordinates at most 1, before and
 * after. The scratch below is shared by all functions here.
 */
import * as field from "../field/p29";
import {
  ADD_EQUAL,
  ADD_INFINITY,
  ADD_OPPOSITE,
  ADD_TO_INFINITY,
  AFFINE_INFINITY,
  COMPARE_INFINITY,
  DOUBLE_INFINITY,
  exceptional,
} from "./exceptional";

const ELEMENT: usize = field.ELEMENT;

/** Bytes of an affine point. */
export const AFFINE: usize = 2 * ELEMENT;
/** Bytes of a Jacobian point. */
export const JACOBIAN: usize = 3 * ELEMENT + 8;

const Y: usize = ELEMENT;
const Z: usize = 2 * ELEMENT;
const INFINITY: usize = 3 * ELEMENT;

const T0: usize = memory.data(40, 16);
const T1: usize = memory.data(40, 16);
const T2: usize = memory.data(40, 16);
const T3: usize = memory.data(40, 16);
const T4: usize = memory.data(40, 16);
const T5: usize = memory.data(40, 16);
const T6: usize = memory.data(40, 16);
const LIFTED: usize = memory.data(128, 16);

/** The flag. */
@inline
export function isInfinity(a: usize): bool {
  return load<u32>(a, INFINITY) != 0;
}

/** Zero coordinates as well, so that whoever forgets the flag reads no earlier point. */
export function setInfinity(r: usize): void {
  memory.fill(r, 0, INFINITY);
  store<u32>(r, 1, INFINITY);
}

/** Says that the coordinates at r are those of a point. */
export function setFinite(r: usize): void {
  store<u32>(r, 0, INFINITY);
}

/** Copies a point and its flag. */
export function copyPoint(r: usize, a: usize): void {
  memory.copy(r, a, JACOBIAN);
}

/** r = (x, y), an affine point */
export function fromAffine(r: usize, x: usize, y: usize): void {
  field.copy(r, x);
  field.copy(r + Y, y);
  field.setOne(r + Z);
  store<u32>(r, 0, INFINITY);
}

/**
 * r = 2 a; r may be a. 3 multiplications, 4 squarings, no reduction: with E = 3 X^2, D = 4 X Y^2,
 * X' = E^2 - 2 D, Y' = E (D - X') - 8 Y^4, Z' = 2 Y Z.
 *
 * The doublings by 2 sit on the factors, so that each product comes out at weight 1.
 */
export function double(r: usize, a: usize): void {
  if (exceptional(DOUBLE_INFINITY, isInfinity(a))) {
    setInfinity(r);
    return;
  }
  const e = T0;
  const d = T1;
  const yy2 = T2;
  const t = T3;
  field.sqr(t, a);
  field.add(e, t, t);
  field.add(e, e, t);
  field.sqr(t, a + Y);
  field.add(yy2, t, t);
  field.add(t, a, a);
  field.mul(d, t, yy2);
  field.add(t, a + Y, a + Y);
  field.mul(r + Z, t, a + Z);
  field.sqr(yy2, yy2);
  field.sqr(t, e);
  field.sub(t, t, d);
  field.sub(r, t, d);
  field.sub(t, d, r);
  field.mul(t, e, t);
  field.sub(t, t, yy2);
  field.sub(r + Y, t, yy2);
  store<u32>(r, 0, INFINITY);
}

/**
 * r = a + b for b = (x z^2 : y z^3 : 1) in the coordinates in which a's Z is 1: 8 multiplications, 3
 * squarings.
 *
 * With z = Z it adds the affine point (x, y). Neither point is infinity. x and y may weigh 3.
 */
function addMixed(r: usize, a: usize, x: usize, y: usize, z: usize): void {
  const h = T0;
  const slope = T1;
  const hh = T2;
  const hhh = T3;
  const v = T4;
  const t = T5;
  field.sqr(t, z);
  field.mul(h, x, t);
  field.subReduced(h, h, a);
  field.mul(slope, y, z);
  field.mul(slope, slope, t);
  field.subReduced(slope, slope, a + Y);
  const sameX = field.isZero(h);
  if (exceptional(ADD_EQUAL, sameX && field.isZero(slope))) {
    double(r, a);
    return;
  }
  if (exceptional(ADD_OPPOSITE, sameX && !field.isZero(slope))) {
    setInfinity(r);
    return;
  }
  field.sqr(hh, h);
  field.mul(hhh, h, hh);
  field.mul(v, a, hh);
  field.mul(r + Z, a + Z, h);
  field.sqr(t, slope);
  field.sub(t, t, hhh);
  field.sub(t, t, v);
  field.mul(hhh, a + Y, hhh);
  field.subReduced(r, t, v);
  field.sub(v, v, r);
  field.mul(v, slope, v);
  field.sub(r + Y, v, hhh);
  store<u32>(r, 0, INFINITY);
}

/** r = a + (x, y), an affine point by its two elements; r may be a */
export function addAffine(r: usize, a: usize, x: usize, y: usize): void {
  if (exceptional(ADD_TO_INFINITY, isInfinity(a))) {
    fromAffine(r, x, y);
    return;
  }
  addMixed(r, a, x, y, a + Z);
}

/**
 * r = a + (x, y) on the isomorphic curve that takes (x, y) to (x c^2, y c^3); r may be a.
 *
 * Whoever runs over points that share the denominator c leaves c out of them, and so out of r and a; only a
 * point from outside has to bring it: one multiplication more.
 *
 * @param c an element of weight 1, not zero
 */
export function addAffineScaled(r: usize, a: usize, x: usize, y: usize, c: usize): void {
  if (exceptional(ADD_TO_INFINITY, isInfinity(a))) {
    field.sqr(T0, c);
    field.mul(r, x, T0);
    field.mul(T0, T0, c);
    field.mul(r + Y, y, T0);
    field.setOne(r + Z);
    store<u32>(r, 0, INFINITY);
    return;
  }
  field.mul(T6, a + Z, c);
  addMixed(r, a, x, y, T6);
}

/** r = a + b, both Jacobian; r may be either; 12 multiplications, 4 squarings */
export function addPoints(r: usize, a: usize, b: usize): void {
  if (exceptional(ADD_TO_INFINITY, isInfinity(a))) {
    copyPoint(r, b);
    return;
  }
  if (exceptional(ADD_INFINITY, isInfinity(b))) {
    copyPoint(r, a);
    return;
  }
  // a over the denominator of both; against it b's own coordinates lack just a's Z.
  field.sqr(T0, b + Z);
  field.mul(LIFTED, a, T0);
  field.mul(T0, T0, b + Z);
  field.mul(LIFTED + Y, a + Y, T0);
  field.mul(LIFTED + Z, a + Z, b + Z);
  field.copy(T6, a + Z);
  addMixed(r, LIFTED, b, b + Y, T6);
}

/**
 * x and y of a; false, with nothing written, when a is infinity
 *
 * @param r an affine point; not a's place
 */
export function toAffine(r: usize, a: usize): bool {
  if (exceptional(AFFINE_INFINITY, isInfinity(a))) return false;
  field.inverse(T0, a + Z);
  field.sqr(T1, T0);
  field.mul(r, a, T1);
  field.mul(T1, T1, T0);
  field.mul(r + Y, a + Y, T1);
  return true;
}

/** x(a) = x, without an inversion; infinity has no x. @param x an element of weight 1 */
export function hasX(a: usize, x: usize): bool {
  if (exceptional(COMPARE_INFINITY, isInfinity(a))) return false;
  field.sqr(T0, a + Z);
  field.mul(T0, T0, x);
  return field.equal(T0, a);
}

/** The parity of the affine y, for one inversion; a is not infinity */
export function yIsOdd(a: usize): bool {
  field.inverse(T0, a + Z);
  field.sqr(T1, T0);
  field.mul(T0, T0, T1);
  field.mul(T0, T0, a + Y);
  return field.isOdd(T0);
}
