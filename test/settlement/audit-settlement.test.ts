/** What a liar, a stranger or a busy hour must not do to a settlement or a watchtower. */
import { numberToHex } from "viem";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import type { Chain } from "../../src/settlement/chain.ts";
import { openEvmChain } from "../../src/settlement/evm-chain.ts";
import { fundLane } from "../../src/settlement/vault-calls.ts";
import { type FakeNode, type Reply, startFakeNode } from "./fake-node.ts";
import { SettlementDesk } from "./settlement-desk.ts";
import { laneOf, TowerStand, voucher } from "./tower-stand.ts";
import { type Actor, startWorld, type World } from "./world.ts";

let world: World;
let gateway: Actor;
let robot: Actor;
let other: Actor;
let third: Actor;
let desk: SettlementDesk;
let snapshot: Hex;

beforeAll(async () => {
  world = await startWorld();
  [gateway, robot, other, third] = world.others as [Actor, Actor, Actor, Actor];
  await world.endow([gateway, robot], 1_000n);
});
afterAll(() => world.local.stop());
beforeEach(async () => {
  snapshot = await world.snapshot();
  desk = new SettlementDesk(world, gateway, [robot, other, third]);
});
afterEach(async () => {
  await desk.stop();
  await world.revert(snapshot);
});

const purposes = () => desk.named("transactionPrepared").map(({ purpose }) => purpose);
const towardsGateway = () => [robot.address, gateway.address, world.token];

/** Does something once, just before a transaction that this is asked about is sent. */
function justBefore(isIt: () => boolean, deed: () => Promise<unknown>) {
  let isDone = false;
  return (chain: Chain): Chain => ({
    ...chain,
    broadcast: async (raw) => {
      if (!isDone && isIt()) {
        isDone = true;
        await deed();
      }
      await chain.broadcast(raw);
    },
  });
}

describe("a lane to the gateway that its payer begins to close", () => {
  it("is claimed before the next of many transactions, while all of the gateway's own are drained", async () => {
    await world.fund(robot, gateway, 200n);
    // just after the drain has claimed all there was, and before it closes the first of three lanes
    const through = justBefore(
      () => purposes().at(-1) === "close",
      async () => {
        await desk.promise(robot, 120n);
        await world.send(robot, world.vault, "requestClose", towardsGateway());
      },
    );
    const settlement = await desk.open({ laneDeposit: 10n, through });
    await settlement.refresh();
    await desk.promise(robot, 90n);
    const before = purposes().length;
    await settlement.drain();
    expect((await world.lane(robot, gateway)).settled).toBe(120n);
    expect(purposes().slice(before)).toEqual(["claim", "close", "claim", "close", "close"]);
  });

  it("is claimed again although an earlier claim of the same voucher brought nothing", async () => {
    await world.fund(robot, gateway, 200n);
    const slot = world.slotOf(robot, gateway);
    const word = await world.rpc("eth_getStorageAt", [world.vault, slot, "latest"]);
    const write = (value: unknown) => world.rpc("anvil_setStorageAt", [world.vault, slot, value]);
    // the deposit is not on the chain when the claim is mined, as after a deep reorganization
    const through = justBefore(
      () => purposes().at(-1) === "claim",
      () => write(`0x${"00".repeat(32)}`),
    );
    const settlement = await desk.open({ laneDeposit: 0n, through });
    await settlement.refresh();
    await desk.promise(robot, 60n);
    await settlement.settle({ force: true });
    expect(desk.codes()).toContain("books_disagree");
    await write(word);
    await settlement.refresh();
    expect(purposes()).toEqual(["claim"]);
    await world.send(robot, world.vault, "requestClose", towardsGateway());
    await settlement.refresh();
    await settlement.settle();
    expect((await world.lane(robot, gateway)).settled).toBe(60n);
  });
});

describe("looks", () => {
  it("see every other lane although no node can say how one of them ended", async () => {
    await world.endow([other], 100n);
    await world.fund(robot, gateway, 200n);
    await world.fund(other, gateway, 50n);
    const pruned = new Fault("chain_unreachable", "pruned history unavailable");
    let isMute: boolean = true;
    const through = (chain: Chain): Chain => ({
      ...chain,
      laneEnds: (key, from) => (isMute ? Promise.reject(pruned) : chain.laneEnds(key, from)),
    });
    const settlement = await desk.open({ laneDeposit: 0n, through });
    await settlement.refresh();
    await desk.promise(robot, 30n);
    await world.claim(other, [await world.voucher(robot, gateway, 0, 30n)]);
    await world.send(robot, world.vault, "requestClose", towardsGateway());
    await world.pass(3_601);
    await world.send(other, world.vault, "finalizeClose", towardsGateway());
    await world.send(other, world.vault, "requestClose", [other.address, gateway.address, world.token]);
    await settlement.refresh();
    await settlement.refresh();
    expect(desk.incoming(other)?.closeAt).toBeGreaterThan(0);
    // nothing more is taken on the other one meanwhile, and nothing is written off
    expect(desk.incoming(robot)).toMatchObject({ epoch: 0, signed: 30n });
    expect(desk.incoming(robot)?.closeAt).toBeGreaterThan(0);
    expect([desk.codes(), desk.recovery(), purposes()]).toEqual([["chain_unreachable"], 0n, []]);
    isMute = false;
    await settlement.refresh();
    expect(desk.incoming(robot)).toMatchObject({ epoch: 1, deposit: 0n });
    expect([desk.credit(robot), desk.recovery(), desk.codes()]).toEqual([30n, 0n, ["chain_unreachable"]]);
  });
});

it("does nothing more once it is stopped, although a look was under way", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  let looks = 0;
  let asked = 0;
  await world.fund(robot, gateway, 200n);
  const settlement = await desk.open({
    laneDeposit: 0n,
    through: (chain) => ({
      ...chain,
      lanes: async (keys, at) => {
        if (at === "head" && ++looks > 1) {
          reach();
          await gate;
        }
        return chain.lanes(keys, at);
      },
      fees: () => {
        asked++;
        return chain.fees();
      },
    }),
  });
  await desk.promise(robot, 30n);
  await settlement.start();
  await reached;
  const before = asked;
  const stopped = settlement.stop();
  open();
  await stopped;
  for (let turn = 0; turn < 5; turn++) await world.now();
  expect([asked, looks]).toEqual([before, 2]);
});

describe("the gateway's own lanes", () => {
  it("are not filled again because a node says that they are empty", async () => {
    const emptied = (chain: Chain): Chain => ({
      ...chain,
      lanes: async (keys, at) => {
        const seen = await chain.lanes(keys, at);
        const lie = { deposit: amount(0n), settled: amount(0n) };
        return at === "head" ? { ...seen, lanes: seen.lanes.map((lane) => ({ ...lane, ...lie })) } : seen;
      },
    });
    const used = (chain: Chain): Chain => ({
      ...chain,
      lanes: async (keys, at) => {
        const seen = await chain.lanes(keys, at);
        const lanes = seen.lanes.map((lane) => ({ ...lane, settled: lane.deposit }));
        return at === "head" ? { ...seen, lanes } : seen;
      },
    });
    await (await desk.open({ laneDeposit: 50n })).refresh();
    expect((await world.lane(gateway, robot)).deposit).toBe(50n);
    for (const through of [emptied, used]) {
      const settlement = await desk.open({ laneDeposit: 50n, through });
      await settlement.refresh();
      await settlement.refresh();
    }
    expect((await world.lane(gateway, robot)).deposit).toBe(50n);
    expect(await world.vaultOf(gateway)).toBe(850n);
  });

  it("are filled although a stranger's gift has opened one in another window first", async () => {
    const gift = [gateway.address, robot.address, world.token, 1n];
    await world.send(world.owner, world.token, "mint", [robot.address, 1n]);
    const through = justBefore(
      () => true,
      () => world.send(robot, world.vault, "depositLane", gift),
    );
    const settlement = await desk.open({ laneDeposit: 50n, window: 2, through });
    await settlement.refresh();
    await settlement.settle();
    expect(await world.lane(gateway, robot)).toMatchObject({ deposit: 50n, window: 1 });
    expect(await world.lane(gateway, other)).toMatchObject({ deposit: 50n, window: 2 });
  });
});

describe("one liar among three nodes, the first to be asked", () => {
  let nodes: FakeNode[];
  let chain: Chain;
  beforeEach(async () => {
    nodes = await Promise.all([1, 2, 3].map(() => startFakeNode(world.local.url)));
    const urls = nodes.map(({ url }) => url);
    chain = await openEvmChain({ urls, chainId: world.chainId, vault: world.vault });
    return async () => {
      for (const node of nodes) await node.stop();
    };
  });
  const lie = (method: string, reply: Reply) => {
    const [liar] = nodes;
    if (liar) liar.answer = (asked) => (asked === method ? reply : undefined);
  };
  const call = () =>
    fundLane(
      world.vault,
      { payer: robot.address, payee: gateway.address, token: world.token },
      amount(5n),
      0,
    );

  it.each(["0x0", "0xffff"])("does not choose the nonce: %s", async (result) => {
    const truth = await chain.nonce(robot.address, "latest");
    expect(truth).toBeGreaterThan(0);
    lie("eth_getTransactionCount", { result });
    expect(await chain.nonce(robot.address, "latest")).toBe(truth);
    expect(await chain.nonce(robot.address, "pending")).toBe(truth);
  });

  it.each([1n, 10n ** 15n])("does not choose the fee: %s", async (wei) => {
    const truth = await chain.fees();
    lie("eth_maxPriorityFeePerGas", { result: numberToHex(wei) });
    expect(await chain.fees()).toEqual(truth);
    const block = await world.rpc("eth_getBlockByNumber", ["latest", false]);
    lie("eth_getBlockByNumber", { result: { ...Object(block), baseFeePerGas: numberToHex(wei) } });
    expect(await chain.fees()).toEqual(truth);
  });

  it.each<[string, Reply]>([
    ["says that it would fail", { error: { code: 3, message: "execution reverted" } }],
    ["starves it", { result: "0x5208" }],
    ["makes it too dear", { result: "0xffffff" }],
  ])("does not keep a transaction from being sent when it %s", async (_, reply) => {
    const { raw: truth } = await chain.prepare(robot.key, call(), { nonce: 99 });
    lie("eth_estimateGas", reply);
    expect((await chain.prepare(robot.key, call(), { nonce: 99 })).raw).toBe(truth);
  });
});

describe("a watchtower", () => {
  it("saves a lane although strangers' lanes that end before it fill more than a block", async () => {
    const stand = new TowerStand();
    try {
      const { chain } = stand.fake;
      const prepare = chain.prepare.bind(chain);
      // the calldata of five rows and a little more; a row has 79 bytes
      const tooLong = 2 * 79 * 6;
      Object.assign(chain, {
        prepare: ((signer, call, how) =>
          call.data.length > tooLong
            ? Promise.reject(new Fault("transaction_failed", "gas required exceeds allowance"))
            : prepare(signer, call, how)) satisfies Chain["prepare"],
      });
      for (let seed = 1; seed <= 20; seed++) {
        stand.fake.fund(laneOf(seed), 100n);
        stand.bring(await voucher(seed, 10n));
        stand.fake.requestClose(laneOf(seed), 3_600 + seed);
      }
      for (let looks = 0; looks < 10; looks++) await stand.lookAndMine();
      const settled = Array.from({ length: 20 }, (_, at) => stand.fake.lane(laneOf(at + 1)).settled);
      expect(settled).toEqual(Array(20).fill(10n));
    } finally {
      await stand.remove();
    }
  });
});
