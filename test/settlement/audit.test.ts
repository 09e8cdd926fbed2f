/** Attacks on the vault: each of them must fail, or cost nobody but the attacker. */
import { concat, encodeFunctionData, type Hex, toHex } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { encodeClaimBatch } from "../../src/settlement/claim-batch.ts";
import { type Actor, CHALLENGE_SECONDS, LATER, startWorld, type Terms, type World } from "./world.ts";
import { deploy } from "./zoo.ts";

/** Runtime code of wallets that do what no wallet should; `yes` leaves EIP-1271's answer in memory. */
const YES = "631626ba7e60e01b600052";
const HOSTILE: readonly [string, Hex][] = [
  ["has no code", "0x"],
  ["burns all the gas it gets", "0x5b600056"],
  ["answers a megabyte of nothing", "0x621000006000f3"],
  ["answers in four bytes", `0x${YES}60046000f3`],
  ["says yes and something more in the same word", `0x7f1626ba7e${"ff".repeat(28)}60005260206000f3`],
  ["says yes and reverts", `0x${YES}60206000fd`],
  ["writes before it says yes", `0x6001600055${YES}60206000f3`],
];

describe("LaneVault", () => {
  let world: World;
  let clean: Hex;
  let robot: Actor;
  let hub: Actor;
  let thief: Actor;
  let owner: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, thief, owner] = world.others as [Actor, Actor, Actor, Actor];
    await world.endow([robot, thief], 1_000n);
    await world.fund(robot, hub, 100n);
  }, 120_000);
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  const call = (by: Actor, name: string, ...args: readonly unknown[]) =>
    world.send(by, world.vault, name, args);
  const refused = (by: Actor, name: string, ...args: readonly unknown[]) =>
    world.refusal(by, world.vault, name, args);
  const lane = (payer = robot, payee = hub) => ({
    payer: payer.address,
    payee: payee.address,
    token: world.token,
  });
  const keys = () => Object.values(lane());
  const row = (payee: Actor, units: bigint) =>
    concat([payee.address, toHex(units, { size: 12 }), toHex(0, { size: 1 })]);

  it("leaves no voucher of a batch out for want of gas: the whole batch fails", async () => {
    await world.fund(thief, hub, 100n);
    const rows = [await world.voucher(robot, hub, 0, 40n), await world.voucher(thief, hub, 0, 7n)];
    const before = await world.snapshot();
    const full = Number((await world.claim(hub, rows)).gasUsed);
    await world.revert(before);
    const data = encodeFunctionData({
      abi: world.abi,
      functionName: "claimBatch",
      args: [encodeClaimBatch(world.token, rows)],
    });
    const ask = (gas: number) =>
      world
        .rpc("eth_call", [{ from: hub.address, to: world.vault, data, gas: toHex(gas) }, "latest"])
        .then(() => true)
        .catch(() => false);
    // a precompile that gets too little takes all of it, and 1/64 stays: a gap of 48 gas at most
    let least = full - 12_000;
    while (!(await ask(least))) least += 16;
    expect(least).toBeGreaterThan(full - 12_000);
    const sent = { from: hub.address, to: world.vault, data, gas: toHex(least) };
    expect(await world.rpc("eth_sendTransactionSync", [sent])).toMatchObject({ status: "0x1" });
    expect(await world.vaultOf(hub)).toBe(47n);
  });

  it("makes no money of garbage, however it is cut", async () => {
    const good = encodeClaimBatch(world.token, [await world.voucher(robot, hub, 0, 40n)]);
    const head = good.slice(0, 2 + 2 * 42);
    for (let seed = 1; seed <= 40; seed++) {
      const noise = Array.from({ length: 79 }, (_, at) => ((seed * 7_919 + at * 104_729) >> 3) & 0xff);
      const bytes = toHex(Uint8Array.from(noise)).slice(2);
      expect((await call(thief, "claimBatch", `${head}${bytes}`)).events).toEqual([]);
    }
    // 65,535 rows that are not there; a group of none, before and after a good one
    const [token, group] = [good.slice(0, 42), good.slice(42)];
    const none = `${thief.address.slice(2)}0000`;
    const most = `${token}${hub.address.slice(2)}ffff${group.slice(44)}`;
    expect(await refused(thief, "claimBatch", most)).toBe("Malformed");
    expect((await call(thief, "claimBatch", `${token}${none}${group}${none}`)).events).toHaveLength(1);
    expect([await world.vaultOf(hub), await world.vaultOf(thief)]).toEqual([40n, 1_000n]);
  });

  describe.each(HOSTILE)("a wallet that %s", (_, code) => {
    let wallet: Actor;
    beforeEach(async () => {
      const address = (await deploy(world.rpc, owner.address, "Wallet", [hub.address])).address;
      wallet = { ...hub, address };
      await world.send(world.owner, world.token, "mint", [robot.address, 80n]);
      await call(robot, "depositLane", address, hub.address, world.token, 50n);
      await call(robot, "deposit", address, world.token, 30n);
      await world.rpc("anvil_setCode", [address, code]);
    });

    it("pays nobody, orders nothing, agrees to nothing", async () => {
      const forged = `0x${"00".repeat(65)}`;
      const ends = [wallet.address, hub.address, world.token];
      expect(await refused(thief, "claimWallet", ...ends, 0, 40n, forged)).toBe("BadSignature");
      const order = { deadline: LATER, nonce: 2n ** 255n, fee: 30n, signature: forged };
      const out = [wallet.address, world.token, 1n, thief.address];
      expect(await refused(thief, "withdrawWithSig", ...out, { ...order, fee: 0n })).toBe("BadSignature");
      expect(await refused(thief, "requestCloseWithSig", ...ends, 0, order)).toBe("BadSignature");
      const named = [wallet.address, thief.address, world.token, order];
      expect(await refused(thief, "setOwnerWithSig", ...named)).toBe("BadSignature");
      expect(await refused(hub, "coopClose", ...ends, 0, 40n, 40n, forged, 0n, "0x")).toBe("BadSignature");
    });

    it("does not run within a batch of orders, whose other rows are carried out", async () => {
      const epoch = 0;
      const mine = { ...lane(), epoch, amount: 5n, window: 0 };
      const its = { ...lane(wallet), epoch, amount: 5n, window: 1 };
      const forged = { deadline: LATER, nonce: 2n ** 255n, fee: 1n, signature: `0x${"00".repeat(65)}` };
      const rows = [
        { ...its, order: forged },
        { ...mine, order: await world.order(robot, "FundLane", mine) },
      ];
      const sent = await call(thief, "fundLanesWithSig", rows);
      expect(sent.events.map(({ eventName }) => eventName)).toEqual(["NonceUsed", "LaneFunded"]);
      expect(sent.gasUsed).toBeLessThan(150_000n);
    });
  });

  it("pays one sum once, although an account with code and key (EIP-7702) vouches in both ways", async () => {
    const { address } = await deploy(world.rpc, owner.address, "Wallet", [robot.address]);
    await world.rpc("anvil_setCode", [robot.address, `0xef0100${address.slice(2)}`]);
    const promise = { ...lane(), epoch: 0, cumulative: 60n };
    const signature = await world.sign(robot, "WalletVoucher", promise);
    expect((await call(thief, "claimWallet", ...keys(), 0, 60n, signature)).ok).toBe(true);
    expect((await world.claim(thief, [await world.voucher(robot, hub, 0, 60n)])).events).toEqual([]);
    expect(await refused(thief, "claimWallet", ...keys(), 0, 60n, signature)).toBe("NothingToClaim");
    expect(await world.vaultOf(hub)).toBe(60n);
  });

  it("ends no epoch at its payer's word before a whole window has passed since the last wish to close", async () => {
    const promise = await world.voucher(robot, hub, 0, 70n);
    const close = ["coopClose", ...keys(), 0, 0n, 0n, "0x"] as const;
    await call(robot, "requestClose", ...keys());
    await world.pass(CHALLENGE_SECONDS - 10);
    expect(await refused(robot, "requestClose", ...keys())).toBe("LaneClosing");
    // calling it off, by the smallest sum, starts the window anew
    await world.fund(robot, hub, 1n);
    await call(robot, "requestClose", ...keys());
    const { closeAt } = await world.lane(robot, hub);
    expect(closeAt).toBe((await world.now()) + CHALLENGE_SECONDS);
    await world.pass(CHALLENGE_SECONDS - 10);
    expect(await refused(robot, "finalizeClose", ...keys())).toBe(`TooEarly(${closeAt})`);
    expect(await refused(robot, ...close, LATER, "0x")).toBe("BadSignature");
    const agreed = { ...lane(), epoch: 0, finalAmount: 0n, deadline: LATER };
    const own = await world.sign(robot, "CoopClose", agreed);
    expect(await refused(robot, ...close, LATER, own)).toBe("BadSignature");
    // nor does an owner that is named meanwhile hurry it
    await call(robot, "setOwner", owner.address);
    expect(await refused(owner, ...close, LATER, own)).toBe("BadSignature");
    expect(await refused(owner, "finalizeClose", ...keys())).toBe(`TooEarly(${closeAt})`);
    await world.claim(thief, [promise]);
    expect(await world.vaultOf(hub)).toBe(70n);
  });

  it("lets a stranger's dust keep nobody from closing who acts without limit", async () => {
    await world.send(world.owner, world.token, "mint", [thief.address, 10n]);
    await call(thief, "depositLane", ...keys(), 1n);
    expect((await call(robot, "requestClose", ...keys())).ok).toBe(true);
    expect(await refused(thief, "depositLane", ...keys(), 1n)).toBe("LaneClosing");
    await world.pass(CHALLENGE_SECONDS);
    expect((await call(thief, "finalizeClose", ...keys())).ok).toBe(true);
    // a gift between two lives opens the next one, and nothing more
    await call(thief, "depositLane", ...keys(), 1n);
    await call(robot, "setOwner", owner.address);
    expect(await refused(robot, "requestClose", ...keys())).toBe("AllowanceExceeded(0, 1)");
    expect((await call(owner, "requestClose", ...keys())).ok).toBe(true);
  });

  describe("a key whose account has an owner, and an allowance of 10", () => {
    beforeEach(async () => {
      await call(robot, "setOwner", owner.address);
      await call(owner, "setAllowance", robot.address, world.token, 10n);
    });
    const ordered = async (
      type: Parameters<World["order"]>[1],
      message: Record<string, unknown>,
      over: Partial<Terms> = {},
    ) => [...Object.values(message), await world.order(robot, type, message, over)];

    it("gets nothing out, begins nothing and changes nothing beyond it, on any way there is", async () => {
      const { vault, token } = world;
      const out = { account: robot.address, token, amount: 10n, to: thief.address };
      const into = { ...lane(), epoch: 0, amount: 10n, window: 0 };
      const fee = { fee: 1n };
      const before = [await world.vaultOf(robot), await world.lane(robot, hub)];
      const no = async (name: string, ...args: readonly unknown[]) => await refused(robot, name, ...args);
      const over = "AllowanceExceeded(10, 11)";
      expect(await no("withdraw", robot.address, token, 11n, thief.address)).toBe(over);
      expect(await no("withdrawWithSig", ...(await ordered("Withdraw", out, fee)))).toBe(over);
      expect(await no("fundLane", ...keys(), 11n, 0)).toBe(over);
      expect(await no("fundLaneWithSig", ...(await ordered("FundLane", into, fee)))).toBe(over);
      expect(await no("requestClose", ...keys())).toBe("AllowanceExceeded(10, 100)");
      const closing = await ordered("RequestClose", { ...lane(), epoch: 0 });
      expect(await no("requestCloseWithSig", ...closing)).toBe("AllowanceExceeded(10, 100)");
      expect(await no("setAllowance", robot.address, token, 99n)).toBe("NotController");
      const more = { account: robot.address, token, amount: 99n };
      expect(await no("setAllowanceWithSig", ...(await ordered("SetAllowance", more)))).toBe("BadSignature");
      const heir = { account: robot.address, owner: thief.address, token };
      expect(await no("setOwnerWithSig", ...(await ordered("SetOwner", heir, fee)))).toBe("OwnerSet");
      // the payee's consent does not make the caller the payer: a voucher has to be there
      const consent = await world.sign(hub, "CoopClose", {
        ...{ ...lane(), epoch: 0, finalAmount: 50n, deadline: LATER },
      });
      expect(await no("coopClose", ...keys(), 0, 50n, 50n, "0x", LATER, consent)).toBe("BadSignature");
      const order = await world.order(robot, "FundLane", into, fee);
      expect((await call(thief, "fundLanesWithSig", [{ ...into, order }])).events).toEqual([]);
      expect((await call(robot, "fundLanes", robot.address, token, row(hub, 11n))).events).toEqual([]);
      expect([await world.vaultOf(robot), await world.lane(robot, hub)]).toEqual(before);
      expect(await world.read(vault, "allowance", [robot.address, token])).toBe(10n);
    });

    it("spends it once, however it is cut up", async () => {
      const { vault, token } = world;
      const into = { ...lane(), epoch: 0, amount: 1n, window: 0 };
      await call(robot, "withdraw", robot.address, token, 1n, thief.address);
      await call(robot, "fundLane", ...keys(), 1n, 0);
      await call(thief, "fundLaneWithSig", ...(await ordered("FundLane", into, { fee: 1n })));
      const rows = concat([row(hub, 2n), row(thief, 9n), row(owner, 1n)]);
      expect((await call(robot, "fundLanes", robot.address, token, rows)).events).toHaveLength(3);
      const order = await world.order(robot, "FundLane", into, { fee: 1n });
      const twice = await world.order(robot, "FundLane", into, { fee: 1n });
      await call(thief, "fundLanesWithSig", [
        { ...into, order },
        { ...into, order },
        { ...into, order: twice },
      ]);
      expect(await world.read(vault, "allowance", [robot.address, token])).toBe(1n);
      expect(await world.vaultOf(robot)).toBe(900n - 9n);
      expect(await world.vaultOf(thief)).toBe(1_000n + 2n);
      expect(await refused(robot, "withdraw", robot.address, token, 2n, thief.address)).toBe(
        "AllowanceExceeded(1, 2)",
      );
    });
  });
});
