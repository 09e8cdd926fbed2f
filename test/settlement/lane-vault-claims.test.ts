import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { amount } from "../../src/base/money.ts";
import { encodeClaimBatch } from "../../src/settlement/claim-batch.ts";
import { type Actor, LATER, signTyped, startWorld, type World } from "./world.ts";
import { deploy } from "./zoo.ts";

const NOBODY = "0x0000000000000000000000000000000000000000";

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
      await world.fund(payer, hub, 100n);
    }
    await world.fund(robot, seller, 100n);
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
    await world.fund(robot, hub, 80n);
    await world.claim(hub, [tooMuch]);
    expect(await world.vaultOf(hub)).toBe(150n);
    expect(await world.lane(robot, hub)).toEqual({
      settled: 150n,
      deposit: 180n,
      closeAt: 0,
      window: 0,
      epoch: 0,
    });
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
    await world.fund(robot, robot, 50n);
    await world.claim(stranger, [await world.voucher(robot, robot, 0, 50n)]);
    expect(await world.vaultOf(robot)).toBe(800n);
  });

  it("credits a row that recovers nobody to nobody, least of all to the payer of the row before", async () => {
    const good = await world.voucher(robot, hub, 0, 40n);
    const more = { ...good, cumulative: amount(90n) };
    const sent = await world.claim(stranger, [
      good,
      { ...more, signature: `0x${"00".repeat(65)}` },
      { ...more, signature: `0x${"ff".repeat(32)}${"01".repeat(32)}1b` },
      { ...more, signature: `0x${"00".repeat(31)}05${"00".repeat(31)}011b` },
    ]);
    expect(sent.events).toMatchObject([{ args: { credited: 40n, rows: [expect.any(String)] } }]);
    expect((await world.lane(robot, hub)).settled).toBe(40n);
  });

  it("knows no lane of nobody: none of the ways to fund one takes it", async () => {
    const { vault, token } = world;
    const nobody = { ...robot, address: NOBODY } as Actor;
    const refused = (name: string, ...args: readonly unknown[]) => world.refusal(robot, vault, name, args);
    expect(await refused("deposit", NOBODY, token, 1n)).toBe("BadReceiver");
    expect(await refused("depositLane", NOBODY, hub.address, token, 1n)).toBe("BadReceiver");
    expect(await refused("fundLane", NOBODY, hub.address, token, 1n, 0)).toBe("NotController");
    expect(await refused("fundLanes", NOBODY, token, "0x")).toBe("NotController");
    const unsigned = { deadline: LATER, nonce: 1n, fee: 0n, signature: `0x${"00".repeat(65)}` };
    const lane = [NOBODY, hub.address, token, 0, 1n, 0];
    expect(await refused("fundLaneWithSig", ...lane, unsigned)).toBe("BadSignature");
    for (const nonce of [2n ** 255n, 3n * 2n ** 254n]) {
      expect(await refused("fundLaneWithSig", ...lane, { ...unsigned, nonce })).toBe("BadSignature");
    }
    const named = { payer: NOBODY, payee: hub.address, token, epoch: 0, amount: 1n, window: 0 };
    // even a vault of nobody's that had money could not be moved into a lane by an order that nobody signed
    const { events } = await world.send(stranger, vault, "fundLanesWithSig", [
      [{ ...named, order: unsigned }],
    ]);
    expect(events).toEqual([]);
    expect(await world.lane(nobody, hub)).toMatchObject({ deposit: 0n });
  });

  it("is the same on a chain that forked off, where vouchers of the old chain are void", async () => {
    const old = await world.voucher(robot, hub, 0, 40n);
    const { chainId, vault, token } = world;
    const message = { payee: hub.address, token, epoch: 0, cumulative: 50n };
    const signature = await signTyped(robot, { chainId: 7_777, vault }, "Voucher", message);
    // anvil's own accounts are bound to its first chain id
    const anyone = { ...stranger, address: `0x${"ca".repeat(20)}` } as Actor;
    await world.rpc("anvil_setBalance", [anyone.address, "0xde0b6b3a7640000"]);
    await world.rpc("anvil_impersonateAccount", [anyone.address]);
    await world.rpc("anvil_setChainId", [7_777]);
    try {
      expect((await world.claim(anyone, [old])).events).toEqual([]);
      const sent = await world.claim(anyone, [old, { ...old, cumulative: amount(50n), signature }, old]);
      expect(sent.events).toMatchObject([{ args: { credited: 50n } }]);
    } finally {
      await world.rpc("anvil_setChainId", [chainId]);
    }
  });
});

describe("LaneVault.claimWallet", () => {
  let world: World;
  let clean: `0x${string}`;
  let robot: Actor;
  let hub: Actor;
  let stranger: Actor;
  let wallet: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, stranger] = world.others as [Actor, Actor, Actor];
    const { address } = await deploy(world.rpc, world.owner.address, "Wallet", [robot.address]);
    wallet = { ...robot, address };
    await world.endow([robot], 1_000n);
    await world.send(world.owner, world.token, "mint", [robot.address, 100n]);
    await world.send(robot, world.vault, "depositLane", [address, hub.address, world.token, 100n]);
  }, 120_000);
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  async function voucher(cumulative: bigint, epoch = 0, type: "Voucher" | "WalletVoucher" = "WalletVoucher") {
    const message = { payer: wallet.address, payee: hub.address, token: world.token, epoch, cumulative };
    return [...Object.values(message), await world.sign(robot, type, message)];
  }
  const claim = (args: readonly unknown[]) => world.send(stranger, world.vault, "claimWallet", args);
  const refused = (args: readonly unknown[]) => world.refusal(stranger, world.vault, "claimWallet", args);

  it("pays what a smart wallet has signed, once, whoever brings it", async () => {
    const { events } = await claim(await voucher(40n));
    const row = `${wallet.address}${"28".padStart(24, "0")}`;
    expect(events).toMatchObject([{ eventName: "Claimed", args: { credited: 40n, rows: [row] } }]);
    expect(await refused(await voucher(40n))).toBe("NothingToClaim");
    await claim(await voucher(41n));
    expect([await world.vaultOf(hub), (await world.lane(wallet, hub)).settled]).toEqual([41n, 41n]);
  });

  it("pays as far as the deposit goes, and the rest after a top-up", async () => {
    const tooMuch = await voucher(150n);
    await claim(tooMuch);
    expect(await world.vaultOf(hub)).toBe(100n);
    expect(await refused(tooMuch)).toBe("NothingToClaim");
    await world.send(world.owner, world.token, "mint", [robot.address, 80n]);
    await world.send(robot, world.vault, "depositLane", [wallet.address, hub.address, world.token, 80n]);
    await claim(tooMuch);
    expect(await world.vaultOf(hub)).toBe(150n);
    expect(await world.lane(wallet, hub)).toMatchObject({ settled: 150n, deposit: 180n, window: 1 });
  });

  it("refuses by name what the wallet has not signed, and another epoch", async () => {
    expect(await refused(await voucher(40n, 1))).toBe("WrongEpoch(0)");
    expect(await refused((await voucher(40n)).with(4, 41n))).toBe("BadSignature");
    expect(await refused((await voucher(40n)).with(5, "0x"))).toBe("BadSignature");
    expect(await refused(await voucher(40n, 0, "Voucher"))).toBe("BadSignature");
  });

  it("does not let one signature of the wallet's key pay on two lanes", async () => {
    await world.fund(robot, hub, 100n);
    const wallets = await voucher(40n);
    const own = {
      payee: hub.address,
      epoch: 0,
      cumulative: amount(40n),
      signature: wallets[5] as `0x${string}`,
    };
    await claim(wallets);
    expect((await world.claim(stranger, [own])).events).toEqual([]);
    expect(await refused([robot.address, ...wallets.slice(1)])).toBe("BadSignature");
    expect(await world.vaultOf(hub)).toBe(40n);
  });
});
