/** Somebody leaves: by its operator's word, by its own on the chain, or because the gateway leaves it. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { encodeFunctionData } from "viem";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Connection } from "../../../devices/robot/connection.ts";
import type { Robot } from "../../../devices/robot/robot.ts";
import { fromHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { recoveryOf } from "../../../src/payment/books.ts";
import { creditOf, owedBy } from "../../../src/payment/payment.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { type Voucher, voucherDigest } from "../../../src/protocol/voucher.ts";
import { type Call, TOKEN_ABI } from "../../../src/settlement/chain.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";
import { ask, Backstage, DAY, expectChainAgrees, HOUR, LANE_DEPOSIT, quick, received } from "./backstage.ts";
import { Gate } from "./gate.ts";

const ASKS = 500n;
const GETS = 490n;

let market: WholeMarket;
let stage: Backstage;
let buyer: Robot;

beforeEach(async () => {
  market = await WholeMarket.open(quick);
  stage = new Backstage(market);
  buyer = await market.robot("buyer", false);
});
afterEach(() => market.close());

function hire(number: number, payment: "prepaid" | "result" = "prepaid") {
  return buyer.hire({ ...planJob(number), maxPrice: PRICE, payment });
}

async function accepted(times: number): Promise<void> {
  await expect.poll(() => market.of("accepted").length, { timeout: 20_000 }).toBe(times);
}

async function expectSettled(providers: readonly Robot[]): Promise<void> {
  await market.gateway.settle();
  await expectChainAgrees(market.gateway.state, market.gateway.market, stage.chain);
  for (const robot of providers) expect(await stage.vaultOf(robot.address)).toBe(received(robot));
  expect(market.broken).toEqual([]);
}

/** What the play money's owner may do to it. */
function token(name: "pause" | "unpause"): Call {
  return { to: market.world.token, data: encodeFunctionData({ abi: TOKEN_ABI, functionName: name }) };
}

/** Sends one voucher as the buyer would, and gives the refusal's code, or null. */
async function voucherRefused(voucher: Omit<Voucher, "signature">): Promise<string | null> {
  const file = await stage.connectionFile("buyer");
  const signer = keySigner(fromHex(file.key));
  const answer = Promise.withResolvers<string | null>();
  const nothing = () => undefined;
  const factsheet = () => ({ version: 1 as const, name: "buyer", profiles: [], memoryMiB: 0 });
  const connection = new Connection(
    { file, signer, slot: "1", factsheet, clock: systemClock },
    {
      ...{ up: nothing, changed: nothing, down: nothing, ignored: nothing },
      heard: ({ topic, message }) => {
        if (topic === "refusal" && message.id === "late") answer.resolve(message.code);
        if (topic === "ack" && message.id === "late") answer.resolve(null);
      },
    },
  );
  await connection.start();
  const signed = { ...voucher, signature: await signer.sign(voucherDigest(voucher)) };
  connection.publish("voucher", { version: 1, id: "late", voucher: signed });
  try {
    return await answer.promise;
  } finally {
    await connection.close();
  }
}

describe("a departure", { timeout: 90_000 }, () => {
  it("from the roster: the session ends, no other begins, and what was earned is still claimed", async () => {
    const first = await market.provider("first", ASKS);
    expect((await hire(1)).provider).toBe(first.address);
    await expect.poll(() => received(first)).toBe(GETS);
    const second = await market.provider("second", 900n);
    const entry = join(market.world.folder, "devices", "first.json");
    const away = join(stage.folder(), "first.json");
    renameSync(entry, away);
    await expect.poll(() => first.isUp, { timeout: 20_000 }).toBe(false);
    await expect(market.robot("first", true)).rejects.toMatchObject({ code: "refused" });
    expect(market.refused).toContain("unknown_device");
    expect((await hire(2)).provider).toBe(second.address);
    expect(first.isUp).toBe(false);
    await expect.poll(() => received(second)).toBe(882n);
    await expectSettled([first, second]);
    // enrolled again, it comes back by itself and goes on where it was
    renameSync(away, entry);
    await expect.poll(() => first.isUp, { timeout: 20_000 }).toBe(true);
    expect((await hire(3)).provider).toBe(first.address);
    await expect.poll(() => received(first)).toBe(2n * GETS);
    await expectSettled([first, second]);
  });

  it("of a payer by the chain, while its tasks are open and the token is paused: all is claimed, and it comes back", async () => {
    const gate = new Gate();
    const first = await market.provider("first", ASKS, gate.runs(await market.executor()));
    expect((await hire(1)).state).toBe("paid");
    gate.close();
    const open = [hire(2), hire(3)];
    await accepted(3);
    const { gateway, chainId, vault, token: address } = market.gateway.market;
    const before = buyer.wallet.signed;
    await stage.send(token("pause"));
    await stage.requestClose(buyer);
    await expect.poll(() => buyer.terms?.lane.closeAt, { timeout: 20_000 }).toBeGreaterThan(0);
    await expect(hire(4)).rejects.toMatchObject({ facts: { code: "lane_closing" } });
    await expect(hire(5, "result")).rejects.toMatchObject({ facts: { code: "lane_closing" } });
    expect(market.refused).toEqual(["lane_closing"]);
    // what is held for the open tasks is claimed at once: nobody asks for it
    const settled = async () => (await stage.lane(buyer.address, gateway)).settled;
    await expect.poll(settled, { timeout: 20_000 }).toBe(before);
    gate.open();
    expect((await Promise.all(open)).map(({ state }) => state)).toEqual(["paid", "paid"]);
    await expect.poll(() => received(first)).toBe(3n * GETS);
    expect(buyer.wallet.signed).toBe(before);
    const rest = await buyer.payout();
    expect(rest).toBe(before - 3n * ASKS);

    await stage.pass(DAY + 1);
    await stage.finalizeClose(buyer.address, gateway);
    expect(await stage.vaultOf(buyer.address)).toBe(LANE_DEPOSIT - before);
    await expect.poll(() => buyer.terms?.lane.epoch, { timeout: 20_000 }).toBe(1);
    await expect(hire(6)).rejects.toMatchObject({ facts: { code: "voucher_over_deposit" } });
    await stage.send(token("unpause"));
    await stage.depositLane(buyer.address, gateway, 10_000n);
    await expect.poll(() => buyer.terms?.lane.deposit, { timeout: 20_000 }).toBe(10_000n);
    const old = {
      chainId,
      vault,
      payee: gateway,
      token: address,
      epoch: 0,
      cumulative: amount(before + 1_000n),
    };
    expect(await voucherRefused(old)).toBe("voucher_wrong_epoch");
    expect((await hire(7)).state).toBe("paid");
    await expect.poll(() => received(first)).toBe(4n * GETS);
    expect(buyer.wallet.signed).toBe(PRICE);
    await expectSettled([first]);
    expect(await stage.vaultOf(buyer.address)).toBe(LANE_DEPOSIT - before + rest);
    expect(market.faults).toEqual([]);
  });

  it("of a payer while the gateway is off and nobody watches: what was not claimed it owes, and takes nothing else away", async () => {
    const gate = new Gate();
    const first = await market.provider("first", ASKS, gate.runs(await market.executor()));
    expect((await hire(1)).state).toBe("paid");
    await market.gateway.settle();
    gate.close();
    const open = hire(2);
    await accepted(2);
    const { signed } = buyer.wallet;
    const { port } = market.gateway;
    await market.gateway.stop();
    const { gateway } = market.world;
    const claimed = (await stage.lane(buyer.address, gateway)).settled;
    expect([claimed, signed]).toEqual([1_000n, 1_500n]);
    await stage.requestClose(buyer);
    await stage.pass(DAY + 1);
    await stage.finalizeClose(buyer.address, gateway);
    expect(await stage.vaultOf(buyer.address)).toBe(LANE_DEPOSIT - claimed);
    market.gateway = await market.startGateway(port);
    const { state } = market.gateway;
    expect(state.payment.incoming.get(buyer.address)).toMatchObject({ epoch: 1, deposit: 0n, signed: 0n });
    // all of it was held for the open task, which goes on: its provider has been promised its pay
    expect(owedBy(state.payment, buyer.address)).toBe(signed - claimed);
    gate.open();
    expect(await open).toMatchObject({ state: "paid", spent: ASKS });
    await expect.poll(() => received(first), { timeout: 20_000 }).toBe(2n * GETS);
    // what the task left over is credit that nothing on the chain stands behind
    expect(creditOf(state.payment, buyer.address)).toBe(PRICE - ASKS);
    await expect(buyer.payout()).rejects.toMatchObject({ facts: { code: "payment_due" } });
    await expect(hire(3, "result")).rejects.toMatchObject({ facts: { code: "exposure_limit" } });
    expect(owedBy(state.payment, buyer.address)).toBe(0n);
    expect(creditOf(state.payment, buyer.address)).toBe(0n);
    expect(recoveryOf(state.payment.books)).toBe(0n);
    await expectSettled([first]);
    expect(await stage.vaultOf(buyer.address)).toBe(LANE_DEPOSIT - 2n * ASKS);
  });

  it("of the gateway from a provider that works: its pay is credit, and paid out on the lane that is opened again", async () => {
    const gate = new Gate();
    const executor = await market.executor();
    const first = await market.provider("first", ASKS, gate.runs(executor));
    expect((await hire(1)).state).toBe("paid");
    await expect.poll(() => received(first)).toBe(GETS);
    gate.close();
    const open = hire(2);
    await accepted(2);
    const { folder, gateway } = market.world;
    const device = first.address;
    await ask(folder, "closeLane", { device });
    expect(await stage.vaultOf(device)).toBe(GETS);
    gate.open();
    expect((await open).provider).toBe(device);
    const { payment } = market.gateway.state;
    expect(creditOf(payment, device)).toBe(GETS);
    expect(received(first)).toBe(GETS);
    await expect(first.payout()).rejects.toMatchObject({ facts: { code: "hub_capacity" } });
    await stage.pass(HOUR + 1);
    await expect.poll(async () => (await stage.lane(gateway, device)).epoch, { timeout: 20_000 }).toBe(1);
    await ask(folder, "openLane", { device, amount: "1.00", window: 0 });
    // it never bought anything, so its credit is not kept for it: with the lane it comes by itself
    await expect.poll(() => received(first), { timeout: 20_000 }).toBe(2n * GETS);
    await expect(first.payout()).rejects.toMatchObject({ facts: { code: "no_credit" } });
    expect(creditOf(payment, device)).toBe(0n);
    expect((await hire(3)).provider).toBe(device);
    await expect.poll(() => received(first)).toBe(3n * GETS);
    await expectSettled([first]);
  });
});
