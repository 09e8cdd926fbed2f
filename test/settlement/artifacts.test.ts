import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import laneVault from "../../src/settlement/artifacts/LaneVault.json" with { type: "json" };
import testUsdt from "../../src/settlement/artifacts/TestUsdt.json" with { type: "json" };

describe("committed artifacts", () => {
  // the slow suite compiles again; this only catches a contract edited without `node src/settlement/compile.ts`
  it.each([
    ["LaneVault", laneVault],
    ["TestUsdt", testUsdt],
  ])("%s was compiled from the present source", (name, artifact) => {
    const source = readFileSync(new URL(`../../src/settlement/contracts/${name}.sol`, import.meta.url));
    expect(artifact.sourceHash).toBe(createHash("sha256").update(source).digest("hex"));
  });
});
