import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Program } from "../../stories/program.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-demo-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A line without what differs from run to run. */
function shapeOf(line: string): string {
  return line
    .replace(/data in \S+/, "data in DIR")
    .replace(/on a (pty pair \(socat\)|TCP)(: .*)?$/, "on a CABLE")
    .replace(/0x[0-9a-f]+/g, "HEX")
    .replace(/\d+/g, "N")
    .replace(/ +/g, " ");
}

it("the main job prints what README shows", { timeout: 90_000 }, async () => {
  const demo = new Program(["demo", "--queries", "8", "--data", folder]);
  expect(await demo.ended(), demo.stderr).toBe(0);
  const printed = new Set(demo.said.map((line) => shapeOf(String(line["text"]))));
  const shown = readFileSync("README.md", "utf8").split("```text\n")[1]?.split("```")[0] ?? "";
  const lines = shown
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*…$/.test(line) && !/^\d/.test(line));
  expect(lines.length).toBeGreaterThan(12);
  for (const line of lines) expect(printed).toContain(shapeOf(line));
});
