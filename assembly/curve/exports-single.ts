/** What JavaScript calls for one signature, one point at a time. */
import { bytesFromPoint, elementFromBytes, liftX, pointFromBytes } from "./affine-point";
import { buildGenerator } from "./generator";
import { prepareChallenge } from "./schnorr";

export { recoverOne, verifyOne } from "./ecdsa";
export { hashToCurve } from "./hash-to-curve";
export { schnorrVerify } from "./schnorr";

const POINT: usize = memory.data(80, 16);

/**
 * Builds the tables of the generator; before anything else here.
 *
 * @param at first free address, 16-byte aligned; the memory grows as needed
 * @returns the first address after the tables
 */
export function initCurve(at: usize): usize {
  prepareChallenge();
  return buildGenerator(at);
}

/**
 * The point of this x, 32 bytes, and this parity of y.
 *
 * @param outPoint 64 bytes, x and y, written when there is a point
 * @returns 1 | 0 when x >= p, no point has it, or the parity is neither 0 nor 1
 */
export function decompress(x: usize, parity: i32, outPoint: usize): i32 {
  if (<u32>parity > 1 || !elementFromBytes(POINT, x) || !liftX(POINT, parity == 1)) return 0;
  bytesFromPoint(outPoint, POINT);
  return 1;
}

/** Are these 64 bytes a point: both coordinates below p, on the curve, not infinity? 1 | 0 */
export function isOnCurve(point: usize): i32 {
  return pointFromBytes(POINT, point) ? 1 : 0;
}
