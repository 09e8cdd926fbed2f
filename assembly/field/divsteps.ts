/**
 * Inverses modulo p and n by division steps ("safegcd"; D. J. Bernstein, B.-Y. Yang, *Fast constant-time gcd
 * computation and modular inversion*, 2019), in the variant that jumps over zero bits: variable time, for
 * public numbers only.
 *
 * Numbers are 9 signed limbs of 30 bits, `i32`, lowest first: limbs 0 to 7 in `0..2^30-1` once carried, limb
 * 8 with the sign. Thirty steps at a time are made on the low words alone, as a matrix `[[u, v], [q, r]]`
 * that is then applied to all limbs. Its rows obey `|u| + |v| <= 2^30` and `|q| + |r| <= 2^30`. So an `i64`
 * that sums up `u * d + v * e`, a limb of the modulus times a multiple of at most 2^31, and a carry, stays
 * below `2^60 + 2^61 + 2^33`.
 */
import { setWords } from "../bytes";

const LIMBS: usize = 9;
const MASK: i64 = 0x3fffffff;

/** p and n in signed limbs, and their inverses modulo 2^30. */
const P: usize = memory.data<i32>([-977, -4, 0, 0, 0, 0, 0, 0, 65536, 0], 16);
const P_INVERSE: i32 = 0x2ddacacf;
const N: usize = memory.data<i32>(
  [0x10364141, 0x3f497a33, 0x348a03bb, 0x2bb739ab, -326, 0, 0, 0, 65536, 0],
  16,
);
const N_INVERSE: i32 = 0x2a774ec1;

/** `f` and `g` become gcd and 0; `d` and `e` are what they are multiples of, modulo the modulus. */
const F: usize = memory.data(40, 16);
const G: usize = memory.data(40, 16);
const D: usize = memory.data(40, 16);
const E: usize = memory.data(40, 16);

/** The matrix of the last thirty steps, times 2^30. */
let u: i64 = 0;
let v: i64 = 0;
let q: i64 = 0;
let r: i64 = 0;

/** `to = 1 / from mod p`, words; `from` in `0..p-1`; of 0 it is 0. The two may be the same place. */
export function invertModP(to: usize, from: usize): void {
  invert(to, from, P, P_INVERSE);
}

/** `to = 1 / from mod n`, words; `from` in `0..n-1`; of 0 it is 0. The two may be the same place. */
export function invertModN(to: usize, from: usize): void {
  invert(to, from, N, N_INVERSE);
}

function invert(to: usize, from: usize, modulus: usize, inverse: i32): void {
  memory.fill(D, 0, 40);
  memory.fill(E, 0, 40);
  store<i32>(E, 1);
  memory.copy(F, modulus, 40);
  limbsFromWords(G, from);
  let eta: i32 = -1;
  let length = LIMBS;
  do {
    eta = thirtySteps(eta);
    updateBezout(modulus, inverse);
    updateGcd(length);
    length = shortened(length);
  } while (!isZeroLimbs(G, length));
  normalize(D, load<i32>(F + ((length - 1) << 2)) < 0, modulus);
  wordsFromLimbs(to, D);
}

/**
 * Thirty division steps on the low words of F and G.
 *
 * `eta` is -delta of the paper. Each round first takes all steps that only halve `g`, then, with `f` the
 * smaller one's low word, clears up to six low bits of `g` at once by adding a multiple of `f`.
 *
 * @returns the new `eta`
 */
function thirtySteps(start: i32): i32 {
  let eta = start;
  let f = load<u32>(F) | (load<u32>(F, 4) << 30);
  let g = load<u32>(G) | (load<u32>(G, 4) << 30);
  let a: i32 = 1;
  let b: i32 = 0;
  let c: i32 = 0;
  let d: i32 = 1;
  let left: i32 = 30;
  for (;;) {
    const zeros = i32(ctz(g | (0xffffffff << left)));
    g >>= zeros;
    a <<= zeros;
    b <<= zeros;
    eta -= zeros;
    left -= zeros;
    if (left == 0) break;
    let multiple: u32;
    if (eta < 0) {
      eta = -eta;
      const f0 = f;
      f = g;
      g = 0 - f0;
      const a0 = a;
      a = c;
      c = -a0;
      const b0 = b;
      b = d;
      d = -b0;
      // -1 / f modulo 2^6, times g.
      multiple = f * g * (f * f - 2) & mask(eta + 1, left, 6);
    } else {
      // -1 / f modulo 2^4, times g.
      multiple = (0 - (f + (((f + 1) & 4) << 1))) * g & mask(eta + 1, left, 4);
    }
    g += f * multiple;
    c += a * multiple;
    d += b * multiple;
  }
  u = a;
  v = b;
  q = c;
  r = d;
  return eta;
}

/** The lowest `min(a, b, c)` bits. */
@inline
function mask(a: i32, b: i32, c: i32): u32 {
  return 0xffffffff >> (32 - min(min(a, b), c));
}

/** `[D, E] = matrix * [D, E] / 2^30` modulo the modulus; both stay within `-2 modulus..modulus`. */
function updateBezout(modulus: usize, inverse: i32): void {
  const d8 = i64(load<i32>(D, 32)) >> 63;
  const e8 = i64(load<i32>(E, 32)) >> 63;
  let d: i64 = load<i32>(D);
  let e: i64 = load<i32>(E);
  let carryD = u * d + v * e;
  let carryE = q * d + r * e;
  // Adding the modulus wherever the old one was negative keeps the range; the rest makes the low limb zero.
  // Of the product with the inverse only the low 30 bits count, so that it may wrap.
  let multipleD = (u & d8) + (v & e8);
  let multipleE = (q & d8) + (r & e8);
  multipleD -= (inverse * carryD + multipleD) & MASK;
  multipleE -= (inverse * carryE + multipleE) & MASK;
  const m0: i64 = load<i32>(modulus);
  carryD = (carryD + m0 * multipleD) >> 30;
  carryE = (carryE + m0 * multipleE) >> 30;
  for (let at: usize = 4; at < 36; at += 4) {
    const m: i64 = load<i32>(modulus + at);
    d = load<i32>(D + at);
    e = load<i32>(E + at);
    carryD += u * d + v * e + m * multipleD;
    carryE += q * d + r * e + m * multipleE;
    store<i32>(D + at - 4, i32(carryD & MASK));
    store<i32>(E + at - 4, i32(carryE & MASK));
    carryD >>= 30;
    carryE >>= 30;
  }
  store<i32>(D, i32(carryD), 32);
  store<i32>(E, i32(carryE), 32);
}

/** `[F, G] = matrix * [F, G] / 2^30`, exactly, on `length` limbs. */
function updateGcd(length: usize): void {
  const end = length << 2;
  let f: i64 = load<i32>(F);
  let g: i64 = load<i32>(G);
  let carryF = (u * f + v * g) >> 30;
  let carryG = (q * f + r * g) >> 30;
  for (let at: usize = 4; at < end; at += 4) {
    f = load<i32>(F + at);
    g = load<i32>(G + at);
    carryF += u * f + v * g;
    carryG += q * f + r * g;
    store<i32>(F + at - 4, i32(carryF & MASK));
    store<i32>(G + at - 4, i32(carryG & MASK));
    carryF >>= 30;
    carryG >>= 30;
  }
  store<i32>(F + end - 4, i32(carryF));
  store<i32>(G + end - 4, i32(carryG));
}

/**
 * How many limbs F and G still need: one less when both top limbs are only a sign, which then goes into the
 * limb below.
 */
function shortened(length: usize): usize {
  const top = (length - 1) << 2;
  const f = load<i32>(F + top);
  const g = load<i32>(G + top);
  if (length < 2 || f != f >> 31 || g != g >> 31) return length;
  store<i32>(F + top - 4, load<i32>(F + top - 4) | (f << 30));
  store<i32>(G + top - 4, load<i32>(G + top - 4) | (g << 30));
  return length - 1;
}

function isZeroLimbs(limbs: usize, length: usize): bool {
  let all = 0;
  for (let at: usize = 0; at < length << 2; at += 4) all |= load<i32>(limbs + at);
  return all == 0;
}

/** Brings `-2 modulus < limbs < modulus`, negated if asked, into `0..modulus-1`. */
function normalize(limbs: usize, negative: bool, modulus: usize): void {
  addIfNegative(limbs, modulus, negative);
  addIfNegative(limbs, modulus, false);
}

/** Adds the modulus to a negative number, then negates it if asked, and carries. */
function addIfNegative(limbs: usize, modulus: usize, negative: bool): void {
  const below: i64 = load<i32>(limbs, 32) >> 31;
  const sign: i64 = negative ? -1 : 1;
  let carry: i64 = 0;
  for (let at: usize = 0; at < 36; at += 4) {
    carry += sign * (i64(load<i32>(limbs + at)) + (below & i64(load<i32>(modulus + at))));
    if (at == 32) break;
    store<i32>(limbs + at, i32(carry & MASK));
    carry >>= 30;
  }
  store<i32>(limbs, i32(carry), 32);
}

function limbsFromWords(limbs: usize, words: usize): void {
  const w0 = load<u64>(words);
  const w1 = load<u64>(words, 8);
  const w2 = load<u64>(words, 16);
  const w3 = load<u64>(words, 24);
  store<i32>(limbs, i32(w0 & MASK));
  store<i32>(limbs, i32((w0 >> 30) & MASK), 4);
  store<i32>(limbs, i32(((w0 >> 60) | (w1 << 4)) & MASK), 8);
  store<i32>(limbs, i32((w1 >> 26) & MASK), 12);
  store<i32>(limbs, i32(((w1 >> 56) | (w2 << 8)) & MASK), 16);
  store<i32>(limbs, i32((w2 >> 22) & MASK), 20);
  store<i32>(limbs, i32(((w2 >> 52) | (w3 << 12)) & MASK), 24);
  store<i32>(limbs, i32((w3 >> 18) & MASK), 28);
  store<i32>(limbs, i32(w3 >> 48), 32);
}

function wordsFromLimbs(words: usize, limbs: usize): void {
  const l2: u64 = load<u32>(limbs, 8);
  const l4: u64 = load<u32>(limbs, 16);
  const l6: u64 = load<u32>(limbs, 24);
  const low: u64 = load<u32>(limbs);
  const w0 = low | (u64(load<u32>(limbs, 4)) << 30) | (l2 << 60);
  const w1 = (l2 >> 4) | (u64(load<u32>(limbs, 12)) << 26) | (l4 << 56);
  const w2 = (l4 >> 8) | (u64(load<u32>(limbs, 20)) << 22) | (l6 << 52);
  const w3 = (l6 >> 12) | (u64(load<u32>(limbs, 28)) << 18) | (u64(load<u32>(limbs, 32)) << 48);
  setWords(words, w0, w1, w2, w3);
}
