/** A course of queries on one map, each with the length of a shortest path: published, or by the reference search. */
import { readFile } from "node:fs/promises";
import { Fault } from "../../../src/base/fault.ts";
import type { Grid, Query } from "./grid.ts";
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
  /** Queries in all. */
  readonly count: number;
  /** Which of them are wanted: a robot may leave the last one to a board. */
  readonly part: keyof typeof PARTS;
  readonly seed: number;
};

const PARTS = { all: [0], "but-last": [0, -1], last: [-1] } as const;

/** @throws {@link Fault} `file_format` naming file and line, `usage` for options that do not go together */
export async function readCourse(options: CourseOptions): Promise<Course> {
  const { map, scen, count, seed } = options;
  if (scen !== null && !map?.endsWith(".map")) throw new Fault("usage", "--scen goes with --map FILE.map");
  if (map !== null && scen !== null) return await published(map, scen, options);
  const grid = await readGrid(map, seed);
  const queries = randomQueries(grid, count, seed).slice(...PARTS[options.part]);
  const known = queries.map((query) => ({ ...query, optimal: shortestLength(grid, query) }));
  return { grid, queries: known, source: "reference search", map: map ?? "generated warehouse" };
}

async function readGrid(map: string | null, seed: number): Promise<Grid> {
  if (map === null) return warehouse(seed);
  if (map.endsWith(".map")) return parseMap(await readText(map), map);
  if (/\.ya?ml$/.test(map)) return (await readRosMap(map)).grid;
  throw new Fault("usage", `--map takes FILE.map (MovingAI) or FILE.yaml (ROS map_server), not ${map}`);
}

async function published(map: string, scen: string, { count, part }: CourseOptions): Promise<Course> {
  const grid = parseMap(await readText(map), map);
  const all = parseScenario(await readText(scen), scen);
  const other = all.find((query) => query.width !== grid.width || query.height !== grid.height);
  if (other)
    throw new Fault("file_format", `${scen} is for a ${other.width}x${other.height} map, not ${map}`);
  return { grid, queries: all.slice(0, count).slice(...PARTS[part]), source: "published", map };
}

async function readText(file: string): Promise<string> {
  return await readFile(file, "utf8").catch((cause: unknown) => {
    throw new Fault("file_format", `cannot read ${file}`, { cause });
  });
}
