/** What every chain must do, however many nodes it is read from. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { amount, MAX_AMOUNT } from "../../src/base/money.ts";
import { type Call, type Chain, type LaneKey, mined, type Receipt } from "../../src/settlement/chain.ts";
import * as Calls from "../../src/settlement/vault-calls.ts";
import { type Actor, CHALLENGE_SECONDS, startWorld, type World } from "../settlement/world.ts";

const fault = (code: string) => expect.objectContaining({ name: "Fault", code });

/** @param open - a chain on the world's vault where the newest block counts as confirmed */
export function chainContract(name: string, open: (world: World) => Promise<Chain>): void {
  describe(name, () => {
    let world: World;
    let chain: Chain;
    let clean: Hex;
    let robot: Actor;
    let hub: Actor;
    let key: LaneKey;

    beforeAll(async () => {
      world = await startWorld();
      [robot, hub] = world.others as [Actor, Actor];
      key = { payer: robot.address, payee: hub.address, token: world.token };
      chain = await open(world);
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

    const wait = (hash: Hex) => mined(chain, hash, systemClock, { withinMs: 5_000, everyMs: 5 });
    async function run(by: Actor, call: Call): Promise<Receipt> {
      const { raw, hash } = await chain.prepare(by.key, call);
      await chain.broadcast(raw);
      return await wait(hash);
    }
    const fund = (units: bigint) => Calls.fundLane(world.vault, key, amount(units), 0);
    const claim = async (epoch: number, cumulative: bigint) => {
      const voucher = await world.voucher(robot, hub, epoch, cumulative);
      return await run(world.owner, Calls.claimBatch(world.vault, world.token, [voucher]));
    };
    const close = async () => {
      const { block: asked } = await run(robot, Calls.requestClose(world.vault, key));
      await world.pass(CHALLENGE_SECONDS);
      const { block } = await run(world.owner, Calls.finalizeClose(world.vault, key));
      return { asked, block };
    };

    it("reads accounts at the newest block", async () => {
      const { vault, token } = world;
      expect(chain).toMatchObject({ chainId: 31_337, vault });
      expect(await chain.decimals(token)).toBe(6);
      expect(await chain.vaultBalance(robot.address, token)).toBe(1_000n);
      expect(await chain.tokenBalance(vault, token)).toBe(1_000n);
      expect(await chain.allowance(robot.address, token)).toBe(MAX_AMOUNT);
      expect(await chain.allowance(hub.address, token)).toBe(0n);
      expect(await chain.gasBalance(hub.address)).toBe(10_000n * 10n ** 18n);
      await expect(chain.decimals(hub.address)).rejects.toThrow(fault("chain_mismatch"));
      await expect(chain.decimals(vault)).rejects.toThrow(fault("chain_mismatch"));
    });

    it("knows an account's owner, and what its own key may move", async () => {
      const { vault, token, owner } = world;
      expect(await chain.ownerOf(robot.address)).toBeNull();
      expect(await chain.spendAllowance(robot.address, token)).toBe(0n);
      await run(robot, Calls.setOwner(vault, owner.address));
      await run(owner, Calls.setAllowance(vault, robot.address, token, 77n));
      expect(await chain.ownerOf(robot.address)).toBe(owner.address);
      expect(await chain.spendAllowance(robot.address, token)).toBe(77n);
    });

    it("asks contracts what they say: bytes, nothing, or a revert", async () => {
      const decimals = "0x313ce567";
      const answers = await chain.view([
        { to: world.token, data: decimals },
        { to: hub.address, data: decimals },
        { to: world.vault, data: decimals },
      ]);
      expect(answers).toEqual([`0x${"6".padStart(64, "0")}`, "0x", null]);
      expect(await chain.view([])).toEqual([]);
    });

    it("knows its blocks by number and hash", async () => {
      const { number, hash, timestamp } = await world.client.getBlock();
      const newest = { number, hash, time: Number(timestamp) };
      expect(await chain.head()).toEqual(newest);
      expect(await chain.confirmed()).toEqual(newest);
      expect(await chain.blockHash(number)).toBe(hash);
      const first = await world.client.getBlock({ blockNumber: 0n });
      expect(await chain.blockHash(0n)).toBe(first.hash);
      expect(await chain.blockHash(number + 1n)).toBeNull();
    });

    it("shows lanes with the block that they were read in", async () => {
      await run(robot, fund(150n));
      await claim(0, 120n);
      const { number, hash } = await chain.head();
      for (const at of ["confirmed", "head"] as const) {
        expect(await chain.lanes([key, { ...key, payee: robot.address }], at)).toEqual({
          block: number,
          hash,
          lanes: [
            { settled: 120n, deposit: 150n, closeAt: 0, window: 0, epoch: 0 },
            { settled: 0n, deposit: 0n, closeAt: 0, window: 0, epoch: 0 },
          ],
        });
      }
      await run(robot, Calls.requestClose(world.vault, key));
      const { time } = await chain.head();
      const { lanes } = await chain.lanes([key]);
      expect(lanes).toMatchObject([{ closeAt: time + CHALLENGE_SECONDS }]);
      expect((await chain.lanes([])).lanes).toEqual([]);
      await expect(chain.lanes([{ ...key, payee: "0x01" }])).rejects.toThrow(fault("impossible"));
    });

    it("shows ten thousand lanes in the order asked for", async () => {
      await world.fund(robot, hub, 33n);
      const stranger = (index: number) => ({ ...key, payee: `0x${String(index).padStart(40, "9")}` as Hex });
      const keys = Array.from({ length: 10_000 }, (_, index) =>
        [0, 3_999, 4_000, 9_999].includes(index) ? key : stranger(index),
      );
      const { lanes } = await chain.lanes(keys);
      expect(lanes).toHaveLength(10_000);
      const funded = lanes.flatMap(({ deposit }, index) => (deposit === 33n ? [index] : []));
      expect(funded).toEqual([0, 3_999, 4_000, 9_999]);
    });

    describe("what the vault's events tell", () => {
      it("says how epochs ended, whoever settled them", async () => {
        const { number: start } = await chain.head();
        expect(await chain.laneEnds(key, start)).toEqual([]);
        await run(robot, fund(100n));
        await claim(0, 20n);
        await claim(0, 60n);
        const { block: first } = await close();
        await run(robot, fund(50n));
        const { block: second } = await close();
        await run(robot, fund(70n));
        await claim(2, 10n);
        const consent = { ...key, epoch: 2, finalAmount: 30n, deadline: 2n ** 40n };
        const payeeSignature = await world.sign(hub, "CoopClose", consent);
        const end = { ...key, epoch: 2, finalAmount: amount(30n), vouched: amount(30n) };
        const terms = { payerSignature: "0x" as Hex, deadline: 2 ** 40, payeeSignature };
        const { block: third } = await run(robot, Calls.coopClose(world.vault, { ...end, ...terms }));
        const all = [
          { epoch: 0, settled: 60n, block: first },
          { epoch: 1, settled: 0n, block: second },
          { epoch: 2, settled: 30n, block: third },
        ];
        expect(await chain.laneEnds(key, start)).toEqual(all);
        // what was claimed before the first block that is looked at counts as well
        expect(await chain.laneEnds(key, first)).toEqual(all);
        expect(await chain.laneEnds(key, first + 1n)).toEqual(all.slice(1));
        expect(await chain.laneEnds(key, third)).toEqual(all.slice(2));
        expect(await chain.laneEnds(key, third + 1n)).toEqual([]);
        expect(await chain.laneEnds({ ...key, payer: hub.address, payee: robot.address }, start)).toEqual([]);
      });

      it("keeps lanes of one payee apart, also when one batch claims them", async () => {
        const arm = world.others[2] as Actor;
        await world.endow([arm], 500n);
        const { number: start } = await chain.head();
        for (const payer of [robot, arm]) await world.fund(payer, hub, 100n);
        const rows = [await world.voucher(robot, hub, 0, 11n), await world.voucher(arm, hub, 0, 22n)];
        await run(world.owner, Calls.claimBatch(world.vault, world.token, rows));
        const { block } = await close();
        expect(await chain.laneEnds(key, start)).toEqual([{ epoch: 0, settled: 11n, block }]);
        expect(await chain.laneEnds({ ...key, payer: arm.address }, start)).toEqual([]);
      });

      it("finds every lane of an account on either end", async () => {
        const [, , arm] = world.others as [Actor, Actor, Actor];
        await world.endow([hub, arm], 500n);
        const { number: start } = await chain.head();
        await world.fund(robot, hub, 10n);
        await world.fund(robot, hub, 10n);
        await world.fund(hub, robot, 10n);
        await world.fund(arm, hub, 10n);
        const found = await chain.lanesOf(robot.address, start);
        expect(found).toHaveLength(2);
        expect(found).toEqual(
          expect.arrayContaining([key, { ...key, payer: hub.address, payee: robot.address }]),
        );
        expect(await chain.lanesOf(hub.address, start)).toHaveLength(3);
        expect(await chain.lanesOf(world.owner.address, start)).toEqual([]);
        const { number: end } = await chain.head();
        expect(await chain.lanesOf(robot.address, end + 1n)).toEqual([]);
      });

      it("tells who asked to close, within the blocks asked for", async () => {
        const { number: start } = await chain.head();
        await run(robot, fund(100n));
        const { asked } = await close();
        const { time } = await world.client.getBlock({ blockNumber: asked }).then(({ timestamp }) => ({
          time: Number(timestamp),
        }));
        const request = { ...key, closeAt: time + CHALLENGE_SECONDS, block: asked };
        expect(await chain.closeRequests(start, asked)).toEqual([request]);
        expect(await chain.closeRequests(asked, asked + 1_000n)).toEqual([request]);
        expect(await chain.closeRequests(start, asked - 1n)).toEqual([]);
        expect(await chain.closeRequests(asked + 1n, asked + 9n)).toEqual([]);
        expect(await chain.closeRequests(asked + 1_000n, asked + 2_000n)).toEqual([]);
      });
    });

    describe("transactions", () => {
      it("sends nothing when preparing, and has one effect however often it is broadcast", async () => {
        expect(await chain.nonce(robot.address, "latest")).toBe(await chain.nonce(robot.address, "pending"));
        const { raw, hash, nonce } = await chain.prepare(robot.key, fund(5n));
        expect(nonce).toBe(await chain.nonce(robot.address, "pending"));
        expect(await chain.receipt(hash)).toBeNull();
        expect(await chain.failure(hash)).toBe("the node does not know it");
        await chain.broadcast(raw);
        await chain.broadcast(raw);
        const receipt = await wait(hash);
        await chain.broadcast(raw);
        expect(receipt).toMatchObject({ status: "success", gasUsed: expect.any(BigInt) });
        expect(receipt.blockHash).toBe(await chain.blockHash(receipt.block));
        expect(receipt.gasPrice).toBeGreaterThan(0n);
        expect(await chain.failure(hash)).toBeNull();
        expect((await chain.lanes([key])).lanes[0]?.deposit).toBe(5n);
        expect((await chain.prepare(robot.key, fund(5n))).nonce).toBe(nonce + 1);
      });

      it("offers what a fifth more than the base fee and the tip come to", async () => {
        const { maxFeePerGas, maxPriorityFeePerGas } = await chain.fees();
        const { baseFeePerGas } = await world.client.getBlock();
        expect(maxFeePerGas - maxPriorityFeePerGas).toBe(((baseFeePerGas ?? 0n) * 6n) / 5n);
        const prepared = await chain.prepare(robot.key, fund(5n));
        expect(prepared).toMatchObject({ maxFeePerGas, maxPriorityFeePerGas });
      });

      it("is refused before signing when the contract would revert", async () => {
        const over = amount(1_001n);
        const call = Calls.withdraw(world.vault, robot.address, world.token, over, hub.address);
        await expect(chain.prepare(robot.key, call)).rejects.toThrow(
          expect.objectContaining({
            code: "transaction_failed",
            message: expect.stringContaining("InsufficientVault(1000, 1001)"),
          }),
        );
        const quirk = Calls.approve(world.vault, world.token, amount(1n));
        await expect(chain.prepare(robot.key, quirk)).rejects.toThrow(fault("transaction_failed"));
      });

      it("says why a mined transaction reverted", async () => {
        const over = amount(1_001n);
        const call = Calls.withdraw(world.vault, robot.address, world.token, over, hub.address);
        const { raw, hash } = await chain.prepare(robot.key, call, { gas: 100_000n });
        await chain.broadcast(raw);
        await expect(wait(hash)).rejects.toThrow(fault("transaction_failed"));
        expect(await chain.receipt(hash)).toMatchObject({ status: "reverted" });
        expect(await chain.failure(hash)).toBe("InsufficientVault(1000, 1001)");
      });

      it("replaces one that waits, at a higher price", async () => {
        await world.rpc("evm_setAutomine", [false]);
        const stuck = await chain.prepare(robot.key, fund(5n));
        await chain.broadcast(stuck.raw);
        expect(await chain.receipt(stuck.hash)).toBeNull();
        expect(await chain.failure(stuck.hash)).toBeNull();
        expect(await chain.nonce(robot.address, "latest")).toBe(stuck.nonce);
        expect(await chain.nonce(robot.address, "pending")).toBe(stuck.nonce + 1);
        await expect(mined(chain, stuck.hash, systemClock, { withinMs: 0 })).rejects.toThrow(
          fault("timed_out"),
        );
        const next = await chain.prepare(robot.key, fund(6n), { replaces: stuck });
        expect(next.nonce).toBe(stuck.nonce);
        expect(next.maxFeePerGas).toBeGreaterThanOrEqual((stuck.maxFeePerGas * 9n) / 8n);
        await chain.broadcast(next.raw);
        await world.rpc("evm_mine", []);
        expect(await chain.receipt(next.hash)).toMatchObject({ status: "success" });
        await expect(mined(chain, stuck.hash, systemClock, { withinMs: 0 })).rejects.toThrow(
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
}
