import { mkdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startControl } from "../../../src/operator/control/server.ts";
import { priceCommand } from "../../../src/operator/price/command.ts";
import { openStand, type Stand } from "../device/stand.ts";

let stand: Stand;
beforeEach(() => {
  stand = openStand();
  mkdirSync(stand.data);
});
afterEach(() => stand.remove());

const list = (...args: string[]) => stand.run(priceCommand, "list", ...args);
const DEVICE = `0x${"d1".repeat(20)}`;
const ASK = { device: DEVICE, name: "arm-1", memoryMiB: 16, rate: "2285", fuelPerSecond: 1.5e9, expires: 9 };

describe("price list", () => {
  it("shows what a running gateway's providers ask", async () => {
    const control = await startControl(stand.data, {
      asks: () =>
        Promise.resolve({ decimals: 6, asks: [ASK, { ...ASK, memoryMiB: 64, fuelPerSecond: null }] }),
    });
    const lines = (await list()).written.split("\n");
    expect(lines).toEqual([
      `arm-1 (${DEVICE})  up to 16 MiB: 0.000000002285 USDT per Mfuel, 1,500,000,000 fuel per second`,
      `arm-1 (${DEVICE})  up to 64 MiB: 0.000000002285 USDT per Mfuel`,
      "",
    ]);
    expect(JSON.parse((await list("--json")).written).asks[0]).toEqual(ASK);
    await control.stop();
  });

  it("says when nobody asks anything, and when no gateway runs", async () => {
    await expect(list()).rejects.toMatchObject({ code: "link_lost" });
    const control = await startControl(stand.data, {
      asks: () => Promise.resolve({ decimals: 6, asks: [] }),
    });
    expect((await list()).written).toBe("no connected provider has an ask\n");
    await control.stop();
  });

  it("takes options only", async () => {
    await expect(list("now")).rejects.toMatchObject({ code: "usage" });
    await expect(stand.run(priceCommand, "lst")).rejects.toMatchObject({ code: "usage" });
    expect((await list("--help")).written).toContain("hirewire price list");
  });
});
