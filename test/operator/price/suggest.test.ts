import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { priceCommand } from "../../../src/operator/price/command.ts";

const usage = (message: RegExp) =>
  expect.objectContaining({ code: "usage", message: expect.stringMatching(message) });

const SPEEDS = new Map<1 | 16 | 64, number>([
  [1, 1_000_000_000],
  [16, 250_000_000.75],
  [64, 0.2],
]);

async function price(...args: string[]): Promise<string> {
  const written: string[] = [];
  const io = { write: (text: string) => void written.push(text), warn: () => {}, isTerminal: false };
  const readConfig = () => {
    throw new Error("a suggestion needs no settings");
  };
  const ports = { clock: systemClock, benchmark: () => Promise.resolve(SPEEDS), readConfig };
  expect(await priceCommand(args, io, ports)).toBe(0);
  return written.join("");
}

const suggest = (...args: string[]) => price("suggest", "--watts", "5", "--kwh", "0.30", ...args);

describe("price suggest", () => {
  it("gives a rate for each memory class, and what it comes to", async () => {
    expect(JSON.parse(await suggest("--json"))).toEqual({
      tokenDecimals: 6,
      costOfHour: "1500",
      rates: [
        {
          memoryMiB: 1,
          fuelPerSecond: 1_000_000_000,
          rate: "500",
          perMfuel: "0.000000000500",
          perHour: "1800",
          perSecond: "1",
        },
        {
          memoryMiB: 16,
          fuelPerSecond: 250_000_000,
          rate: "2000",
          perMfuel: "0.000000002000",
          perHour: "1800",
          perSecond: "1",
        },
        {
          memoryMiB: 64,
          fuelPerSecond: 1,
          rate: "500000000000",
          perMfuel: "0.500000000000",
          perHour: "1800",
          perSecond: "1",
        },
      ],
    });
  });

  it("counts wear, margin and runs at the same time", async () => {
    const options = ["--wear", "0.0045", "--margin", "0", "--runs", "2", "--json"];
    const { costOfHour, rates } = JSON.parse(await suggest(...options));
    expect([costOfHour, rates[0].rate, rates[0].perHour]).toEqual(["3000", "834", "3002"]);
  });

  it("is a table on a terminal, with the rates for the ask below", async () => {
    const text = await suggest();
    expect(text).toContain("an hour of one run costs 0.001500 USDT: 5 W at 0.30 USDT/kWh, 0 USDT of wear");
    expect(text).toMatch(/^ *16 MiB +250,000,000 +2000 +0\.000000002000 +0\.001800 +0\.000001$/m);
    expect(text).toMatch(/^ +1 MiB +1,000,000,000 +500 +0\.000000000500 +0\.001800 +0\.000001$/m);
    expect(text).toMatch(/^for the simulated provider: --rate 1=500,16=2000,64=500000000000$/m);
    expect(text).toContain(
      "ask: [{ memoryMiB: 1, rate: amount(500n) }, { memoryMiB: 16, rate: amount(2000n) }, " +
        "{ memoryMiB: 64, rate: amount(500000000000n) }]",
    );
    expect(text).toContain("0.000001 USDT at least");
  });

  it("names what is missing or mistyped, with an example", async () => {
    await expect(price()).rejects.toEqual(usage(/price suggest/));
    await expect(price("sugest")).rejects.toEqual(usage(/did you mean suggest/));
    await expect(price("suggest", "--kwh", "0.3")).rejects.toEqual(usage(/--watts W is missing.*--watts 5/));
    await expect(price("suggest", "--watts", "5")).rejects.toEqual(usage(/--kwh PRICE is missing/));
    await expect(suggest("--margin", "-5")).rejects.toEqual(usage(/margin/));
    await expect(suggest("--wear", "0,5")).rejects.toEqual(usage(/--wear takes a number.*"0,5"/));
    await expect(suggest("--runs", "0")).rejects.toEqual(usage(/--runs takes a whole number from 1/));
    await expect(suggest("--wats", "5")).rejects.toEqual(usage(/did you mean --watts/));
    await expect(suggest("now")).rejects.toEqual(usage(/not "now"/));
  });

  it("explains itself", async () => {
    expect(await price("--help")).toContain("--watts W");
    expect(await price("suggest", "--help")).toContain("Measures how much fuel");
  });
});
