/**
 * Maps and scenarios of the MovingAI benchmarks: https://movingai.com/benchmarks/formats.html.
 *
 * Sturtevant, "Benchmarks for Grid-Based Pathfinding", IEEE TCIAIG 4(2), 2012. Files in the wild were written by many
 * programs: blank lines, white space at the end of a line and every line ending are allowed, as the benchmarks' own
 * reader (HOG2) allows them.
 */
import { type Grid, isPlannable, MAX_CELLS, type Query } from "./grid.ts";
import { mapFault } from "./map-file.ts";

/** A query with the length of a shortest path, as published. */
export interface ScenarioQuery extends Query {
  /** Name of the map file. */
  readonly map: string;
  /** Cells of the map; null in a file of version 0, which does not tell. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** Cells, diagonal moves counting sqrt 2; published to 8 decimals. */
  readonly optimal: number;
}

/** Ground (`.`, `G`) and swamp (`S`); trees, water and out-of-bounds are not free. */
const FREE = new Set([".", "G", "S"]);
const NOT_FREE = new Set(["@", "O", "T", "W"]);

interface Line {
  /** 1 is the file's first. */
  readonly number: number;
  /** Not blank; no white space at its end. */
  readonly text: string;
}

function linesOf(text: string): Line[] {
  return text
    .split(/\r\n|\n|\r/)
    .map((line, index) => ({ number: index + 1, text: line.trimEnd() }))
    .filter((line) => line.text !== "");
}

/**
 * Reads a `.map` file of type octile, height and width in either order. `file` names it in faults.
 *
 * @throws {@link Fault} `file_format`, also for a map of more than {@link MAX_CELLS}
 */
export function parseMap(text: string, file: string): Grid {
  const [type, first, second, word, ...rows] = linesOf(text);
  if (!/^\s*type\s+octile$/.test(type?.text ?? ""))
    throw mapFault(file, type?.number ?? 1, 'expected "type octile"');
  const isWidthFirst = first?.text.trim().startsWith("width") === true;
  const [heightLine, widthLine] = isWidthFirst ? [second, first] : [first, second];
  const height = side(heightLine, "height", file);
  const width = side(widthLine, "width", file);
  if (!isPlannable(width, height)) throw mapFault(file, second?.number ?? 1, tooLarge(width, height));
  if (word?.text.trim() !== "map") throw mapFault(file, word?.number ?? 4, 'expected "map"');
  const cells = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const { text: row, number } = rows[y] ?? { text: "", number: (rows.at(-1) ?? word).number + 1 };
    if (row.length !== width) throw mapFault(file, number, `expected ${width} cells, found ${row.length}`);
    for (let x = 0; x < width; x++) {
      const letter = row.charAt(x);
      if (FREE.has(letter)) cells[y * width + x] = 1;
      else if (!NOT_FREE.has(letter)) throw mapFault(file, number, `unknown cell ${JSON.stringify(letter)}`);
    }
  }
  return { width, height, cells };
}

function side(line: Line | undefined, name: string, file: string): number {
  const [word, digits = "", ...rest] = (line?.text ?? "").trim().split(/\s+/);
  const value = countOf(digits);
  if (word !== name || rest.length > 0 || !(value >= 1)) {
    throw mapFault(file, line?.number ?? 1, `expected "${name}" and a number within 1..65535`);
  }
  return value;
}

/** Decimal digits within 0..65535; NaN for anything else. */
function countOf(digits: string): number {
  const value = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  return value <= 65_535 ? value : Number.NaN;
}

function tooLarge(width: number, height: number): string {
  return `a map of ${width} x ${height} cells is too large: at most ${MAX_CELLS} cells can be planned on`;
}

/**
 * Reads a `.scen` file, its columns parted by tabs or spaces. `file` names it in faults.
 *
 * Version 1 has nine columns: bucket, map, width, height, start x, y, goal x, y, length. A file of version 0, or one
 * that does not tell its version, may leave out width and height (HOG2's ScenarioLoader).
 *
 * @throws {@link Fault} `file_format`, also for a map of more than {@link MAX_CELLS}
 */
export function parseScenario(text: string, file: string): ScenarioQuery[] {
  const lines = linesOf(text);
  const [head] = lines;
  let mayOmitSize = true;
  if (head && /^\s*version\b/.test(head.text)) {
    const version = /^\s*version\s+([01])(\.0*)?$/.exec(head.text)?.[1];
    if (version === undefined) throw mapFault(file, head.number, 'expected "version 1" or "version 0"');
    mayOmitSize = version === "0";
    lines.shift();
  }
  return lines.map((line) => scenarioQuery(line, file, mayOmitSize));
}

function scenarioQuery(line: Line, file: string, mayOmitSize: boolean): ScenarioQuery {
  // between tabs, the name of a map may have spaces
  const tabbed = line.text.split("\t").map((field) => field.trim());
  const fields = tabbed.length > 1 ? tabbed : line.text.trim().split(/\s+/);
  const [, map = "", ...numbers] = fields;
  const optimal = lengthOf(numbers.pop() ?? "");
  const counts = numbers.map(countOf);
  const isSized = counts.length === 6;
  if ((!isSized && !(mayOmitSize && counts.length === 4)) || counts.some(Number.isNaN) || !(optimal >= 0)) {
    const columns = "bucket, map, width, height, start x, y, goal x, y and a length";
    throw mapFault(file, line.number, `expected ${columns}, parted by tabs or spaces`);
  }
  const [startX = 0, startY = 0, goalX = 0, goalY = 0] = counts.slice(-4);
  const [width = 0, height = 0] = counts;
  const query = { map, start: { x: startX, y: startY }, goal: { x: goalX, y: goalY }, optimal };
  if (!isSized) return { ...query, size: null };
  if (startX >= width || goalX >= width || startY >= height || goalY >= height) {
    const where = `the map of ${width} x ${height} cells`;
    throw mapFault(file, line.number, `start or goal lies off ${where}`);
  }
  if (!isPlannable(width, height)) throw mapFault(file, line.number, tooLarge(width, height));
  return { ...query, size: { width, height } };
}

/** A decimal number of cells; NaN for anything else. */
function lengthOf(text: string): number {
  return /^\d+(\.\d*)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}
