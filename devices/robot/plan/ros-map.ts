/**
 * Occupancy maps of ROS: the YAML and the image that map_server reads and map_saver writes.
 *
 * A cell is free or not; occupied and unknown cells are not. With the sample x of 0..maxval, white the largest:
 *
 *   trinary, scale  occupancy = 1 - x / maxval, or x / maxval when negated
 *   raw             occupancy = x * 255 / maxval, rounded, in percent; `negate` plays no part
 *   free            occupancy < free_thresh
 *
 * "trinary" and "scale" differ only between the thresholds, where no cell is free. Source: wiki.ros.org/map_server,
 * "Value Interpretation"; that a raw sample counts percent and is unknown above 100 is `loadMapFromFile` of
 * nav2_map_server. Neither says which raw cells are free: to compare them with free_thresh is our reading.
 */
import { basename, dirname, extname, isAbsolute, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse, YAMLParseError } from "yaml";
import { type Grid, isPlannable, MAX_CELLS } from "./grid.ts";
import { mapFault, readMapFile, readMapText } from "./map-file.ts";
import { type Pgm, parsePgm } from "./pgm.ts";

const MODES = ["trinary", "scale", "raw"] as const;

/** What the YAML says. */
export interface RosMapSpec {
  /** How samples are read; trinary where the YAML does not say. */
  readonly mode: (typeof MODES)[number];
  /** Path of the image, absolute or relative to the YAML. */
  readonly image: string;
  /** Metres per cell. */
  readonly resolution: number;
  /** Pose of the lower left corner: x and y in metres, yaw in radians. */
  readonly origin: readonly [number, number, number];
  /** Whether white is occupied and black free. */
  readonly negate: boolean;
  /** Occupancy, 0..1, above which a cell is occupied; 0.65 where the YAML does not say. */
  readonly occupiedThresh: number;
  /**
   * Occupancy, 0..1, below which a cell is free; 0.196 where the YAML does not say, as ROS 1's map_saver writes.
   *
   * Not the 0.25 of nav2's: map_saver paints unknown cells 205, an occupancy of 0.1961, which would then be free.
   */
  readonly freeThresh: number;
}

export interface RosMap {
  readonly spec: RosMapSpec;
  /** y = 0 is the top row of the image, which is the far end of the map's y axis. */
  readonly grid: Grid;
}

const DEFAULT_OCCUPIED = 0.65;
const DEFAULT_FREE = 0.196;

/** Bytes that a packed image may grow to: the largest map in 16-bit samples, and its header. */
const MAX_IMAGE_BYTES = 2 ** 26;

/**
 * Reads a map from its YAML file and the image beside it, which may be gzipped.
 *
 * The image is the one the YAML names, else the one of that name beside the YAML, else the one with the YAML's own
 * name; each also with `.gz` appended.
 *
 * @throws {@link Fault} `file_format` naming the file and the line, also for a map of more than {@link MAX_CELLS}
 */
export async function readRosMap(yamlFile: string): Promise<RosMap> {
  const spec = parseMapYaml(await readMapText(yamlFile), yamlFile);
  const folder = dirname(yamlFile);
  const named = isAbsolute(spec.image) ? spec.image : join(folder, spec.image);
  const beside = join(folder, basename(spec.image));
  const ownName = join(folder, `${basename(yamlFile, extname(yamlFile))}.pgm`);
  for (const file of [named, beside, ownName].flatMap((path) => [path, `${path}.gz`])) {
    const bytes = await readMapFile(file);
    if (bytes !== null) return { spec, grid: gridOf(parsePgm(unpacked(bytes, file), file), spec, file) };
  }
  throw mapFault(
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
  const fault = (name: string, message: string) => mapFault(file, lineOf(text, name), `${name}: ${message}`);
  const number = (name: string, least: number, most: number, fallback?: number): number => {
    const value = fields[name] ?? fallback;
    if (typeof value === "number" && value >= least && value <= most) return value;
    throw fault(name, `expected a number within ${least}..${most}`);
  };
  const image = fields["image"];
  if (typeof image !== "string" || image === "") throw fault("image", "expected the name of a file");
  const typed = String(fields["mode"] ?? "trinary").toLowerCase();
  const mode = MODES.find((known) => known === typed);
  if (mode === undefined) throw fault("mode", `expected one of ${MODES.join(", ")}`);
  const [x, y, yaw, ...rest]: unknown[] = Array.isArray(fields["origin"]) ? fields["origin"] : [];
  if (typeof x !== "number" || typeof y !== "number" || typeof yaw !== "number" || rest.length > 0) {
    throw fault("origin", "expected [x, y, yaw]");
  }
  const negate = fields["negate"] ?? 0;
  if (negate !== 0 && negate !== 1 && typeof negate !== "boolean") throw fault("negate", "expected 0 or 1");
  const resolution = number("resolution", 0, 1_000);
  if (resolution === 0) throw fault("resolution", "expected more than 0 metres");
  const occupiedThresh = number("occupied_thresh", 0, 1, DEFAULT_OCCUPIED);
  const freeThresh = number("free_thresh", 0, 1, DEFAULT_FREE);
  if (freeThresh > occupiedThresh) throw fault("free_thresh", "expected at most occupied_thresh");
  return {
    mode,
    image,
    resolution,
    origin: [x, y, yaw],
    negate: Boolean(negate),
    occupiedThresh,
    freeThresh,
  };
}

function parseFields(text: string, file: string): Readonly<Record<string, unknown>> {
  let fields: unknown;
  try {
    fields = parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw mapFault(file, error.linePos?.[0].line ?? 1, "not YAML", error);
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw mapFault(file, 1, "expected image, resolution and origin");
  }
  return { ...fields };
}

/** The line a field stands on, or the last one when it is absent. */
function lineOf(text: string, name: string): number {
  const lines = text.trimEnd().split("\n");
  const index = lines.findIndex((line) => line.startsWith(`${name}:`));
  return index < 0 ? lines.length : index + 1;
}

function gridOf({ width, height, maxval, pixels }: Pgm, spec: RosMapSpec, file: string): Grid {
  if (!isPlannable(width, height)) {
    throw mapFault(
      file,
      1,
      `${width} x ${height} cells are too many: at most ${MAX_CELLS} can be planned on`,
    );
  }
  const cells = new Uint8Array(width * height);
  pixels.forEach((value, i) => {
    if (occupancyOf(value / maxval, spec) < spec.freeThresh) cells[i] = 1;
  });
  return { width, height, cells };
}

/** @param shade - 0..1, white 1 */
function occupancyOf(shade: number, { mode, negate }: RosMapSpec): number {
  if (mode === "raw") return Math.round(shade * 255) / 100;
  return negate ? shade : 1 - shade;
}

function unpacked(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_IMAGE_BYTES });
  } catch (error) {
    throw mapFault(file, 1, "not a whole gzip file, or too large a one", error);
  }
}
