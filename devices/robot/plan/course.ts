/** A course of queries on one map, each with the length of a shortest path: published, or by the reference search. */
import { Fault } from "../../../src/base/fault.ts";
import type { Cell, Grid, Query } from "./grid.ts";
import { readMapText } from "./map-file.ts";
import { parseMap, parseScenario } from "./movingai.ts";
import { shortestLength } from "./reference.ts";
import { readRosMap } from "./ros-map.ts";
import { randomQueries, warehouse } from "./warehouse.ts";

/** A query and its optimal length in cells; null when no path exists. */
export type KnownQuery = Query & { readonly optimal: number | null };

export type Course = {
  readonly grid: Grid;
  readonly queries: readonly KnownQuery[];
  /** Who says what is optimal. */
  readonly source: "published" | "reference search";
  readonly map: string;
};

export type CourseOptions = {
  /** A MovingAI `.map` or a ROS map_server `.yaml`; a generated warehouse without it. */
  readonly map: string | null;
  /** MovingAI queries for the map. */
  readonly scen: string | null;
  /** Queries in all, 1 or more; a scenario may have fewer. */
  readonly count: number;
  /** Which of them are wanted: a robot may leave the last one to a board. */
  readonly part: keyof typeof PARTS;
  readonly seed: number;
};

const PARTS = { all: [0], "but-last": [0, -1], last: [-1] } as const;

/**
 * Reads or makes a course. Only "but-last" may leave no query: then all of the course is the board's.
 *
 * @throws {@link Fault} `file_format` naming file and line, `usage` for options that do not go together and for a
 * course of no query at all
 */
export async function readCourse(options: CourseOptions): Promise<Course> {
  const { map, scen, count, seed } = options;
  if (scen !== null && !map?.endsWith(".map")) throw new Fault("usage", "--scen goes with --map FILE.map");
  if (!Number.isInteger(count) || count < 1) {
    throw new Fault("usage", "nothing to plan: the number of queries must be 1 or more");
  }
  if (map !== null && scen !== null) return await published(map, scen, options);
  const grid = await readGrid(map, seed);
  const queries = randomQueries(grid, count, seed).slice(...PARTS[options.part]);
  const known = queries.map((query) => ({ ...query, optimal: shortestLength(grid, query) }));
  return { grid, queries: known, source: "reference search", map: map ?? "generated warehouse" };
}

async function readGrid(map: string | null, seed: number): Promise<Grid> {
  if (map === null) return warehouse(seed);
  if (map.endsWith(".map")) return parseMap(await readMapText(map), map);
  if (/\.ya?ml$/.test(map)) return (await readRosMap(map)).grid;
  throw new Fault("usage", `--map takes FILE.map (MovingAI) or FILE.yaml (ROS map_server), not ${map}`);
}

async function published(map: string, scen: string, { count, part }: CourseOptions): Promise<Course> {
  const grid = parseMap(await readMapText(map), map);
  const all = parseScenario(await readMapText(scen), scen);
  if (all.length === 0) throw new Fault("usage", `nothing to plan: ${scen} has no query`);
  const other = all.find(({ size }) => size && (size.width !== grid.width || size.height !== grid.height));
  if (other?.size) {
    const { width, height } = other.size;
    throw new Fault("file_format", `${scen} is for a ${width}x${height} map, not ${map}`);
  }
  const isOn = ({ x, y }: Cell) => x < grid.width && y < grid.height;
  const stray = all.findIndex(({ start, goal }) => !isOn(start) || !isOn(goal));
  if (stray >= 0) throw new Fault("file_format", `${scen}: query ${stray + 1} lies off ${map}`);
  return { grid, queries: all.slice(0, count).slice(...PARTS[part]), source: "published", map };
}
