/**
 * Sums of many groups of affine points at once.
 *
 * A level of the tree adds neighbours, group by group, two additions per call of the pair field; all
 * divisions of a level share one inversion (Montgomery's trick). About log2 of the largest group levels make
 * every sum.
 *
 * A point is named by a **reference**: the address of its packed x and y (`POINT` bytes, an even address),
 * with bit 0 set for the opposite point. Infinity has no reference: a sum that is infinity leaves its group,
 * so an empty group is the sum infinity. Points must be on the curve, which has no point with y = 0.
 *
 * The shared product of denominators is zero exactly when some addition meets equal or opposite points. Only
 * then the level looks at each: equal points are doubled, opposite points leave the group.
 *
 * One tree at a time: not re-entrant.
 */
import * as pair from "../field/pair";
import { exceptional, TREE_EQUAL, TREE_OPPOSITE, TREE_ZERO_PRODUCT } from "./exceptional";

/**
 * What is kept of two additions between the two passes: their denominators, and the product of all before.
 */
const LINK: usize = 2 * pair.PAIR;
/** Pairs of additions whose points are fetched before they are multiplied. */
const AHEAD: usize = 8;

/** What a level does with an addition; a byte each, only looked at when some is not {@link CHORD}. */
const CHORD: u8 = 0;
const TANGENT: u8 = 1;
const INFINITE: u8 = 2;

const SCRATCH: usize = memory.data(9 * 80, 16);
const ACC: usize = SCRATCH;
const XA: usize = SCRATCH + 80;
const XB: usize = SCRATCH + 160;
const YA: usize = SCRATCH + 240;
const YB: usize = SCRATCH + 320;
const INVERSE: usize = SCRATCH + 400;
const SLOPE: usize = SCRATCH + 480;
const X: usize = SCRATCH + 560;
const Y: usize = SCRATCH + 640;
/** Where the second half of a padded pair goes. */
const SPARE: usize = memory.data(80, 16);

/** Packed elements of the slow path, two of each: the denominators found, those of tangents, and one. */
const FOUND: usize = memory.data(80, 16);
const DOUBLED: usize = memory.data(80, 16);
const UNITS: usize = memory.data(80, 16);

/** The workspace, carved by {@link openTree}. */
let left: usize = 0;
let right: usize = 0;
let sums: usize = 0;
let kinds: usize = 0;
let links: usize = 0;
let pool: usize = 0;
/** Set by a level in which some addition is not {@link CHORD}, and by one in which some sum is infinity. */
let unusual: bool = false;
let dropped: bool = false;

/** Room for the additions of one level, padded to a whole pair, and for the link after the last one's. */
@inline
function jobSlots(refs: i32): usize {
  return (<usize>refs >> 1) + 4;
}

/**
 * Bytes of workspace.
 *
 * @param refs the most references that all groups of one reduction hold together
 * @param pool the most additions of all reductions between two calls of {@link openTree}: never above the
 *   references that all reductions hold together
 */
export function treeBytes(refs: i32, pool: i32): usize {
  const jobs = jobSlots(refs);
  return ((13 * jobs + 15) & ~15) + (jobs >> 1) * LINK + <usize>pool * pair.POINT;
}

/**
 * Takes the workspace (16-byte aligned) for reductions of up to `refs` references; forgets all earlier sums.
 */
export function openTree(at: usize, refs: i32): void {
  const jobs = jobSlots(refs);
  left = at;
  right = at + 4 * jobs;
  sums = at + 8 * jobs;
  kinds = at + 12 * jobs;
  links = at + ((13 * jobs + 15) & ~15);
  pool = links + (jobs >> 1) * LINK;
}

@inline
function address(ref: u32): usize {
  return <usize>(ref & ~1);
}

/** A sum of no meaning, kept so that what {@link fetchPoints} reads is read. */
const FETCHED: usize = memory.data(16, 16);

/**
 * Reads both ends of every point that the references name: all at once, where additions would wait for one
 * after the other to come from far memory.
 */
export function fetchPoints(refs: usize, count: i32): void {
  let sum: u32 = 0;
  for (const end = refs + (<usize>count << 2); refs < end; refs += 4) {
    const point = address(load<u32>(refs));
    sum += load<u8>(point) + load<u8>(point, pair.POINT - 1);
  }
  store<u32>(FETCHED, sum);
}

/**
 * Denominators of all pairs of additions into the links, and the product of all before each. The denominators
 * of a few pairs come before their products: then the points' ways from memory overlap.
 */
function divide(pairs: i32): void {
  let link = links;
  pair.copy(link + pair.PAIR, pair.ONE);
  for (let first: usize = 0; first < <usize>pairs; first += AHEAD) {
    const last = min(first + AHEAD, <usize>pairs);
    let to = link;
    for (let j = first; j < last; j++) {
      const a = left + (j << 3);
      const b = right + (j << 3);
      pair.gather(XA, address(load<u32>(a)), address(load<u32>(a, 4)));
      pair.gather(XB, address(load<u32>(b)), address(load<u32>(b, 4)));
      pair.sub(to, XB, XA);
      to += LINK;
    }
    for (; link != to; link += LINK) pair.mul(link + LINK + pair.PAIR, link + pair.PAIR, link);
  }
}

/** The products again, after {@link settle} has replaced denominators. */
function multiplyAgain(pairs: i32): void {
  let link = links;
  for (let j = 0; j < pairs; j++) {
    pair.mul(link + LINK + pair.PAIR, link + pair.PAIR, link);
    link += LINK;
  }
}

/** y of both points of a pair of additions, with their signs, into {@link YA} and {@link YB}. */
@inline
function gatherY(j: usize): void {
  const a0 = load<u32>(left + (j << 3));
  const a1 = load<u32>(left + (j << 3), 4);
  const b0 = load<u32>(right + (j << 3));
  const b1 = load<u32>(right + (j << 3), 4);
  pair.gatherSigned(YA, address(a0) + pair.ELEMENT, address(a1) + pair.ELEMENT, a0 & 1, a1 & 1);
  pair.gatherSigned(YB, address(b0) + pair.ELEMENT, address(b1) + pair.ELEMENT, b0 & 1, b1 & 1);
}

/** What becomes of an addition whose two points share x. */
function kindOf(zero: bool, equal: bool): u8 {
  if (!zero) return CHORD;
  if (exceptional(TREE_EQUAL, equal)) return TANGENT;
  if (exceptional(TREE_OPPOSITE, !equal)) return INFINITE;
  return CHORD;
}

/**
 * The denominator that an addition of this kind divides by: 2y of a tangent, one where nothing is divided.
 */
function denominator(kind: u8, lane: usize): usize {
  if (kind == TANGENT) return DOUBLED + lane * pair.ELEMENT;
  if (kind == INFINITE) return UNITS + lane * pair.ELEMENT;
  return FOUND + lane * pair.ELEMENT;
}

/**
 * Finds every addition of points that share x, notes what it is, and gives it a denominator that is not zero.
 */
function settle(pairs: i32): void {
  memory.fill(kinds, CHORD, 2 * pairs);
  pair.scatter(pair.ONE, UNITS, UNITS + pair.ELEMENT);
  for (let j: usize = 0; j < <usize>pairs; j++) {
    const link = links + j * LINK;
    const zero0 = pair.isZero(link, 0);
    const zero1 = pair.isZero(link, 1);
    if (!zero0 && !zero1) continue;
    gatherY(j);
    pair.subReduced(Y, YB, YA);
    const kind0 = kindOf(zero0, pair.isZero(Y, 0));
    const kind1 = kindOf(zero1, pair.isZero(Y, 1));
    pair.scatter(link, FOUND, FOUND + pair.ELEMENT);
    pair.addReduced(Y, YA, YA);
    pair.scatter(Y, DOUBLED, DOUBLED + pair.ELEMENT);
    pair.gather(link, denominator(kind0, 0), denominator(kind1, 1));
    store<u8>(kinds + 2 * j, kind0);
    store<u8>(kinds + 2 * j, kind1, 1);
    if (kind0 == INFINITE || kind1 == INFINITE) dropped = true;
  }
  unusual = true;
}

/** Numerators of a pair of additions of which one at least is not a chord: 3x^2 for a tangent. */
function numerators(j: usize): void {
  const kind0 = load<u8>(kinds + 2 * j);
  const kind1 = load<u8>(kinds + 2 * j, 1);
  pair.subReduced(SLOPE, YB, YA);
  pair.scatter(SLOPE, FOUND, FOUND + pair.ELEMENT);
  pair.sqr(X, XA);
  pair.addReduced(SLOPE, X, X);
  pair.addReduced(SLOPE, SLOPE, X);
  pair.scatter(SLOPE, DOUBLED, DOUBLED + pair.ELEMENT);
  const first = kind0 == TANGENT ? DOUBLED : FOUND;
  const second = kind1 == TANGENT ? DOUBLED : FOUND;
  pair.gather(Y, first, second + pair.ELEMENT);
}

/** The sums of all pairs of additions, last first; {@link ACC} is the inverse of the whole product. */
function add(pairs: i32): void {
  let link = links + <usize>pairs * LINK;
  for (let j = <usize>pairs - 1; j != ~(<usize>0); j--) {
    link -= LINK;
    pair.mul(INVERSE, ACC, link + pair.PAIR);
    pair.mul(ACC, ACC, link);
    const a = left + (j << 3);
    const b = right + (j << 3);
    pair.gather(XA, address(load<u32>(a)), address(load<u32>(a, 4)));
    pair.gather(XB, address(load<u32>(b)), address(load<u32>(b, 4)));
    gatherY(j);
    if (unusual && load<u16>(kinds + 2 * j) != 0) numerators(j);
    else pair.sub(Y, YB, YA);
    pair.mul(SLOPE, INVERSE, Y);
    pair.sqr(X, SLOPE);
    pair.sub2Reduced(X, X, XA, XB);
    pair.sub(Y, XA, X);
    pair.mul(Y, SLOPE, Y);
    pair.subReduced(Y, Y, YA);
    const first = <usize>load<u32>(sums + (j << 3));
    const second = <usize>load<u32>(sums + (j << 3), 4);
    pair.scatter(X, first, second);
    pair.scatter(Y, first + pair.ELEMENT, second + pair.ELEMENT);
  }
}

/** Notes an addition: the `job`th, a + b to the packed point `sum`. */
@inline
export function putJob(job: usize, a: u32, b: u32, sum: usize): void {
  store<u32>(left + (job << 2), a);
  store<u32>(right + (job << 2), b);
  store<u32>(sums + (job << 2), <u32>sum);
}

/**
 * Does all additions noted, at least one. No sum may be the point of a later addition. A sum that is infinity
 * leaves no point of use.
 */
export function addJobs(jobs: i32): void {
  const slots = <usize>jobs << 2;
  if (jobs & 1) {
    store<u32>(left + slots, load<u32>(left + slots - 4));
    store<u32>(right + slots, load<u32>(right + slots - 4));
    store<u32>(sums + slots, <u32>SPARE);
  }
  const pairs = (jobs + 1) >> 1;
  unusual = false;
  dropped = false;
  divide(pairs);
  const product = links + <usize>pairs * LINK + pair.PAIR;
  if (exceptional(TREE_ZERO_PRODUCT, pair.isZero(product, 0) || pair.isZero(product, 1))) {
    settle(pairs);
    multiplyAgain(pairs);
  }
  pair.inverse(ACC, product);
  add(pairs);
}

/**
 * Pairs up neighbours of every group; each pair's reference becomes that of its sum to be. Returns the
 * additions.
 */
function pairUp(groups: i32, starts: usize, counts: usize, refs: usize): i32 {
  let jobs: usize = 0;
  for (let g: usize = 0; g < <usize>groups << 2; g += 4) {
    const count = load<u32>(counts + g);
    if (count < 2) continue;
    const group = refs + (<usize>load<u32>(starts + g) << 2);
    for (let k: u32 = 0; k + 1 < count; k += 2) {
      const at = group + (<usize>k << 2);
      const sum = pool + jobs * pair.POINT;
      putJob(jobs, load<u32>(at), load<u32>(at, 4), sum);
      store<u32>(group + (<usize>k << 1), <u32>sum);
      jobs++;
    }
    const last = load<u32>(group + (<usize>(count - 1) << 2));
    if (count & 1) store<u32>(group + (<usize>(count >> 1) << 2), last);
    store<u32>(counts + g, (count + 1) >> 1);
  }
  return <i32>jobs;
}

/** Takes the references of sums that are infinity out of their groups. */
function dropInfinite(jobs: i32, groups: i32, starts: usize, counts: usize, refs: usize): void {
  const end = pool + <usize>jobs * pair.POINT;
  for (let g: usize = 0; g < <usize>groups << 2; g += 4) {
    const group = refs + (<usize>load<u32>(starts + g) << 2);
    const count = <usize>load<u32>(counts + g) << 2;
    let kept: usize = 0;
    for (let k: usize = 0; k < count; k += 4) {
      const ref = load<u32>(group + k);
      const at = address(ref);
      if (at >= pool && at < end && load<u8>(kinds + (at - pool) / pair.POINT) == INFINITE) continue;
      store<u32>(group + kept, ref);
      kept += 4;
    }
    store<u32>(counts + g, <u32>(kept >> 2));
  }
}

/**
 * Sums every group: afterwards its count is 1 and its first reference names the sum, or its count is 0 and
 * the sum is infinity. Sums stay where they are until {@link openTree}.
 *
 * @param starts u32 per group: index of its first reference
 * @param counts u32 per group
 * @param refs u32 each; changed
 */
export function sumGroups(groups: i32, starts: usize, counts: usize, refs: usize): void {
  while (true) {
    const jobs = pairUp(groups, starts, counts, refs);
    if (jobs == 0) return;
    addJobs(jobs);
    if (dropped) dropInfinite(jobs, groups, starts, counts, refs);
    pool += <usize>jobs * pair.POINT;
  }
}

/** The reference of a group's sum after {@link sumGroups}; 0 for infinity. */
@inline
export function sumOf(group: i32, starts: usize, counts: usize, refs: usize): u32 {
  const at = <usize>group << 2;
  return load<u32>(counts + at) == 0 ? 0 : load<u32>(refs + (<usize>load<u32>(starts + at) << 2));
}
