import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import type { Chain } from "../../src/settlement/chain.ts";
import { SettlementDesk } from "./settlement-desk.ts";
import { type Actor, startWorld, type World } from "./world.ts";

let world: World;
let gateway: Actor;
let robot: Actor;
let other: Actor;
let desk: SettlementDesk;
let snapshot: Hex;

beforeAll(async () => {
  world = await startWorld();
  [gateway, robot, other] = world.others as [Actor, Actor, Actor];
  await world.endow([gateway, robot], 1_000n);
});
afterAll(() => world.local.stop());
beforeEach(async () => {
  snapshot = await world.snapshot();
  desk = new SettlementDesk(world, gateway, [robot]);
});
afterEach(async () => {
  await desk.stop();
  await world.revert(snapshot);
});

async function mine(blocks: number): Promise<void> {
  for (let block = 0; block < blocks; block++) await world.rpc("evm_mine", []);
}

describe("looks", () => {
  it("count a deposit once it is confirmed, and a close as soon as it is seen", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ confirmations: 3, laneDeposit: 0n });
    await settlement.refresh();
    expect(desk.incoming(robot)?.deposit ?? 0n).toBe(0n);
    await mine(3);
    await settlement.refresh();
    expect(desk.incoming(robot)).toMatchObject({ deposit: 200n, closeAt: 0, window: 0 });
    await world.send(robot, world.vault, "requestClose", [robot.address, gateway.address, world.token]);
    await settlement.refresh();
    expect(desk.incoming(robot)?.closeAt).toBeGreaterThan(0);
  });

  it("take a stranger's claim of a voucher that is known as it is", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open();
    await settlement.refresh();
    await desk.promise(robot, 90n);
    await world.claim(other, [await world.voucher(robot, gateway, 0, 90n)]);
    await settlement.refresh();
    expect(desk.incoming(robot)).toMatchObject({ settled: 90n, signed: 90n });
    expect([desk.recovery(), desk.unclaimed(), desk.codes()]).toEqual([0n, 0, []]);
  });

  it("take a payer's voucher that was never seen for money, and tell of one of the gateway's own", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ laneDeposit: 100n });
    await settlement.refresh();
    await world.claim(other, [
      await world.voucher(robot, gateway, 0, 40n),
      await world.voucher(gateway, robot, 0, 30n),
    ]);
    await settlement.refresh();
    await settlement.refresh();
    expect(desk.credit(robot)).toBe(40n);
    expect(desk.codes()).toEqual(["books_disagree"]);
    expect(String(desk.faults[0])).toContain(`${gateway.address} → ${robot.address}`);
    expect(desk.faults[0]).toMatchObject({ facts: { chain: 30n, journal: 0n } });
  });

  it("do not take for void what was claimed before a lane was closed while nobody looked", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ laneDeposit: 0n });
    await settlement.refresh();
    await desk.promise(robot, 150n);
    await desk.stop();
    await world.claim(other, [await world.voucher(robot, gateway, 0, 120n)]);
    const key = [robot.address, gateway.address, world.token];
    await world.send(robot, world.vault, "requestClose", key);
    await world.pass(3_601);
    await world.send(other, world.vault, "finalizeClose", key);
    await world.fund(robot, gateway, 70n);
    await (await desk.open({ laneDeposit: 0n })).refresh();
    const steps = desk.named("laneObserved").map(({ epoch, settled, deposit }) => [epoch, settled, deposit]);
    expect(steps).toEqual([
      [0, 0n, 200n],
      [0, 120n, 200n],
      [1, 0n, 70n],
    ]);
    // only what nobody had claimed is gone, and the payer's own credit pays for it
    expect(desk.named("laneReconciled").map(({ amount: change }) => change)).toEqual([-30n]);
    expect([desk.credit(robot), desk.recovery(), desk.codes()]).toEqual([120n, 0n, []]);
  });

  it("tell of an outage once, and again only when there was none in between", async () => {
    let isDown = false;
    let asked = 0;
    const through = (chain: Chain): Chain => ({
      ...chain,
      lanes: (keys, at) => {
        asked++;
        return isDown ? Promise.reject(new Fault("chain_unreachable", "away")) : chain.lanes(keys, at);
      },
    });
    await (await desk.open({ through })).start();
    for (const outage of [1, 2]) {
      isDown = true;
      const before = asked;
      await expect.poll(() => asked).toBeGreaterThan(before + 4);
      isDown = false;
      const after = asked;
      await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(after + 3);
      expect(desk.codes()).toEqual(Array.from({ length: outage }, () => "chain_unreachable"));
    }
  });
});

describe("claims", () => {
  it("go at once for a lane that is closing", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open();
    await settlement.refresh();
    await desk.promise(robot, 150n);
    await world.send(robot, world.vault, "requestClose", [robot.address, gateway.address, world.token]);
    await settlement.start();
    await expect.poll(() => desk.incoming(robot)?.settled, { timeout: 10_000 }).toBe(150n);
    expect((await world.lane(robot, gateway)).settled).toBe(150n);
    expect(desk.named("claimed")).toMatchObject([{ lanes: [{ payer: robot.address, settled: 150n }] }]);
  });

  it("go for what has waited long enough", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ settleEveryMs: 300 });
    await settlement.refresh();
    await desk.promise(robot, 60n);
    await settlement.start();
    await expect.poll(() => desk.incoming(robot)?.settled, { timeout: 10_000 }).toBe(60n);
  });

  it("go for what brings many times its gas, and a dry run says so before", async () => {
    await world.fund(robot, gateway, 1_000n);
    const settlement = await desk.open({ coinPrice: amount(10_000n), laneMinimum: 0, laneDeposit: 0n });
    await settlement.refresh();
    await desk.promise(robot, 19n);
    expect(await settlement.plan()).toMatchObject({
      rows: [{ value: 19n, cost: 1n, reason: null }],
      value: 0n,
    });
    expect(await settlement.plan({ force: true })).toMatchObject({
      rows: [{ lane: { payer: robot.address }, reason: "asked" }],
      ...{ value: 19n, gas: 41_100n, cost: 1n },
    });
    expect(await settlement.settle()).toEqual([]);
    await desk.promise(robot, 20n);
    expect((await settlement.plan()).rows).toMatchObject([{ reason: "value" }]);
    expect(await settlement.settle()).toMatchObject([{ rows: 1 }]);
    expect((await world.lane(robot, gateway)).settled).toBe(20n);
  });

  it("that a crash left behind are sent with the same bytes", async () => {
    await world.fund(robot, gateway, 200n);
    const away = () => Promise.reject(new Fault("chain_unreachable", "away"));
    const settlement = await desk.open({
      laneDeposit: 0n,
      through: (chain) => ({ ...chain, broadcast: away }),
    });
    await settlement.refresh();
    await desk.promise(robot, 90n);
    await expect(settlement.settle({ force: true })).rejects.toMatchObject({ code: "chain_unreachable" });
    expect(desk.state.transactions.size).toBe(1);
    expect((await world.lane(robot, gateway)).settled).toBe(0n);
    await (await desk.open({ laneDeposit: 0n })).start();
    await expect.poll(() => desk.named("claimed").length, { timeout: 10_000 }).toBe(1);
    expect(desk.named("transactionPrepared")).toHaveLength(1);
    expect(desk.named("claimed")[0]?.transaction).toBe(desk.named("transactionPrepared")[0]?.transaction);
    expect((await world.lane(robot, gateway)).settled).toBe(90n);
  });

  it("stop when the token is not what it was, which is told once, and looks go on", async () => {
    await world.fund(robot, gateway, 200n);
    let checks = 0;
    const recheckToken = () => {
      checks++;
      return Promise.reject(new Fault("token_mismatch", "six decimals are eighteen"));
    };
    const settlement = await desk.open({ recheckToken, settleEveryMs: 100, laneDeposit: 0n });
    await settlement.refresh();
    await desk.promise(robot, 60n);
    await settlement.start();
    await expect.poll(() => checks, { timeout: 10_000 }).toBeGreaterThan(3);
    expect(desk.codes()).toEqual(["token_mismatch"]);
    expect(desk.named("transactionPrepared")).toEqual([]);
    await world.fund(robot, gateway, 50n);
    await expect.poll(() => desk.incoming(robot)?.deposit, { timeout: 10_000 }).toBe(250n);
  });

  it("of a voucher that the vault does not pay are told and not repeated", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ settleEveryMs: 50, laneDeposit: 0n });
    await settlement.refresh();
    // as if signed for another lane: the contract finds no money there
    const promise = await world.voucher(other, gateway, 0, 60n);
    await desk.promise(robot, 60n);
    const lane = desk.incoming(robot);
    if (lane?.newest) Object.assign(lane.newest, { signature: promise.signature });
    await settlement.start();
    await expect.poll(() => desk.codes(), { timeout: 10_000 }).toContain("books_disagree");
    const looks = desk.facts.length;
    await world.fund(robot, gateway, 1n);
    await expect.poll(() => desk.facts.length).toBeGreaterThan(looks);
    await settlement.refresh();
    expect(desk.named("claimed")).toHaveLength(1);
    expect(desk.codes()).toEqual(["books_disagree"]);
  });
});

describe("own lanes", () => {
  it("are topped up once, however long the deposit takes to be confirmed", async () => {
    const settlement = await desk.open({ laneDeposit: 100n, confirmations: 4, window: 2 });
    const started = settlement.start();
    await expect.poll(async () => (await world.lane(gateway, robot)).deposit).toBe(100n);
    await mine(2);
    const again = settlement.refresh();
    await mine(4);
    await Promise.all([started, again]);
    await expect.poll(() => desk.outgoing(robot)?.deposit).toBe(100n);
    expect((await world.lane(gateway, robot)).window).toBe(2);
    expect(desk.named("transactionPrepared")).toMatchObject([{ purpose: "fund", rows: 1 }]);
    expect(desk.named("transactionMined")).toMatchObject([{ succeeded: true }]);
  });

  it("are not funded beyond the vault, or beyond what its owner allows, which is told once", async () => {
    await world.send(gateway, world.vault, "setOwner", [other.address]);
    await world.send(other, world.vault, "setAllowance", [gateway.address, world.token, 99n]);
    const settlement = await desk.open({ laneDeposit: 100n });
    await settlement.refresh();
    await settlement.refresh();
    expect(desk.codes()).toEqual(["funds_short"]);
    expect((await world.lane(gateway, robot)).deposit).toBe(0n);
    await world.send(other, world.vault, "setAllowance", [gateway.address, world.token, 100n]);
    await settlement.refresh();
    expect((await world.lane(gateway, robot)).deposit).toBe(100n);
    await (await desk.open({ laneDeposit: 5_000n })).refresh();
    expect(desk.codes()).toEqual(["funds_short", "funds_short"]);
  });

  it("that are too small for their claims are not opened, and payers' are told of", async () => {
    await world.fund(robot, gateway, 50n);
    const settlement = await desk.open({ laneDeposit: 100n, coinPrice: amount(10n ** 6n) });
    await settlement.refresh();
    await settlement.refresh();
    expect(desk.codes()).toEqual(["funds_short", "funds_short"]);
    expect((await world.lane(gateway, robot)).deposit).toBe(0n);
    await expect(settlement.openLane(robot.address, amount(100n), 1)).rejects.toMatchObject({
      code: "usage",
    });
  });

  it("are opened, topped up and closed by hand, paid first, ended in time, and not opened again", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ laneDeposit: 0n });
    await settlement.start();
    await desk.promise(robot, 30n);
    await settlement.openLane(robot.address, amount(40n), 3);
    await expect(settlement.openLane(robot.address, amount(40n), 3)).rejects.toMatchObject({ code: "usage" });
    await settlement.topUp(robot.address, amount(20n));
    await expect(settlement.topUp(robot.address, amount(5_000n))).rejects.toMatchObject({
      code: "funds_short",
    });
    expect(await world.lane(gateway, robot)).toMatchObject({ deposit: 60n, window: 3, closeAt: 0 });
    await desk.pay(robot, 25n);
    await settlement.close(robot.address);
    expect(await world.lane(gateway, robot)).toMatchObject({ settled: 25n });
    await expect(settlement.close(robot.address)).rejects.toMatchObject({ code: "lane_closing" });
    await world.pass(604_801);
    await expect.poll(async () => (await world.lane(gateway, robot)).epoch, { timeout: 10_000 }).toBe(1);
    expect(await world.vaultOf(gateway)).toBe(975n + (await world.lane(robot, gateway)).settled);
    await (await desk.open({ laneDeposit: 100n })).refresh();
    expect((await world.lane(gateway, robot)).deposit).toBe(0n);
    expect(desk.recovery()).toBe(0n);
  });

  it("are drained: everything claimed, all closing, none funded", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ laneDeposit: 100n });
    await settlement.start();
    await desk.promise(robot, 90n);
    await desk.pay(robot, 60n);
    expect(await settlement.drain()).toMatchObject([{ purpose: "close", succeeded: true }]);
    expect((await world.lane(robot, gateway)).settled).toBe(90n);
    expect(await world.lane(gateway, robot)).toMatchObject({ settled: 60n, deposit: 100n });
    await world.pass(3_601);
    await expect.poll(async () => (await world.lane(gateway, robot)).epoch, { timeout: 10_000 }).toBe(1);
    await settlement.refresh();
    expect((await world.lane(gateway, robot)).deposit).toBe(0n);
    expect(await world.vaultOf(gateway)).toBe(1_000n + 90n - 60n);
  });

  it("of payers are ended for them, if that is wanted, and nothing of what they paid is void", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ laneDeposit: 0n, finalizeForPayers: true });
    await settlement.start();
    await desk.promise(robot, 70n);
    await world.send(robot, world.vault, "requestClose", [robot.address, gateway.address, world.token]);
    await expect.poll(() => desk.incoming(robot)?.settled, { timeout: 10_000 }).toBe(70n);
    await world.pass(3_601);
    await expect.poll(() => desk.incoming(robot)?.epoch, { timeout: 10_000 }).toBe(1);
    expect(await world.vaultOf(robot)).toBe(930n);
    expect([desk.credit(robot), desk.recovery(), desk.named("laneReconciled")]).toEqual([70n, 0n, []]);
  });
});

it("tells once that the coin left pays for few more settlements", async () => {
  await world.rpc("anvil_setBalance", [gateway.address, "0x16345785d8a0000"]);
  const settlement = await desk.open({ laneDeposit: 0n });
  await settlement.refresh();
  expect(desk.codes()).toEqual([]);
  await (await desk.open({ laneDeposit: 0n, gasAlarm: 1_000_000 })).refresh();
  await desk.settlement.refresh();
  expect(desk.codes()).toEqual(["gas_low"]);
});
