import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Actor, CHALLENGE_SECONDS, startWorld, type World } from "./world.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

describe("LaneVault orders carried out for their signer", () => {
  let world: World;
  let clean: `0x${string}`;
  let robot: Actor;
  let hub: Actor;
  let relayer: Actor;
  let later: bigint;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, relayer] = world.others as [Actor, Actor, Actor];
    await world.endow([robot], 1_000n);
    await world.send(robot, world.vault, "fundLane", [hub.address, world.token, 100n]);
    later = BigInt(await world.now()) + 100_000n;
  });
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  const relay = (name: string, ...args: readonly unknown[]) => world.send(relayer, world.vault, name, args);
  const refused = (name: string, ...args: readonly unknown[]) =>
    world.refusal(relayer, world.vault, name, args);

  async function withdrawal(by: Actor, units: bigint, deadline: bigint, nonce: bigint) {
    const order = {
      account: robot.address,
      token: world.token,
      amount: units,
      to: relayer.address,
      deadline,
      nonce,
    };
    return [...Object.values<unknown>(order), await world.sign(by, "Withdraw", order)];
  }

  async function funding(epoch: number, units: bigint, deadline: bigint, nonce: bigint) {
    const ends = { payer: robot.address, payee: hub.address, token: world.token };
    const order = { ...ends, epoch, amount: units, deadline, nonce };
    return [...Object.values(order), await world.sign(robot, "FundLane", order)];
  }

  async function closing(epoch: number, deadline: bigint, nonce: bigint) {
    const order = { payer: robot.address, payee: hub.address, token: world.token, epoch, deadline, nonce };
    return [...Object.values(order), await world.sign(robot, "RequestClose", order)];
  }

  it("withdraws once per nonce, in any order of nonces", async () => {
    const high = 2n ** 255n + 3n;
    for (const nonce of [high, 0n, 255n, 256n]) {
      const order = await withdrawal(robot, 10n, later, nonce);
      expect((await relay("withdrawWithSig", ...order)).ok).toBe(true);
      expect(await refused("withdrawWithSig", ...order)).toBe("NonceReused");
      expect(await world.read(world.vault, "nonceUsed", [robot.address, nonce])).toBe(true);
    }
    expect(await world.read(world.vault, "nonceUsed", [robot.address, 1n])).toBe(false);
    expect(await world.tokensOf(relayer.address)).toBe(40n);
    expect(await world.vaultOf(robot)).toBe(860n);
  });

  it("shares its nonces between all kinds of order", async () => {
    await relay("withdrawWithSig", ...(await withdrawal(robot, 1n, later, 5n)));
    expect(await refused("fundLaneWithSig", ...(await funding(0, 1n, later, 5n)))).toBe("NonceReused");
    expect(await refused("requestCloseWithSig", ...(await closing(0, later, 5n)))).toBe("NonceReused");
  });

  it("accepts an order in the second of its deadline and not after", async () => {
    const deadline = BigInt(await world.now()) + 1_000n;
    await world.rpc("evm_setNextBlockTimestamp", [Number(deadline)]);
    expect((await relay("withdrawWithSig", ...(await withdrawal(robot, 1n, deadline, 1n)))).ok).toBe(true);
    await world.pass(1);
    expect(await refused("withdrawWithSig", ...(await withdrawal(robot, 1n, deadline, 2n)))).toBe("Expired");
    expect(await refused("fundLaneWithSig", ...(await funding(0, 1n, deadline, 3n)))).toBe("Expired");
    expect(await refused("requestCloseWithSig", ...(await closing(0, deadline, 4n)))).toBe("Expired");
  });

  it("refuses what another account signed, what was altered, and a signature of another shape", async () => {
    expect(await refused("withdrawWithSig", ...(await withdrawal(hub, 1n, later, 1n)))).toBe("BadSignature");
    const order = await withdrawal(robot, 1n, later, 1n);
    const signature = order[6] as string;
    const altered = (index: number, value: unknown) => order.with(index, value);
    expect(await refused("withdrawWithSig", ...altered(2, 2n))).toBe("BadSignature");
    expect(await refused("withdrawWithSig", ...altered(3, hub.address))).toBe("BadSignature");
    expect(await refused("withdrawWithSig", ...altered(6, signature.slice(0, -2)))).toBe("BadSignature");
    expect(await refused("withdrawWithSig", ...altered(6, `0x${"00".repeat(65)}`))).toBe("BadSignature");
    const s = ORDER - BigInt(`0x${signature.slice(66, 130)}`);
    const v = signature.endsWith("1b") ? "1c" : "1b";
    const twin = signature.slice(0, 66) + s.toString(16).padStart(64, "0") + v;
    expect(await refused("withdrawWithSig", ...altered(6, twin))).toBe("BadSignature");
    const nobody = altered(0, "0x0000000000000000000000000000000000000000").with(6, `0x${"00".repeat(65)}`);
    expect(await refused("withdrawWithSig", ...nobody)).toBe("BadSignature");
    expect((await relay("withdrawWithSig", ...order)).ok).toBe(true);
  });

  it("leaves the nonce of an order that fails", async () => {
    const order = await withdrawal(robot, 901n, later, 9n);
    expect((await relay("withdrawWithSig", ...order)).ok).toBe(false);
    expect(await world.read(world.vault, "nonceUsed", [robot.address, 9n])).toBe(false);
  });

  it("funds a lane of the epoch that the order names, from the signer's vault", async () => {
    expect(await refused("fundLaneWithSig", ...(await funding(1, 50n, later, 1n)))).toBe("WrongEpoch(0)");
    expect((await relay("fundLaneWithSig", ...(await funding(0, 50n, later, 1n)))).ok).toBe(true);
    expect((await world.lane(robot, hub)).deposit).toBe(150n);
    expect(await world.vaultOf(robot)).toBe(850n);
  });

  it("does not let a signed top-up call off a close", async () => {
    const topUp = await funding(0, 50n, later, 1n);
    await relay("requestCloseWithSig", ...(await closing(0, later, 2n)));
    expect(await refused("fundLaneWithSig", ...topUp)).toBe("LaneClosing");
    await world.pass(CHALLENGE_SECONDS);
    await relay("finalizeClose", robot.address, hub.address, world.token);
    expect(await refused("fundLaneWithSig", ...topUp)).toBe("WrongEpoch(1)");
    expect(await world.vaultOf(robot)).toBe(1_000n);
  });

  it("starts a close for a payer that has no gas, in the epoch that it names", async () => {
    expect(await refused("requestCloseWithSig", ...(await closing(1, later, 2n)))).toBe("WrongEpoch(0)");
    const sent = await relay("requestCloseWithSig", ...(await closing(0, later, 2n)));
    expect(sent.events.map((event) => event.eventName)).toEqual(["NonceUsed", "CloseRequested"]);
    expect((await world.lane(robot, hub)).closeAt).toBe((await world.now()) + CHALLENGE_SECONDS);
  });
});

describe("LaneVault.coopClose", () => {
  let world: World;
  let clean: `0x${string}`;
  let robot: Actor;
  let hub: Actor;
  let relayer: Actor;
  let later: bigint;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, relayer] = world.others as [Actor, Actor, Actor];
    await world.endow([robot], 1_000n);
    await world.send(robot, world.vault, "fundLane", [hub.address, world.token, 100n]);
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
    expect(await world.lane(robot, hub)).toEqual({ settled: 0n, deposit: 0n, closeAt: 0, epoch: 1 });
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
    await world.send(robot, world.vault, "requestClose", [hub.address, world.token]);
    await closes(relayer, await close(20n, 0n));
    expect(await world.lane(robot, hub)).toEqual({ settled: 0n, deposit: 0n, closeAt: 0, epoch: 1 });
  });
});
