import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearestName } from "../../../src/operator/nearest.ts";

describe("nearestName", () => {
  it("finds what a slip of the finger meant", () => {
    const known = ["paid", "offered", "claimPrepared"];
    expect(nearestName("payd", known)).toBe("paid");
    expect(nearestName("ofered", known)).toBe("offered");
    expect(nearestName("claimprepaired", known)).toBe("claimPrepared");
    expect(nearestName("zebra", known)).toBeNull();
    expect(nearestName("", known)).toBeNull();
  });

  it("finds every name by itself", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (name) => nearestName(name, [`${name}!`, name]) === name),
    );
  });
});
