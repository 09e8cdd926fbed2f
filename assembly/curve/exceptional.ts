/**
 * The branches for points that the plain addition formulas get wrong.
 *
 * Whoever signs chooses its points and knows how they relate, so every one of these is reachable on purpose. Each branch
 * asks through {@link exceptional}; a build for tests (`--use FAULTS=1`) can switch one of them off, to show that a test
 * misses it. In the product's builds the question is the condition itself.
 */

/** Which branch a build for tests has switched off; 0 for none. */
export let switchedOff: i32 = 0;

/** Switches one branch off, 0 for none. Only in builds for tests. */
export function switchOff(branch: i32): void {
  switchedOff = branch;
}

/** The condition; in a build for tests, false for the branch that is switched off. */
@inline
export function exceptional(branch: i32, condition: bool): bool {
  if (FAULTS) return condition && branch != switchedOff;
  return condition;
}

// One point at a time.

/** A point is added to infinity: mixed, scaled and general addition. */
export const ADD_TO_INFINITY: i32 = 1;
/** Infinity is added to a point: general addition. */
export const ADD_INFINITY: i32 = 2;
/** A point is added to itself. */
export const ADD_EQUAL: i32 = 3;
/** A point is added to its opposite. */
export const ADD_OPPOSITE: i32 = 4;
/** Infinity is doubled. */
export const DOUBLE_INFINITY: i32 = 5;
/** The affine coordinates of infinity are asked for: a recovered key, a parity. */
export const AFFINE_INFINITY: i32 = 6;
/** The x of infinity is compared: u1 G + u2 Q = infinity is no signature. */
export const COMPARE_INFINITY: i32 = 7;
/** The map to the curve divides by zero: u = 0, or u^2 = 1/11. */
export const SWU_ZERO: i32 = 8;
/** The chain of the fused build starts at infinity, or goes on from it. */
export const CHAIN_FROM_INFINITY: i32 = 9;
/** The chain of the fused build doubles infinity. */
export const CHAIN_DOUBLE_INFINITY: i32 = 10;
/** The chain of the fused build meets the point itself. */
export const CHAIN_EQUAL: i32 = 11;
/** The chain of the fused build meets the opposite point. */
export const CHAIN_OPPOSITE: i32 = 12;

// Either way.

/** x(u1 G + u2 Q) is n or more, so that it is r + n: plain ECDSA takes that. */
export const WRAPPED_R: i32 = 47;

// Many points at a time.

/** Some addition of a level of the affine tree has equal x: the shared product of denominators is zero. */
export const TREE_ZERO_PRODUCT: i32 = 40;
/** Such an addition is of equal points: their tangent. */
export const TREE_EQUAL: i32 = 41;
/** Such an addition is of opposite points: their sum leaves the tree. */
export const TREE_OPPOSITE: i32 = 42;
/** r or s of an exact check is out of range: it must not enter the shared inversion. */
export const COMB_EXCLUDED: i32 = 43;
/** u1 G + u2 Q has so few table points that a lane has nothing to begin with. */
export const KNOWN_FEW: i32 = 44;
/** A lane of the single check met equal or opposite points: its denominator is zero. */
export const KNOWN_ZERO_DENOMINATOR: i32 = 45;
/** The number of table points is odd: one is left for the end. */
export const KNOWN_ODD: i32 = 46;
/** A point of a multi-scalar multiplication is infinity: it has no coordinates to add. */
export const MSM_POINT_INFINITY: i32 = 48;
