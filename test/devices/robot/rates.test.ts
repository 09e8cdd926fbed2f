import { describe, expect, it } from "vitest";
import { readRates } from "../../../devices/robot/sim/rates.ts";
import { MAX_RATE } from "../../../src/protocol/fuel.ts";

const read = (text: string) => Object.fromEntries(readRates(text));

describe("the rates of a simulated provider", () => {
  it("are one for all classes, or those that are named", () => {
    expect(read("85000000")).toEqual({ 1: 85_000_000n, 16: 85_000_000n, 64: 85_000_000n });
    expect(read("64=9,1=5,16=7")).toEqual({ 1: 5n, 16: 7n, 64: 9n });
    expect(read("16=7")).toEqual({ 16: 7n });
    expect(read(String(MAX_RATE))[1]).toBe(MAX_RATE);
  });

  it.each(["", "0", "-1", "1.5", "0x10", "1=", "=5", "2=5", "1=5,1=6", "1=5=6", "1=5,", `${MAX_RATE + 1n}`])(
    "are not %o",
    (text) => {
      expect(() => readRates(text)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );
});
