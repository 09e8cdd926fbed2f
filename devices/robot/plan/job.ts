/**
 * The path-planning job as bytes: input of the task firmware `path-plan` and its output.
 *
 * The byte layout is in the head of devices/firmware/path-plan.ts, which is the other side of it.
 */
import { Fault } from "../../../src/base/fault.ts";
import { type Cell, type Grid, isPlannable, MOVES, type Query } from "./grid.ts";

const INPUT_MAGIC = 0x31495050;
const OUTPUT_MAGIC = 0x314f5050;
const INPUT_HEAD = 12;
const OUTPUT_HEAD = 8;
const QUERY_BYTES = 8;
const ANSWER_HEAD = 9;
/** What an answer's first byte says of it. */
export const STATUSES = ["found", "unreachable", "blocked"] as const;

/** Most queries in one job. */
export const MAX_QUERIES = 2 ** 16;

/** One answer: a path, or why there is none. "blocked": start or goal is not free. */
export type Answer =
  | { readonly status: "unreachable" }
  | { readonly status: "blocked" }
  | {
      readonly status: "found";
      /** Moves along a row or column, cost 1 each. */
      readonly straight: number;
      /** Diagonal moves, cost sqrt 2 each. */
      readonly diagonal: number;
      /** Indices into {@link MOVES}, start to goal. */
      readonly moves: Uint8Array;
    };

/**
 * Writes the input for a batch of queries on one map.
 *
 * @throws {@link Fault} `usage` when the map or the batch is too large or a query lies off the map
 */
export function encodeInput(grid: Grid, queries: readonly Query[]): Uint8Array {
  checkSizes(grid, queries);
  const { width, height, cells } = grid;
  const rowBytes = Math.ceil(width / 8);
  const bytes = new Uint8Array(INPUT_HEAD + height * rowBytes + queries.length * QUERY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, INPUT_MAGIC, true);
  view.setUint16(4, width, true);
  view.setUint16(6, height, true);
  view.setUint32(8, queries.length, true);
  for (let y = 0; y < height; y++) {
    const row = INPUT_HEAD + y * rowBytes;
    for (let x = 0; x < width; x++) {
      const at = row + (x >> 3);
      if (cells[y * width + x] === 1) bytes[at] = (bytes[at] ?? 0) | (1 << (x & 7));
    }
  }
  let at = INPUT_HEAD + height * rowBytes;
  for (const { start, goal } of queries) {
    view.setUint16(at, start.x, true);
    view.setUint16(at + 2, start.y, true);
    view.setUint16(at + 4, goal.x, true);
    view.setUint16(at + 6, goal.y, true);
    at += QUERY_BYTES;
  }
  return bytes;
}

function checkSizes(grid: Grid, queries: readonly Query[]): void {
  const { width, height } = grid;
  if (!isPlannable(width, height) || grid.cells.length !== width * height) {
    throw new Fault("usage", `a map of ${width} x ${height} cells cannot be planned on`, {
      facts: { width, height, cells: grid.cells.length },
    });
  }
  if (queries.length > MAX_QUERIES) {
    throw new Fault("usage", `${queries.length} queries are more than the ${MAX_QUERIES} of one job`);
  }
  const onMap = ({ x, y }: Cell) =>
    Number.isInteger(x) && Number.isInteger(y) && x >= 0 && y >= 0 && x < width && y < height;
  const stray = queries.findIndex(({ start, goal }) => !onMap(start) || !onMap(goal));
  if (stray >= 0) {
    throw new Fault("usage", `query ${stray} lies off the map of ${width} x ${height} cells`, {
      facts: { query: stray },
    });
  }
}

/**
 * Reads an output of `count` answers; null when it is not one.
 *
 * It checks the format only. Whether the paths are legal on the map is for the firmware's `verify` to say.
 */
export function decodeOutput(bytes: Uint8Array, count: number): Answer[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < OUTPUT_HEAD || view.getUint32(0, true) !== OUTPUT_MAGIC) return null;
  if (view.getUint32(4, true) !== count) return null;
  const answers: Answer[] = [];
  let at = OUTPUT_HEAD;
  for (let i = 0; i < count; i++) {
    if (at + ANSWER_HEAD > bytes.length) return null;
    const status = STATUSES[view.getUint8(at)];
    const straight = view.getUint32(at + 1, true);
    const diagonal = view.getUint32(at + 5, true);
    at += ANSWER_HEAD;
    if (status === undefined) return null;
    if (status === "found") {
      const end = at + Math.ceil((3 * (straight + diagonal)) / 8);
      if (end > bytes.length) return null;
      answers.push({
        status,
        straight,
        diagonal,
        moves: unpack(bytes.subarray(at, end), straight + diagonal),
      });
      at = end;
    } else {
      if (straight + diagonal > 0) return null;
      answers.push({ status });
    }
  }
  return at === bytes.length ? answers : null;
}

function unpack(packed: Uint8Array, count: number): Uint8Array {
  const moves = new Uint8Array(count);
  for (let k = 0; k < count; k++) {
    const byte = Math.floor((3 * k) / 8);
    const word = (packed[byte] ?? 0) | ((packed[byte + 1] ?? 0) << 8);
    moves[k] = (word >> ((3 * k) % 8)) & 7;
  }
  return moves;
}

/** Length of a path in cells: straight moves count 1, diagonal ones sqrt 2. */
export function pathLength(path: { readonly straight: number; readonly diagonal: number }): number {
  return path.straight + path.diagonal * Math.SQRT2;
}

/** The cells a path visits, its start first. */
export function pathCells(start: Cell, moves: Uint8Array): Cell[] {
  const cells = [start];
  let { x, y } = start;
  for (const move of moves) {
    x += MOVES[move]?.dx ?? 0;
    y += MOVES[move]?.dy ?? 0;
    cells.push({ x, y });
  }
  return cells;
}
