/**
 * Task firmware: a batch of shortest paths on one grid map. ABI profile `task/1`.
 *
 * Moves are 8-connected. A straight move costs 1, a diagonal move sqrt 2 and needs both cells beside it free (the
 * rule of the MovingAI benchmarks: no corner cutting). Answers are exact optima: costs are ordered as integers,
 * see path-plan/search.ts, so no rounding ever picks the longer path and every machine gives the same bytes.
 *
 * All numbers are little-endian and unsigned. x grows to the right, y downwards, (0, 0) is the first cell.
 *
 *   input:
 *     0            4  "PPI1"
 *     4            2  width, cells 1..65535
 *     6            2  height, cells 1..65535; width * height <= 2_097_152
 *     8            4  query count n, 0..65536
 *     12           height rows of rowBytes = ceil(width / 8) bytes; cell x is bit x % 8 (bit 0 lowest) of byte
 *                  x / 8; 1 = free; the bits past the width are 0
 *     12 + height * rowBytes
 *                  n queries of 8 bytes: start x, start y, goal x, goal y, 2 bytes each, inside the map
 *   and nothing after.
 *
 *   output:
 *     0            4  "PPO1"
 *     4            4  n
 *     8            n answers in the order of the queries, back to back:
 *       +0         1  status: 0 found, 1 unreachable, 2 start or goal is not free
 *       +1         4  straight moves s (0 unless found)
 *       +5         4  diagonal moves d (0 unless found)
 *       +9         ceil(3 (s + d) / 8) bytes: the moves, 3 bits each; move k is bits 3k, 3k + 1, 3k + 2 of the bit
 *                  string whose bit i is bit i % 8 of byte i / 8; the bits left over are 0
 *   and nothing after. Moves: 0 north (y - 1), 1 east (x + 1), 2 south, 3 west, 4 north-east, 5 south-east,
 *   6 south-west, 7 north-west.
 *
 * What `alloc` hands out lives as long as the instance; a host takes a fresh instance for every run.
 */
import { BLOCKED, putHead, putPath, UNREACHABLE } from "./path-plan/answer";
import { checkAnswer, openCheck } from "./path-plan/check";
import { free, openInput, QUERY_BYTES, queries, queryCount, width } from "./path-plan/job";
import { inMemory, keep, reach, reserve, top } from "./path-plan/memory";
import { findMoves, openWork, search } from "./path-plan/search";

const OUTPUT_MAGIC: u32 = 0x314f5050;
const OUTPUT_HEAD: u32 = 8;

/** Room for `n` bytes, or 0 when there is none or `n` is negative. */
export function alloc(n: i32): i32 {
  return n < 0 ? 0 : <i32>reserve(<u64>n);
}

function answer(at: usize, query: usize): usize {
  const startX = <i32>load<u16>(query);
  const startY = <i32>load<u16>(query, 2);
  const goalX = <i32>load<u16>(query, 4);
  const goalY = <i32>load<u16>(query, 6);
  if (!free(startX, startY) || !free(goalX, goalY)) return putHead(at, BLOCKED, 0, 0);
  if (!search(startX, startY, goalX, goalY)) return putHead(at, UNREACHABLE, 0, 0);
  return putPath(at, startY * width + startX, goalY * width + goalX);
}

/**
 * Solves the input at `ptr`, `len` bytes.
 *
 * @returns ptr << 32 | len of the output; 0 when the input breaks the format or the paths outgrow the memory
 */
export function run(ptr: i32, len: i32): i64 {
  if (!openInput(ptr, len) || !openWork()) return 0;
  findMoves();
  const out = top;
  if (!reach(out + OUTPUT_HEAD)) return 0;
  store<u32>(out, OUTPUT_MAGIC);
  store<u32>(out, queryCount, 4);
  let at = out + OUTPUT_HEAD;
  for (let i: u32 = 0; i < queryCount; i++) {
    at = answer(at, queries + i * QUERY_BYTES);
    if (at == 0) return 0;
  }
  keep(at);
  return ((<i64>out) << 32) | <i64>(at - out);
}

/**
 * Whether the output answers the input: every path legal and of the stated counts, every "unreachable" and "not free"
 * true, nothing missing and nothing after. It does not prove that a path is the shortest.
 *
 * @returns 1 when so, 0 when not or when the input itself breaks the format
 */
export function verify(inPtr: i32, inLen: i32, outPtr: i32, outLen: i32): i32 {
  if (!openInput(inPtr, inLen) || !inMemory(outPtr, outLen) || <u32>outLen < OUTPUT_HEAD) return 0;
  openCheck();
  let at = <usize>(<u32>outPtr);
  const end = at + <usize>(<u32>outLen);
  if (load<u32>(at) != OUTPUT_MAGIC || load<u32>(at, 4) != queryCount) return 0;
  at += OUTPUT_HEAD;
  for (let i: u32 = 0; i < queryCount; i++) {
    at = checkAnswer(at, end, queries + i * QUERY_BYTES);
    if (at == 0) return 0;
  }
  return at == end ? 1 : 0;
}
