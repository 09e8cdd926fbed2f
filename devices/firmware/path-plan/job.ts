/** The open input: its map and its queries. The byte layout is in path-plan.ts. */
import { inMemory } from "./memory";

const MAGIC: u32 = 0x31495050;
const HEAD: u32 = 12;
const MAX_CELLS: u32 = 1 << 21;
const MAX_QUERIES: u32 = 1 << 16;
export const QUERY_BYTES: u32 = 8;

export let width: u32 = 0;
export let height: u32 = 0;
let rowBytes: u32 = 0;
let rows: usize = 0;
export let queryCount: u32 = 0;
export let queries: usize = 0;

/** Reads and checks an input; false when any byte of it breaks the format. */
export function openInput(ptr: i32, len: i32): bool {
  if (!inMemory(ptr, len) || <u32>len < HEAD) return false;
  const at = <usize>(<u32>ptr);
  if (load<u32>(at) != MAGIC) return false;
  width = load<u16>(at, 4);
  height = load<u16>(at, 6);
  queryCount = load<u32>(at, 8);
  if (width == 0 || height == 0 || <u64>width * <u64>height > MAX_CELLS || queryCount > MAX_QUERIES)
    return false;
  rowBytes = (width + 7) >> 3;
  if (len != HEAD + height * rowBytes + queryCount * QUERY_BYTES) return false;
  rows = at + HEAD;
  queries = rows + height * rowBytes;
  const spare: u32 = ((<u32>0xff) << (((width - 1) & 7) + 1)) & 0xff;
  for (let y: u32 = 0; y < height; y++) {
    if (load<u8>(rows + (y + 1) * rowBytes - 1) & spare) return false;
  }
  for (let i: u32 = 0; i < queryCount; i++) {
    const query = queries + i * QUERY_BYTES;
    if (load<u16>(query) >= width || load<u16>(query, 2) >= height) return false;
    if (load<u16>(query, 4) >= width || load<u16>(query, 6) >= height) return false;
  }
  return true;
}

/** Whether (x, y) is on the map and free; -1 and beyond are off the map. */
export function free(x: i32, y: i32): bool {
  if (<u32>x >= width || <u32>y >= height) return false;
  return ((load<u8>(rows + <u32>y * rowBytes + (<u32>x >> 3)) >> (<u32>x & 7)) & 1) != 0;
}

/** Change of x by a move, -1..1; the word holds one byte a move, plus one. */
export function moveX(move: i32): i32 {
  return <i32>((0x0000_0202_0001_0201 >> ((<i64>move) << 3)) & 0xff) - 1;
}

/** Change of y by a move, -1..1. */
export function moveY(move: i32): i32 {
  return <i32>((0x0002_0200_0102_0100 >> ((<i64>move) << 3)) & 0xff) - 1;
}

/** The legal moves out of a free cell, bit m for move m. */
export function movesFrom(x: i32, y: i32): u8 {
  const n = <u32>free(x, y - 1);
  const e = <u32>free(x + 1, y);
  const s = <u32>free(x, y + 1);
  const w = <u32>free(x - 1, y);
  let mask = n | (e << 1) | (s << 2) | (w << 3);
  if (n & e) mask |= (<u32>free(x + 1, y - 1)) << 4;
  if (s & e) mask |= (<u32>free(x + 1, y + 1)) << 5;
  if (s & w) mask |= (<u32>free(x - 1, y + 1)) << 6;
  if (n & w) mask |= (<u32>free(x - 1, y - 1)) << 7;
  return <u8>mask;
}
