import { afterEach, expect, it } from "vitest";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";

let market: WholeMarket | null = null;

afterEach(() => market?.close());

it("more tasks than the providers have room for are announced again until all are done", {
  timeout: 60_000,
}, async () => {
  market = await WholeMarket.open((config) => {
    config.market.check_rate = 0;
  });
  await market.provider("first", 500n, undefined, 1);
  await market.provider("second", 900n, undefined, 1);
  const buyer = await market.robot("buyer", false);
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, number) => buyer.hire({ ...planJob(number), maxPrice: PRICE })),
  );
  expect(answers.map(({ state }) => state)).toEqual(answers.map(() => "paid"));
  expect(market.of("withdrawn").some(({ how }) => how === "declined")).toBe(true);
  expect(market.of("announced").length).toBeGreaterThan(answers.length);
});
