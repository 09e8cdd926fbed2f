import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { amount, MAX_AMOUNT } from "../../src/base/money.ts";
import * as Chains from "../../src/settlement/chain.ts";
import { openEvmChain } from "../../src/settlement/evm-chain.ts";
import { type Actor, CHALLENGE_SECONDS, startWorld, type World } from "./world.ts";

const fault = (code: string) => expect.objectContaining({ name: "Fault", code });

describe("openEvmChain", () => {
  let world: World;
  let chain: Chains.Chain;
  let clean: Hex;
  let robot: Actor;
  let hub: Actor;
  let key: Chains.LaneKey;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub] = world.others as [Actor, Actor];
    key = { payer: robot.address, payee: hub.address, token: world.token };
    chain = await openEvmChain({ url: world.local.url, chainId: world.chainId, vault: world.vault });
    await world.endow([robot], 1_000n);
  });
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.rpc("evm_setAutomine", [true]);
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  const open = (over: Partial<Parameters<typeof openEvmChain>[0]>) =>
    openEvmChain({ url: world.local.url, chainId: world.chainId, vault: world.vault, ...over });
  const mined = (hash: Hex) => Chains.mined(chain, hash, systemClock, { withinMs: 5_000, everyMs: 5 });
  async function run(by: Actor, call: Chains.Call): Promise<Chains.Receipt> {
    const { raw, hash } = await chain.prepare(by.key, call);
    await chain.broadcast(raw);
    return await mined(hash);
  }

  it("refuses another chain, a contract that is no LaneVault, and an address without contract", async () => {
    await expect(open({ chainId: 1 })).rejects.toThrow(fault("chain_mismatch"));
    await expect(open({ vault: world.token })).rejects.toThrow(fault("chain_mismatch"));
    await expect(open({ vault: hub.address })).rejects.toThrow(fault("chain_mismatch"));
    await expect(chain.decimals(hub.address)).rejects.toThrow(fault("chain_mismatch"));
    await expect(chain.decimals(world.vault)).rejects.toThrow(fault("chain_mismatch"));
  });

  it("reads the vault, the token and the head of the chain", async () => {
    expect(chain).toMatchObject({ chainId: 31_337, vault: world.vault, challengeSeconds: CHALLENGE_SECONDS });
    expect(await chain.decimals(world.token)).toBe(6);
    expect(await chain.vaultBalance(robot.address, world.token)).toBe(1_000n);
    expect(await chain.tokenBalance(world.vault, world.token)).toBe(1_000n);
    expect(await chain.allowance(robot.address, world.token)).toBe(MAX_AMOUNT);
    expect(await chain.allowance(hub.address, world.token)).toBe(0n);
    expect(await chain.gasBalance(hub.address)).toBe(10_000n * 10n ** 18n);
    const block = await world.client.getBlock();
    expect(await chain.head()).toEqual({ number: block.number, time: Number(block.timestamp) });
  });

  it("carries out every operation that it builds", async () => {
    const { vault, token, owner } = world;
    await run(owner, Chains.mint(token, hub.address, amount(500n)));
    await run(hub, Chains.transfer(token, robot.address, amount(100n)));
    await run(hub, Chains.approve(vault, token, amount(400n)));
    await run(hub, Chains.deposit(vault, hub.address, token, amount(300n)));
    await run(hub, Chains.depositLane(vault, key, amount(100n)));
    await run(robot, Chains.fundLanes(vault, token, [{ payee: hub.address, amount: amount(50n) }]));
    await run(robot, Chains.requestClose(vault, hub.address, token));
    await run(owner, Chains.claimBatch(vault, token, [await world.voucher(robot, hub, 0, 120n)]));
    const { lanes } = await chain.lanes([key]);
    expect(lanes).toEqual([{ settled: 120n, deposit: 150n, closeAt: expect.any(Number), epoch: 0 }]);
    expect(lanes[0]?.closeAt).toBeGreaterThan(CHALLENGE_SECONDS);
    await world.pass(CHALLENGE_SECONDS);
    await run(owner, Chains.finalizeClose(vault, key));
    await run(hub, Chains.withdraw(vault, token, amount(420n), hub.address));
    expect((await chain.lanes([key])).lanes).toEqual([{ settled: 0n, deposit: 0n, closeAt: 0, epoch: 1 }]);
    expect(await chain.vaultBalance(robot.address, token)).toBe(1_000n - 50n + 30n);
    expect(await chain.tokenBalance(hub.address, token)).toBe(420n);
    expect(await chain.tokenBalance(robot.address, token)).toBe(100n);
  });

  describe("lanes", () => {
    it("shows a lane as soon as its block has the confirmations asked for", async () => {
      const patient = await open({ confirmations: 3 });
      const { block } = await run(
        robot,
        Chains.fundLanes(world.vault, world.token, [{ payee: hub.address, amount: amount(5n) }]),
      );
      for (const deposit of [0n, 0n, 5n]) {
        expect(await patient.lanes([key])).toMatchObject({ lanes: [{ deposit }] });
        await world.pass(1);
      }
      expect(await chain.lanes([key, key])).toMatchObject({
        block: block + 3n,
        lanes: [{ deposit: 5n }, { deposit: 5n }],
      });
    });

    it("is empty before the vault was there, and reads the head when asked to", async () => {
      await run(
        robot,
        Chains.fundLanes(world.vault, world.token, [{ payee: hub.address, amount: amount(5n) }]),
      );
      for (const confirmations of [1_000, "finalized"] as const) {
        const late = await open({ confirmations });
        expect(await late.lanes([key])).toMatchObject({ block: 0n, lanes: [{ deposit: 0n, epoch: 0 }] });
        expect(await late.lanes([key], "head")).toMatchObject({ lanes: [{ deposit: 5n }] });
      }
      expect((await chain.lanes([])).lanes).toEqual([]);
      await expect(chain.lanes([{ ...key, payee: "0x01" }])).rejects.toThrow(fault("impossible"));
    });
  });

  describe("transactions", () => {
    const fund = (units: bigint) =>
      Chains.fundLanes(world.vault, world.token, [{ payee: hub.address, amount: amount(units) }]);

    it("sends nothing when preparing, and has one effect however often it is broadcast", async () => {
      const { raw, hash, nonce } = await chain.prepare(robot.key, fund(5n));
      expect(await chain.receipt(hash)).toBeNull();
      expect(await chain.failure(hash)).toBe("the node does not know it");
      await chain.broadcast(raw);
      await chain.broadcast(raw);
      const receipt = await mined(hash);
      await chain.broadcast(raw);
      expect(receipt).toMatchObject({ status: "success", gasUsed: expect.any(BigInt) });
      expect(receipt.gasPrice).toBeGreaterThan(0n);
      expect(await chain.failure(hash)).toBeNull();
      expect((await chain.lanes([key])).lanes[0]?.deposit).toBe(5n);
      expect((await chain.prepare(robot.key, fund(5n))).nonce).toBe(nonce + 1);
    });

    it("is refused before signing when the contract would revert", async () => {
      const call = Chains.withdraw(world.vault, world.token, amount(1_001n), hub.address);
      await expect(chain.prepare(robot.key, call)).rejects.toThrow(
        expect.objectContaining({
          code: "transaction_failed",
          message: expect.stringContaining("InsufficientVault(1000, 1001)"),
        }),
      );
      const quirk = Chains.approve(world.vault, world.token, amount(1n));
      await expect(chain.prepare(robot.key, quirk)).rejects.toThrow(fault("transaction_failed"));
    });

    it("says why a mined transaction reverted", async () => {
      const call = Chains.withdraw(world.vault, world.token, amount(1_001n), hub.address);
      const { raw, hash } = await chain.prepare(robot.key, call, { gas: 100_000n });
      await chain.broadcast(raw);
      await expect(mined(hash)).rejects.toThrow(fault("transaction_failed"));
      expect(await chain.receipt(hash)).toMatchObject({ status: "reverted" });
      expect(await chain.failure(hash)).toBe("InsufficientVault(1000, 1001)");
    });

    it("replaces one that waits, at a higher price", async () => {
      await world.rpc("evm_setAutomine", [false]);
      const stuck = await chain.prepare(robot.key, fund(5n));
      await chain.broadcast(stuck.raw);
      expect(await chain.receipt(stuck.hash)).toBeNull();
      expect(await chain.failure(stuck.hash)).toBeNull();
      await expect(Chains.mined(chain, stuck.hash, systemClock, { withinMs: 0 })).rejects.toThrow(
        fault("timed_out"),
      );
      const next = await chain.prepare(robot.key, fund(6n), { replaces: stuck });
      expect(next.nonce).toBe(stuck.nonce);
      expect(next.maxFeePerGas).toBeGreaterThanOrEqual((stuck.maxFeePerGas * 9n) / 8n);
      await chain.broadcast(next.raw);
      await world.rpc("evm_mine", []);
      expect(await chain.receipt(next.hash)).toMatchObject({ status: "success" });
      await expect(Chains.mined(chain, stuck.hash, systemClock, { withinMs: 0 })).rejects.toThrow(
        fault("transaction_failed"),
      );
      await expect(chain.broadcast(stuck.raw)).rejects.toThrow(fault("transaction_failed"));
      expect((await chain.lanes([key])).lanes[0]?.deposit).toBe(6n);
    });

    it("can be queued behind one another with nonces and gas of the caller's choice", async () => {
      await world.rpc("evm_setAutomine", [false]);
      const first = await chain.prepare(robot.key, fund(5n));
      const second = await chain.prepare(robot.key, fund(6n), { nonce: first.nonce + 1, gas: 100_000n });
      await chain.broadcast(second.raw);
      await chain.broadcast(first.raw);
      await world.rpc("evm_mine", []);
      expect((await chain.lanes([key])).lanes[0]?.deposit).toBe(11n);
    });
  });
});

describe("openEvmChain on a node in trouble", () => {
  let server: Server;
  let url: string;
  let answer: (method: string) => { status: number; body: object };

  beforeAll(async () => {
    server = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      request.on("end", () => {
        const { id, method } = JSON.parse(text) as { id: number; method: string };
        const { status, body } = answer(method);
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id, ...body }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it.each([
    ["says 503", { status: 503, body: {} }],
    ["is rate limited", { status: 200, body: { error: { code: -32_005, message: "slow down" } } }],
    ["is broken inside", { status: 200, body: { error: { code: -32_603, message: "oops" } } }],
  ])("cannot reach a node that %s", async (_, reply) => {
    answer = () => reply;
    const opening = openEvmChain({ url, chainId: 1, vault: `0x${"01".repeat(20)}` });
    await expect(opening).rejects.toThrow(fault("chain_unreachable"));
  });

  it("cannot reach a node that is not there", async () => {
    const opening = openEvmChain({ url: "http://127.0.0.1:1", chainId: 1, vault: `0x${"01".repeat(20)}` });
    await expect(opening).rejects.toThrow(fault("chain_unreachable"));
  });
});
