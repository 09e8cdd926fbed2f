import { privateKeyToAccount } from "viem/accounts";
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { mined } from "../../src/settlement/chain.ts";
import { approve, depositLane, mint } from "../../src/settlement/vault-calls.ts";
import { PRICE, planJob, WholeMarket } from "./whole-market.ts";

/** The first of anvil's keys, known to the whole world: it deployed the play money. */
const DEPLOYER = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

let market: WholeMarket | null = null;

afterEach(() => market?.close());

it("a robot that runs out of deposit can hire again as soon as its owner has paid more in", {
  timeout: 40_000,
}, async () => {
  market = await WholeMarket.open((config) => {
    config.chain.poll_ms = 50;
  });
  await market.provider("first", 500n);
  const buyer = await market.robot("buyer", false);
  const { deposit = 0n } = buyer.terms?.lane ?? {};
  const order = { ...planJob(1), checkBudget: amount(deposit), maxPrice: PRICE };
  await expect(buyer.hire(order)).rejects.toMatchObject({
    code: "refused",
    facts: { code: "voucher_over_deposit" },
  });

  const { chain, token, gateway } = market.world;
  const lane = { payer: buyer.address, payee: gateway, token };
  for (const call of [
    mint(token, DEPLOYER.address.toLowerCase() as `0x${string}`, PRICE),
    approve(chain.vault, token, PRICE),
    depositLane(chain.vault, lane, PRICE),
  ]) {
    const { raw, hash } = await chain.prepare(DEPLOYER, call);
    await chain.broadcast(raw);
    await mined(chain, hash, systemClock, { withinMs: 10_000, everyMs: 10 });
  }
  // A claim may be what shows the deposit first; the robot has to hear of it all the same.
  await market.gateway.settle();
  await expect.poll(() => buyer.terms?.lane.deposit, { timeout: 10_000 }).toBe(deposit + PRICE);
  expect((await buyer.hire(order)).state).toBe("paid");
});
