import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuelText, newLegend, printable, rateOf, timeText } from "../../../src/operator/log/legend.ts";

const times = fc.integer({ min: 0, max: Date.UTC(2200, 0) });

describe("timeText", () => {
  it("names the same moment in local time and in UTC", () => {
    fc.assert(
      fc.property(times, (ms) => {
        expect(Date.parse(timeText(ms, false))).toBe(ms);
        expect(Date.parse(timeText(ms, true))).toBe(ms - (ms % 1_000));
      }),
    );
  });

  it("writes the offset of local time", () => {
    expect(timeText(Date.UTC(2026, 10, 22, 10), true)).toMatch(/^2026-11-2[123]T\d\d:\d\d:00[+-]\d\d:\d\d$/);
    expect(timeText(Number.MAX_SAFE_INTEGER, true)).toBe("9007199254740991 ms");
  });
});

describe("fuel and rates", () => {
  it("are exact, in millions of fuel, without needless zeros", () => {
    expect([0, 1, 1_500_000, 10 ** 15].map(fuelText)).toEqual([
      ...["0 Mfuel", "0.000001 Mfuel", "1.5 Mfuel", "1000000000 Mfuel"],
    ]);
    const legend = newLegend();
    expect([0n, 1n, 2_500_000n, 10n ** 12n, 10n ** 13n].map((rate) => rateOf(legend, rate))).toEqual([
      ...["0", "0.000000000001", "0.0000025", "1", "10"],
    ]);
  });
});

describe("printable", () => {
  it("leaves words alone and takes out what steers a terminal", () => {
    expect(printable("Робот 1 🤖 (dock)")).toBe("Робот 1 🤖 (dock)");
    expect(printable("a\u001b[31mb\r\nc\u2028\u0000")).toBe("a�[31mb��c��");
  });
});
