import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { isAlive, Program } from "../../stories/program.ts";

it("the main job ends at once and leaves no process behind when it is interrupted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-interrupt-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const demo = new Program(["demo", "--json", "--data", folder]);
  const gateway = await demo.heard((line) => line["process"] === "gateway");
  await demo.heard((line) => line.kind === "task");
  demo.process.kill("SIGINT");
  expect(await demo.ended(), demo.stderr).toBe(130);
  expect(isAlive(Number(gateway["pid"]))).toBe(false);
});
