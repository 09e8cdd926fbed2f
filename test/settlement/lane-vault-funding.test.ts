import { concat, type Hex, toHex } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Actor, LATER, startWorld, type Terms, type World } from "./world.ts";
import { deploy } from "./zoo.ts";

const NOBODY = "0x0000000000000000000000000000000000000000";
const LAST_EPOCH = 2 ** 24 - 1;
const HOURS = [1, 24, 72, 168];

describe("LaneVault's lanes", () => {
  let world: World;
  let clean: Hex;
  let robot: Actor;
  let arm: Actor;
  let hub: Actor;
  let relayer: Actor;
  /** A smart wallet of the arm's key. */
  let wallet: Hex;

  beforeAll(async () => {
    world = await startWorld();
    [robot, arm, hub, relayer] = world.others as [Actor, Actor, Actor, Actor];
    await world.endow([robot, arm, relayer], 1_000n);
    wallet = (await deploy(world.rpc, world.owner.address, "Wallet", [arm.address])).address;
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
  const fundArgs = (units: bigint, window: number) => [
    robot.address,
    hub.address,
    world.token,
    units,
    window,
  ];

  describe("window classes", () => {
    it.each(HOURS.map((hours, window) => [window, hours]))(
      "class %i closes after %i h",
      async (window, hours) => {
        expect(await world.read(world.vault, "windowSeconds", [window])).toBe(BigInt(hours * 3_600));
        const { events } = await world.fund(robot, hub, 5n, window);
        expect(events).toMatchObject([{ args: { word: (5n << 96n) | (BigInt(window) << 224n) } }]);
        await call(robot, "requestClose", robot.address, hub.address, world.token);
        const { closeAt } = await world.lane(robot, hub);
        expect(closeAt).toBe((await world.now()) + hours * 3_600);
        const key = [robot.address, hub.address, world.token];
        await world.pass(hours * 3_600 - 1);
        expect(await refused(relayer, "finalizeClose", ...key)).toBe(`TooEarly(${closeAt})`);
        await world.pass(1);
        expect((await call(relayer, "finalizeClose", ...key)).ok).toBe(true);
      },
    );

    it("are fixed by the first funding of an epoch, and chosen anew in the next", async () => {
      await world.fund(robot, hub, 5n, 2);
      expect(await refused(robot, "fundLane", ...fundArgs(1n, 1))).toBe("WindowFixed");
      await world.claim(hub, [await world.voucher(robot, hub, 0, 5n)]);
      // used up is not unopened: the payee's vouchers to come were promised this window
      expect(await refused(robot, "fundLane", ...fundArgs(1n, 3))).toBe("WindowFixed");
      expect((await world.fund(robot, hub, 1n, 2)).ok).toBe(true);
      await call(robot, "requestClose", robot.address, hub.address, world.token);
      await world.pass(72 * 3_600);
      await call(robot, "finalizeClose", robot.address, hub.address, world.token);
      expect(await world.lane(robot, hub)).toMatchObject({ window: 0, epoch: 1 });
      expect((await world.fund(robot, hub, 1n, 3)).ok).toBe(true);
    });

    it("do not exist beyond the fourth", async () => {
      expect(await refused(robot, "windowSeconds", 4)).toBe("BadWindow");
      expect(await refused(robot, "fundLane", ...fundArgs(1n, 4))).toBe("BadWindow");
    });

    it("are not a stranger's to choose: a gift opens a lane with 24 h and keeps what there is", async () => {
      const gift = [robot.address, hub.address, world.token, 9n];
      await world.send(world.owner, world.token, "mint", [relayer.address, 100n]);
      expect((await call(relayer, "depositLane", ...gift)).events).toMatchObject([
        { eventName: "LaneGifted", args: { word: (9n << 96n) | (1n << 224n) } },
      ]);
      await world.fund(robot, arm, 1n, 3);
      await call(relayer, "depositLane", ...gift.with(1, arm.address));
      expect(await world.lane(robot, arm)).toMatchObject({ deposit: 10n, window: 3 });
    });

    it("cannot end after 2106, where a lane still closes by consent", async () => {
      await world.fund(robot, hub, 5n, 1);
      const last = 2 ** 32 - 1 - 24 * 3_600;
      const close = [robot.address, hub.address, world.token];
      await world.rpc("evm_setNextBlockTimestamp", [last + 1]);
      await world.rpc("evm_mine", []);
      expect(await refused(robot, "requestClose", ...close)).toBe("ClockOverflow");
      const consent = [...close, 0, 2n, 2n, "0x", 0n, "0x"];
      const { signature } = await world.voucher(robot, hub, 0, 2n);
      expect((await call(hub, "coopClose", ...consent.with(6, signature))).ok).toBe(true);
    });
  });

  describe("fundLanes", () => {
    const row = (payee: string, units: bigint, window = 0) =>
      concat([payee as Hex, toHex(units, { size: 12 }), toHex(window, { size: 1 })]);
    const fundLanes = (...rows: Hex[]) => call(robot, "fundLanes", robot.address, world.token, concat(rows));

    it("skips every bad row and carries out the others", async () => {
      await world.fund(robot, arm, 10n, 1);
      await call(robot, "requestClose", robot.address, arm.address, world.token);
      await world.rpc("anvil_setStorageAt", [
        world.vault,
        world.slotOf(robot, world.owner),
        toHex(BigInt(LAST_EPOCH) << 232n, { size: 32 }),
      ]);
      const full = toHex(((2n ** 96n - 1n) << 96n) | 1n, { size: 32 });
      await world.rpc("anvil_setStorageAt", [world.vault, world.slotOf(robot, relayer), full]);
      const sent = await fundLanes(
        row(hub.address, 600n, 2),
        row(robot.address, 391n),
        row(NOBODY, 1n),
        row(hub.address, 0n, 2),
        row(hub.address, 1n, 1),
        row(hub.address, 1n, 4),
        row(arm.address, 1n, 1),
        row(world.owner.address, 1n),
        row(relayer.address, 1n),
        row(hub.address, 90n, 2),
        row(robot.address, 300n),
      );
      expect(sent.events.map(({ args }) => args["amount"])).toEqual([600n, 90n, 300n]);
      expect(await world.lane(robot, hub)).toMatchObject({ deposit: 690n, window: 2 });
      expect(await world.lane(robot, arm)).toMatchObject({ deposit: 10n, closeAt: expect.any(Number) });
      expect(await world.vaultOf(robot)).toBe(0n);
    });

    it("answers how many rows were carried out", async () => {
      const answer = await world.client.simulateContract({
        address: world.vault,
        abi: world.abi,
        functionName: "fundLanes",
        args: [
          robot.address,
          world.token,
          concat([row(hub.address, 1n), row(NOBODY, 1n), row(arm.address, 1n)]),
        ],
        account: robot.address,
      });
      expect(answer.result).toBe(2n);
    });

    it("takes no rows that are cut off, and nobody else's vault", async () => {
      const rows = row(hub.address, 1n);
      for (const cut of [`${rows}00`, rows.slice(0, -2)] as const) {
        expect(await refused(robot, "fundLanes", robot.address, world.token, cut)).toBe("Malformed");
      }
      expect(await refused(relayer, "fundLanes", robot.address, world.token, rows)).toBe("NotController");
      expect(await call(robot, "fundLanes", robot.address, world.token, "0x")).toMatchObject({
        ok: true,
        events: [],
      });
    });

    it("stays inside the allowance of an account with an owner, and tells the rest of it once", async () => {
      await call(robot, "setOwner", arm.address);
      await call(arm, "setAllowance", robot.address, world.token, 50n);
      const { events } = await fundLanes(row(hub.address, 30n), row(hub.address, 21n), row(arm.address, 20n));
      expect(events.map(({ eventName, args }) => [eventName, args["amount"]])).toEqual([
        ["LaneFunded", 30n],
        ["LaneFunded", 20n],
        ["AllowanceSet", 0n],
      ]);
      const owned = row(hub.address, 100n);
      expect((await call(arm, "fundLanes", robot.address, world.token, owned)).events).toHaveLength(1);
      expect(await fundLanes(row(hub.address, 1n))).toMatchObject({ ok: true, events: [] });
    });
  });

  describe("fundLanesWithSig", () => {
    type Over = Partial<Terms> & { epoch?: number; window?: number; payee?: string };

    async function row(by: Actor, units: bigint, over: Over = {}, payer = by) {
      const { epoch = 0, window = 0, payee = hub.address, ...terms } = over;
      const message = { payer: payer.address, payee, token: world.token, epoch, amount: units, window };
      return { ...message, order: await world.order(by, "FundLane", message, terms) };
    }

    it("carries out the good rows of many payers and skips the others", async () => {
      await world.fund(arm, relayer, 5n, 0);
      await call(arm, "requestClose", arm.address, relayer.address, world.token);
      const good = await row(robot, 100n, { nonce: 77n });
      const byWallet = { ...robot, address: wallet };
      await world.send(world.owner, world.token, "mint", [relayer.address, 10n]);
      await call(relayer, "deposit", wallet, world.token, 10n);
      const rows = [
        good,
        good,
        await row(robot, 1n, { nonce: 77n }),
        await row(arm, 20n, { fee: 3n }),
        await row(arm, 1n, {}, robot),
        { ...(await row(robot, 1n)), amount: 2n },
        await row(robot, 1n, { deadline: 1n }),
        await row(robot, 1n, { epoch: 1 }),
        await row(robot, 1n, { window: 1 }),
        await row(robot, 1n, { window: 4 }),
        await row(robot, 1n, { payee: NOBODY }),
        await row(robot, 0n),
        await row(robot, 901n),
        await row(robot, 900n, { fee: 1n }),
        await row(arm, 1n, { payee: relayer.address }),
        await row(arm, 1n, { nonce: 2n ** 255n }, byWallet),
        await row(arm, 1n, { nonce: 3n << 254n }, byWallet),
        await row(robot, 2n ** 96n - 1n),
        await row(robot, 900n),
      ];
      const { ok, events } = await call(relayer, "fundLanesWithSig", rows);
      expect(ok).toBe(true);
      const funded = events.filter(({ eventName }) => eventName === "LaneFunded");
      expect(funded.map(({ args }) => args["amount"])).toEqual([100n, 20n, 900n]);
      expect(events.filter(({ eventName }) => eventName === "NonceUsed")).toHaveLength(3);
      expect([await world.vaultOf(robot), await world.vaultOf(arm)]).toEqual([0n, 1_000n - 5n - 23n]);
      expect(await world.vaultOf(relayer)).toBe(1_003n);
      expect(await world.read(world.vault, "nonceUsed", [robot.address, 77n])).toBe(true);
      expect(await world.vaultOf(byWallet)).toBe(10n);
    });

    it("answers how many rows were carried out", async () => {
      const rows = [await row(robot, 1n), await row(robot, 0n), await row(arm, 1n)];
      const answer = await world.client.simulateContract({
        address: world.vault,
        abi: world.abi,
        functionName: "fundLanesWithSig",
        args: [rows],
        account: relayer.address,
      });
      expect(answer.result).toBe(2n);
    });

    it("keeps the account's key inside its allowance, fee included, and not its owner's", async () => {
      await call(robot, "setOwner", arm.address);
      await call(arm, "setAllowance", robot.address, world.token, 50n);
      const rows = [
        await row(robot, 45n, { fee: 6n }),
        await row(robot, 45n, { fee: 5n }),
        await row(robot, 1n),
        await row(arm, 300n, {}, robot),
      ];
      const { events } = await call(relayer, "fundLanesWithSig", rows);
      const funded = events.filter(({ eventName }) => eventName === "LaneFunded");
      expect(funded.map(({ args }) => args["amount"])).toEqual([45n, 300n]);
      expect(await world.read(world.vault, "allowance", [robot.address, world.token])).toBe(0n);
    });
  });

  describe("fundLaneWithSig", () => {
    const message = (over: Record<string, unknown> = {}) => ({
      ...{ payer: robot.address, payee: hub.address, token: world.token, epoch: 0, amount: 50n, window: 2 },
      ...over,
    });
    async function args(by: Actor, over: Record<string, unknown> = {}, terms: Partial<Terms> = {}) {
      const said = message(over);
      return [...Object.values(said), await world.order(by, "FundLane", said, terms)];
    }
    const relay = (all: readonly unknown[]) => call(relayer, "fundLaneWithSig", ...all);
    const no = (all: readonly unknown[]) => refused(relayer, "fundLaneWithSig", ...all);

    it("funds the lane of the epoch that the order names, with the window that it names", async () => {
      expect(await no(await args(robot, { epoch: 1 }))).toBe("WrongEpoch(0)");
      expect((await relay(await args(robot, {}, { fee: 7n }))).ok).toBe(true);
      expect(await world.lane(robot, hub)).toMatchObject({ deposit: 50n, window: 2 });
      expect([await world.vaultOf(robot), await world.vaultOf(relayer)]).toEqual([943n, 1_007n]);
      expect(await no(await args(robot, { window: 1 }))).toBe("WindowFixed");
      expect(await no((await args(robot)).with(5, 3))).toBe("BadSignature");
    });

    it("refuses by name what cannot be carried out", async () => {
      expect(await no(await args(robot, { payee: NOBODY }))).toBe("BadReceiver");
      expect(await no(await args(robot, { amount: 0n }))).toBe("ZeroAmount");
      expect(await no(await args(robot, { window: 9 }))).toBe("BadWindow");
      expect(await no(await args(robot, { amount: 1_001n }))).toBe("InsufficientVault(1000, 1001)");
      expect(await no(await args(robot, { amount: 1_000n }, { fee: 1n }))).toBe(
        "InsufficientVault(1000, 1001)",
      );
      expect(await no(await args(robot, {}, { deadline: 1n }))).toBe("Expired");
      expect(await no(await args(arm))).toBe("BadSignature");
      const slot = world.slotOf(robot, hub);
      const exhausted = toHex(BigInt(LAST_EPOCH) << 232n, { size: 32 });
      await world.rpc("anvil_setStorageAt", [world.vault, slot, exhausted]);
      expect(await no(await args(robot, { epoch: LAST_EPOCH }))).toBe("EpochsExhausted");
      const full = toHex((2n ** 96n - 1n) << 96n, { size: 32 });
      await world.rpc("anvil_setStorageAt", [world.vault, slot, full]);
      expect(await no(await args(robot, { window: 0 }))).toBe("AmountTooLarge");
    });

    it("needs the owner, or room in the allowance", async () => {
      await call(robot, "setOwner", arm.address);
      expect(await no(await args(robot))).toBe("AllowanceExceeded(0, 50)");
      await call(arm, "setAllowance", robot.address, world.token, 51n);
      expect(await no(await args(robot, {}, { fee: 2n }))).toBe("AllowanceExceeded(51, 52)");
      expect((await relay(await args(robot, {}, { fee: 1n, deadline: LATER }))).ok).toBe(true);
      expect((await relay(await args(arm))).ok).toBe(true);
      expect((await world.lane(robot, hub)).deposit).toBe(100n);
    });
  });
});
