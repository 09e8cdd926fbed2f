import { describe, expect, it } from "vitest";
import { newCommandId } from "../../../devices/robot/command-id.ts";
import { instant } from "../../../src/base/clock.ts";
import { commandId } from "../../../src/protocol/scalar.ts";

describe("a command id", () => {
  it("is one the protocol takes, and never the same", () => {
    const ids = Array.from({ length: 1_000 }, () => newCommandId(instant(1_700_000_000_000)));
    expect(ids.every((id) => commandId.safeParse(id).success && id.length === 26)).toBe(true);
    expect(new Set(ids).size).toBe(1_000);
  });

  it("sorts by its time", () => {
    const ids = [0, 1, 31, 32, 1_700_000_000_000, 2 ** 48 - 1].map((ms) => newCommandId(instant(ms)));
    expect(ids.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(ids);
    // the ULID specification's example: 1469918176385 ms is 01ARYZ6S41
    expect(newCommandId(instant(1_469_918_176_385)).slice(0, 10)).toBe("01ARYZ6S41");
  });
});
