/** Failure test 8: whatever keeps a transaction from its block, it has exactly one effect and its nonce is not skipped. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { Fault } from "../../../src/base/fault.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import type { Chain } from "../../../src/settlement/chain.ts";
import { type DeskOptions, SettlementDesk } from "../../settlement/settlement-desk.ts";
import { type Actor, startWorld, type World } from "../../settlement/world.ts";

const OPTIONS: DeskOptions = { confirmations: 2, laneDeposit: 0n, bumpAfterMs: 400 };

let world: World;
let gateway: Actor;
let robot: Actor;
let desk: SettlementDesk;
let snapshot: Hex;
let firstNonce: number;
let vaultBefore: bigint;

beforeAll(async () => {
  world = await startWorld();
  [gateway, robot] = world.others as [Actor, Actor];
  await world.endow([gateway, robot], 1_000n);
  await world.fund(robot, gateway, 200n);
  await world.rpc("evm_mine", []);
});
afterAll(() => world.local.stop());
beforeEach(async () => {
  snapshot = await world.snapshot();
  desk = new SettlementDesk(world, gateway, [robot]);
  firstNonce = await world.client.getTransactionCount({ address: gateway.address });
  vaultBefore = await world.vaultOf(gateway);
});
afterEach(async () => {
  await desk.stop();
  await world.rpc("anvil_dropAllTransactions", []);
  await world.rpc("evm_setAutomine", [true]);
  await world.revert(snapshot);
});

function mine(): Promise<unknown> {
  return world.rpc("evm_mine", []);
}

/** Blocks go on coming until it is so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const look = async () => {
    if (await isSo()) return true;
    await mine();
    return false;
  };
  await expect.poll(look, { interval: 30, timeout: 20_000 }).toBe(true);
}

/** A settlement with 150 to claim, and no blocks unless they are asked for. */
async function stand(options: DeskOptions = {}): Promise<void> {
  await (await desk.open({ ...OPTIONS, ...options })).refresh();
  await desk.promise(robot, 150n);
  await world.rpc("evm_setAutomine", [false]);
}

/** Asks for everything; what fails is the journal's business. */
function settle(): Promise<unknown> {
  return desk.settlement.settle({ force: true }).catch((fault: unknown) => fault);
}

function prepared() {
  return desk.named("transactionPrepared");
}

async function pooled(): Promise<number> {
  const status = (await world.rpc("txpool_status", [])) as { pending: Hex; queued: Hex };
  return Number(status.pending) + Number(status.queued);
}

/** One claim, one nonce, credited once. */
async function expectOneEffect(): Promise<void> {
  await until(() => desk.named("claimed").length === 1);
  expect(new Set(prepared().map(({ nonce }) => nonce))).toEqual(new Set([firstNonce]));
  expect(desk.named("claimed")).toHaveLength(1);
  expect(desk.state.transactions.size).toBe(0);
  expect((await world.vaultOf(gateway)) - vaultBefore).toBe(150n);
  expect(await world.client.getTransactionCount({ address: gateway.address })).toBe(firstNonce + 1);
  expect([desk.recovery(), desk.unclaimed()]).toEqual([0n, 0]);
}

describe("8 stuck transaction", () => {
  it("8 stuck transaction that no block takes is replaced at a higher fee, each one journalled", async () => {
    await stand();
    const settling = settle();
    await expect.poll(() => prepared().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(3);
    const [first, second] = prepared();
    expect(second?.replaces).toBe(first?.transaction);
    expect((second?.maxFeePerGas ?? 0n) * 8n).toBeGreaterThanOrEqual((first?.maxFeePerGas ?? 0n) * 9n);
    expect(await pooled()).toBe(1);
    await expectOneEffect();
    await settling;
  });

  it("8 stuck transaction dropped from the pool is sent again as it is", async () => {
    await stand({ bumpAfterMs: 4_000 });
    const settling = settle();
    await expect.poll(pooled, { timeout: 60_000 }).toBe(1);
    const hash = prepared()[0]?.transaction;
    await world.rpc("anvil_dropTransaction", [hash]);
    expect(await pooled()).toBe(0);
    await expect.poll(pooled, { timeout: 60_000 }).toBe(1);
    await expectOneEffect();
    expect(desk.named("claimed")[0]?.transaction).toBe(hash);
    await settling;
  });

  it("8 stuck transaction under a fee spike stops at the cap, says so once, and goes when gas is cheap", async () => {
    const { maxFeePerGas = 0n } = await world.client.estimateFeesPerGas();
    await stand({ maxFeePerGas: 2n * maxFeePerGas, bumpAfterMs: 100 });
    const settling = settle();
    await expect.poll(pooled, { timeout: 60_000 }).toBe(1);
    const calm = (await world.client.getBlock()).baseFeePerGas ?? 0n;
    const spike = async () => {
      await world.rpc("anvil_setNextBlockBaseFeePerGas", [`0x${(100n * calm).toString(16)}`]);
      await mine();
    };
    await spike();
    await expect.poll(() => desk.codes(), { timeout: 60_000 }).toContain("transaction_stuck");
    for (let block = 0; block < 5; block++) await spike();
    expect((await world.lane(robot, gateway)).settled).toBe(0n);
    const count = prepared().length;
    await world.rpc("anvil_setNextBlockBaseFeePerGas", [`0x${calm.toString(16)}`]);
    await expectOneEffect();
    expect(prepared()).toHaveLength(count);
    expect(desk.codes()).toEqual(["transaction_stuck"]);
    await settling;
  });

  it("8 stuck transaction over restarts: replaced, restarted, dropped, restarted, one effect", async () => {
    await stand();
    let settling = settle();
    await expect.poll(() => prepared().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
    for (let restart = 0; restart < 3; restart++) {
      const count = prepared().length;
      const opened = desk.open(OPTIONS);
      await world.rpc("anvil_dropAllTransactions", []);
      await opened;
      await settling;
      settling = settle();
      await expect.poll(pooled, { timeout: 60_000 }).toBe(1);
      await expect.poll(() => prepared().length, { timeout: 60_000 }).toBeGreaterThan(count);
    }
    await expectOneEffect();
    await settling;
  });

  it("8 stuck transaction whose replacement was journalled and whose original is mined is found", async () => {
    await stand();
    const settling = settle();
    await expect.poll(pooled, { timeout: 60_000 }).toBe(1);
    const original = prepared()[0];
    await expect.poll(() => prepared().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
    await desk.stop();
    await settling;
    await world.rpc("anvil_dropAllTransactions", []);
    await world.rpc("eth_sendRawTransaction", [original?.raw]);
    await mine();
    await (await desk.open(OPTIONS)).start();
    await expectOneEffect();
    expect(desk.named("claimed")[0]?.transaction).toBe(original?.transaction);
  });

  it("8 stuck transaction behind a node that lies about receipts, and is away half of the time", async () => {
    // drawn, not every n-th: a rhythm could meet that of the questions, and one of them would never be answered
    let seed = 11;
    const away = <T>(answer: Promise<T>): Promise<T> => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 5 < 2 ? Promise.reject(new Fault("chain_unreachable", "away")) : answer;
    };
    const through = (chain: Chain): Chain => ({
      ...chain,
      broadcast: (raw) => away(chain.broadcast(raw)),
      receipt: async (hash) => {
        const found = await away(chain.receipt(hash));
        const lie = { status: "success" as const, block: 1n, gasUsed: 1n, gasPrice: 1n };
        return found ?? { ...lie, blockHash: `0x${"66".repeat(32)}` };
      },
    });
    await stand({ through });
    void desk.settlement.start();
    const settling = settle();
    await expect.poll(() => prepared().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
    expect(desk.named("claimed")).toEqual([]);
    await expectOneEffect();
    await settling;
  });

  for (const point of ["before journal", "after journal", "after broadcast", "before conclusion"] as const) {
    it(`8 stuck transaction: a process that dies ${point} leaves one effect`, async () => {
      const dies = new Fault("disk_failed", "the process ends here");
      const through = (chain: Chain): Chain => ({
        ...chain,
        broadcast: async (raw) => {
          if (point === "after journal") throw dies;
          await chain.broadcast(raw);
          if (point === "after broadcast") throw dies;
        },
      });
      const ends = (kind: Fact["kind"]) => desk.named(kind).length > 0;
      const record = (facts: readonly Fact[], write: () => void) => {
        const isPrepared = facts.some(({ kind }) => kind === "transactionPrepared");
        const isClaimed = facts.some(({ kind }) => kind === "claimed");
        if (point === "before journal" && isPrepared) throw dies;
        if (point === "before conclusion" && isClaimed) throw dies;
        write();
      };
      await stand({ through, hold: record });
      const settling = settle();
      let isOver = false;
      void settling.then(() => {
        isOver = true;
      });
      await until(() => isOver);
      expect(ends("claimed")).toBe(false);
      await desk.open(OPTIONS);
      void desk.settlement.start();
      void settle();
      await expectOneEffect();
      expect(prepared()).toHaveLength(1);
    });
  }
});
