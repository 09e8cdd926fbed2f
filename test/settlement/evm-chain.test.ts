import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import type { Chain, LaneKey } from "../../src/settlement/chain.ts";
import { openEvmChain } from "../../src/settlement/evm-chain.ts";
import * as Calls from "../../src/settlement/vault-calls.ts";
import { chainContract } from "../ports/chain.contract.ts";
import { type FakeNode, startFakeNode } from "./fake-node.ts";
import { type Actor, startWorld, type World } from "./world.ts";

const fault = (code: string, message = /(?:)/) =>
  expect.objectContaining({ name: "Fault", code, message: expect.stringMatching(message) });

const windows: FakeNode[] = [];
afterAll(async () => {
  for (const { stop } of windows) await stop();
});

/** The world's chain as so many nodes show it, all of which tell the truth. */
async function seen(world: World, nodes: number): Promise<Chain> {
  const { chainId, vault } = world;
  for (let count = 1; count < nodes; count++) windows.push(await startFakeNode(world.local.url));
  const urls = [world.local.url, ...windows.map(({ url }) => url)];
  return await openEvmChain({ urls: urls.slice(0, nodes), chainId, vault });
}

chainContract("openEvmChain with one node", (world) => seen(world, 1));
chainContract("openEvmChain with three nodes", (world) => seen(world, 3));

describe("openEvmChain", () => {
  let world: World;
  let clean: Hex;
  let robot: Actor;
  let hub: Actor;
  let key: LaneKey;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub] = world.others as [Actor, Actor];
    key = { payer: robot.address, payee: hub.address, token: world.token };
    await world.endow([robot], 1_000n);
  });
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  const open = (over: Partial<Parameters<typeof openEvmChain>[0]> = {}) =>
    openEvmChain({ urls: [world.local.url], chainId: world.chainId, vault: world.vault, ...over });

  it("refuses another chain, a contract that is no LaneVault, and an address without contract", async () => {
    await expect(open({ chainId: 1 })).rejects.toThrow(fault("chain_mismatch", /expected chain 1/));
    await expect(open({ vault: world.token })).rejects.toThrow(fault("chain_mismatch"));
    await expect(open({ vault: hub.address })).rejects.toThrow(fault("chain_mismatch"));
  });

  it("refuses one node of another chain among right ones, and opens with one that is down", async () => {
    const stranger = await startFakeNode(null, 5);
    const urls = [world.local.url, stranger.url];
    await expect(open({ urls })).rejects.toThrow(fault("chain_mismatch", new RegExp(stranger.name)));
    await stranger.stop();
    const chain = await open({ urls });
    expect(await chain.vaultBalance(robot.address, world.token)).toBe(1_000n);
    expect((await chain.lanes([key], "head")).lanes).toHaveLength(1);
    await expect(chain.lanes([key])).rejects.toThrow(fault("chain_unreachable", /two nodes must agree/));
  });

  it("shows a lane as soon as its block has the confirmations asked for", async () => {
    const patient = await open({ confirmations: 3 });
    const { events } = await world.fund(robot, hub, 5n);
    expect(events).toHaveLength(1);
    const { number } = await patient.head();
    for (const deposit of [0n, 0n, 5n]) {
      expect(await patient.lanes([key])).toMatchObject({ lanes: [{ deposit }] });
      await world.pass(1);
    }
    const { hash } = await world.client.getBlock({ blockNumber: number + 1n });
    expect(await patient.lanes([key, key])).toMatchObject({
      block: number + 1n,
      hash,
      lanes: [{ deposit: 5n }, { deposit: 5n }],
    });
    expect(await patient.confirmed()).toMatchObject({ number: number + 1n, hash });
  });

  it("is empty before the vault was there, and reads the head when asked to", async () => {
    await world.fund(robot, hub, 5n);
    for (const confirmations of [1_000, "finalized"] as const) {
      const late = await open({ confirmations });
      expect(await late.lanes([key])).toMatchObject({ block: 0n, lanes: [{ deposit: 0n, epoch: 0 }] });
      expect(await late.lanes([key], "head")).toMatchObject({ lanes: [{ deposit: 5n }] });
      expect(await late.laneEnds(key, 0n)).toEqual([]);
    }
  });

  it("reads the same from a node that knows blocks by number only", async () => {
    await world.fund(robot, hub, 5n);
    const old = await startFakeNode(world.local.url);
    old.answer = (method, params) => {
      const isByHash = method === "eth_call" && typeof params[1] === "object";
      return isByHash ? { error: { code: -32_602, message: "invalid block" } } : undefined;
    };
    const chain = await open({ urls: [old.url] });
    const { number, hash } = await chain.head();
    expect(await chain.lanes([key])).toMatchObject({ block: number, hash, lanes: [{ deposit: 5n }] });
    // the block is exchanged after the lanes were read in it
    old.twist = (method, _params, truth) => {
      if (method === "eth_call") {
        old.twist = (name, _, block) =>
          name === "eth_getBlockByNumber" ? { ...Object(block), hash: `0x${"ee".repeat(32)}` } : block;
      }
      return truth;
    };
    await expect(chain.lanes([key])).rejects.toThrow(fault("chain_reorganized", /was exchanged/));
    await old.stop();
  });

  it("makes do with a gas price where no tip is suggested, and refuses a chain without base fee", async () => {
    const node = await startFakeNode(world.local.url);
    node.answer = (method) =>
      method === "eth_maxPriorityFeePerGas" ? { error: { code: -32_601, message: "unknown" } } : undefined;
    const chain = await open({ urls: [node.url] });
    const { baseFeePerGas } = await world.client.getBlock();
    const price = BigInt((await world.rpc("eth_gasPrice", [])) as Hex);
    expect((await chain.fees()).maxPriorityFeePerGas).toBe(price - (baseFeePerGas ?? 0n));
    node.twist = (_method, _params, truth) => {
      const { baseFeePerGas: _, ...block } = Object(truth);
      return typeof truth === "object" ? block : truth;
    };
    await expect(chain.fees()).rejects.toThrow(fault("chain_mismatch", /base fee/));
    await node.stop();
  });

  it("stops when the head falls far back", async () => {
    const node = await startFakeNode(world.local.url);
    const chain = await open({ urls: [node.url] });
    const { number } = await chain.head();
    node.twist = (method, _params, truth) =>
      method === "eth_getBlockByNumber" ? { ...Object(truth), number: "0x9000" } : truth;
    expect((await chain.head()).number).toBe(0x9000n);
    node.twist = (_method, _params, truth) => truth;
    for (const ask of [() => chain.head(), () => chain.lanes([key], "head"), () => chain.confirmed()]) {
      await expect(ask()).rejects.toThrow(fault("chain_reorganized", new RegExp(`36864 to ${number}`)));
    }
    await node.stop();
  });

  it("hands a transaction to every node, those at rest as well", async () => {
    const node = await startFakeNode(world.local.url);
    const chain = await open({ urls: [world.local.url, node.url] });
    node.answer = () => ({ status: 503, text: "" });
    await chain.lanes([key], "head");
    node.answer = () => undefined;
    const { raw, hash } = await chain.prepare(robot.key, Calls.fundLane(world.vault, key, amount(5n), 0));
    await chain.broadcast(raw);
    while (!node.asked.includes("eth_sendRawTransaction")) await node.nextRequest();
    expect(await world.rpc("eth_getTransactionByHash", [hash])).toMatchObject({ hash });
    await node.stop();
  });

  it("keeps a transaction that a second node refuses, and tells why when all do", async () => {
    const node = await startFakeNode(world.local.url);
    const refusal = { code: -32_000, message: "the pool is full" };
    node.answer = (method) => (method === "eth_sendRawTransaction" ? { error: refusal } : undefined);
    const both = await open({ urls: [node.url, world.local.url] });
    const call = Calls.fundLane(world.vault, key, amount(5n), 0);
    const { raw } = await both.prepare(robot.key, call);
    const alone = await open({ urls: [node.url] });
    await expect(alone.broadcast(raw)).rejects.toThrow(fault("transaction_failed", /the pool is full/));
    await both.broadcast(raw);
    expect((await both.lanes([key], "head")).lanes).toMatchObject([{ deposit: 5n }]);
    await node.stop();
  });
});
