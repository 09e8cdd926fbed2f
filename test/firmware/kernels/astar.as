/**
 * A* from the first to the last cell of a grid whose cells cost 1..4 to enter or are walls.
 *
 *   input:  u32 width, u32 height (width * height <= 2^17), u32 seed, u32 percent of walls
 *   output: u32 cost (2^32 - 1 where there is no way), u32 cells expanded, u32 cells on the way
 */
import { answer, next } from "./task";

export { alloc } from "./task";

const NONE: u32 = 0xffff_ffff;
const CELLS = 1 << 17;

const costs: usize = heap.alloc(CELLS);
const reached: usize = heap.alloc(4 * CELLS);
const parents: usize = heap.alloc(4 * CELLS);
/** Entries of a binary heap: estimate in the high, cell in the low 32 bits. */
const queue: usize = heap.alloc(8 * 4 * CELLS);
const output: usize = heap.alloc(12);
let queued: i32 = 0;

function push(entry: u64): void {
  let at = queued++;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const other = load<u64>(queue + (above << 3));
    if (other <= entry) break;
    store<u64>(queue + (at << 3), other);
    at = above;
  }
  store<u64>(queue + (at << 3), entry);
}

function pop(): u64 {
  const first = load<u64>(queue);
  const last = load<u64>(queue + (--queued << 3));
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= queued) break;
    let least = load<u64>(queue + (below << 3));
    if (below + 1 < queued) {
      const right = load<u64>(queue + ((below + 1) << 3));
      if (right < least) {
        least = right;
        below++;
      }
    }
    if (least >= last) break;
    store<u64>(queue + (at << 3), least);
    at = below;
  }
  store<u64>(queue + (at << 3), last);
  return first;
}

function draw(cells: i32, seed: u32, walls: u32): void {
  let state = seed | 1;
  for (let cell = 0; cell < cells; cell++) {
    state = next(state);
    const cost = 1 + ((state >> 8) & 3);
    store<u8>(costs + cell, state % 100 < walls ? 0 : cost);
    store<u32>(reached + (cell << 2), NONE);
  }
  store<u8>(costs, 1);
  store<u8>(costs + cells - 1, 1);
}

function enter(from: u32, to: u32, estimate: u32): void {
  const cost = <u32>load<u8>(costs + to);
  if (cost === 0) return;
  const total = load<u32>(reached + (from << 2)) + cost;
  if (total >= load<u32>(reached + (to << 2))) return;
  store<u32>(reached + (to << 2), total);
  store<u32>(parents + (to << 2), from);
  push((<u64>(total + estimate) << 32) | <u64>to);
}

function steps(goal: u32): u32 {
  let count: u32 = 1;
  for (let cell = goal; cell !== 0; cell = load<u32>(parents + (cell << 2))) count++;
  return count;
}

export function run(at: i32, _length: i32): i64 {
  const width = load<u32>(at);
  const height = load<u32>(at, 4);
  const goal = width * height - 1;
  draw(<i32>(width * height), load<u32>(at, 8), load<u32>(at, 12));
  queued = 0;
  store<u32>(reached, 0);
  push(<u64>(width + height - 2) << 32);
  let expanded: u32 = 0;
  while (queued > 0) {
    const entry = pop();
    const cell = <u32>entry;
    const x = cell % width;
    const y = cell / width;
    const rest = width - 1 - x + (height - 1 - y);
    // an entry that a shorter way has overtaken
    if (<u32>(entry >> 32) !== load<u32>(reached + (cell << 2)) + rest) continue;
    expanded++;
    if (cell === goal) break;
    if (x + 1 < width) enter(cell, cell + 1, rest - 1);
    if (y + 1 < height) enter(cell, cell + width, rest - 1);
    if (x > 0) enter(cell, cell - 1, rest + 1);
    if (y > 0) enter(cell, cell - width, rest + 1);
  }
  const cost = load<u32>(reached + (goal << 2));
  store<u32>(output, cost);
  store<u32>(output, expanded, 4);
  store<u32>(output, cost === NONE ? 0 : steps(goal), 8);
  return answer(output, 12);
}
