/** Shortest path by A* (Hart, Nilsson, Raphael 1968) with exact integer costs. */

import { free, height, movesFrom, moveX, moveY, width } from "./job";
import { reserve } from "./memory";

/**
 * Weights of the two moves. DIAGONAL / STRAIGHT is a convergent of sqrt 2, so no fraction with a denominator below
 * STRAIGHT lies between the two. Costs s + d sqrt 2 whose d differ by less than STRAIGHT are therefore ordered (and
 * equal) exactly as s * STRAIGHT + d * DIAGONAL. A path has fewer than MAX_CELLS moves, below STRAIGHT.
 */
const STRAIGHT: i64 = 2_744_210;
const DIAGONAL: i64 = 3_880_899;
/** Low bits of a queue key: the whole cells still to go, so that of equal totals the nearer cell comes first. */
const TIE_BITS: i64 = 20;

/** Cells the work area has room for. */
let room: u32 = 0;
/** Per cell: legal moves (u8), cost so far (i64), mark (u32), place in the queue (u32). */
let legal: usize = 0;
export let costs: usize = 0;
let marks: usize = 0;
let places: usize = 0;
/** The queue, a 4-ary heap with at most one entry a cell: keys (i64) and cells (u32). */
export let keys: usize = 0;
let queued: usize = 0;
let queueLength: u32 = 0;

/** A mark is generation << 4 | move that led here << 1 | settled. Older generations read as untouched. */
let generation: u32 = 0;
const LAST_GENERATION: u32 = 0x0fff_ffff;

let goalX: i32 = 0;
let goalY: i32 = 0;

/** Makes the work area large enough for the open map; false when memory is out. */
export function openWork(): bool {
  const cells = width * height;
  if (cells <= room) return true;
  costs = reserve(<u64>cells * 29);
  if (costs == 0) return false;
  keys = costs + ((<usize>cells) << 3);
  marks = keys + ((<usize>cells) << 3);
  places = marks + ((<usize>cells) << 2);
  queued = places + ((<usize>cells) << 2);
  legal = queued + ((<usize>cells) << 2);
  // an earlier run that failed may have written here
  memory.fill(marks, 0, (<usize>cells) << 2);
  room = cells;
  generation = 0;
  return true;
}

/** Fills `legal` for the open map. */
export function findMoves(): void {
  let cell: u32 = 0;
  for (let y: u32 = 0; y < height; y++) {
    for (let x: u32 = 0; x < width; x++) {
      store<u8>(legal + cell, free(x, y) ? movesFrom(x, y) : 0);
      cell++;
    }
  }
}

/** Octile distance to the goal in whole moves; exact on an empty map, consistent on every map. */
function keyOf(cost: i64, x: i32, y: i32): i64 {
  const dx = abs(x - goalX);
  const dy = abs(y - goalY);
  const diagonal = min(dx, dy);
  const straight = max(dx, dy) - diagonal;
  const total = cost + <i64>straight * STRAIGHT + <i64>diagonal * DIAGONAL;
  return (total << TIE_BITS) | <i64>(straight + diagonal);
}

function put(place: u32, key: i64, cell: u32): void {
  store<i64>(keys + ((<usize>place) << 3), key);
  store<u32>(queued + ((<usize>place) << 2), cell);
  store<u32>(places + ((<usize>cell) << 2), place);
}

/** Places an entry at `place` or above it, moving larger ones down. */
function rise(place: u32, key: i64, cell: u32): void {
  while (place > 0) {
    const parent = (place - 1) >> 2;
    const parentKey = load<i64>(keys + ((<usize>parent) << 3));
    if (parentKey <= key) break;
    put(place, parentKey, load<u32>(queued + ((<usize>parent) << 2)));
    place = parent;
  }
  put(place, key, cell);
}

/** Takes the cell with the smallest key; the queue is not empty. */
function take(): u32 {
  const first = load<u32>(queued);
  const last = --queueLength;
  if (last == 0) return first;
  const key = load<i64>(keys + ((<usize>last) << 3));
  const cell = load<u32>(queued + ((<usize>last) << 2));
  let place: u32 = 0;
  while (true) {
    let child = (place << 2) + 1;
    if (child >= last) break;
    const end = min(child + 4, last);
    let least = child;
    let leastKey = load<i64>(keys + ((<usize>child) << 3));
    for (child++; child < end; child++) {
      const childKey = load<i64>(keys + ((<usize>child) << 3));
      if (childKey < leastKey) {
        leastKey = childKey;
        least = child;
      }
    }
    if (leastKey >= key) break;
    put(place, leastKey, load<u32>(queued + ((<usize>least) << 2)));
    place = least;
  }
  put(place, key, cell);
  return first;
}

function nextGeneration(): void {
  if (generation == LAST_GENERATION) {
    memory.fill(marks, 0, (<usize>room) << 2);
    generation = 0;
  }
  generation++;
}

/** Queues `cell`, reached at `cost` by `move`, unless it was reached as cheaply before. */
function relax(cell: u32, x: i32, y: i32, cost: i64, move: u32): void {
  const mark = load<u32>(marks + ((<usize>cell) << 2));
  const seen = mark >> 4 == generation;
  // the heuristic is consistent: a settled cell is at its least cost
  if (seen && (mark & 1 || load<i64>(costs + ((<usize>cell) << 3)) <= cost)) return;
  store<i64>(costs + ((<usize>cell) << 3), cost);
  store<u32>(marks + ((<usize>cell) << 2), (generation << 4) | (move << 1));
  const place = seen ? load<u32>(places + ((<usize>cell) << 2)) : queueLength++;
  rise(place, keyOf(cost, x, y), cell);
}

/** Finds a shortest path between two free cells; true when there is one, which {@link cameBy} then tells. */
export function search(startX: i32, startY: i32, endX: i32, endY: i32): bool {
  goalX = endX;
  goalY = endY;
  nextGeneration();
  queueLength = 0;
  const goal = <u32>goalY * width + <u32>goalX;
  relax(startY * width + startX, startX, startY, 0, 0);
  while (queueLength > 0) {
    const cell = take();
    if (cell == goal) return true;
    const mark = load<u32>(marks + ((<usize>cell) << 2));
    store<u32>(marks + ((<usize>cell) << 2), mark | 1);
    const cost = load<i64>(costs + ((<usize>cell) << 3));
    const x = <i32>(cell % width);
    const y = <i32>(cell / width);
    let moves = <u32>load<u8>(legal + cell);
    while (moves != 0) {
      const move = ctz(moves);
      moves &= moves - 1;
      const nextX = x + moveX(move);
      const nextY = y + moveY(move);
      relax(nextY * width + nextX, nextX, nextY, cost + (move < 4 ? STRAIGHT : DIAGONAL), move);
    }
  }
  return false;
}

/** The move by which the last search reached `cell`. */
export function cameBy(cell: u32): i32 {
  return <i32>((load<u32>(marks + ((<usize>cell) << 2)) >> 1) & 7);
}
