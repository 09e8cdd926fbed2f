/** Sums per bit position into one point: twice what is above, plus the position's own, from the top down. */
import * as field from "../field/p29";
import { sumOf } from "./affine-tree";
import * as jacobian from "./jacobian";
import { unpackPoint } from "./tables";

const AFFINE: usize = memory.data(80, 16);

/**
 * out = the sum of 2^i P_i over all positions i, each at most one reference, none where P_i is infinity. That
 * the sum so far is infinity is a flag of the Jacobian point, never a coordinate; every addition looks for
 * equal and opposite points, which whoever made the summands may have meant to bring about.
 *
 * @param starts u32 per position: index of its reference
 * @param counts u32 per position, 0 or 1
 * @param out a Jacobian point
 */
export function horner(positions: i32, starts: usize, counts: usize, refs: usize, out: usize): void {
  jacobian.setInfinity(out);
  for (let i = positions - 1; i >= 0; i--) {
    if (!jacobian.isInfinity(out)) jacobian.double(out, out);
    const ref = sumOf(i, starts, counts, refs);
    if (ref == 0) continue;
    unpackPoint(AFFINE, ref);
    jacobian.addAffine(out, out, AFFINE, AFFINE + field.ELEMENT);
  }
}
