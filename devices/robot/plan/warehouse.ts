/** A made-up warehouse to plan in, and queries on any map: the same ones for the same seed. */
import { Fault } from "../../../src/base/fault.ts";
import { type Cell, free, type Grid, type Query } from "./grid.ts";

export interface WarehouseShape {
  /** Racks side by side and one behind the other. */
  readonly columns: number;
  readonly rows: number;
  /** Cells of one rack. */
  readonly rackLength: number;
  readonly rackDepth: number;
  /** Cells between racks, both ways. */
  readonly aisle: number;
  /** Cells in a thousand where a pallet stands in the way, 0..1000. */
  readonly palletsPerMille: number;
}

/** 12 x 24 racks on 148 x 76 cells. */
const DEFAULT_WAREHOUSE: WarehouseShape = {
  columns: 12,
  rows: 24,
  rackLength: 10,
  rackDepth: 1,
  aisle: 2,
  palletsPerMille: 20,
};

/** Walls around, racks in rows with aisles between, and pallets here and there in the aisles. */
export function warehouse(seed: number, shape: WarehouseShape = DEFAULT_WAREHOUSE): Grid {
  const { columns, rows, rackLength, rackDepth, aisle, palletsPerMille } = shape;
  const random = seeded(seed);
  const width = columns * (rackLength + aisle) + aisle + 2;
  const height = rows * (rackDepth + aisle) + aisle + 2;
  const cells = new Uint8Array(width * height);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const inRack = (x - 1) % (rackLength + aisle) >= aisle && (y - 1) % (rackDepth + aisle) >= aisle;
      if (!inRack && random() * 1000 >= palletsPerMille) cells[y * width + x] = 1;
    }
  }
  return { width, height, cells };
}

/**
 * `count` queries, each with a path: start and goal lie in the map's largest connected region and differ.
 *
 * @throws {@link Fault} `usage` when the map has no two connected cells
 */
export function randomQueries(grid: Grid, count: number, seed: number): Query[] {
  const region = largestRegion(grid);
  if (region.length < 2) throw new Fault("usage", "the map has no two connected free cells");
  const random = seeded(seed);
  return Array.from({ length: count }, () => {
    const from = Math.floor(random() * region.length);
    const step = 1 + Math.floor(random() * (region.length - 1));
    const start = region[from] ?? { x: 0, y: 0 };
    return { start, goal: region[(from + step) % region.length] ?? start };
  });
}

/** A diagonal move needs both cells beside it, so straight moves decide what is connected. */
function largestRegion(grid: Grid): Cell[] {
  const seen = new Uint8Array(grid.width * grid.height);
  let largest: Cell[] = [];
  const visit = (region: Cell[], x: number, y: number) => {
    if (!free(grid, x, y) || seen[y * grid.width + x] === 1) return;
    seen[y * grid.width + x] = 1;
    region.push({ x, y });
  };
  for (let i = 0; i < seen.length; i++) {
    const region: Cell[] = [];
    visit(region, i % grid.width, Math.floor(i / grid.width));
    // the region grows while it is walked
    for (const { x, y } of region) {
      visit(region, x, y - 1);
      visit(region, x + 1, y);
      visit(region, x, y + 1);
      visit(region, x - 1, y);
    }
    if (region.length > largest.length) largest = region;
  }
  return largest;
}

/** Numbers in 0..1 by the generator mulberry32 (Ettinger 2017): 32 bits of state, good enough for maps. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
