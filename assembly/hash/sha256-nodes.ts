/**
 * SHA-256 of many inputs of 64 bytes, as Merkle trees need it: one at a time, or four side by side in v128 words.
 *
 * Which is faster depends on the machine, so it is chosen at the start by measuring. All calls share their scratch.
 */
import { sha256FourNodes, sha256Node } from "../../build/assembly/sha256";

/** Four inputs: 16 words of each, side by side. */
const BLOCKS: usize = memory.data(256, 16);
/** Four digests: 8 words of each, side by side. */
const DIGESTS: usize = memory.data(128, 16);
/** Where each byte of four words comes from when their byte order is turned around. */
const TURNED: usize = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12], 16);

let fourWide: bool = true;

/** @param ways - how many inputs are hashed side by side: 1, or 4 (the default) */
export function chooseSha256Nodes(ways: i32): void {
  fourWide = ways != 1;
}

// V8 builds the pattern of a shuffle anew each time; that of a swizzle is loaded.
@inline
function turnBytes(words: v128): v128 {
  return v128.swizzle(words, v128.load(TURNED));
}

/** Writes the columns of four rows of four words, `step` bytes apart, in the other byte order. */
@inline
function transpose(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  const lowAb = v128.shuffle<u32>(a, b, 0, 4, 1, 5);
  const highAb = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
  const lowCd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  const highCd = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  v128.store(to, turnBytes(v128.shuffle<u64>(lowAb, lowCd, 0, 2)));
  v128.store(to + step, turnBytes(v128.shuffle<u64>(lowAb, lowCd, 1, 3)));
  v128.store(to + 2 * step, turnBytes(v128.shuffle<u64>(highAb, highCd, 0, 2)));
  v128.store(to + 3 * step, turnBytes(v128.shuffle<u64>(highAb, highCd, 1, 3)));
}

function hashFour(input: usize, output: usize): void {
  for (let at: usize = 0; at < 64; at += 16) {
    const from = input + at;
    const to = BLOCKS + 4 * at;
    transpose(v128.load(from), v128.load(from, 64), v128.load(from, 128), v128.load(from, 192), to, 16);
  }
  sha256FourNodes(BLOCKS, DIGESTS);
  for (let at: usize = 0; at < 32; at += 16) {
    const from = DIGESTS + 4 * at;
    const to = output + at;
    transpose(v128.load(from), v128.load(from, 16), v128.load(from, 32), v128.load(from, 48), to, 32);
  }
}

/**
 * Digests of `count` inputs of 64 bytes that lie one after another: 32 bytes each, one after another.
 *
 * The output may begin where the input begins, or before it; it must not begin inside of it.
 */
export function sha256Nodes(input: usize, output: usize, count: i32): void {
  if (fourWide) {
    for (; count >= 4; count -= 4, input += 256, output += 128) hashFour(input, output);
  }
  for (; count >= 1; count--, input += 64, output += 32) sha256Node(input, output);
}
