import { describe, expect, it } from "vitest";
import { bomb, nanFingerprint, smuggler, trapAfterWork } from "../../firmware/bombs.ts";
import { taskModule } from "../../firmware/module.ts";
import { type Fate, fateOf, mutated, randomFrom, rearranged } from "../../firmware/wasm/mutant.ts";
import { kernels, pathPlan, plainHash, quickjs, secp256k1 } from "../../firmware/wasm/real.ts";

/** How many of each: 10,000 in all, most of them of small modules, where a change is likely to be met. */
const BASES = [
  ["the path planner", pathPlan.bytes, 3_000],
  ["the smallest task", taskModule({ table: 2, start: [0x01] }), 2_000],
  ["vectors and NaNs", nanFingerprint(), 1_500],
  ["globals and tables", smuggler(), 1_000],
  ["a loop and a trap", trapAfterWork([0x00]), 1_000],
  ["a task with a checker", bomb({ verify: [0x41, 1] }), 500],
  ["a hash in vectors", plainHash.bytes, 500],
  ["the kernels", kernels.bytes, 300],
  ["QuickJS", quickjs.bytes, 150],
  ["a curve in Rust", secp256k1.bytes, 50],
] as const;

describe("10,000 modules with damage", () => {
  it("are so many", () => {
    expect(BASES.reduce((sum, [, , count]) => sum + count, 0)).toBe(10_000);
  });

  it.for(BASES)("are rejected, or metered to what the engine accepts: %s", ([, bytes, count]) => {
    const random = randomFrom(0x5eed ^ bytes.length);
    const fates = new Set<Fate>();
    for (let i = 0; i < count; i++) {
      fates.add(fateOf(i % 2 === 0 ? mutated(bytes, random) : rearranged(bytes, random)));
    }
    expect(fates).toContain("malformed");
    expect(fates.size).toBeGreaterThan(2);
  });
});
