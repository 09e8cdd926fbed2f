import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Program } from "../../stories/program.ts";

const DATA = "../shared/data";
const hasMaps = existsSync(`${DATA}/movingai_room-64-64-8.map`);

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-maps-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it.skipIf(!hasMaps)(
  "finds every published optimal length of a MovingAI scenario (needs ../shared/data)",
  { timeout: 90_000 },
  async () => {
    const map = ["--map", `${DATA}/movingai_room-64-64-8.map`];
    const scen = ["--scen", `${DATA}/movingai_room-64-64-8-random-1.scen`];
    const size = ["--queries", "200", "--batch", "20"];
    const demo = new Program(["demo", "--json", ...map, ...scen, ...size, "--data", folder]);
    expect(await demo.ended(), demo.stderr).toBe(0);
    expect(demo.last).toMatchObject({ kind: "summary", queries: 200, optimal: 200, agree: true });
  },
);
