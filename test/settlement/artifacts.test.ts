import { describe, expect, it } from "vitest";
import laneVault from "../../src/settlement/artifacts/LaneVault.json" with { type: "json" };
import testUsdt from "../../src/settlement/artifacts/TestUsdt.json" with { type: "json" };
import { hashSources } from "../../src/settlement/compile.ts";

describe("committed artifacts", () => {
  // the slow suite compiles again; this only catches a contract edited without `node src/settlement/compile.ts`
  it.each([
    ["LaneVault", laneVault],
    ["TestUsdt", testUsdt],
  ] as const)("%s was compiled from the present sources", (name, artifact) => {
    expect(artifact.sourceHash).toBe(hashSources(name));
  });

  it("are small enough for any chain: EIP-170 allows 24,576 bytes at an address", () => {
    // what creates a contract holds all that will stand at its address
    for (const { bytecode } of [laneVault, testUsdt]) expect((bytecode.length - 2) / 2).toBeLessThan(24_576);
  });
});
