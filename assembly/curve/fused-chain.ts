/**
 * The chain of the fused build: both lanes of a pair work on the one point, which takes 4 products for a
 * doubling and 6 for an addition, one after the other, where one lane takes 7 and 11.
 *
 * The point is X and Y in the lanes of one pair, Z in lane 1 of another. Formulas and notes: `jacobian.ts`.
 */
import * as field from "../field/p29";
import * as pair from "../field/pair";
import {
  CHAIN_DOUBLE_INFINITY,
  CHAIN_EQUAL,
  CHAIN_FROM_INFINITY,
  CHAIN_OPPOSITE,
  exceptional,
} from "./exceptional";
import { setFinite, setInfinity } from "./jacobian";
import { LANE, NEXT, both, join, swap } from "./lanes";

const ELEMENT: usize = pair.ELEMENT;

/** The point. */
const XY: usize = memory.data(80, 16);
const Z: usize = memory.data(80, 16);
let infinite: bool = true;

/** The denominator shared by the points of {@link addToChain}, in both lanes; its square and its cube. */
const SHARED: usize = memory.data(80, 16);
const SHARED_POWERS: usize = memory.data(80, 16);

/** 3 in lane 0, 2 in lane 1; and the bits of lane 1. */
const THREE_TWO: usize = memory.data<f64>([3, 2], 16);
const SECOND: usize = memory.data<u64>([0, 0xffffffffffffffff], 16);

const LEFT: usize = memory.data(80, 16);
const RIGHT: usize = memory.data(80, 16);
const T0: usize = memory.data(80, 16);
const T1: usize = memory.data(80, 16);
const T2: usize = memory.data(80, 16);
const T3: usize = memory.data(80, 16);
const WORDS: usize = memory.data(32, 16);

/**
 * Begins at infinity.
 *
 * @param shared a pair: in both lanes the denominator that addToChain's points leave out
 */
export function startChain(shared: usize): void {
  infinite = true;
  pair.copy(SHARED, shared);
  pair.sqr(T0, SHARED);
  pair.mul(T1, T0, SHARED);
  for (let i: usize = 0; i < pair.PAIR; i += NEXT) v128.store(SHARED_POWERS + i, join(T0 + i, T1 + i));
}

/**
 * Doubles (X, Y), Z in lane 1. With A = X^2, B = Y^2: E = 3 A, D = 4 X B, X' = E^2 - 2 D,
 * Y' = E (D - X') - 2 (2 B)^2, Z' = 2 Y Z.
 */
export function doubleLanes(xy: usize, z: usize): void {
  const eb = T0;
  const fc = T1;
  const x = T2;
  pair.sqr(eb, xy);
  for (let i: usize = 0; i < pair.PAIR; i += NEXT) {
    v128.store(eb + i, f64x2.mul(v128.load(eb + i), v128.load(THREE_TWO)));
  }
  pair.reduce(eb, eb);
  for (let i: usize = 0; i < pair.PAIR; i += NEXT) v128.store(RIGHT + i, join(eb + i + LANE, z + i + LANE));
  pair.add(LEFT, xy, xy);
  pair.mul(z, LEFT, RIGHT);
  pair.sqr(fc, eb);
  pair.sub2Reduced(x, fc, z, z);
  pair.sub(LEFT, z, x);
  pair.mul(LEFT, LEFT, eb);
  for (let i: usize = 0; i < pair.PAIR; i += NEXT) {
    const c = v128.and(v128.load(fc + i), v128.load(SECOND));
    v128.store(xy + i, f64x2.sub(join(x + i, LEFT + i), f64x2.add(c, c)));
  }
  pair.reduce(xy, xy);
}

export function doubleChain(): void {
  if (exceptional(CHAIN_DOUBLE_INFINITY, infinite)) return;
  doubleLanes(XY, Z);
  infinite = false;
}

/** (x, +-y) becomes the point, with Z = 1 */
function begin(x: usize, y: usize, negative: bool): void {
  pair.gatherSigned(XY, x, y, 0, negative ? 1 : 0);
  pair.copy(Z, pair.ONE);
  infinite = false;
}

/** Adds (x, +-y), whose coordinates leave the shared denominator out. @param x,y packed elements */
export function addToChain(x: usize, y: usize, negative: bool): void {
  if (exceptional(CHAIN_FROM_INFINITY, infinite)) begin(x, y, negative);
  else add(x, y, negative, Z);
}

/** Adds an affine point with its y or with -y, in its own coordinates. @param point packed x and y */
export function addOutsider(point: usize, negative: bool): void {
  if (exceptional(CHAIN_FROM_INFINITY, infinite)) {
    begin(point, point + ELEMENT, negative);
    pair.mul(XY, XY, SHARED_POWERS);
    return;
  }
  pair.mul(T3, Z, SHARED);
  add(point, point + ELEMENT, negative, T3);
}

/**
 * Adds (x z^2, +-y z^3), z in lane 1. With H = x z^2 - X, R = y z^3 - Y, V = X H^2: X' = R^2 - H^3 - 2 V,
 * Y' = R (V - X') - Y H^3, Z' = Z H.
 */
function add(x: usize, y: usize, negative: bool, z: usize): void {
  const sign = i64x2.replace_lane(i64x2.splat(0), 1, <i64>negative << 63);
  for (let i: usize = 0, j: usize = 0; i < pair.PAIR; i += NEXT, j += LANE) {
    v128.store(LEFT + i, v128.xor(join(z + i + LANE, y + j), sign));
    v128.store(RIGHT + i, both(z + i + LANE));
  }
  pair.mul(T0, LEFT, RIGHT);
  for (let i: usize = 0, j: usize = 0; i < pair.PAIR; i += NEXT, j += LANE) {
    v128.store(LEFT + i, join(x + j, T0 + i + LANE));
    v128.store(RIGHT + i, both(T0 + i));
  }
  const hr = T0;
  pair.mul(hr, LEFT, RIGHT);
  pair.subReduced(hr, hr, XY);
  const sameX = pair.isZero(hr, 0);
  if (exceptional(CHAIN_EQUAL, sameX && pair.isZero(hr, 1))) doubleChain();
  else if (exceptional(CHAIN_OPPOSITE, sameX && !pair.isZero(hr, 1))) infinite = true;
  else finishAddition(hr);
}

function finishAddition(hr: usize): void {
  const squares = T1;
  const hv = T2;
  pair.sqr(squares, hr);
  for (let i: usize = 0; i < pair.PAIR; i += NEXT) {
    v128.store(LEFT + i, join(hr + i, XY + i));
    v128.store(RIGHT + i, both(squares + i));
  }
  pair.mul(hv, LEFT, RIGHT);
  for (let i: usize = 0; i < pair.PAIR; i += NEXT) {
    v128.store(LEFT + i, join(XY + i + LANE, Z + i + LANE));
    v128.store(RIGHT + i, join(hv + i, hr + i));
    // R^2 - H^3 - V
    const digit = v128.load(hv + i);
    v128.store(squares + i, f64x2.sub(f64x2.sub(swap(v128.load(squares + i)), digit), swap(digit)));
  }
  pair.mul(Z, LEFT, RIGHT);
  pair.reduce(squares, squares);
  for (let i: usize = 0; i < pair.PAIR; i += NEXT) {
    const v = both(hv + i + LANE);
    v128.store(LEFT + i, f64x2.sub(f64x2.add(v, v), v128.load(squares + i)));
    v128.store(RIGHT + i, both(hr + i + LANE));
  }
  pair.reduce(LEFT, LEFT);
  pair.mul(LEFT, LEFT, RIGHT);
  for (let i: usize = 0; i < pair.PAIR; i += NEXT) {
    v128.store(XY + i, f64x2.sub(join(squares + i, LEFT + i), join(hv + i + LANE, Z + i)));
  }
  pair.reduce(XY, XY);
}

function toElement(r: usize, lanes: usize, lane: i32): void {
  pair.toWords(WORDS, lanes, lane);
  field.fromWords(r, WORDS);
}

/** The point as a Jacobian point, its shared denominator put back */
export function endChain(r: usize): void {
  if (infinite) {
    setInfinity(r);
    return;
  }
  pair.mul(Z, Z, SHARED);
  toElement(r, XY, 0);
  toElement(r + ELEMENT, XY, 1);
  toElement(r + 2 * ELEMENT, Z, 1);
  setFinite(r);
}

/** Packs an element of weight 1, where it lies */
export function packElement(a: usize): void {
  field.toWords(WORDS, a);
  pair.packWords(a, WORDS);
}
