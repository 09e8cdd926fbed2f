import { describe, expect, it } from "vitest";
import { compileContracts, staleArtifacts } from "../../../src/settlement/compile.ts";

describe("compileContracts", () => {
  it("makes the committed artifacts, byte for byte", () => {
    const files = compileContracts();
    expect([...files.keys()]).toEqual(["LaneVault.json", "TestUsdt.json"]);
    expect(staleArtifacts(files)).toEqual([]);
    expect(staleArtifacts(new Map([["LaneVault.json", "{}"]]))).toEqual(["LaneVault.json"]);
  }, 60_000);
});
