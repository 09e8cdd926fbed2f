/**
 * The endomorphism of secp256k1: lambda (x, y) = (beta x, y), so a 256-bit scalar becomes two of 128 bits.
 *
 * Source: Gallant, Lambert, Vanstone, CRYPTO 2001. The short basis of the lattice {(i, j): i + j lambda = 0
 * mod n} is that of Hankerson, Menezes, Vanstone, Guide to Elliptic Curve Cryptography, example 3.75: (a, -b)
 * and (a + b, a).
 */

/** What {@link split} returns: the signs of the two halves. */
export const FIRST_NEGATIVE: i32 = 1;
export const SECOND_NEGATIVE: i32 = 2;

/** a, below 2^126 */
const A: usize = memory.data<u64>([0xe86c90e49284eb15, 0x3086d221a7d46bcd], 16);
/** a + b, below 2^129; b = 0xe4437ed6010e88286f547fa90abfe4c3, below 2^128 */
const A_PLUS_B: usize = memory.data<u64>([0x57c1108d9d44cfd8, 0x14ca50f7a8e2f3f6, 1], 16);
/** 2^192 - b */
const MINUS_B: usize = memory.data<u64>([0x90ab8056f5401b3d, 0x1bbc8129fef177d7, 0xffffffffffffffff], 16);
/** round(2^384 a / n) */
const A_OVER_N: usize = memory.data<u64>(
  [0xe893209a45dbb031, 0x3daa8a1471e8ca7f, 0xe86c90e49284eb15, 0x3086d221a7d46bcd],
  16,
);
/** round(2^384 b / n) */
const B_OVER_N: usize = memory.data<u64>(
  [0x1571b4ae8ac47f71, 0x221208ac9df506c6, 0x6f547fa90abfe4c4, 0xe4437ed6010e8828],
  16,
);

/**
 * Scratch of {@link split}: a product of up to eight words, two quotients of two words, two halves of three.
 */
const PRODUCT: usize = memory.data(64, 16);
const FIRST_QUOTIENT: usize = memory.data(16, 16);
const SECOND_QUOTIENT: usize = memory.data(16, 16);
const FIRST: usize = memory.data(24, 16);
const SECOND: usize = memory.data(24, 16);

/** product = a b, by 32-bit digits: a digit product and two carries fit 64 bits exactly */
function multiply(product: usize, a: usize, aWords: usize, b: usize, bWords: usize): void {
  const aEnd = aWords << 3;
  const bEnd = bWords << 3;
  memory.fill(product, 0, bEnd);
  for (let i: usize = 0; i < aEnd; i += 4) {
    const digit = <u64>load<u32>(a + i);
    let carry: u64 = 0;
    for (let j: usize = 0; j < bEnd; j += 4) {
      const at = product + i + j;
      const sum = digit * <u64>load<u32>(b + j) + <u64>load<u32>(at) + carry;
      store<u32>(at, <u32>sum);
      carry = sum >> 32;
    }
    store<u32>(product + i + bEnd, <u32>carry);
  }
}

/** quotient = round(k g / 2^384): below 2^128, since k < 2^256 and g < 0.9 * 2^256 */
function roundedQuotient(quotient: usize, k: usize, g: usize): void {
  multiply(PRODUCT, k, 4, g, 4);
  const half = load<u64>(PRODUCT, 40) >> 63;
  const low = load<u64>(PRODUCT, 48) + half;
  store<u64>(quotient, low);
  store<u64>(quotient, load<u64>(PRODUCT, 56) + u64(low < half), 8);
}

/** words -= quotient factor, three words modulo 2^192: what is left in the end fits 129 bits with its sign */
function subtractProduct(words: usize, quotient: usize, factor: usize, factorWords: usize): void {
  multiply(PRODUCT, quotient, 2, factor, factorWords);
  let borrow: u64 = 0;
  for (let i: usize = 0; i < 24; i += 8) {
    const minuend = load<u64>(words + i);
    const subtrahend = load<u64>(PRODUCT + i);
    const difference = minuend - subtrahend;
    store<u64>(words + i, difference - borrow);
    borrow = u64(minuend < subtrahend) | u64(difference < borrow);
  }
}

/** three words in two's complement -> the magnitude, two words; true when negative */
function magnitude(out: usize, words: usize): bool {
  const negative = load<i64>(words, 16) < 0;
  let low = load<u64>(words);
  let high = load<u64>(words, 8);
  if (negative) {
    low = 0 - low;
    high = ~high + u64(low == 0);
  }
  store<u64>(out, low);
  store<u64>(out, high, 8);
  return negative;
}

/**
 * k = k1 + k2 lambda mod n with |k1|, |k2| < 2^128.
 *
 * c1 = round(a k / n), c2 = round(b k / n), k1 = k - c1 a - c2 (a + b), k2 = c1 b - c2 a. Each quotient is
 * off by at most 1/2 + 2^-128 (the rounding of the two constants adds the second term), so that
 * |k1| <= (1/2 + 2^-128)(2 a + b) < 0.64 * 2^128 and |k2| <= (1/2 + 2^-128)(a + b) < 0.55 * 2^128.
 *
 * @param out 32 bytes: |k1|, then |k2|, two words each, least significant first; may be the scalar's place
 * @param scalar four words, any value below 2^256
 * @returns {@link FIRST_NEGATIVE} | {@link SECOND_NEGATIVE} as k1 and k2 are negative
 */
export function split(out: usize, scalar: usize): i32 {
  roundedQuotient(FIRST_QUOTIENT, scalar, A_OVER_N);
  roundedQuotient(SECOND_QUOTIENT, scalar, B_OVER_N);
  memory.copy(FIRST, scalar, 24);
  subtractProduct(FIRST, FIRST_QUOTIENT, A, 2);
  subtractProduct(FIRST, SECOND_QUOTIENT, A_PLUS_B, 3);
  memory.fill(SECOND, 0, 24);
  subtractProduct(SECOND, FIRST_QUOTIENT, MINUS_B, 3);
  subtractProduct(SECOND, SECOND_QUOTIENT, A, 2);
  const first = magnitude(out, FIRST);
  const second = magnitude(out + 16, SECOND);
  return (first ? FIRST_NEGATIVE : 0) | (second ? SECOND_NEGATIVE : 0);
}
