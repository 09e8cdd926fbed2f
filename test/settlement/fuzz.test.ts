import { describe, expect, it } from "vitest";
import { fuzz, report } from "./fuzz/fuzz.ts";

const SEQUENCES = 8;

describe("LaneVault and its model", () => {
  it("agree on every call of random sequences, and no law of money is broken", async () => {
    const tally = await fuzz(SEQUENCES, 1, 40);
    console.info(report(tally));
    expect(tally.sequences).toBe(SEQUENCES);
    expect(tally.functions.size).toBeGreaterThan(20);
  }, 120_000);
});
