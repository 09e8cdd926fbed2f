import { afterEach, expect, it } from "vitest";
import { amount } from "../../src/base/money.ts";
import { PRICE, planJob, WholeMarket } from "./whole-market.ts";

let market: WholeMarket | null = null;

afterEach(() => market?.close());

it("a gateway that is stopped in the middle of tasks goes on with them when it is started again", {
  timeout: 60_000,
}, async () => {
  market = await WholeMarket.open();
  const { port } = market.gateway;
  await market.provider("first", 500n);
  await market.provider("second", 900n);
  // six holds with their check budgets are more than the ten largest prices that it would stop at by itself
  const buyer = await market.robot("buyer", false, { creditLimit: amount(20_000n) });
  const order = { maxPrice: PRICE, checkBudget: PRICE };
  const answers = [1, 2, 3, 4, 5, 6].map((number) => buyer.hire({ ...order, ...planJob(number) }));
  for (const kind of ["offered", "awarded", "delivered"] as const) {
    await expect.poll(() => market?.of(kind).length, { timeout: 20_000 }).toBeGreaterThan(0);
    await market.gateway.stop();
    market.gateway = await market.startGateway(port);
  }
  expect((await Promise.all(answers)).map(({ state }) => state)).toEqual(answers.map(() => "paid"));
  expect(market.of("paid")).toHaveLength(answers.length);
  expect(market.broken).toEqual([]);
});
