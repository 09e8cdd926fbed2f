/** Failure test 7: what a reorganization takes away is not counted, and what was sent comes back exactly once. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isRefusal } from "../../../src/base/refusal.ts";
import { roomOf, worth } from "../../../src/payment/lane.ts";
import { type DeskOptions, SettlementDesk } from "../../settlement/settlement-desk.ts";
import { type Actor, startWorld, type World } from "../../settlement/world.ts";

/** A block counts when there are two behind it. */
const CONFIRMATIONS = 3;

const OPTIONS: DeskOptions = { confirmations: CONFIRMATIONS, laneDeposit: 0n, bumpAfterMs: 2_000 };

let world: World;
let gateway: Actor;
let robot: Actor;
let desk: SettlementDesk;

// a chain for each: snapshots do not outlive a reorganization
beforeEach(async () => {
  world = await startWorld();
  [gateway, robot] = world.others as [Actor, Actor];
  desk = new SettlementDesk(world, gateway, [robot]);
  // room for reorganizations that leave the contracts alone
  await mine(20);
});
afterEach(async () => {
  await desk.stop();
  await world.local.stop();
});

async function mine(blocks: number): Promise<void> {
  for (let block = 0; block < blocks; block++) await world.rpc("evm_mine", []);
}

/** Exchanges the newest blocks for empty ones; their transactions are forgotten. */
async function reorganize(depth: number): Promise<void> {
  await world.rpc("anvil_reorg", [depth, []]);
}

/** Blocks go on coming until it is so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const look = async () => {
    if (await isSo()) return true;
    await mine(1);
    return false;
  };
  await expect.poll(look, { interval: 30, timeout: 20_000 }).toBe(true);
}

function reorganizations(): number {
  return desk.codes().filter((code) => code === "chain_reorganized").length;
}

/** Of the first transaction that was journalled: where it stands. */
function receiptOfFirst() {
  const hash = desk.named("transactionPrepared")[0]?.transaction ?? "0x";
  return world.client.getTransactionReceipt({ hash });
}

/** Hash of the block that the one claim stands in. */
async function blockOfClaim(): Promise<string> {
  return (await receiptOfFirst()).blockHash;
}

/** Exchanges the block of the first transaction that was journalled, and all above it. */
async function reorganizeFirst(): Promise<void> {
  const { blockNumber } = await receiptOfFirst();
  await reorganize(Number((await world.client.getBlockNumber()) - blockNumber) + 1);
}

/** What the gateway's vault has gained since. */
async function gain(before: bigint): Promise<bigint> {
  return (await world.vaultOf(gateway)) - before;
}

describe("7 reorg", () => {
  it("7 reorg drops the deposit and the fundLane: none of it was counted while it could vanish", async () => {
    await (await desk.open(OPTIONS)).start();
    await world.endow([robot], 1_000n);
    await world.fund(robot, gateway, 200n);
    await desk.settlement.refresh();
    expect(desk.incoming(robot)?.deposit ?? 0n).toBe(0n);
    await reorganize(2);
    await mine(CONFIRMATIONS);
    await desk.settlement.refresh();
    expect((await world.lane(robot, gateway)).deposit).toBe(0n);
    expect(desk.incoming(robot)?.deposit ?? 0n).toBe(0n);
  });

  it("7 reorg drops a counted fundLane: the lane is worth nothing at the next look, and is told", async () => {
    await world.endow([robot], 1_000n);
    await mine(10);
    await (await desk.open(OPTIONS)).start();
    await world.fund(robot, gateway, 200n);
    const funded = await world.client.getBlockNumber();
    await until(() => desk.incoming(robot)?.deposit === 200n);
    await desk.promise(robot, 120n);
    const seen = await world.client.getBlockNumber();
    await reorganize(Number(seen - funded) + 1);
    await expect.poll(() => desk.incoming(robot)?.deposit, { timeout: 60_000 }).toBe(0n);
    expect(reorganizations()).toBe(1);
    expect(desk.named("chainReorganized")).toHaveLength(1);
    const lane = desk.incoming(robot);
    if (!lane) throw new Error("no lane");
    expect(roomOf(lane)).toBe(0n);
    expect(isRefusal(worth(lane, { cumulative: lane.signed }))).toBe(true);
    // the voucher is money again as soon as the deposit is there again
    expect(await desk.settlement.settle({ force: true })).toEqual([]);
    await world.fund(robot, gateway, 170n);
    await until(() => desk.incoming(robot)?.deposit === 170n);
    const before = await world.vaultOf(gateway);
    const settling = desk.settlement.settle({ force: true });
    await until(() => desk.named("claimed").length === 1);
    expect(await settling).toHaveLength(1);
    expect(await gain(before)).toBe(120n);
    expect(desk.codes().filter((code) => code === "books_disagree")).toEqual([]);
  });

  it("7 reorg drops the gateway's own fundLanes: the same bytes again, one deposit", async () => {
    await world.endow([gateway], 1_000n);
    await mine(CONFIRMATIONS);
    const started = (await desk.open({ ...OPTIONS, laneDeposit: 100n })).start();
    await expect.poll(async () => (await world.lane(gateway, robot)).deposit).toBe(100n);
    await reorganize(1);
    await until(() => desk.outgoing(robot)?.deposit === 100n);
    await started;
    expect(desk.named("transactionPrepared")).toHaveLength(1);
    // confirmed and recorded, and gone all the same
    await until(() => desk.named("transactionMined").length === 1);
    await reorganizeFirst();
    await expect.poll(() => reorganizations(), { timeout: 60_000 }).toBeGreaterThan(0);
    await until(
      async () =>
        (await world.lane(gateway, robot)).deposit === 100n && desk.outgoing(robot)?.deposit === 100n,
    );
    await mine(CONFIRMATIONS);
    await desk.settlement.refresh();
    expect((await world.lane(gateway, robot)).deposit).toBe(100n);
    expect(await world.vaultOf(gateway)).toBe(900n);
    expect(desk.named("transactionPrepared")).toHaveLength(1);
  });

  it("7 reorg drops the vault deposit under a fundLanes: nothing is funded until it is there again", async () => {
    await world.endow([world.owner], 1_000n);
    await mine(CONFIRMATIONS);
    const deposit = () =>
      world.send(world.owner, world.vault, "deposit", [gateway.address, world.token, 500n]);
    await world.send(world.owner, world.token, "mint", [world.owner.address, 1_000n]);
    await mine(2);
    await deposit();
    const started = (await desk.open({ ...OPTIONS, laneDeposit: 100n })).start();
    await expect.poll(async () => (await world.lane(gateway, robot)).deposit).toBe(100n);
    await reorganize(2);
    await until(() => desk.named("transactionMined").length === 1);
    await started;
    expect((await world.lane(gateway, robot)).deposit).toBe(0n);
    expect(desk.outgoing(robot)?.deposit ?? 0n).toBe(0n);
    await deposit();
    await until(() => desk.outgoing(robot)?.deposit === 100n);
    expect(await world.vaultOf(gateway)).toBe(400n);
  });

  it("7 reorg drops a transaction that the journal does not know: an empty call fills its nonce", async () => {
    await world.endow([gateway], 1_000n);
    await mine(2);
    await world.send(gateway, world.token, "approve", [world.vault, 0n]);
    const started = (await desk.open({ ...OPTIONS, laneDeposit: 100n })).start();
    await expect.poll(async () => (await world.lane(gateway, robot)).deposit).toBe(100n);
    await reorganize(2);
    await until(() => desk.outgoing(robot)?.deposit === 100n);
    await started;
    const [fund, filler] = desk.named("transactionPrepared");
    expect(filler).toMatchObject({ nonce: (fund?.nonce ?? 0) - 1, rows: 0, replaces: null });
    expect(await world.vaultOf(gateway)).toBe(900n);
    await until(() => desk.named("transactionMined").length === 2);
    expect(desk.state.transactions.size).toBe(0);
  });

  it("7 reorg drops the claim, before and after it counted: sent again as it is, credited once", async () => {
    await world.endow([robot], 1_000n);
    await world.fund(robot, gateway, 200n);
    await (await desk.open(OPTIONS)).start();
    await until(() => desk.incoming(robot)?.deposit === 200n);
    await desk.promise(robot, 150n);
    const before = await world.vaultOf(gateway);
    const settling = desk.settlement.settle({ force: true });
    await expect.poll(async () => (await world.lane(robot, gateway)).settled).toBe(150n);
    const first = await blockOfClaim();
    await reorganize(1);
    expect(desk.named("claimed")).toEqual([]);
    await until(() => desk.named("claimed").length === 1);
    expect(await settling).toHaveLength(1);
    const second = await blockOfClaim();
    expect(second).not.toBe(first);
    expect(await gain(before)).toBe(150n);
    await reorganizeFirst();
    await expect.poll(() => reorganizations(), { timeout: 60_000 }).toBeGreaterThan(0);
    await until(async () => (await gain(before)) === 150n);
    await mine(CONFIRMATIONS);
    await expect.poll(() => desk.incoming(robot)?.settled, { timeout: 60_000 }).toBe(150n);
    expect(await blockOfClaim()).not.toBe(second);
    expect(desk.named("transactionPrepared")).toHaveLength(1);
    expect(desk.credit(robot)).toBe(150n);
    expect([desk.recovery(), desk.unclaimed()]).toEqual([0n, 0]);
    expect(desk.codes()).not.toContain("books_disagree");
  });

  it("7 reorg drops a counted claim while the gateway is off: it is claimed again, credited once", async () => {
    await world.endow([robot], 1_000n);
    await world.fund(robot, gateway, 200n);
    await (await desk.open(OPTIONS)).start();
    await until(() => desk.incoming(robot)?.deposit === 200n);
    await desk.promise(robot, 150n);
    const before = await world.vaultOf(gateway);
    const settling = desk.settlement.settle({ force: true });
    await until(() => desk.named("claimed").length === 1);
    await settling;
    await desk.stop();
    await reorganizeFirst();
    expect(await gain(before)).toBe(0n);
    await (await desk.open(OPTIONS)).start();
    expect(desk.incoming(robot)?.settled).toBe(0n);
    expect(desk.codes()).toEqual(["books_disagree"]);
    const again = desk.settlement.settle({ force: true });
    await until(() => desk.named("claimed").length === 2);
    await again;
    expect(await gain(before)).toBe(150n);
    expect([desk.recovery(), desk.credit(robot)]).toEqual([0n, 150n]);
  });
});
