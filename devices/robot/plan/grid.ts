/** A grid map: cells that are free or not. x grows to the right, y downwards, (0, 0) is the first cell. */

export interface Grid {
  /** Cells, 1..65535. */
  readonly width: number;
  /** Cells, 1..65535. */
  readonly height: number;
  /** Row by row from y = 0; 1 = free, 0 = not. */
  readonly cells: Uint8Array;
}

export interface Cell {
  readonly x: number;
  readonly y: number;
}

/** Most cells of a map that the task firmware plans on. */
export const MAX_CELLS = 2 ** 21;

/** Whether a map of these sides can be planned on. */
export function isPlannable(width: number, height: number): boolean {
  const fits = (side: number) => Number.isInteger(side) && side >= 1 && side <= 65_535;
  return fits(width) && fits(height) && width * height <= MAX_CELLS;
}

/** A shortest path that is wanted. */
export interface Query {
  readonly start: Cell;
  readonly goal: Cell;
}

/** Whether (x, y) is on the map and free. */
export function free(grid: Grid, x: number, y: number): boolean {
  return x >= 0 && y >= 0 && x < grid.width && y < grid.height && grid.cells[y * grid.width + x] === 1;
}

/**
 * Changes of x and y by each move: 0 north (y - 1), 1 east, 2 south, 3 west, 4 north-east, 5 south-east,
 * 6 south-west, 7 north-west. Moves below 4 are straight.
 */
export const MOVES: readonly { readonly dx: number; readonly dy: number }[] = [
  { dx: 0, dy: -1 },
  { dx: 1, dy: 0 },
  { dx: 0, dy: 1 },
  { dx: -1, dy: 0 },
  { dx: 1, dy: -1 },
  { dx: 1, dy: 1 },
  { dx: -1, dy: 1 },
  { dx: -1, dy: -1 },
];

/** Whether the move (dx, dy) out of (x, y) is legal: a diagonal needs both cells beside it free (MovingAI). */
export function canMove(grid: Grid, x: number, y: number, dx: number, dy: number): boolean {
  return free(grid, x + dx, y + dy) && free(grid, x + dx, y) && free(grid, x, y + dy);
}
