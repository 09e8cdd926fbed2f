/**
 * Pairs of elements modulo p in the fused build: five balanced 52-bit digits per element, as floats.
 *
 * Digit i of lane l lies at 16 i + 8 l in a pair; a packed element is its five digits in order. What the digits of
 * reduced and loose values can be, and that nothing overflows, is proven where the arithmetic is generated
 * (assembly/generate/p52.ts).
 */
export {
  add,
  addReduced,
  BETA,
  mul,
  ONE,
  reduce,
  SEVEN,
  sqr,
  sqrTimes,
  sub,
  sub2Reduced,
  subReduced,
} from "../../build/assembly/p52";

const MASK: i64 = (1 << 52) - 1;
const TOP_MASK: i64 = (1 << 48) - 1;
/** 2^256 mod p. */
const FOLD: i64 = 0x1000003d1;
const HALF: i64 = 1 << 51;
const TOP_HALF: i64 = 1 << 47;

/** 1 + 2^-27, -(1 + 2^-26) and 2^-54, each in both lanes. */
const NEAR_ONE: f64 = 1.000000007450580596923828125;
const SQUARE: f64 = -1.00000001490116119384765625;
const REST: f64 = 5.5511151231257827e-17;
const FUSED: usize = memory.data<f64>([NEAR_ONE, NEAR_ONE, SQUARE, SQUARE, REST, REST], 16);

/**
 * Whether the machine's relaxed_madd rounds once, on which everything here rests: only then is something left of
 * (1 + 2^-27)^2 - (1 + 2^-26), which is 2^-54.
 */
export function isFused(): bool {
  const rest = f64x2.relaxed_madd(v128.load(FUSED), v128.load(FUSED), v128.load(FUSED, 16));
  return i64x2.all_true(i64x2.eq(rest, v128.load(FUSED, 32)));
}

export function copy(r: usize, a: usize): void {
  v128.store(r, v128.load(a));
  v128.store(r, v128.load(a, 16), 16);
  v128.store(r, v128.load(a, 32), 32);
  v128.store(r, v128.load(a, 48), 48);
  v128.store(r, v128.load(a, 64), 64);
}

export function negate(r: usize, a: usize): void {
  v128.store(r, f64x2.neg(v128.load(a)));
  v128.store(r, f64x2.neg(v128.load(a, 16)), 16);
  v128.store(r, f64x2.neg(v128.load(a, 32)), 32);
  v128.store(r, f64x2.neg(v128.load(a, 48)), 48);
  v128.store(r, f64x2.neg(v128.load(a, 64)), 64);
}

@inline
function swap(lanes: v128): v128 {
  return v128.shuffle<u64>(lanes, lanes, 1, 0);
}

export function swapLanes(r: usize, a: usize): void {
  v128.store(r, swap(v128.load(a)));
  v128.store(r, swap(v128.load(a, 16)), 16);
  v128.store(r, swap(v128.load(a, 32)), 32);
  v128.store(r, swap(v128.load(a, 48)), 48);
  v128.store(r, swap(v128.load(a, 64)), 64);
}

@inline
function lanes(a: usize, b: usize): v128 {
  return v128.load_lane<u64>(b, v128.load_zero<u64>(a), 1);
}

@inline
export function gather(pair: usize, a: usize, b: usize): void {
  v128.store(pair, lanes(a, b));
  v128.store(pair, lanes(a + 8, b + 8), 16);
  v128.store(pair, lanes(a + 16, b + 16), 32);
  v128.store(pair, lanes(a + 24, b + 24), 48);
  v128.store(pair, lanes(a + 32, b + 32), 64);
}

@inline
export function gatherSigned(pair: usize, a: usize, b: usize, negateA: u32, negateB: u32): void {
  const signs = i64x2.replace_lane(i64x2.splat(<i64>negateA << 63), 1, <i64>negateB << 63);
  v128.store(pair, v128.xor(lanes(a, b), signs));
  v128.store(pair, v128.xor(lanes(a + 8, b + 8), signs), 16);
  v128.store(pair, v128.xor(lanes(a + 16, b + 16), signs), 32);
  v128.store(pair, v128.xor(lanes(a + 24, b + 24), signs), 48);
  v128.store(pair, v128.xor(lanes(a + 32, b + 32), signs), 64);
}

@inline
function apart(a: usize, b: usize, digits: v128): void {
  v128.store_lane<u64>(a, digits, 0);
  v128.store_lane<u64>(b, digits, 1);
}

@inline
export function scatter(pair: usize, a: usize, b: usize): void {
  apart(a, b, v128.load(pair));
  apart(a + 8, b + 8, v128.load(pair, 16));
  apart(a + 16, b + 16, v128.load(pair, 32));
  apart(a + 24, b + 24, v128.load(pair, 48));
  apart(a + 32, b + 32, v128.load(pair, 64));
}

/** Balanced digits of a 256-bit integer, `stride` bytes apart; reduced. */
@inline
function digitsFromWords(at: usize, stride: usize, words: usize): void {
  const w0 = load<u64>(words), w1 = load<u64>(words, 8), w2 = load<u64>(words, 16), w3 = load<u64>(words, 24);
  let d0 = <i64>w0 & MASK;
  let d1 = <i64>((w0 >> 52) | (w1 << 12)) & MASK;
  let d2 = <i64>((w1 >> 40) | (w2 << 24)) & MASK;
  let d3 = <i64>((w2 >> 28) | (w3 << 36)) & MASK;
  let d4 = <i64>(w3 >> 16);
  const above = (d4 + TOP_HALF) >> 48;
  d4 -= above << 48;
  d0 += above * FOLD;
  let carry = (d0 + HALF) >> 52;
  d0 -= carry << 52;
  d1 += carry;
  carry = (d1 + HALF) >> 52;
  d1 -= carry << 52;
  d2 += carry;
  carry = (d2 + HALF) >> 52;
  d2 -= carry << 52;
  d3 += carry;
  carry = (d3 + HALF) >> 52;
  d3 -= carry << 52;
  d4 += carry;
  store<f64>(at, <f64>d0);
  store<f64>(at + stride, <f64>d1);
  store<f64>(at + 2 * stride, <f64>d2);
  store<f64>(at + 3 * stride, <f64>d3);
  store<f64>(at + 4 * stride, <f64>d4);
}

/**
 * The number from 0 to p - 1 that the digits stand for. With 2 p added, a sum of three reduced elements is positive and
 * below 4 p; taking the multiples of 2^256 off leaves less than 2^256 + 3 FOLD, of which at most one p is to be taken.
 */
@inline
function wordsFromDigits(words: usize, at: usize, stride: usize): void {
  let d0 = <i64>load<f64>(at) + ((1 << 52) - 2 * FOLD);
  let d1 = <i64>load<f64>(at + stride) + MASK;
  let d2 = <i64>load<f64>(at + 2 * stride) + MASK;
  let d3 = <i64>load<f64>(at + 3 * stride) + MASK;
  let d4 = <i64>load<f64>(at + 4 * stride) + ((1 << 49) - 1);
  d1 += d0 >> 52;
  d2 += d1 >> 52;
  d3 += d2 >> 52;
  d4 += d3 >> 52;
  d0 = (d0 & MASK) + (d4 >> 48) * FOLD;
  d1 = (d1 & MASK) + (d0 >> 52);
  d2 = (d2 & MASK) + (d1 >> 52);
  d3 = (d3 & MASK) + (d2 >> 52);
  d4 = (d4 & TOP_MASK) + (d3 >> 52);
  const e0 = (d0 & MASK) + FOLD;
  const e1 = (d1 & MASK) + (e0 >> 52);
  const e2 = (d2 & MASK) + (e1 >> 52);
  const e3 = (d3 & MASK) + (e2 >> 52);
  const e4 = d4 + (e3 >> 52);
  const past = e4 >> 48 != 0;
  d0 = (past ? e0 : d0) & MASK;
  d1 = (past ? e1 : d1) & MASK;
  d2 = (past ? e2 : d2) & MASK;
  d3 = (past ? e3 : d3) & MASK;
  d4 = past ? e4 & TOP_MASK : d4;
  store<u64>(words, d0 | (d1 << 52));
  store<u64>(words, (d1 >> 12) | (d2 << 40), 8);
  store<u64>(words, (d2 >> 24) | (d3 << 28), 16);
  store<u64>(words, (d3 >> 36) | (d4 << 16), 24);
}

export function fromWords(pair: usize, lane: i32, words: usize): void {
  digitsFromWords(pair + (<usize>lane << 3), 16, words);
}

export function toWords(words: usize, pair: usize, lane: i32): void {
  wordsFromDigits(words, pair + (<usize>lane << 3), 16);
}

export function packWords(element: usize, words: usize): void {
  digitsFromWords(element, 8, words);
}

export function unpackWords(words: usize, element: usize): void {
  wordsFromDigits(words, element, 8);
}

/** False only when the lane is not zero: the lowest digit is that of none of -p, 0 and p, modulo 2^52. */
@inline
export function mayBeZero(pair: usize, lane: i32): bool {
  const low = <i64>load<f64>(pair + (<usize>lane << 3)) & MASK;
  return low == 0 || low == FOLD || low == (1 << 52) - FOLD;
}
