import { describe, expect, it } from "vitest";
import { nanFingerprint, smuggler } from "../bombs.ts";
import { taskModule } from "../module.ts";
import { type Fate, fateOf, mutated, randomFrom, rearranged } from "./mutant.ts";
import { pathPlan, plainHash } from "./real.ts";

const BASES = [
  ["the path planner", pathPlan.bytes],
  ["the smallest task", taskModule({ table: 2, start: [0x01] })],
  ["vectors and NaNs", nanFingerprint()],
  ["globals and tables", smuggler()],
  ["a hash in vectors", plainHash.bytes],
] as const;

describe("a module with damage", () => {
  it.for(BASES)("is rejected, or metered to what the engine accepts: %s", ([, bytes]) => {
    const random = randomFrom(bytes.length);
    const fates = new Set<Fate>([fateOf(bytes)]);
    for (let count = 0; count < 50; count++) {
      fates.add(fateOf(mutated(bytes, random)));
      fates.add(fateOf(rearranged(bytes, random)));
    }
    expect(fates).toContain("malformed");
    expect(fates.size).toBeGreaterThan(2);
  });

  it("is the same for the same seed", () => {
    const [a, b] = [randomFrom(7), randomFrom(7)];
    expect(mutated(pathPlan.bytes, a)).toEqual(mutated(pathPlan.bytes, b));
    expect(mutated(pathPlan.bytes, a)).not.toEqual(pathPlan.bytes);
  });
});
