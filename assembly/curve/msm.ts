/**
 * Sums of multiples of points.
 *
 * Signed window digits put every term into the bucket of its digit, the affine tree sums the buckets, their
 * multiples become sums per bit position, and {@link horner} adds these up. The same way serves one term and
 * a hundred thousand; only the width of a window changes. Source: Pippenger, SIAM J. Comput. 9 (1980), with
 * Booth's signed digits.
 *
 * One sum at a time: not re-entrant.
 */
import { isZeroWords, wordsFromBytes } from "../bytes";
import * as pair from "../field/pair";
import { bytesFromPoint } from "./affine-point";
import { openTree, sumGroups, sumOf, treeBytes } from "./affine-tree";
import { exceptional, MSM_POINT_INFINITY } from "./exceptional";
import { FIRST_NEGATIVE, SECOND_NEGATIVE, split } from "./glv";
import { horner } from "./horner";
import { toAffine } from "./jacobian";

/** From this width on, a window's buckets are summed by the two halves of their number, not by each of its bits. */
const HALVES_FROM: i32 = 5;
const NARROWEST: i32 = 3;
const WIDEST: i32 = 13;
/** The last window may be this many bits wider than the others. */
const WIDER: i32 = 3;
/** Additions that a window has less because its first buckets are sums per bit already. */
const SAVED: i32 = 4;
/**
 * About how many references one pass over windows puts into buckets: what they need should stay in a core's
 * cache.
 */
const PASS: i32 = 8192;

/**
 * The plan for a number of terms: windows of `width` bits, the last one of `topWidth`, `block` of them per
 * pass.
 */
let width: i32 = 0;
let windows: i32 = 0;
let topWidth: i32 = 0;
let block: i32 = 0;
/** A bucket's number is cut after this many bits; 0 where it is taken whole. */
let low: i32 = 0;
/** Groups that a window has in the second stage: one per low half, one per high half. */
let halves: i32 = 0;
/** The most references of a stage, and the most points kept for the last one. */
let capacity: i32 = 0;
let keptMost: i32 = 0;

/** The workspace, carved by {@link carve}. */
let itemRefs: usize = 0;
let itemGroups: usize = 0;
let starts: usize = 0;
let counts: usize = 0;
let refs: usize = 0;
let keptPoints: usize = 0;
let keptRefs: usize = 0;
let keptValues: usize = 0;
let keptBases: usize = 0;
let tree: usize = 0;

/** How many items and how many points are kept so far. */
let items: i32 = 0;
let kept: i32 = 0;

/**
 * About how many additions all stages take with the windows now set. Turning full buckets into sums per bit
 * takes one addition more for each of them; a term is below 5/8 of all that its bits can say.
 */
function planCost(terms: i32): i32 {
  return windows * terms + (windows - 1) * ((1 << (width - 1)) - SAVED) + ((5 << topWidth) >> 3);
}

function setWindows(candidate: i32, count: i32, bits: i32): void {
  width = candidate;
  windows = count;
  topWidth = bits - candidate * (count - 1);
}

/**
 * Chooses the width with the fewest additions, the bits left over in a window of their own or in a wider last
 * one.
 */
function plan(terms: i32, bits: i32): void {
  let least = i32.MAX_VALUE;
  let bestWidth = 0;
  let bestCount = 0;
  for (let candidate = NARROWEST; candidate <= WIDEST; candidate++) {
    for (let count = bits / candidate; count <= (bits + candidate - 1) / candidate; count++) {
      setWindows(candidate, count, bits);
      const cost = planCost(terms);
      if (topWidth > candidate + WIDER || cost >= least) continue;
      least = cost;
      bestWidth = candidate;
      bestCount = count;
    }
  }
  setWindows(bestWidth, bestCount, bits);
  block = min(windows, max(1, PASS / terms));
  low = width < HALVES_FROM ? 0 : (width + 1) >> 1;
  halves = (1 << low) + (1 << (max(width, topWidth) - low));
  keptMost = windows * halves;
  capacity = max(2 * block * terms, keptMost * max(width, topWidth));
}

function groupsMost(bits: i32): usize {
  return max((block << (width - 1)) + (1 << topWidth), max(block * halves, bits));
}

/** Cuts the workspace of the plan; returns its end without the tree's part. */
function carve(at: usize, bits: i32): void {
  const list: usize = ((<usize>capacity << 2) + 15) & ~15;
  const groups: usize = ((groupsMost(bits) << 2) + 15) & ~15;
  const keptList: usize = ((<usize>keptMost << 2) + 15) & ~15;
  itemRefs = at;
  itemGroups = itemRefs + list;
  refs = itemGroups + list;
  starts = refs + list;
  counts = starts + groups;
  keptRefs = counts + groups;
  keptValues = keptRefs + keptList;
  keptBases = keptValues + keptList;
  keptPoints = keptBases + keptList;
  tree = keptPoints + <usize>keptMost * pair.POINT;
}

/** Bytes of workspace for {@link sumTerms}. */
export function termsBytes(terms: i32, limbs: i32): usize {
  plan(max(1, terms), limbs << 6);
  carve(0, limbs << 6);
  return tree + treeBytes(capacity, capacity);
}

@inline
function item(ref: u32, group: i32): void {
  const at = <usize>items << 2;
  store<u32>(itemRefs + at, ref);
  store<u32>(itemGroups + at, group);
  items++;
}

/** Sorts the items into groups and sums every group. */
function sumItems(groups: i32): void {
  memory.fill(counts, 0, <usize>groups << 2);
  const end = <usize>items << 2;
  for (let i: usize = 0; i < end; i += 4) {
    const count = counts + (<usize>load<u32>(itemGroups + i) << 2);
    store<u32>(count, load<u32>(count) + 1);
  }
  let start: u32 = 0;
  for (let g: usize = 0; g < <usize>groups << 2; g += 4) {
    store<u32>(starts + g, start);
    start += load<u32>(counts + g);
    store<u32>(counts + g, 0);
  }
  for (let i: usize = 0; i < end; i += 4) {
    const group = <usize>load<u32>(itemGroups + i) << 2;
    const count = load<u32>(counts + group);
    store<u32>(refs + (<usize>(load<u32>(starts + group) + count) << 2), load<u32>(itemRefs + i));
    store<u32>(counts + group, count + 1);
  }
  items = 0;
  sumGroups(groups, starts, counts, refs);
}

/**
 * Adds half a window to every window but the last: a digit is then its window's bits less that half, whatever
 * the windows below hold. Magnitudes stay within their limbs, since they are below 0.64 of that and the sum
 * of halves is below 0.34 of it.
 */
function bias(terms: i32, limbs: i32, magnitudes: usize): void {
  let b0: u64 = 0;
  let b1: u64 = 0;
  for (let w = 0; w < windows - 1; w++) {
    const bit = w * width + width - 1;
    if (bit < 64) b0 |= <u64>1 << bit;
    else b1 |= <u64>1 << (bit - 64);
  }
  const stride = <usize>limbs << 3;
  for (let m = magnitudes; m < magnitudes + <usize>terms * stride; m += stride) {
    const sum = load<u64>(m) + b0;
    store<u64>(m, sum);
    if (limbs == 2) store<u64>(m, load<u64>(m, 8) + b1 + u64(sum < b0), 8);
  }
}

/**
 * First group of a window's buckets in a pass that begins with the window `first`; its bucket v is the
 * (v-1)th.
 */
@inline
function bucketsOf(window: i32, first: i32): i32 {
  return (window - first) << (width - 1);
}

/** How many buckets a window has: the last one takes its bits as they are. */
@inline
function bucketCount(window: i32): i32 {
  return window == windows - 1 ? (1 << topWidth) - 1 : 1 << (width - 1);
}

/** Items of one window: every term whose digit is not zero. */
function digitItems(
  window: i32,
  first: i32,
  terms: i32,
  limbs: i32,
  termRefs: usize,
  magnitudes: usize,
): void {
  const last = window == windows - 1;
  const mask: u64 = (<u64>1 << (last ? topWidth : width)) - 1;
  const half: i32 = last ? 0 : 1 << (width - 1);
  const bit = window * width;
  const shift: u64 = bit & 7;
  const stride = <usize>limbs << 3;
  const group = bucketsOf(window, first) - 1;
  let m = magnitudes + <usize>(bit >> 3);
  for (let t: usize = 0; t < <usize>terms; t++) {
    const digit = <i32>((load<u64>(m) >> shift) & mask) - half;
    m += stride;
    if (digit == 0) continue;
    const sign = digit >> 31;
    item(load<u32>(termRefs + (t << 2)) ^ (sign & 1), group + ((digit ^ sign) - sign));
  }
}

/**
 * Copies a sum to where it outlives its tree, with the value and the bit position that it is to be multiplied
 * by.
 */
function keep(ref: u32, value: i32, base: i32): void {
  const point = keptPoints + <usize>kept * pair.POINT;
  memory.copy(point, <usize>(ref & ~1), pair.POINT);
  const at = <usize>kept << 2;
  store<u32>(keptRefs + at, <u32>point | (ref & 1));
  store<u32>(keptValues + at, value);
  store<u32>(keptBases + at, base);
  kept++;
}

/** Bucket sums of windows `first..last-1`, kept by bucket number. */
function keepBuckets(first: i32, last: i32): void {
  for (let w = first; w < last; w++) {
    const group = bucketsOf(w, first) - 1;
    for (let v = 1; v <= bucketCount(w); v++) {
      const ref = sumOf(group + v, starts, counts, refs);
      if (ref != 0) keep(ref, v, w * width);
    }
  }
}

/** Sums the buckets by the low half and by the high half of their number, and keeps those. */
function keepHalves(first: i32, last: i32): void {
  const mask = (1 << low) - 1;
  for (let w = first; w < last; w++) {
    const group = bucketsOf(w, first) - 1;
    const to = (w - first) * halves;
    for (let v = 1; v <= bucketCount(w); v++) {
      const ref = sumOf(group + v, starts, counts, refs);
      if (ref == 0) continue;
      if ((v & mask) != 0) item(ref, to + (v & mask));
      if (v > mask) item(ref, to + mask + 1 + (v >> low));
    }
  }
  sumItems((last - first) * halves);
  for (let w = first; w < last; w++) {
    for (let half = 1; half < halves; half++) {
      const ref = sumOf((w - first) * halves + half, starts, counts, refs);
      if (ref == 0) continue;
      if (half <= mask) keep(ref, half, w * width);
      else keep(ref, half - mask - 1, w * width + low);
    }
  }
}

/** Items of the last stage: every kept sum, once per bit of its value. */
function bitItems(): void {
  for (let i: usize = 0; i < <usize>kept << 2; i += 4) {
    const ref = load<u32>(keptRefs + i);
    let position = load<i32>(keptBases + i);
    for (let value = load<u32>(keptValues + i); value != 0; value >>= 1) {
      if (value & 1) item(ref, position);
      position++;
    }
  }
}

/**
 * out = the sum of all terms: each a reference (of the affine tree) times a magnitude.
 *
 * @param limbs 1 or 2: magnitudes are that many words each, least significant first, below
 *   0.64 * 2^(64 limbs). They are changed, and 8 bytes after the last one are read.
 * @param at workspace of `termsBytes(terms, limbs)`, 16-byte aligned
 * @param out a Jacobian point
 */
export function sumTerms(
  terms: i32,
  limbs: i32,
  termRefs: usize,
  magnitudes: usize,
  at: usize,
  out: usize,
): void {
  const bits = limbs << 6;
  plan(max(1, terms), bits);
  carve(at, bits);
  bias(terms, limbs, magnitudes);
  items = 0;
  kept = 0;
  for (let first = 0; first < windows; first += block) {
    const last = min(windows, first + block);
    openTree(tree, capacity);
    for (let w = first; w < last; w++) digitItems(w, first, terms, limbs, termRefs, magnitudes);
    sumItems(bucketsOf(last - 1, first) + bucketCount(last - 1));
    if (low == 0) keepBuckets(first, last);
    else keepHalves(first, last);
  }
  openTree(tree, capacity);
  bitItems();
  sumItems(bits);
  horner(bits, starts, counts, refs, out);
}

const X: usize = memory.data(80, 16);
const Y: usize = memory.data(80, 16);
const WORDS: usize = memory.data(32, 16);
const SUM: usize = memory.data(128, 16);
const AFFINE: usize = memory.data(80, 16);

/** What is kept of a point: itself and lambda times it, packed. */
const POINTS: usize = 2 * pair.POINT;

/** Bytes of workspace for {@link multiply}. */
export function msmWorkspaceBytes(n: i32): usize {
  return <usize>(n + 1) * (POINTS + 8 + 32) + 32 + termsBytes(2 * n, 2);
}

/** Coordinates of a point into a lane; false when it is infinity. */
function readPoint(bytes: usize, lane: i32): bool {
  wordsFromBytes(WORDS, bytes);
  const zero = isZeroWords(WORDS);
  pair.fromWords(X, lane, WORDS);
  wordsFromBytes(WORDS, bytes + 32);
  pair.fromWords(Y, lane, WORDS);
  return !exceptional(MSM_POINT_INFINITY, zero && isZeroWords(WORDS));
}

/** The two terms of a point: the halves of its scalar, or nothing where the point is infinity. */
function putTerms(
  i: usize,
  finite: bool,
  scalar: usize,
  points: usize,
  refs: usize,
  magnitudes: usize,
): void {
  wordsFromBytes(WORDS, scalar);
  const signs = split(magnitudes + (i << 5), WORDS);
  if (!finite) memory.fill(magnitudes + (i << 5), 0, 32);
  const point = <u32>(points + i * POINTS);
  store<u32>(refs + (i << 3), point | u32((signs & FIRST_NEGATIVE) != 0));
  store<u32>(refs + (i << 3), (point + <u32>pair.POINT) | u32((signs & SECOND_NEGATIVE) != 0), 4);
}

/**
 * The sum of n scalars times points.
 *
 * @param points 64 bytes each: x and y of a point on the curve, which is not checked, or zeros for infinity
 * @param scalars 32 bytes each, modulo the group's order
 * @param out 64 bytes: the sum; untouched when it is infinity
 * @param workspace `msmWorkspaceBytes(n)`, 16-byte aligned
 * @returns whether the sum is a point; false for infinity
 */
export function multiply(n: i32, points: usize, scalars: usize, out: usize, workspace: usize): bool {
  const packed = workspace;
  const magnitudes = packed + <usize>(n + 1) * POINTS;
  const termRefs = magnitudes + <usize>n * 32 + 16;
  const rest = (termRefs + <usize>n * 8 + 15) & ~15;
  for (let i: usize = 0; i < <usize>n; i += 2) {
    const j = min(i + 1, <usize>n - 1);
    const first = readPoint(points + (i << 6), 0);
    const second = readPoint(points + (j << 6), 1);
    const a = packed + i * POINTS;
    const b = packed + j * POINTS;
    pair.scatter(X, a, b);
    pair.scatter(Y, a + pair.ELEMENT, b + pair.ELEMENT);
    pair.mul(X, X, pair.BETA);
    pair.scatter(X, a + pair.POINT, b + pair.POINT);
    pair.scatter(Y, a + pair.POINT + pair.ELEMENT, b + pair.POINT + pair.ELEMENT);
    putTerms(i, first, scalars + (i << 5), packed, termRefs, magnitudes);
    putTerms(j, second, scalars + (j << 5), packed, termRefs, magnitudes);
  }
  sumTerms(2 * n, 2, termRefs, magnitudes, rest, SUM);
  if (!toAffine(AFFINE, SUM)) return false;
  bytesFromPoint(out, AFFINE);
  return true;
}
