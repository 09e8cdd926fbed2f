/**
 * Width-w non-adjacent form of 128-bit magnitudes: digits that are zero or odd with |d| < 2^(w-1), any w in a
 * row with at most one that is not zero. Source: Solinas, Designs, Codes and Cryptography 19 (2000).
 */

/** Digits of one form: positions 0 to 128. */
const POSITIONS: i32 = 129;
/** Bytes of one form: an `i16` per position. */
const WNAF: usize = 260;

/** The 64 bits of a two-word magnitude from `position` on, zeros above */
@inline
function bitsFrom(low: u64, high: u64, position: i32): u64 {
  if (position >= 128) return 0;
  if (position >= 64) return high >> (position - 64);
  return position == 0 ? low : (low >> position) | (high << (64 - position));
}

/**
 * @param digits {@link WNAF} bytes; digit i counts 2^i
 * @param words two words, least significant first
 * @param width 2 to 16
 * @returns one more than the highest position that is not zero; 0 for zero
 */
export function wnaf(digits: usize, words: usize, width: i32): i32 {
  memory.fill(digits, 0, WNAF);
  const low = load<u64>(words);
  const high = load<u64>(words, 8);
  const mask = ((1 as u64) << width) - 1;
  const half = (1 as i32) << (width - 1);
  let carry: i32 = 0;
  let length = 0;
  let position = 0;
  while (position < POSITIONS) {
    const bits = bitsFrom(low, high, position);
    // A run of bits equal to the carry stays as it is: zeros, or ones that the carry turns to zeros.
    const run = <i32>ctz(carry ? ~bits : bits);
    if (run > 0) {
      position += run;
      continue;
    }
    let digit = <i32>(bits & mask) + carry;
    carry = digit >= half ? 1 : 0;
    digit -= carry << width;
    store<i16>(digits + ((<usize>position) << 1), <i16>digit);
    length = position + 1;
    position += width;
  }
  return length;
}
