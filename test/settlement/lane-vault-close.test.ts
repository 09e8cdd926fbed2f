import type { Hex } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Actor, startWorld, type World } from "./world.ts";
import { deploy } from "./zoo.ts";

describe("LaneVault.coopClose", () => {
  let world: World;
  let clean: Hex;
  let robot: Actor;
  let hub: Actor;
  let relayer: Actor;
  let later: bigint;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, relayer] = world.others as [Actor, Actor, Actor];
    await world.endow([robot], 1_000n);
    await world.fund(robot, hub, 100n);
    await world.claim(hub, [await world.voucher(robot, hub, 0, 20n)]);
    later = BigInt(await world.now()) + 1_000n;
  });
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  /** Arguments of a close in which both sides agree to `final`, the payer by a voucher for `vouched`. */
  async function close(
    final: bigint,
    vouched: bigint,
    over: { epoch?: number; payee?: Actor; payer?: Actor } = {},
  ) {
    const { token } = world;
    const epoch = over.epoch ?? 0;
    const message = {
      payer: robot.address,
      payee: hub.address,
      token,
      epoch,
      finalAmount: final,
      deadline: later,
    };
    const consent = await world.sign(over.payee ?? hub, "CoopClose", message);
    const { signature } = await world.voucher(over.payer ?? robot, hub, epoch, vouched);
    return [robot.address, hub.address, token, epoch, final, vouched, signature, later, consent];
  }
  const refused = (by: Actor, args: readonly unknown[]) => world.refusal(by, world.vault, "coopClose", args);
  const closes = (by: Actor, args: readonly unknown[]) => world.send(by, world.vault, "coopClose", args);

  it("settles the final amount and refunds the rest at once, through any relayer", async () => {
    const args = await close(70n, 70n);
    const sent = await closes(relayer, args);
    expect(sent.events).toMatchObject([{ eventName: "LaneClosed", args: { credited: 50n, refunded: 30n } }]);
    expect(await world.vaultOf(hub)).toBe(70n);
    expect(await world.vaultOf(robot)).toBe(930n);
    expect(await world.lane(robot, hub)).toEqual({
      settled: 0n,
      deposit: 0n,
      closeAt: 0,
      window: 0,
      epoch: 1,
    });
    expect(await refused(relayer, args)).toBe("WrongEpoch(1)");
  });

  it("lets the payee take less than was vouched, as change for the payer", async () => {
    await closes(relayer, await close(60n, 90n));
    expect(await world.vaultOf(hub)).toBe(60n);
    expect(await world.vaultOf(robot)).toBe(940n);
  });

  it("needs no word of the payer when nothing more is settled, nor when the payer sends it", async () => {
    const settled = (await close(20n, 0n)).with(6, "0x");
    const more = (await close(55n, 0n)).with(6, "0x");
    const before = await world.snapshot();
    await closes(relayer, settled);
    expect(await world.vaultOf(robot)).toBe(980n);
    await world.revert(before);
    expect(await refused(relayer, more)).toBe("FinalAmountOutOfRange");
    await closes(robot, more);
    expect(await world.vaultOf(hub)).toBe(55n);
  });

  it("needs no signature of a payee that sends it", async () => {
    const args = (await close(70n, 70n)).with(8, "0x").with(7, 0n);
    expect(await refused(relayer, args)).toBe("Expired");
    expect((await closes(hub, args)).ok).toBe(true);
  });

  it("cannot be used by one side against the other", async () => {
    // the payee asks for more than was vouched
    expect(await refused(hub, await close(80n, 70n))).toBe("FinalAmountOutOfRange");
    // ... with a voucher of its own making
    expect(await refused(hub, await close(80n, 80n, { payer: hub }))).toBe("BadSignature");
    // the payer closes below what the payee agreed to
    expect(await refused(robot, (await close(70n, 70n)).with(4, 30n))).toBe("BadSignature");
    expect(await refused(robot, await close(30n, 30n, { payee: robot }))).toBe("BadSignature");
    // a stranger raises what both agreed to
    expect(await refused(relayer, (await close(70n, 90n)).with(4, 90n))).toBe("BadSignature");
    // nobody takes back what is settled, or pays more than there is
    expect(await refused(hub, await close(19n, 19n))).toBe("FinalAmountOutOfRange");
    expect(await refused(hub, await close(101n, 101n))).toBe("FinalAmountOutOfRange");
    expect(await refused(relayer, await close(70n, 70n, { epoch: 1 }))).toBe("WrongEpoch(0)");
  });

  it("dies with its deadline, and with a claim above the final amount", async () => {
    const args = await close(50n, 50n);
    const before = await world.snapshot();
    await world.pass(2_000);
    expect(await refused(relayer, args)).toBe("Expired");
    await world.revert(before);
    await world.claim(relayer, [await world.voucher(robot, hub, 0, 51n)]);
    expect(await refused(relayer, args)).toBe("FinalAmountOutOfRange");
  });

  it("does not touch a lane that was never funded", async () => {
    const args = [relayer.address, hub.address, world.token, 0, 0n, 0n, "0x", 0n, "0x"];
    expect(await refused(hub, args)).toBe("LaneEmpty");
  });

  it("ends a close that was requested", async () => {
    await world.send(robot, world.vault, "requestClose", [robot.address, hub.address, world.token]);
    await closes(relayer, await close(20n, 0n));
    expect(await world.lane(robot, hub)).toEqual({
      settled: 0n,
      deposit: 0n,
      closeAt: 0,
      window: 0,
      epoch: 1,
    });
  });
  it("asks the payer's owner in place of the payer once there is one", async () => {
    const owner = world.others[3] as Actor;
    await world.send(robot, world.vault, "setOwner", [owner.address]);
    const more = (await close(55n, 0n)).with(6, "0x");
    expect(await refused(robot, more)).toBe("FinalAmountOutOfRange");
    expect(await refused(robot, more.with(5, 55n))).toBe("BadSignature");
    expect((await closes(owner, more)).ok).toBe(true);
    expect(await world.vaultOf(hub)).toBe(55n);
  });

  it("takes the word of smart wallets on both ends", async () => {
    const wallet = (key: Actor) => deploy(world.rpc, world.owner.address, "Wallet", [key.address]);
    const payer = { ...robot, address: (await wallet(robot)).address };
    const payee = { ...hub, address: (await wallet(hub)).address };
    const { vault, token } = world;
    await world.send(world.owner, token, "mint", [robot.address, 100n]);
    await world.send(robot, vault, "depositLane", [payer.address, payee.address, token, 100n]);
    const lane = { payer: payer.address, payee: payee.address, token, epoch: 0 };
    const consent = await world.sign(hub, "CoopClose", { ...lane, finalAmount: 70n, deadline: later });
    const voucher = await world.sign(robot, "WalletVoucher", { ...lane, cumulative: 80n });
    const plain = await world.sign(robot, "Voucher", { ...lane, cumulative: 80n });
    const args = [...Object.values(lane), 70n, 80n, voucher, later, consent];
    expect(await refused(relayer, args.with(6, plain))).toBe("BadSignature");
    expect(await refused(relayer, args.with(8, voucher))).toBe("BadSignature");
    expect((await closes(relayer, args)).ok).toBe(true);
    expect([await world.vaultOf(payee), await world.vaultOf(payer)]).toEqual([70n, 30n]);
  }, 120_000);
});
