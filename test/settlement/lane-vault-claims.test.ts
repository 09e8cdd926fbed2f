import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { amount } from "../../src/base/money.ts";
import { encodeClaimBatch } from "../../src/settlement/claim-batch.ts";
import { type Actor, signTyped, startWorld, type World } from "./world.ts";

describe("LaneVault.claimBatch", () => {
  let world: World;
  let clean: `0x${string}`;
  let robot: Actor;
  let arm: Actor;
  let hub: Actor;
  let seller: Actor;
  let stranger: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [robot, arm, hub, seller, stranger] = world.others as [Actor, Actor, Actor, Actor, Actor];
    await world.endow([robot, arm], 1_000n);
    for (const payer of [robot, arm]) {
      await world.send(payer, world.vault, "fundLane", [hub.address, world.token, 100n]);
    }
    await world.send(robot, world.vault, "fundLane", [seller.address, world.token, 100n]);
  });
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  it("pays the good rows of a batch with bad ones, whoever sends it", async () => {
    const good = await world.voucher(robot, hub, 0, 40n);
    const other = await world.voucher(arm, hub, 0, 7n);
    const third = await world.voucher(robot, seller, 0, 9n);
    const sent = await world.claim(stranger, [
      { ...good, signature: `0x${"00".repeat(65)}` },
      { ...good, signature: `0x${"7f".repeat(64)}1b` },
      { ...good, cumulative: amount(41n) },
      { ...good, epoch: 1 },
      await world.voucher(robot, hub, 1, 40n),
      await world.voucher(stranger, hub, 0, 40n),
      good,
      { ...good, payee: seller.address },
      other,
      good,
      await world.voucher(robot, hub, 0, 39n),
      third,
    ]);
    expect(sent.ok).toBe(true);
    expect(sent.events).toMatchObject([
      { eventName: "Claimed", args: { credited: 47n } },
      { eventName: "Claimed", args: { credited: 9n } },
    ]);
    expect([await world.vaultOf(hub), await world.vaultOf(seller), await world.vaultOf(stranger)]).toEqual([
      47n,
      9n,
      0n,
    ]);
    expect((await world.lane(robot, hub)).settled).toBe(40n);
    expect((await world.lane(arm, hub)).settled).toBe(7n);
  });

  it("pays a voucher once, and a newer one only what it adds", async () => {
    const first = await world.voucher(robot, hub, 0, 40n);
    await world.claim(hub, [first]);
    expect((await world.claim(hub, [first])).events).toEqual([]);
    await world.claim(hub, [await world.voucher(robot, hub, 0, 65n), first]);
    expect(await world.vaultOf(hub)).toBe(65n);
  });

  it("pays a voucher above the deposit as far as it goes, and the rest after a top-up", async () => {
    const tooMuch = await world.voucher(robot, hub, 0, 150n);
    await world.claim(hub, [tooMuch]);
    expect(await world.vaultOf(hub)).toBe(100n);
    await world.send(robot, world.vault, "fundLane", [hub.address, world.token, 80n]);
    await world.claim(hub, [tooMuch]);
    expect(await world.vaultOf(hub)).toBe(150n);
    expect(await world.lane(robot, hub)).toEqual({ settled: 150n, deposit: 180n, closeAt: 0, epoch: 0 });
  });

  it("takes no voucher of another chain, vault or token", async () => {
    const { chainId, vault, token } = world;
    const message = { payee: hub.address, token, epoch: 0, cumulative: 40n };
    const signatures = [
      await signTyped(robot, { chainId: chainId + 1, vault }, "Voucher", message),
      await signTyped(robot, { chainId, vault: stranger.address }, "Voucher", message),
      await signTyped(robot, { chainId, vault }, "Voucher", { ...message, token: vault }),
    ];
    const rows = signatures.map((signature) => ({
      payee: hub.address,
      epoch: 0,
      cumulative: amount(40n),
      signature,
    }));
    expect((await world.claim(hub, rows)).events).toEqual([]);
    expect(await world.vaultOf(hub)).toBe(0n);
  });

  it("refuses bytes that end within a record, and takes a batch without records", async () => {
    const { vault, token } = world;
    const packed = encodeClaimBatch(token, [await world.voucher(robot, hub, 0, 40n)]);
    for (const bytes of [0, 19, 21, 41, 42, 120]) {
      expect(await world.refusal(stranger, vault, "claimBatch", [packed.slice(0, 2 + 2 * bytes)])).toBe(
        "Malformed",
      );
    }
    expect(await world.refusal(stranger, vault, "claimBatch", [`${packed}00`])).toBe("Malformed");
    expect((await world.send(stranger, vault, "claimBatch", [token])).ok).toBe(true);
    expect((await world.send(stranger, vault, "claimBatch", [packed])).events).toHaveLength(1);
  });

  it("lets a payer pay itself without making money", async () => {
    await world.send(robot, world.vault, "fundLane", [robot.address, world.token, 50n]);
    await world.claim(stranger, [await world.voucher(robot, robot, 0, 50n)]);
    expect(await world.vaultOf(robot)).toBe(800n);
  });
});
