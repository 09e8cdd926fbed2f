/**
 * A second opinion on shortest paths: Dijkstra's algorithm over a binary heap with float costs.
 *
 * It shares neither method nor code with the task firmware, so that agreement means something; it is not fast.
 */
import { type Cell, canMove, type Grid, MOVES, type Query } from "./grid.ts";

interface Entry {
  readonly cost: number;
  readonly cell: Cell;
}

/**
 * Length of a shortest path in cells (diagonal moves count sqrt 2), or null when there is none.
 *
 * Float sums: right to about 1e-9 relative.
 */
export function shortestLength(grid: Grid, { start, goal }: Query): number | null {
  if (!isFree(grid, start) || !isFree(grid, goal)) return null;
  const index = ({ x, y }: Cell) => y * grid.width + x;
  const best = new Float64Array(grid.width * grid.height).fill(Number.POSITIVE_INFINITY);
  const heap: Entry[] = [];
  best[index(start)] = 0;
  push(heap, { cost: 0, cell: start });
  for (let entry = pop(heap); entry !== undefined; entry = pop(heap)) {
    const { cost, cell } = entry;
    if (cell.x === goal.x && cell.y === goal.y) return cost;
    if (cost > (best[index(cell)] ?? 0)) continue;
    for (const { dx, dy } of MOVES) {
      if (!canMove(grid, cell.x, cell.y, dx, dy)) continue;
      const next = { x: cell.x + dx, y: cell.y + dy };
      const nextCost = cost + (dx !== 0 && dy !== 0 ? Math.SQRT2 : 1);
      if (nextCost >= (best[index(next)] ?? 0)) continue;
      best[index(next)] = nextCost;
      push(heap, { cost: nextCost, cell: next });
    }
  }
  return null;
}

function isFree(grid: Grid, { x, y }: Cell): boolean {
  return canMove(grid, x, y, 0, 0);
}

function push(heap: Entry[], entry: Entry): void {
  let place = heap.length;
  heap.push(entry);
  while (place > 0) {
    const parentPlace = (place - 1) >> 1;
    const parent = heap[parentPlace];
    if (parent === undefined || parent.cost <= entry.cost) break;
    heap[place] = parent;
    place = parentPlace;
  }
  heap[place] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let place = 0;
  for (;;) {
    let childPlace = 2 * place + 1;
    let child = heap[childPlace];
    const right = heap[childPlace + 1];
    if (child !== undefined && right !== undefined && right.cost < child.cost) {
      child = right;
      childPlace++;
    }
    if (child === undefined || child.cost >= last.cost) break;
    heap[place] = child;
    place = childPlace;
  }
  heap[place] = last;
  return first;
}
