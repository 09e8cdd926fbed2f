import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Program } from "./program.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-demo-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the main job", { timeout: 90_000 }, () => {
  it("turns offers into verified answers and settled payments that agree to the atomic unit", async () => {
    const demo = new Program(["demo", "--json", "--queries", "12", "--data", folder]);
    expect(await demo.ended(), demo.stderr).toBe(0);
    expect(demo.last).toMatchObject({
      kind: "summary",
      tasks: 12,
      queries: 12,
      optimal: 12,
      agree: true,
      restarts: 0,
    });
    expect(demo.last?.["paid"]).toBe(demo.last?.["settled"]);
    const tasks = demo.said.filter(({ kind }) => kind === "task");
    expect(tasks.reduce((sum, { fuel }) => sum + Number(fuel), 0)).toBe(demo.last?.["fuel"]);
    expect(Number(demo.last?.["perMfuel"])).toBeGreaterThan(0);
    expect(demo.last?.["fuelPerSecond"]).toMatchObject({
      "arm-1": expect.any(Number),
      "arm-2": expect.any(Number),
    });
    expect(demo.said.filter((line) => line.kind === "balance").every((line) => line["agree"])).toBe(true);
    const verify = new Program(["log", "verify", "--data", folder, "--json"]);
    expect(await verify.ended()).toBe(0);
    expect(verify.last).toMatchObject({ holds: true, held: demo.last?.["entries"] });
    const paid = new Program(["log", "--data", folder, "--kind", "paid", "--json"]);
    expect(await paid.ended()).toBe(0);
    expect(paid.said).toHaveLength(12);
  });
});
