/**
 * Occupancy maps of ROS 2: the YAML and the image that nav2's map_server reads and map_saver writes.
 *
 * Only the reading "trinary" is known: a cell is free when its occupancy is below `free_thresh`; occupied and
 * unknown cells are not.
 */
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse, YAMLParseError } from "yaml";
import { Fault } from "../../../src/base/fault.ts";
import type { Grid } from "./grid.ts";
import { type Pgm, parsePgm } from "./pgm.ts";

/** What the YAML says. */
export interface RosMapSpec {
  /** Path of the image, absolute or relative to the YAML. */
  readonly image: string;
  /** Metres per cell. */
  readonly resolution: number;
  /** Pose of the lower left corner: x and y in metres, yaw in radians. */
  readonly origin: readonly [number, number, number];
  /** Whether white is occupied and black free. */
  readonly negate: boolean;
  /** Occupancy, 0..1, from which a cell is occupied. */
  readonly occupiedThresh: number;
  /** Occupancy, 0..1, below which a cell is free. */
  readonly freeThresh: number;
}

export interface RosMap {
  readonly spec: RosMapSpec;
  /** y = 0 is the top row of the image, which is the far end of the map's y axis. */
  readonly grid: Grid;
}

/** Bytes that a packed image may grow to: the largest map in 16-bit samples, and its header. */
const MAX_IMAGE_BYTES = 2 ** 26;

/**
 * Reads a map from its YAML file and the image beside it, which may be gzipped.
 *
 * The image is the one the YAML names, else the one of that name beside the YAML, else the one with the YAML's own
 * name; each also with `.gz` appended.
 *
 * @throws {@link Fault} `file_format` naming the file and the line
 */
export async function readRosMap(yamlFile: string): Promise<RosMap> {
  const text = await readIfThere(yamlFile);
  if (text === null) throw bad(yamlFile, 1, "no such file");
  const spec = parseMapYaml(new TextDecoder().decode(text), yamlFile);
  const folder = dirname(yamlFile);
  const named = isAbsolute(spec.image) ? spec.image : join(folder, spec.image);
  const beside = join(folder, basename(spec.image));
  const ownName = join(folder, `${basename(yamlFile, extname(yamlFile))}.pgm`);
  for (const file of [named, beside, ownName].flatMap((path) => [path, `${path}.gz`])) {
    const bytes = await readIfThere(file);
    if (bytes !== null) return { spec, grid: gridOf(parsePgm(unpacked(bytes, file), file), spec) };
  }
  throw bad(
    yamlFile,
    1,
    `found neither the image ${spec.image} nor ${basename(ownName)}, nor either with .gz`,
  );
}

/**
 * Reads the YAML. `file` names it in faults.
 *
 * @throws {@link Fault} `file_format`
 */
export function parseMapYaml(text: string, file: string): RosMapSpec {
  const fields = parseFields(text, file);
  const fault = (name: string, message: string) => bad(file, lineOf(text, name), `${name}: ${message}`);
  const number = (name: string, least: number, most: number): number => {
    const value = fields[name];
    if (typeof value === "number" && value >= least && value <= most) return value;
    throw fault(name, `expected a number within ${least}..${most}`);
  };
  const image = fields["image"];
  if (typeof image !== "string" || image === "") throw fault("image", "expected the name of a file");
  const mode = fields["mode"] ?? "trinary";
  if (mode !== "trinary") throw fault("mode", 'only "trinary" is known');
  const [x, y, yaw, ...rest]: unknown[] = Array.isArray(fields["origin"]) ? fields["origin"] : [];
  if (typeof x !== "number" || typeof y !== "number" || typeof yaw !== "number" || rest.length > 0) {
    throw fault("origin", "expected [x, y, yaw]");
  }
  const negate = fields["negate"] ?? 0;
  if (negate !== 0 && negate !== 1 && typeof negate !== "boolean") throw fault("negate", "expected 0 or 1");
  const resolution = number("resolution", 0, 1_000);
  if (resolution === 0) throw fault("resolution", "expected more than 0 metres");
  const occupiedThresh = number("occupied_thresh", 0, 1);
  const freeThresh = number("free_thresh", 0, 1);
  if (freeThresh > occupiedThresh) throw fault("free_thresh", "expected at most occupied_thresh");
  return { image, resolution, origin: [x, y, yaw], negate: Boolean(negate), occupiedThresh, freeThresh };
}

function parseFields(text: string, file: string): Readonly<Record<string, unknown>> {
  let fields: unknown;
  try {
    fields = parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw bad(file, error.linePos?.[0].line ?? 1, "not YAML", error);
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw bad(file, 1, "expected image, resolution, origin, negate, occupied_thresh and free_thresh");
  }
  return { ...fields };
}

/** The line a field stands on, or the last one when it is absent. */
function lineOf(text: string, name: string): number {
  const lines = text.trimEnd().split("\n");
  const index = lines.findIndex((line) => line.startsWith(`${name}:`));
  return index < 0 ? lines.length : index + 1;
}

/** The free cells of an image read as "trinary". */
function gridOf({ width, height, maxval, pixels }: Pgm, spec: RosMapSpec): Grid {
  const cells = new Uint8Array(width * height);
  pixels.forEach((value, i) => {
    const occupancy = (spec.negate ? value : maxval - value) / maxval;
    if (occupancy < spec.freeThresh) cells[i] = 1;
  });
  return { width, height, cells };
}

function unpacked(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_IMAGE_BYTES });
  } catch (error) {
    throw bad(file, 1, "not a whole gzip file, or too large a one", error);
  }
}

async function readIfThere(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

function bad(file: string, line: number, message: string, cause?: unknown): Fault {
  return new Fault("file_format", `${file}:${line}: ${message}`, { cause, facts: { file, line } });
}
