/** Checks answers without searching: walks the paths, and names the regions where "unreachable" is claimed. */
import { ANSWER_HEAD, BLOCKED, FOUND, packedBytes, UNREACHABLE } from "./answer";
import { free, height, moveX, moveY, width } from "./job";
import { costs, keys, openWork } from "./search";

/** Region number of every cell (u32, 0 = not free or not reached yet), once an answer claims "unreachable". */
let regions: usize = 0;
let pending: usize = 0;

function spread(x: i32, y: i32, region: u32, count: u32): u32 {
  if (!free(x, y)) return count;
  const cell = <u32>y * width + <u32>x;
  const slot = regions + ((<usize>cell) << 2);
  if (load<u32>(slot) != 0) return count;
  store<u32>(slot, region);
  store<u32>(pending + ((<usize>count) << 2), cell);
  return count + 1;
}

/** Numbers the connected regions. A diagonal move implies two straight ones, so straight moves decide. */
function nameRegions(): bool {
  const cells = width * height;
  if (!openWork()) return false;
  // costs and keys mean nothing between searches, and the cell lists fit in them
  regions = costs;
  pending = keys;
  memory.fill(regions, 0, (<usize>cells) << 2);
  let region: u32 = 0;
  for (let seed: u32 = 0; seed < cells; seed++) {
    let count = spread(seed % width, seed / width, region + 1, 0);
    if (count > 0) region++;
    while (count > 0) {
      const cell = load<u32>(pending + ((<usize>--count) << 2));
      const x = <i32>(cell % width);
      const y = <i32>(cell / width);
      count = spread(x, y - 1, region, count);
      count = spread(x + 1, y, region, count);
      count = spread(x, y + 1, region, count);
      count = spread(x - 1, y, region, count);
    }
  }
  return true;
}

function connected(startX: i32, startY: i32, endX: i32, endY: i32): bool {
  const start = load<u32>(regions + ((<usize>(<u32>startY * width + <u32>startX)) << 2));
  return start == load<u32>(regions + ((<usize>(<u32>endY * width + <u32>endX)) << 2));
}

/** Walks the packed moves at `at`; true when every one is legal, they end at the goal and count up as stated. */
function walk(at: usize, moves: u32, straight: u32, x: i32, y: i32, endX: i32, endY: i32): bool {
  for (let i: u32 = 0; i < moves; i++) {
    const bit = <u64>i * 3;
    const byte = at + <usize>(bit >> 3);
    const shift = <u32>(bit & 7);
    let move = <u32>load<u8>(byte) >> shift;
    if (shift > 5) move |= (<u32>load<u8>(byte, 1)) << (8 - shift);
    move &= 7;
    const dx = moveX(move);
    const dy = moveY(move);
    if (!free(x + dx, y + dy)) return false;
    if (move < 4) {
      if (straight == 0) return false;
      straight--;
    } else if (!free(x + dx, y) || !free(x, y + dy)) return false;
    x += dx;
    y += dy;
  }
  const used = <u32>((<u64>moves * 3) & 7);
  if (used != 0 && load<u8>(at + <usize>packedBytes(moves) - 1) >> used != 0) return false;
  return straight == 0 && x == endX && y == endY;
}

/** Checks the answer at `at` (which ends before `end`) and returns where the next one begins; 0 when it is wrong. */
export function checkAnswer(at: usize, end: usize, query: usize): usize {
  if (end - at < ANSWER_HEAD) return 0;
  const status = load<u8>(at);
  const straight = load<u32>(at, 1);
  const diagonal = load<u32>(at, 5);
  const startX = <i32>load<u16>(query);
  const startY = <i32>load<u16>(query, 2);
  const endX = <i32>load<u16>(query, 4);
  const endY = <i32>load<u16>(query, 6);
  at += ANSWER_HEAD;
  const blocked = !free(startX, startY) || !free(endX, endY);
  if (status != FOUND) {
    if (straight != 0 || diagonal != 0 || blocked != (status == BLOCKED)) return 0;
    if (blocked) return at;
    if (status != UNREACHABLE || (regions == 0 && !nameRegions())) return 0;
    return connected(startX, startY, endX, endY) ? 0 : at;
  }
  const moves = <u64>straight + <u64>diagonal;
  // no path visits more cells than there are, and longer ones are never worth paying for
  if (blocked || moves >= <u64>width * height || packedBytes(moves) > <u64>(end - at)) return 0;
  if (!walk(at, <u32>moves, straight, startX, startY, endX, endY)) return 0;
  return at + <usize>packedBytes(moves);
}

/** Forgets the regions of the last map. */
export function openCheck(): void {
  regions = 0;
}
