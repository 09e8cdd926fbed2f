import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { free } from "../../../devices/robot/plan/grid.ts";
import { decodeOutput, encodeInput, MAX_QUERIES, pathCells } from "../../../devices/robot/plan/job.ts";
import { parseMap, parseScenario } from "../../../devices/robot/plan/movingai.ts";
import { parsePgm } from "../../../devices/robot/plan/pgm.ts";
import { shortestLength } from "../../../devices/robot/plan/reference.ts";
import { parseMapYaml, readRosMap } from "../../../devices/robot/plan/ros-map.ts";
import { randomQueries, warehouse } from "../../../devices/robot/plan/warehouse.ts";
import { DATA, HAS_DATA, NEEDS_DATA } from "./public-data.ts";

function faultAt(line: number) {
  return expect.objectContaining({ code: "file_format", facts: expect.objectContaining({ line }) });
}

describe("MovingAI files", () => {
  it("take ground and swamp as free and the rest as not", () => {
    const map = parseMap("type octile\nheight 2\nwidth 4\nmap\n.GS@\nOTW.\n", "a.map");
    expect(map).toEqual({ width: 4, height: 2, cells: Uint8Array.of(1, 1, 1, 0, 0, 0, 0, 1) });
  });

  it.for([
    [1, "type tile\nheight 1\nwidth 1\nmap\n.\n"],
    [2, "type octile\nheight 0\nwidth 1\nmap\n.\n"],
    [3, "type octile\nheight 1\nwidth x\nmap\n.\n"],
    [4, "type octile\nheight 1\nwidth 1\n.\n"],
    [6, "type octile\nheight 2\nwidth 2\nmap\n..\n.\n"],
    [5, "type octile\nheight 1\nwidth 2\nmap\n.?\n"],
    [3, "type octile\nheight 1\nheight 1\nmap\n.\n"],
    [8, "type octile\n\nheight 2\nwidth 2\nmap\n\n..\n.\n"],
    [3, "type octile\nheight 2048\nwidth 1025\nmap\n.\n"],
    [3, "type octile\nwidth 65535\nheight 65535\nmap\n.\n"],
    [1, ""],
  ] as const)("are refused with the line %i at fault", ([line, text]) => {
    expect(() => parseMap(text, "a.map")).toThrow(faultAt(line));
  });

  it.for([
    [
      "blank lines in the header and at the end",
      "type octile\n\nheight 2\nwidth 3\n\nmap\n\n..@\n.@.\n\n \n",
    ],
    ["white space at the end of lines", "type octile \nheight 2\t\nwidth 3 \nmap \n..@ \n.@.\t\t\n"],
    ["CRLF", "type octile\r\nheight 2\r\nwidth 3\r\nmap\r\n..@\r\n.@.\r\n"],
    ["the width before the height", "type octile\nwidth 3\nheight 2\nmap\n..@\n.@."],
    ["a byte order mark", "\ufefftype octile\nheight 2\nwidth 3\nmap\n..@\n.@.\n"],
  ] as const)("may have %s", ([, text]) => {
    expect(parseMap(text, "a.map")).toEqual({ width: 3, height: 2, cells: Uint8Array.of(1, 1, 0, 1, 0, 1) });
  });

  it("may have as many cells as can be planned on", () => {
    const text = `type octile\nheight 1024\nwidth 2048\nmap\n${`${".".repeat(2_048)}\n`.repeat(1_024)}`;
    expect(parseMap(text, "a.map").cells).toHaveLength(2 ** 21);
  });

  it("give queries with their published lengths", () => {
    const text = "version 1\n7\troom.map\t64\t64\t36\t55\t39\t47\t28.89949493\n\n";
    expect(parseScenario(text, "a.scen")).toEqual([
      {
        map: "room.map",
        size: { width: 64, height: 64 },
        start: { x: 36, y: 55 },
        goal: { x: 39, y: 47 },
        optimal: 28.89949493,
      },
    ]);
  });

  it.for([
    ["spaces between columns", "version 1\n0 m.map 4 3  0 1   3 2  4.5\n"],
    ["no version", "0\tm.map\t4\t3\t0\t1\t3\t2\t4.5\n"],
    ["version 1.0", "version 1.0\n0\tm.map\t4\t3\t0\t1\t3\t2\t4.5\n"],
    ["version 0", "version 0\n0\tm.map\t4\t3\t0\t1\t3\t2\t4.5\n"],
    ["blank lines", "\nversion 1\n\n0\tm.map\t4\t3\t0\t1\t3\t2\t4.5\n\n\n"],
    ["CRLF and white space at the end", "version 1 \r\n0\tm.map\t4\t3\t0\t1\t3\t2\t4.5\t \r\n"],
  ] as const)("may have %s in a scenario", ([, text]) => {
    const query = { start: { x: 0, y: 1 }, goal: { x: 3, y: 2 }, optimal: 4.5 };
    expect(parseScenario(text, "a.scen")).toEqual([
      { ...query, map: "m.map", size: { width: 4, height: 3 } },
    ]);
  });

  it("may have spaces in the name of a scenario's map, between tabs", () => {
    const [query] = parseScenario("version 1\n0\tmy maps/a b.map\t4\t3\t0\t1\t3\t2\t4.5\n", "a.scen");
    expect(query?.map).toBe("my maps/a b.map");
  });

  // HOG2, ScenarioLoader: bucket, map, start x, y, goal x, y, length
  it.for(["", "version 0\n", "version 0.0\n"])("may leave out the map's size after %j", (head) => {
    expect(parseScenario(`${head}0 m.map 0 1 3 2 4.5\n`, "a.scen")).toEqual([
      { map: "m.map", size: null, start: { x: 0, y: 1 }, goal: { x: 3, y: 2 }, optimal: 4.5 },
    ]);
  });

  it.for([
    [1, "version 2\n"],
    [2, "version 1\n0 m.map 0 1 3 2 4.5\n"],
    [3, "version 1\n\n0\tm.map\t2048\t1025\t0\t1\t3\t2\t4.5\n"],
    [1, "0 m.map 4 3 0 1 3 2 4.5 9\n"],
    [1, "0 m.map 4 3 0 1 3 2 Infinity\n"],
    [1, "0 m.map 4 3 0 1 3 2 0x10\n"],
    [2, "version 1\n7\troom.map\t64\t64\t36\t55\t39\t47\n"],
    [3, "version 1\n0\tm\t2\t2\t0\t0\t1\t1\t1.4\n0\tm\t2\t2\t0\t0\t2\t1\t1.4\n"],
    [2, "version 1\n0\tm\t2\t2\t0\t0\t1\t-1\t1.4\n"],
  ] as const)("refuse a scenario with the line %i at fault", ([line, text]) => {
    expect(() => parseScenario(text, "a.scen")).toThrow(faultAt(line));
  });
});

describe("PGM images", () => {
  const bytes = (head: string, ...samples: number[]) =>
    Uint8Array.from([...new TextEncoder().encode(head), ...samples]);

  it("may have comments, and samples that look like blanks", () => {
    expect(parsePgm(bytes("P5 # one\n# two 9\n 2\t1 # three\n255\n", 10, 32), "a.pgm")).toEqual({
      width: 2,
      height: 1,
      maxval: 255,
      pixels: Uint16Array.of(10, 32),
    });
  });

  it("of 16 bits are big-endian", () => {
    expect(parsePgm(bytes("P5\n1 1\n65535\n", 0x12, 0x34), "a.pgm").pixels).toEqual(Uint16Array.of(0x1234));
  });

  it.for([
    [1, bytes("P2\n1 1\n255\n", 0)],
    [2, bytes("P5\n0 1\n255\n", 0)],
    [2, bytes("P5\n1 x\n255\n", 0)],
    [4, bytes("P5\n#\n1 1\n99999\n", 0)],
    [3, bytes("P5\n2 2\n255\n", 0, 0, 0)],
    [3, bytes("P5\n1 1\n7\n", 8)],
    [2, bytes("P5\n12")],
  ] as const)("are refused with the line %i at fault", ([line, image]) => {
    expect(() => parsePgm(image, "a.pgm")).toThrow(faultAt(line));
  });
});

describe("ROS maps", () => {
  const yaml = (image: string, rest = "") =>
    `image: ${image}\nresolution: 0.05\norigin: [-1, -2.5, 0]\nnegate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n${rest}`;
  // occupancy 1, 0.204 (unknown), 0.192 and 0
  const image = Uint8Array.from([...new TextEncoder().encode("P5\n4 1\n255\n"), 0, 203, 206, 255]);
  let folder = "";

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ros-map-"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it("are free only below free_thresh", async () => {
    await writeFile(join(folder, "a.yaml"), yaml("hall.pgm"));
    await writeFile(join(folder, "hall.pgm"), image);
    const { spec, grid } = await readRosMap(join(folder, "a.yaml"));
    expect(grid).toEqual({ width: 4, height: 1, cells: Uint8Array.of(0, 0, 1, 1) });
    expect(spec).toMatchObject({ resolution: 0.05, origin: [-1, -2.5, 0], negate: false });
  });

  it("read black as free when negated", async () => {
    await writeFile(join(folder, "a.yaml"), yaml("hall.pgm").replace("negate: 0", "negate: 1"));
    await writeFile(join(folder, "hall.pgm"), image);
    expect((await readRosMap(join(folder, "a.yaml"))).grid.cells).toEqual(Uint8Array.of(1, 0, 0, 0));
  });

  it.for([
    ["gzipped beside the YAML", "hall.pgm", "hall.pgm.gz"],
    ["gone from an absolute path, beside the YAML", "/nowhere/maps/hall.pgm", "hall.pgm"],
    ["named like the YAML", "hall.pgm", "a.pgm"],
    ["gzipped and named like the YAML", "/nowhere/hall.pgm", "a.pgm.gz"],
  ] as const)("find an image that is %s", async ([, named, written]) => {
    await writeFile(join(folder, "a.yaml"), yaml(named));
    await writeFile(join(folder, written), written.endsWith(".gz") ? gzipSync(image) : image);
    expect((await readRosMap(join(folder, "a.yaml"))).grid.cells).toEqual(Uint8Array.of(0, 0, 1, 1));
  });

  it("find an image at an absolute path", async () => {
    await writeFile(join(folder, "a.yaml"), yaml(join(folder, "far.pgm")));
    await writeFile(join(folder, "far.pgm"), image);
    expect((await readRosMap(join(folder, "a.yaml"))).grid.width).toBe(4);
  });

  it("without an image, or with half a gzip file, are a fault", async () => {
    await writeFile(join(folder, "a.yaml"), yaml("hall.pgm"));
    await expect(readRosMap(join(folder, "a.yaml"))).rejects.toThrow(faultAt(1));
    await writeFile(join(folder, "a.pgm.gz"), gzipSync(image).subarray(0, 20));
    await expect(readRosMap(join(folder, "a.yaml"))).rejects.toThrow(faultAt(1));
    await expect(readRosMap(join(folder, "b.yaml"))).rejects.toThrow(faultAt(1));
  });

  // samples 0, 203, 206 and 255: occupancy 1, 0.204, 0.192 and 0, or raw 0 % and three unknown
  it.for([
    ["trinary", 0, [0, 0, 1, 1]],
    ["scale", 0, [0, 0, 1, 1]],
    ["Scale", 1, [1, 0, 0, 0]],
    ["raw", 0, [1, 0, 0, 0]],
    ["raw", 1, [1, 0, 0, 0]],
  ] as const)("read as %s, with negate %i, are free below free_thresh", async ([mode, negate, cells]) => {
    const text = yaml("hall.pgm", `mode: ${mode}\n`).replace("negate: 0", `negate: ${negate}`);
    await writeFile(join(folder, "a.yaml"), text);
    await writeFile(join(folder, "hall.pgm"), image);
    expect((await readRosMap(join(folder, "a.yaml"))).grid.cells).toEqual(Uint8Array.from(cells));
  });

  it("read as raw, are free where the percentage is below free_thresh", async () => {
    await writeFile(join(folder, "a.yaml"), yaml("hall.pgm", "mode: raw\n").replace("0.196", "0.2"));
    const grey = Uint8Array.from([...new TextEncoder().encode("P5\n5 1\n255\n"), 0, 19, 20, 100, 101]);
    await writeFile(join(folder, "hall.pgm"), grey);
    const { grid } = await readRosMap(join(folder, "a.yaml"));
    expect(grid.cells).toEqual(Uint8Array.of(1, 1, 0, 0, 0));
  });

  it("without thresholds have ROS 1's, so that the grey of unknown cells is not free", async () => {
    const text = yaml("hall.pgm").replace("occupied_thresh: 0.65\nfree_thresh: 0.196\n", "");
    expect(parseMapYaml(text.replaceAll("\n", "\r\n"), "a.yaml")).toMatchObject({
      ...{ mode: "trinary", occupiedThresh: 0.65, freeThresh: 0.196 },
    });
    await writeFile(join(folder, "a.yaml"), text);
    const grey = Uint8Array.from([...new TextEncoder().encode("P5\n3 1\n255\n"), 0, 205, 254]);
    await writeFile(join(folder, "hall.pgm"), grey);
    expect((await readRosMap(join(folder, "a.yaml"))).grid.cells).toEqual(Uint8Array.of(0, 0, 1));
  });

  it("that are a folder, or lead nowhere, are a fault", async () => {
    await mkdir(join(folder, "maps"));
    await symlink("loop.pgm", join(folder, "loop.pgm"));
    for (const named of ["maps", "loop.pgm", "a\\0b.pgm"]) {
      await writeFile(join(folder, "a.yaml"), yaml(`"${named}"`));
      await expect(readRosMap(join(folder, "a.yaml"))).rejects.toThrow(faultAt(1));
    }
    await expect(readRosMap(join(folder, "maps"))).rejects.toThrow(faultAt(1));
    // a file stands where a folder should: the image is looked for elsewhere, and found
    await writeFile(join(folder, "hall.pgm"), image);
    await writeFile(join(folder, "a.yaml"), yaml("a.yaml/hall.pgm"));
    expect((await readRosMap(join(folder, "a.yaml"))).grid.width).toBe(4);
  });

  it("of more cells than can be planned on are a fault", async () => {
    await writeFile(join(folder, "a.yaml"), yaml("a.pgm"));
    const head = new TextEncoder().encode("P5\n2048 1025\n255\n");
    const large = new Uint8Array(head.length + 2_048 * 1_025);
    large.set(head);
    await writeFile(join(folder, "a.pgm"), large);
    await expect(readRosMap(join(folder, "a.yaml"))).rejects.toThrow(faultAt(1));
  });

  it.for([
    [7, yaml("a.pgm", "mode: rainbow\n")],
    [5, yaml("a.pgm").replace("0.65", "0.1").replace("free_thresh: 0.196\n", "")],
    [2, yaml("a.pgm").replace("0.05", "-1")],
    [2, yaml("a.pgm").replace("0.05", "0")],
    [3, yaml("a.pgm").replace("-2.5, ", "")],
    [4, yaml("a.pgm").replace("negate: 0", "negate: no")],
    [6, yaml("a.pgm").replace("0.196", "0.9")],
    [6, yaml("a.pgm").replace("image: a.pgm\n", "mode: trinary\n")],
    [1, "- a list\n"],
    [3, "image: a.pgm\nresolution: [1\nmode: 2\n"],
  ] as const)("are refused with the line %i at fault", ([line, text]) => {
    expect(() => parseMapYaml(text, "a.yaml")).toThrow(faultAt(line));
  });

  it.runIf(HAS_DATA)(
    `of nav2 have the free cells that were counted with another program${NEEDS_DATA}`,
    async () => {
      // gunzip -c nav2_warehouse.pgm.gz | tail -c $((1006*1674)) | od -An -v -tu1 -w1 | awk '$1>=230' | wc -l
      const { grid } = await readRosMap(`${DATA}nav2_warehouse.yaml`);
      expect(grid).toMatchObject({ width: 1006, height: 1674 });
      expect(grid.cells.reduce((sum, cell) => sum + cell, 0)).toBe(1_422_292);
    },
  );
});

describe("generated warehouses", () => {
  it("are the same for the same seed and others for another", () => {
    expect(warehouse(5)).toEqual(warehouse(5));
    expect(warehouse(5)).not.toEqual(warehouse(6));
  });

  it("give queries that have a path", () => {
    const map = warehouse(5);
    const queries = randomQueries(map, 30, 1);
    expect(randomQueries(map, 30, 1)).toEqual(queries);
    for (const wanted of queries) {
      expect(free(map, wanted.start.x, wanted.start.y)).toBe(true);
      expect(shortestLength(map, wanted)).toBeGreaterThanOrEqual(1);
    }
  });

  it("have no queries where nothing is connected", () => {
    const island = { width: 2, height: 2, cells: Uint8Array.of(1, 0, 0, 1) };
    expect(() => randomQueries(island, 1, 1)).toThrow(expect.objectContaining({ code: "usage" }));
  });
});

describe("jobs", () => {
  const map = { width: 9, height: 2, cells: new Uint8Array(18).fill(1) };
  const corner = { start: { x: 0, y: 0 }, goal: { x: 8, y: 1 } };

  it("are the bytes that the firmware's file head promises", () => {
    expect([...encodeInput(map, [corner])]).toEqual([
      ...[0x50, 0x50, 0x49, 0x31, 9, 0, 2, 0, 1, 0, 0, 0],
      ...[0xff, 1, 0xff, 1],
      ...[0, 0, 0, 0, 8, 0, 1, 0],
    ]);
  });

  it("are refused off the map and beyond the limits", () => {
    const usage = expect.objectContaining({ code: "usage" });
    expect(() => encodeInput(map, [{ start: { x: 0, y: 0 }, goal: { x: 9, y: 0 } }])).toThrow(usage);
    expect(() => encodeInput(map, [{ start: { x: 0.5, y: 0 }, goal: { x: 1, y: 0 } }])).toThrow(usage);
    expect(() => encodeInput(map, new Array(MAX_QUERIES + 1).fill(corner))).toThrow(usage);
    expect(() => encodeInput({ ...map, height: 3 }, [])).toThrow(usage);
    expect(() => encodeInput({ width: 2048, height: 1025, cells: new Uint8Array(2048 * 1025) }, [])).toThrow(
      usage,
    );
  });

  it("do not decode what is cut, padded or of another magic", () => {
    const good = Uint8Array.of(0x50, 0x50, 0x4f, 0x31, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0b001001);
    expect(decodeOutput(good, 1)).toEqual([
      { status: "found", straight: 2, diagonal: 0, moves: Uint8Array.of(1, 1) },
    ]);
    expect(decodeOutput(good, 2)).toBeNull();
    for (let length = 0; length < good.length; length++)
      expect(decodeOutput(good.slice(0, length), 1)).toBeNull();
    expect(decodeOutput(Uint8Array.from([...good, 0]), 1)).toBeNull();
    expect(decodeOutput(good.with(0, 0), 1)).toBeNull();
    expect(decodeOutput(good.with(8, 9), 1)).toBeNull();
    expect(decodeOutput(good.with(8, 1), 1)).toBeNull();
  });

  it("give the cells of a path", () => {
    expect(pathCells({ x: 1, y: 1 }, Uint8Array.of(0, 5))).toEqual([
      { x: 1, y: 1 },
      { x: 1, y: 0 },
      { x: 2, y: 1 },
    ]);
  });
});
