import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CourseOptions, readCourse } from "../../../devices/robot/plan/course.ts";
import { FakeGateway } from "../robot/fake-gateway.ts";

const usage = expect.objectContaining({ code: "usage" });
const fileFormat = expect.objectContaining({ code: "file_format" });
const MAP = "type octile\nheight 2\nwidth 3\nmap\n...\n.@.\n";
const SCEN = "version 1\n0\ta.map\t3\t2\t0\t0\t2\t0\t2\n0\ta.map\t3\t2\t0\t1\t0\t0\t1\n";

let folder = "";
let map = "";
let scen = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "course-"));
  [map, scen] = [join(folder, "a.map"), join(folder, "a.scen")];
  await writeFile(map, MAP);
  await writeFile(scen, SCEN);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const course = (over: Partial<CourseOptions> = {}) =>
  readCourse({ map, scen, count: 9, part: "all", seed: 1, ...over });

describe("a course", () => {
  it("leaves its last query to the board", async () => {
    const all = (await course()).queries;
    expect(all.map(({ optimal }) => optimal)).toEqual([2, 1]);
    expect((await course({ part: "but-last" })).queries).toEqual(all.slice(0, 1));
    expect((await course({ part: "last" })).queries).toEqual(all.slice(1));
  });

  it("of one query is the board's alone, published or generated", async () => {
    for (const options of [{ count: 1 }, { count: 1, scen: null }, { count: 1, map: null, scen: null }]) {
      expect((await course(options)).queries).toHaveLength(1);
      expect((await course({ ...options, part: "last" })).queries).toHaveLength(1);
      expect((await course({ ...options, part: "but-last" })).queries).toEqual([]);
    }
  });

  it("of no query at all is a fault", async () => {
    for (const part of ["all", "but-last", "last"] as const) {
      for (const count of [0, -1, 0.5, Number.NaN]) {
        await expect(course({ part, count })).rejects.toThrow(usage);
        await expect(course({ part, count, map: null, scen: null })).rejects.toThrow(usage);
      }
      for (const empty of ["", "\n\n", "version 1\n"]) {
        await writeFile(scen, empty);
        await expect(course({ part })).rejects.toThrow(usage);
      }
      await writeFile(scen, SCEN);
    }
  });

  it("does not read a scenario for another map", async () => {
    await writeFile(scen, SCEN.replaceAll("\t3\t2", "\t4\t2"));
    await expect(course()).rejects.toThrow(fileFormat);
    await writeFile(scen, "0 a.map 0 0 2 1 2.5\n0 a.map 0 0 3 0 3\n");
    await expect(course()).rejects.toThrow(fileFormat);
    await writeFile(scen, "0 a.map 0 0 2 1 3\n");
    expect((await course()).queries).toMatchObject([{ goal: { x: 2, y: 1 }, optimal: 3 }]);
  });

  it("is a fault when its files cannot be read", async () => {
    await mkdir(join(folder, "folder.map"));
    for (const bad of ["folder.map", "none.map", "a.map/b.map"]) {
      await expect(course({ map: join(folder, bad) })).rejects.toThrow(fileFormat);
    }
    await expect(course({ scen: folder })).rejects.toThrow(fileFormat);
    await expect(course({ scen, map: null })).rejects.toThrow(usage);
    await expect(course({ scen: null, map: join(folder, "a.png") })).rejects.toThrow(usage);
  });
});

describe("a requester", () => {
  it.each([
    [["--lanes", "trust"], 0, { kind: "done", tasks: 0, queries: 0, optimal: 0 }],
    [[], 1, { kind: "failed", message: "one of --rpc URL, --watchtower URL or --lanes trust is needed" }],
  ])("whose course is the board's alone, told %j about its lanes, ends with %i", async (lanes, end, last) => {
    const gateway = await FakeGateway.start();
    const connection = join(folder, "connection.json");
    await writeFile(connection, JSON.stringify(gateway.enroll("buyer")));
    const firmware = ["--firmware", "build/firmware/path-plan.wasm"];
    const files = ["--connection", connection, "--wallet", join(folder, "wallet.json"), ...firmware];
    const queries = ["--map", map, "--scen", scen, "--queries", "1", "--part", "but-last"];
    const program = ["devices/robot/sim/requester.ts", ...files, ...queries, ...lanes];
    const child = spawn(process.execPath, program, { stdio: ["pipe", "pipe", "inherit"] });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
    const lines = said
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(code, said).toBe(end);
    expect(lines).toContainEqual(last);
    await gateway.drop();
  });
});
