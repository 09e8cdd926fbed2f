import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import type { Fault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import type { Chain, LaneKey } from "../../src/settlement/chain.ts";
import { openEvmChain } from "../../src/settlement/evm-chain.ts";
import { finalizeClose, fundLane, requestClose } from "../../src/settlement/vault-calls.ts";
import { type FakeNode, startFakeNode } from "./fake-node.ts";
import { type Actor, CHALLENGE_SECONDS, startWorld, type World } from "./world.ts";

const fault = (code: string, message = /(?:)/) =>
  expect.objectContaining({ name: "Fault", code, message: expect.stringMatching(message) });

const FALSE_HASH = `0x${"ee".repeat(32)}`;
const ZEROS = "0".repeat(64);

/** What a vault's `lanes` answers: offset, length, words. */
function lanesAnswer(...words: bigint[]): string {
  const fixed = (value: bigint) => value.toString(16).padStart(64, "0");
  return `0x${[32n, BigInt(words.length), ...words].map(fixed).join("")}`;
}

function word(lane: { settled?: bigint; deposit?: bigint; closeAt?: bigint; epoch?: bigint }): bigint {
  const { settled = 0n, deposit = 0n, closeAt = 0n, epoch = 0n } = lane;
  return settled + (deposit << 96n) + (closeAt << 192n) + (epoch << 232n);
}

describe("a chain behind several nodes, one of which lies", () => {
  let world: World;
  let clean: Hex;
  let robot: Actor;
  let hub: Actor;
  let key: LaneKey;
  let honest: FakeNode;
  let liar: FakeNode;
  let third: FakeNode;
  let told: Fault[];

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub] = world.others as [Actor, Actor];
    key = { payer: robot.address, payee: hub.address, token: world.token };
    await world.endow([robot], 1_000n);
    await world.fund(robot, hub, 100n);
    for (let blocks = 0; blocks < 5; blocks++) await world.pass(1);
    const start = () => startFakeNode(world.local.url);
    [honest, liar, third] = await Promise.all([start(), start(), start()]);
  });
  beforeEach(async () => {
    clean = await world.snapshot();
    told = [];
    return async () => {
      for (const node of [honest, liar, third]) {
        node.answer = () => undefined;
        node.twist = (_method, _params, truth) => truth;
      }
      await world.revert(clean);
    };
  });
  afterAll(async () => {
    for (const node of [honest, liar, third]) await node.stop();
    await world.local.stop();
  });

  const open = (nodes: readonly FakeNode[], confirmations = 1): Promise<Chain> =>
    openEvmChain({
      urls: nodes.map(({ url }) => url),
      chainId: world.chainId,
      vault: world.vault,
      confirmations,
      onFault: (each) => told.push(each),
    });
  /** Changes what the liar says to one method. */
  const lie = (method: string, twist: (truth: unknown, params: readonly unknown[]) => unknown) => {
    liar.twist = (asked, params, truth) => (asked === method ? twist(truth, params) : truth);
  };
  const both = () => open([honest, liar]);
  const names = () => ({ one: honest.name, other: liar.name });
  const disagrees = () => expect.objectContaining({ code: "rpc_disagrees", facts: names() });
  async function run(by: Actor, call: ReturnType<typeof fundLane>): Promise<Hex> {
    const { hash } = await send(by, call);
    return hash;
  }
  async function send(by: Actor, { to, data }: ReturnType<typeof fundLane>) {
    const receipt = await world.rpc("eth_sendTransactionSync", [{ from: by.address, to, data }]);
    return { hash: Reflect.get(Object(receipt), "transactionHash") as Hex };
  }

  describe("what would be a gain", () => {
    it("is not believed of one: a deposit", async () => {
      const chain = await both();
      lie("eth_call", () => lanesAnswer(word({ deposit: 10n ** 9n })));
      await expect(chain.lanes([key])).rejects.toThrow(disagrees());
      expect((await chain.lanes([key], "head")).lanes).toMatchObject([{ deposit: 100n }]);
    });

    it("is not believed of one: the hash of a block", async () => {
      const chain = await both();
      lie("eth_getBlockByNumber", (block) => ({ ...Object(block), hash: FALSE_HASH }));
      await expect(chain.confirmed()).rejects.toThrow(disagrees());
      await expect(chain.blockHash(1n)).rejects.toThrow(disagrees());
      await expect(chain.lanes([key])).rejects.toThrow(disagrees());
    });

    it("is not believed of one: a receipt that another node lacks", async () => {
      const hash = await run(robot, fundLane(world.vault, key, amount(5n), 0));
      const chain = await both();
      honest.answer = (method) => (method === "eth_getTransactionReceipt" ? { result: null } : undefined);
      expect(await chain.receipt(hash)).toBeNull();
      honest.answer = () => undefined;
      expect(await chain.receipt(hash)).toMatchObject({ status: "success" });
    });

    it("is not believed of one: how a transaction went, as soon as its block counts", async () => {
      const hash = await run(robot, fundLane(world.vault, key, amount(5n), 0));
      lie("eth_getTransactionReceipt", (receipt) => ({ ...Object(receipt), status: "0x0" }));
      const patient = await open([honest, liar], 2);
      expect(await patient.receipt(hash)).toBeNull();
      await world.pass(1);
      await expect(patient.receipt(hash)).rejects.toThrow(disagrees());
    });

    it("is not believed of one: how an epoch ended", async () => {
      const { number: start } = await (await both()).head();
      await run(robot, requestClose(world.vault, key));
      await world.pass(CHALLENGE_SECONDS);
      await run(hub, finalizeClose(world.vault, key));
      const chain = await both();
      expect(await chain.laneEnds(key, start)).toMatchObject([{ epoch: 0, settled: 0n }]);
      // credited, refunded, word
      const more = (data: string) => `0x${"64".padStart(64, "0")}${data.slice(66)}`;
      lie("eth_getLogs", (logs) =>
        (logs as { data: string }[]).map((log) => ({ ...log, data: more(log.data) })),
      );
      await expect(chain.laneEnds(key, start)).rejects.toThrow(disagrees());
      lie("eth_getLogs", () => []);
      await expect(chain.laneEnds(key, start)).rejects.toThrow(disagrees());
    });
  });

  describe("what would be a loss", () => {
    it("is believed of any: the earliest close", async () => {
      for (const [first, second, believed] of [
        [0n, 9_000n, 9_000],
        [9_000n, 0n, 9_000],
        [9_000n, 8_000n, 8_000],
        [0n, 0n, 0],
      ] as const) {
        const chain = await both();
        lie("eth_call", () => lanesAnswer(word({ deposit: 100n, closeAt: second })));
        honest.twist = (method, _params, truth) =>
          method === "eth_call" ? lanesAnswer(word({ deposit: 100n, closeAt: first })) : truth;
        expect((await chain.lanes([key], "head")).lanes).toMatchObject([
          { deposit: 100n, closeAt: believed },
        ]);
        honest.twist = (_method, _params, truth) => truth;
        liar.twist = (_method, _params, truth) => truth;
      }
    });

    it("is believed of any: the newest epoch, and the smallest deposit within it", async () => {
      const chain = await both();
      lie("eth_call", () => lanesAnswer(word({ epoch: 1n, deposit: 900n })));
      expect((await chain.lanes([key], "head")).lanes).toMatchObject([{ epoch: 1, deposit: 900n }]);
      lie("eth_call", () => lanesAnswer(word({ deposit: 40n, settled: 30n })));
      expect((await chain.lanes([key], "head")).lanes).toMatchObject([
        { epoch: 0, deposit: 40n, settled: 30n },
      ]);
    });

    it("is believed of any: a wish to close, and a lane", async () => {
      const { number: start } = await (await both()).head();
      await run(robot, requestClose(world.vault, key));
      const chain = await both();
      const { number } = await chain.head();
      lie("eth_getLogs", () => []);
      expect(await chain.closeRequests(start, number)).toMatchObject([key]);
      expect(await chain.lanesOf(hub.address, 0n)).toEqual([key]);
      const swapped = await open([liar, honest]);
      expect(await swapped.closeRequests(start, number)).toMatchObject([key]);
    });

    it("is shown with the newest block that any node knows", async () => {
      const old = await world.rpc("eth_getBlockByNumber", ["0x6", false]);
      lie("eth_getBlockByNumber", (block, [at]) => (at === "latest" ? old : block));
      const { number, hash } = await world.client.getBlock();
      expect(number).toBeGreaterThan(6n);
      for (const nodes of [
        [honest, liar],
        [liar, honest],
      ]) {
        expect(await (await open(nodes)).lanes([key], "head")).toMatchObject({ block: number, hash });
      }
    });
  });

  it("counts no further than the node that is behind, without a fault", async () => {
    const chain = await both();
    const { number } = await chain.head();
    liar.answer = (method, [at]) => {
      if (method !== "eth_getBlockByNumber") return undefined;
      if (at === "latest") return undefined;
      return BigInt(at as string) > number - 3n ? { result: null } : undefined;
    };
    lie("eth_getBlockByNumber", (block, [at]) =>
      at === "latest" ? { ...Object(block), number: `0x${(number - 3n).toString(16)}` } : block,
    );
    const { hash } = await world.client.getBlock({ blockNumber: number - 3n });
    expect(await chain.confirmed()).toMatchObject({ number: number - 3n, hash });
    expect(await chain.lanes([key])).toMatchObject({ block: number - 3n, hash, lanes: [{ deposit: 100n }] });
    await expect(chain.blockHash(number)).rejects.toThrow(
      fault("chain_unreachable", new RegExp(`only one node has block ${number}`)),
    );
  });

  it("lets two nodes outvote the liar, and names it", async () => {
    const chain = await open([liar, honest, third]);
    lie("eth_call", (answer) =>
      answer === `0x${ZEROS}` ? answer : lanesAnswer(word({ deposit: 10n ** 9n })),
    );
    expect((await chain.lanes([key])).lanes).toMatchObject([{ deposit: 100n }]);
    expect(told).toEqual([fault("rpc_disagrees", new RegExp(`nodes ${liar.name} and`))]);
    // it rests, so that the others are asked first
    expect((await chain.lanes([key])).lanes).toMatchObject([{ deposit: 100n }]);
    expect(told).toHaveLength(1);
  });

  describe("answers that nobody can mean", () => {
    const alone = () => open([liar]);
    const garbled = fault("chain_unreachable", /^node 127\.0\.0\.1:\d+ /);

    it.each<[string, string, (truth: never) => unknown, (chain: Chain) => Promise<unknown>]>([
      [
        "another block",
        "eth_getBlockByNumber",
        (block: object) => ({ ...block, number: "0x1" }),
        (chain) => chain.blockHash(2n),
      ],
      ["no block", "eth_getBlockByNumber", () => null, (chain) => chain.head()],
      [
        "a block without hash",
        "eth_getBlockByNumber",
        (block: object) => ({ ...block, hash: null }),
        (chain) => chain.head(),
      ],
      ["fewer lanes", "eth_call", () => lanesAnswer(), (chain) => chain.lanes([key])],
      [
        "more settled than deposited",
        "eth_call",
        () => lanesAnswer(word({ settled: 1n })),
        (chain) => chain.lanes([key]),
      ],
      ["no words", "eth_call", () => "0x1234", (chain) => chain.lanes([key])],
      ["no bytes", "eth_call", () => ({}), (chain) => chain.lanes([key])],
      [
        "somebody else's events",
        "eth_getLogs",
        (logs: object[]) => logs.map((log) => ({ ...log, address: hub.address })),
        (chain) => chain.lanesOf(hub.address, 0n),
      ],
      [
        "events of other blocks",
        "eth_getLogs",
        (logs: object[]) => logs.map((log) => ({ ...log, blockNumber: "0xffff" })),
        (chain) => chain.lanesOf(hub.address, 0n),
      ],
      [
        "unknown events",
        "eth_getLogs",
        (logs: object[]) => logs.map((log) => ({ ...log, topics: [FALSE_HASH] })),
        (chain) => chain.lanesOf(hub.address, 0n),
      ],
      ["no list of events", "eth_getLogs", () => null, (chain) => chain.lanesOf(hub.address, 0n)],
      ["a balance below zero", "eth_getBalance", () => "-0x1", (chain) => chain.gasBalance(hub.address)],
    ])("are no answers: %s", async (_, method, twist, ask) => {
      const chain = await alone();
      lie(method, twist as (truth: unknown) => unknown);
      await expect(ask(chain)).rejects.toThrow(garbled);
    });

    it("are no answers: another transaction's receipt", async () => {
      const hash = await run(robot, fundLane(world.vault, key, amount(5n), 0));
      const chain = await alone();
      lie("eth_getTransactionReceipt", (receipt) => ({ ...Object(receipt), transactionHash: FALSE_HASH }));
      await expect(chain.receipt(hash)).rejects.toThrow(garbled);
    });
  });
});
