/** One answer as bytes. The layout is in path-plan.ts. */
import { moveX, moveY, width } from "./job";
import { reach } from "./memory";
import { cameBy } from "./search";

export const FOUND: u8 = 0;
export const UNREACHABLE: u8 = 1;
export const BLOCKED: u8 = 2;
export const ANSWER_HEAD: u32 = 9;

/** Bytes of `moves` packed moves. */
export function packedBytes(moves: u64): u64 {
  return (moves * 3 + 7) >> 3;
}

/** Writes an answer without moves at `at` and returns its end; 0 when memory is out. */
export function putHead(at: usize, status: u8, straight: u32, diagonal: u32): usize {
  if (!reach(at + ANSWER_HEAD)) return 0;
  store<u8>(at, status);
  store<u32>(at, straight, 1);
  store<u32>(at, diagonal, 5);
  return at + ANSWER_HEAD;
}

/** Writes the path that the last search left in the marks and returns its end; 0 when memory is out. */
export function putPath(at: usize, start: u32, goal: u32): usize {
  let straight: u32 = 0;
  let diagonal: u32 = 0;
  for (let cell = goal; cell != start; ) {
    const move = cameBy(cell);
    if (move < 4) straight++;
    else diagonal++;
    cell -= moveY(move) * width + moveX(move);
  }
  const moves = putHead(at, FOUND, straight, diagonal);
  let index = straight + diagonal;
  const end = moves + <usize>packedBytes(index);
  // one byte more: moves are or-ed in as 16-bit words
  if (moves == 0 || !reach(end + 1)) return 0;
  memory.fill(moves, 0, end + 1 - moves);
  for (let cell = goal; cell != start; ) {
    const move = cameBy(cell);
    const bit = --index * 3;
    const word = moves + (bit >> 3);
    store<u16>(word, load<u16>(word) | <u16>(move << (bit & 7)));
    cell -= moveY(move) * width + moveX(move);
  }
  return end;
}
