/**
 * Keccak-256 of many inputs of 64 bytes, as Merkle trees need it: one at a time, or two side by side in v128 lanes.
 *
 * Which is faster depends on the machine, so it is chosen at the start by measuring. All calls share their scratch.
 */
import { keccakNode, keccakNodePair } from "../../build/assembly/keccak";

/** Two inputs with their lanes interleaved: 128 bytes. */
const BLOCKS: usize = memory.data(128, 16);
/** Two digests with their lanes interleaved: 64 bytes. */
const DIGESTS: usize = memory.data(64, 16);

let pairwise: bool = true;

/** @param ways - how many inputs are hashed side by side: 1, or 2 (the default) */
export function chooseKeccakNodes(ways: i32): void {
  pairwise = ways != 1;
}

/** Exchanges lanes so that 16 bytes of two rows become two lanes of both. */
@inline
function interleave(first: v128, second: v128, to: usize): void {
  v128.store(to, v128.shuffle<u64>(first, second, 0, 2));
  v128.store(to, v128.shuffle<u64>(first, second, 1, 3), 16);
}

function hashPair(input: usize, output: usize): void {
  for (let at: usize = 0; at < 64; at += 16) {
    interleave(v128.load(input + at), v128.load(input + at, 64), BLOCKS + 2 * at);
  }
  keccakNodePair(BLOCKS, DIGESTS);
  for (let at: usize = 0; at < 32; at += 16) {
    const even = v128.load(DIGESTS + 2 * at);
    const odd = v128.load(DIGESTS + 2 * at, 16);
    v128.store(output + at, v128.shuffle<u64>(even, odd, 0, 2));
    v128.store(output + at, v128.shuffle<u64>(even, odd, 1, 3), 32);
  }
}

/**
 * Digests of `count` inputs of 64 bytes that lie one after another: 32 bytes each, one after another.
 *
 * The output may begin where the input begins, or before it; it must not begin inside of it.
 */
export function keccakNodes(input: usize, output: usize, count: i32): void {
  if (pairwise) {
    for (; count >= 2; count -= 2, input += 128, output += 64) hashPair(input, output);
  }
  for (; count >= 1; count--, input += 64, output += 32) keccakNode(input, output);
}
