import { describe, expect, it } from "vitest";
import { judgeModule } from "../../src/firmware/policy.ts";
import { measureRates } from "../../src/firmware/rates.ts";
import { MEMORY_CLASSES } from "../../src/protocol/fuel.ts";

/** Fuel and nanoseconds of one round: of the loop that computes, and of the chases in the order of their memories. */
const ROUNDS = [
  [40, 1],
  [20, 8],
  [20, 32],
  [20, 128],
] as const;
const IMPOSSIBLE = expect.objectContaining({ code: "impossible" });

function roundsOf(input: Uint8Array): number {
  return new DataView(input.buffer).getUint32(0, true);
}

describe("rates", () => {
  it("are the geometric means of computing and of chasing, without what it takes to begin", async () => {
    const modules: Uint8Array[] = [];
    const placeOf = (firmware: Uint8Array) => {
      const known = modules.findIndex((each) => Buffer.compare(each, firmware) === 0);
      return known === -1 ? modules.push(firmware) - 1 : known;
    };
    const rates = await measureRates((firmware, input) => {
      const [fuel = 0, ns = 0] = ROUNDS[placeOf(firmware)] ?? [];
      const rounds = roundsOf(input);
      return Promise.resolve({ fuel: 5_000_000 + fuel * rounds, wallMs: 30 + (ns * rounds) / 1e6 });
    });
    expect([...rates.keys()]).toEqual([...MEMORY_CLASSES]);
    const [compute = 0, ...chases] = ROUNDS.map(([fuel, ns]) => (fuel / ns) * 1e9);
    for (const [i, rate] of [...rates.values()].entries()) {
      expect(rate / Math.sqrt(compute * (chases[i] ?? 0))).toBeCloseTo(1, 6);
    }
    const outlines = modules.map((each) => judgeModule(each));
    expect(outlines).toMatchObject([1, 1, 16, 64].map((memoryMiB) => ({ profile: "task/1", memoryMiB })));
  });

  it("are measured where a run takes no less than a hundred milliseconds", async () => {
    let longest = 0;
    await measureRates((_, input) => {
      const wallMs = roundsOf(input) / 1e6;
      longest = Math.max(longest, wallMs);
      return Promise.resolve({ fuel: roundsOf(input), wallMs });
    });
    expect(longest).toBeGreaterThan(100);
    expect(longest).toBeLessThan(300);
  });

  it("are measured though the machine was busy with something else when it began", async () => {
    let runs = 0;
    const rates = await measureRates((_, input) => {
      const held = runs++ < 2 ? 1_400 : 0;
      return Promise.resolve({ fuel: roundsOf(input), wallMs: held + roundsOf(input) / 1e6 });
    });
    for (const rate of rates.values()) expect(rate / 1e9).toBeCloseTo(1, 6);
  });

  it("are not to be had where the clock stands still", async () => {
    const measured = () => Promise.resolve({ fuel: 1, wallMs: 5 });
    await expect(measureRates(measured)).rejects.toThrow(IMPOSSIBLE);
  });
});
