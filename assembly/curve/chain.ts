/**
 * One point, doubled and added to: the accumulator of a multiplication by several scalars.
 *
 * What is added often shares a denominator c and leaves it out: (x c^2, y c^3) stands for (x, y), on an
 * isomorphic curve. Points from outside bring it with them. Tables hold packed elements: the fused build's
 * floats, or the digits as they are. One chain at a time.
 */
import { ELEMENT } from "../field/pair";
import * as fused from "./fused-chain";
import * as scalar from "./scalar-chain";

/** Begins at infinity. @param shared c in both lanes of a pair, not zero */
@inline
export function startChain(shared: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.startChain(shared);
  else scalar.startChain(shared);
}

/** Doubles what has been added up. */
@inline
export function doubleChain(): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.doubleChain();
  else scalar.doubleChain();
}

/** Adds (x, y), or (x, -y), of points without their denominator. @param x,y packed elements */
@inline
export function addToChain(x: usize, y: usize, negative: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.addToChain(x, y, negative);
  else scalar.addToChain(x, y, negative);
}

/** Adds an affine point, or its opposite. @param point packed x and y */
@inline
export function addOutsider(point: usize, negative: bool): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.addOutsider(point, negative);
  else scalar.addOutsider(point, negative);
}

/** What the chain has come to, as a Jacobian point */
@inline
export function endChain(r: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fused.endChain(r);
  else scalar.endChain(r);
}

/** Packs `count` elements of weight 1, one after the other, where they lie */
export function packElements(at: usize, count: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    for (let i: usize = 0; i < count; i++) fused.packElement(at + i * ELEMENT);
  }
}
