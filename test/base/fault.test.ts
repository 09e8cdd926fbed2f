import { describe, expect, it } from "vitest";
import { FAULTS, Fault, type FaultCode, isFault } from "../../src/base/fault.ts";
import { isRefusal, REFUSALS, type RefusalCode, refuse } from "../../src/base/refusal.ts";

describe("a fault", () => {
  it.each(Object.entries(FAULTS))("%s says what to do: %s", (code, remedy) => {
    const cause = new Error("below");
    const fault = new Fault(code as FaultCode, "what happened", { cause, facts: { index: 3 } });
    expect(fault).toMatchObject({ name: "Fault", code, remedy, cause, facts: { index: 3 } });
    expect(["retry", "reject", "operator", "defect"]).toContain(remedy);
  });

  it("is told from other errors, and by its code", () => {
    const fault = new Fault("timed_out", "late");
    expect(isFault(fault)).toBe(true);
    expect(isFault(fault, "timed_out")).toBe(true);
    expect(isFault(fault, "link_lost")).toBe(false);
    expect(isFault(new Error("late"))).toBe(false);
    expect(isFault({ code: "timed_out" })).toBe(false);
    expect("cause" in fault).toBe(false);
    expect(fault.facts).toEqual({});
  });
});

describe("a refusal", () => {
  it.each(Object.entries(REFUSALS))("%s comes with a hint", (code, hint) => {
    expect(hint.length).toBeGreaterThan(10);
    expect(refuse(code as RefusalCode)).toEqual({ refused: code, hint });
    expect(refuse(code as RefusalCode, "nearer")).toEqual({ refused: code, hint: "nearer" });
  });

  it("is told from every other value", () => {
    expect(isRefusal(refuse("too_many"))).toBe(true);
    for (const value of [null, undefined, "refused", 1n, [], {}, { code: "too_many" }]) {
      expect(isRefusal(value)).toBe(false);
    }
  });
});
