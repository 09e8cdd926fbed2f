/**
 * 256-bit integers between the wire and the kernels.
 *
 * On the wire an integer is 32 bytes, most significant first (SEC1 2.3.7). Inside it is four `u64` words,
 * least significant first, 32 bytes, any alignment.
 */

/** The 8 bytes at `from`, most significant first. */
@inline
export function be64(from: usize): u64 {
  return bswap<u64>(load<u64>(from));
}

/** Writes `value` as 8 bytes, most significant first. */
@inline
export function putBe64(to: usize, value: u64): void {
  store<u64>(to, bswap<u64>(value));
}

/** Reads 32 bytes into words. The two may be the same place. */
export function wordsFromBytes(words: usize, bytes: usize): void {
  const w3 = be64(bytes);
  const w2 = be64(bytes + 8);
  const w1 = be64(bytes + 16);
  const w0 = be64(bytes + 24);
  setWords(words, w0, w1, w2, w3);
}

/** Writes words as 32 bytes. The two may be the same place. */
export function bytesFromWords(bytes: usize, words: usize): void {
  const w0 = load<u64>(words);
  const w1 = load<u64>(words, 8);
  const w2 = load<u64>(words, 16);
  const w3 = load<u64>(words, 24);
  putBe64(bytes, w3);
  putBe64(bytes + 8, w2);
  putBe64(bytes + 16, w1);
  putBe64(bytes + 24, w0);
}

/** Stores four words, `w0` the least significant. */
@inline
export function setWords(words: usize, w0: u64, w1: u64, w2: u64, w3: u64): void {
  store<u64>(words, w0);
  store<u64>(words, w1, 8);
  store<u64>(words, w2, 16);
  store<u64>(words, w3, 24);
}

/** Copies 256 bits. */
@inline
export function copyWords(to: usize, from: usize): void {
  setWords(to, load<u64>(from), load<u64>(from, 8), load<u64>(from, 16), load<u64>(from, 24));
}

/** Whether all 256 bits are 0. */
@inline
export function isZeroWords(words: usize): bool {
  return (load<u64>(words) | load<u64>(words, 8) | load<u64>(words, 16) | load<u64>(words, 24)) == 0;
}

/** The lowest bit. */
@inline
export function isOddWords(words: usize): bool {
  return (load<u64>(words) & 1) != 0;
}

/** -1, 0 or 1 as `a` is less than, equal to or greater than `b`. Variable time. */
export function compareWords(a: usize, b: usize): i32 {
  for (let offset: usize = 32; offset != 0; ) {
    offset -= 8;
    const x = load<u64>(a + offset);
    const y = load<u64>(b + offset);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

/**
 * `r = a + b mod 2^256`, all words; `r` may be `a` or `b`.
 *
 * @returns the carry, 0 or 1
 */
export function addWords(r: usize, a: usize, b: usize): u64 {
  let carry: u64 = 0;
  for (let offset: usize = 0; offset < 32; offset += 8) {
    const x = load<u64>(a + offset);
    const partial = x + load<u64>(b + offset);
    const sum = partial + carry;
    carry = u64(partial < x) | u64(sum < partial);
    store<u64>(r + offset, sum);
  }
  return carry;
}

/**
 * `r = a - b mod 2^256`, all words; `r` may be `a` or `b`.
 *
 * @returns the borrow, 0 or 1
 */
export function subWords(r: usize, a: usize, b: usize): u64 {
  let borrow: u64 = 0;
  for (let offset: usize = 0; offset < 32; offset += 8) {
    const x = load<u64>(a + offset);
    const y = load<u64>(b + offset);
    const partial = x - y;
    store<u64>(r + offset, partial - borrow);
    borrow = u64(x < y) | u64(partial < borrow);
  }
  return borrow;
}
