/** Hooks into the curve's inner functions: points come and go as bytes, and say their own denominator. */
export const POINTS_ENTRY = `
import * as field from "./field/p29";
import * as pair from "./field/pair";
import { wordsFromBytes } from "./bytes";
import { bytesFromPoint, elementFromBytes, pointFromBytes } from "./curve/affine-point";
import { addOutsider, addToChain, doubleChain, endChain, packElements, startChain } from "./curve/chain";
import { doubleScalar } from "./curve/double-scalar";
import { split } from "./curve/glv";
import { addAffine, addAffineScaled, addPoints as add, double, fromAffine, hasX } from "./curve/jacobian";
import { setInfinity, toAffine, yIsOdd } from "./curve/jacobian";
import { mapToCurve } from "./curve/hash-to-curve";
import { wnaf } from "./curve/wnaf";
export * from "./curve/exports-single";

const A: usize = memory.data(128, 16);
const B: usize = memory.data(128, 16);
const AFFINE: usize = memory.data(80, 16);
const OVER: usize = memory.data(40, 16);
const SHARED: usize = memory.data(80, 16);
const T: usize = memory.data(40, 16);
const U1: usize = memory.data(32, 16);
const U2: usize = memory.data(32, 16);

/** (x c^2, y c^3) */
function scale(point: usize, c: usize): void {
  field.sqr(T, c);
  field.mul(point, point, T);
  field.mul(T, T, c);
  field.mul(point + 40, point + 40, T);
}

/** x, y and the denominator, 96 bytes; zeros are infinity */
function read(r: usize, bytes: usize): void {
  elementFromBytes(OVER, bytes + 64);
  if (!pointFromBytes(AFFINE, bytes)) {
    setInfinity(r);
    return;
  }
  scale(AFFINE, OVER);
  fromAffine(r, AFFINE, AFFINE + 40);
  field.copy(r + 80, OVER);
}

/** x, y and a byte: 1, or 0 and zeros for infinity */
function write(bytes: usize, a: usize): void {
  memory.fill(bytes, 0, 65);
  if (!toAffine(AFFINE, a)) return;
  bytesFromPoint(bytes, AFFINE);
  store<u8>(bytes, 1, 64);
}

export function addPoints(a: usize, b: usize, out: usize): void {
  read(A, a);
  read(B, b);
  add(A, A, B);
  write(out, A);
}

export function addAffinePoint(a: usize, b: usize, out: usize): void {
  read(A, a);
  pointFromBytes(AFFINE, b);
  addAffine(A, A, AFFINE, AFFINE + 40);
  write(out, A);
}

/** Both points are b's denominator away from the curve. */
export function addScaledPoint(a: usize, b: usize, out: usize): void {
  read(A, a);
  elementFromBytes(OVER, b + 64);
  field.inverse(OVER, OVER);
  field.mul(A + 80, A + 80, OVER);
  elementFromBytes(OVER, b + 64);
  pointFromBytes(AFFINE, b);
  addAffineScaled(A, A, AFFINE, AFFINE + 40, OVER);
  field.mul(A + 80, A + 80, OVER);
  write(out, A);
}

export function doublePoint(a: usize, out: usize): void {
  read(A, a);
  double(A, A);
  write(out, A);
}

export function comparesX(a: usize, x: usize): bool {
  read(A, a);
  elementFromBytes(OVER, x);
  return hasX(A, OVER);
}

export function comparesY(a: usize): bool {
  read(A, a);
  return yIsOdd(A);
}

/** Steps of 66 bytes: 0 doubles | 1 adds a point without the shared denominator | 2 adds one from outside; sign; x, y */
export function runChain(steps: usize, count: i32, shared: usize, out: usize): void {
  elementFromBytes(OVER, shared);
  field.copy(T, OVER);
  packElements(T, 1);
  pair.gather(SHARED, T, T);
  startChain(SHARED);
  for (let i = 0; i < count; i++) {
    const step = steps + <usize>i * 66;
    const kind = load<u8>(step);
    const negative = load<u8>(step, 1) != 0;
    pointFromBytes(AFFINE, step + 2);
    if (kind == 1) scale(AFFINE, OVER);
    packElements(AFFINE, 2);
    if (kind == 0) doubleChain();
    else if (kind == 1) addToChain(AFFINE, AFFINE + 40, negative);
    else addOutsider(AFFINE, negative);
  }
  endChain(A);
  write(out, A);
}

/** The halves as 16 bytes each, most significant first. */
export function splitScalar(scalar: usize, out: usize): i32 {
  wordsFromBytes(U1, scalar);
  const signs = split(U2, U1);
  store<u64>(out, bswap<u64>(load<u64>(U2, 8)));
  store<u64>(out, bswap<u64>(load<u64>(U2)), 8);
  store<u64>(out, bswap<u64>(load<u64>(U2, 24)), 16);
  store<u64>(out, bswap<u64>(load<u64>(U2, 16)), 24);
  return signs;
}

export function writeDigits(magnitude: usize, width: i32, out: usize): i32 {
  store<u64>(U1, bswap<u64>(load<u64>(magnitude, 8)));
  store<u64>(U1, bswap<u64>(load<u64>(magnitude)), 8);
  return wnaf(out, U1, width);
}

export function mapOne(u: usize, out: usize): void {
  elementFromBytes(OVER, u);
  mapToCurve(A, OVER);
  write(out, A);
}

export function sumOfMultiples(scalars: usize, key: usize, out: usize): void {
  wordsFromBytes(U1, scalars);
  wordsFromBytes(U2, scalars + 32);
  pointFromBytes(AFFINE, key);
  doubleScalar(A, U1, U2, AFFINE, AFFINE + 40);
  write(out, A);
}
`;
