import { afterEach, expect, it } from "vitest";
import { readRoster, writeRosterEntry } from "../src/operator/roster-folder.ts";
import { PRICE, planJob, WholeMarket } from "./stories/whole-market.ts";

let market: WholeMarket | null = null;

afterEach(() => market?.close());

it("a budget that the token cannot express is told, and its device may spend nothing", async () => {
  market = await WholeMarket.open();
  const buyer = await market.robot("buyer", false);
  const [entry] = readRoster(market.world.folder).entries.filter(({ name }) => name === "buyer");
  if (!entry) throw new Error("no buyer");
  writeRosterEntry(market.world.folder, { ...entry, perDay: "1.0000001" });
  await expect.poll(() => market?.faults.length).toBeGreaterThan(0);
  const order = { ...planJob(1), maxPrice: PRICE };
  await expect(buyer.hire(order)).rejects.toMatchObject({ facts: { code: "budget_exceeded" } });
  expect(market.broken).toEqual([]);
});
