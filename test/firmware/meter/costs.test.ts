import { describe, expect, it } from "vitest";
import { COSTS_HASH, costOf } from "../../../src/firmware/meter/costs.ts";
import { instructions } from "../../../src/firmware/wasm/opcodes.ts";

/** What leads round a loop or into a function: were it free, something endless would be. */
const NEVER_FREE = /^(br|br_if|br_table|call|call_indirect|return)$/;
/** What does nothing when it is executed. */
const FREE = /^(unreachable|nop|block|loop|else|end)$/;

describe("costs", () => {
  it.each([...instructions])(
    "of %i are a integer, and of what executes at least 1: $name",
    (op, { name }) => {
      const cost = costOf(op);
      expect(Number.isInteger(cost) && cost >= 0 && cost <= 65_535).toBe(true);
      expect(cost > 0).toBe(NEVER_FREE.test(name) || !FREE.test(name));
    },
  );

  it("of a branch alone are those of a loop round it, and of an address those of its call to the engine", () => {
    const of = (name: string): number =>
      costOf([...instructions].find(([, one]) => one.name === name)?.[0] ?? -1);
    expect(of("br")).toBeGreaterThanOrEqual(11);
    expect(of("ref.func")).toBeGreaterThanOrEqual(30);
  });

  it("have a hash", () => {
    expect(COSTS_HASH).toMatch(/^0x[0-9a-f]{64}$/);
  });
});
