/**
 * Maps and scenarios of the MovingAI benchmarks: https://movingai.com/benchmarks/formats.html.
 *
 * Sturtevant, "Benchmarks for Grid-Based Pathfinding", IEEE TCIAIG 4(2), 2012.
 */
import { Fault } from "../../../src/base/fault.ts";
import type { Grid, Query } from "./grid.ts";

/** A query with the length of a shortest path, as published. */
export interface ScenarioQuery extends Query {
  /** Name of the map file. */
  readonly map: string;
  readonly width: number;
  readonly height: number;
  /** Cells, diagonal moves counting sqrt 2; published to 8 decimals. */
  readonly optimal: number;
}

/** Ground (`.`, `G`) and swamp (`S`); trees, water and out-of-bounds are not free. */
const FREE = new Set([".", "G", "S"]);
const NOT_FREE = new Set(["@", "O", "T", "W"]);

/**
 * Reads a `.map` file of type octile. `file` names it in faults.
 *
 * @throws {@link Fault} `file_format`
 */
export function parseMap(text: string, file: string): Grid {
  const lines = text.split(/\r?\n/);
  if (lines[0]?.trim() !== "type octile") throw bad(file, 1, 'expected "type octile"');
  const height = side(lines[1], "height", file, 2);
  const width = side(lines[2], "width", file, 3);
  if (lines[3]?.trim() !== "map") throw bad(file, 4, 'expected "map"');
  const cells = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = lines[4 + y] ?? "";
    if (row.length !== width) throw bad(file, 5 + y, `expected ${width} cells, found ${row.length}`);
    for (let x = 0; x < width; x++) {
      const letter = row.charAt(x);
      if (FREE.has(letter)) cells[y * width + x] = 1;
      else if (!NOT_FREE.has(letter)) throw bad(file, 5 + y, `unknown cell ${JSON.stringify(letter)}`);
    }
  }
  return { width, height, cells };
}

function side(line: string | undefined, name: string, file: string, number: number): number {
  const [word, digits, ...rest] = (line ?? "").trim().split(/\s+/);
  const value = /^\d{1,5}$/.test(digits ?? "") ? Number(digits) : 0;
  if (word !== name || rest.length > 0 || value < 1 || value > 65_535) {
    throw bad(file, number, `expected "${name}" and a number within 1..65535`);
  }
  return value;
}

/**
 * Reads a `.scen` file of version 1. `file` names it in faults.
 *
 * @throws {@link Fault} `file_format`
 */
export function parseScenario(text: string, file: string): ScenarioQuery[] {
  const [head, ...lines] = text.split(/\r?\n/);
  if (!/^version\s+1(\.0)?\s*$/.test(head ?? "")) throw bad(file, 1, 'expected "version 1"');
  const queries: ScenarioQuery[] = [];
  lines.forEach((line, index) => {
    if (line.trim() !== "") queries.push(scenarioQuery(line, file, index + 2));
  });
  return queries;
}

function scenarioQuery(line: string, file: string, number: number): ScenarioQuery {
  const fields = line.trim().split("\t");
  const [, map = "", ...numbers] = fields;
  const optimal = Number(numbers[6]);
  const counts = numbers
    .slice(0, 6)
    .map((digits) => (/^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN));
  const [width = 0, height = 0, startX = 0, startY = 0, goalX = 0, goalY = 0] = counts;
  if (fields.length !== 9 || counts.some(Number.isNaN) || !(optimal >= 0)) {
    throw bad(
      file,
      number,
      "expected bucket, map, width, height, start x, y, goal x, y and a length, tab separated",
    );
  }
  if (startX >= width || goalX >= width || startY >= height || goalY >= height) {
    throw bad(file, number, `start or goal lies off the map of ${width} x ${height} cells`);
  }
  return { map, width, height, start: { x: startX, y: startY }, goal: { x: goalX, y: goalY }, optimal };
}

function bad(file: string, line: number, message: string): Fault {
  return new Fault("file_format", `${file}:${line}: ${message}`, { facts: { file, line } });
}
