import { toHex } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Actor, CHALLENGE_SECONDS, startWorld, type World } from "./world.ts";

const NOBODY = "0x0000000000000000000000000000000000000000";

describe("LaneVault", () => {
  let world: World;
  let clean: `0x${string}`;
  let robot: Actor;
  let hub: Actor;
  let stranger: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, stranger] = world.others as [Actor, Actor, Actor];
    await world.endow([robot], 1_000n);
  });
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  const vaultCall = (by: Actor, name: string, ...args: readonly unknown[]) =>
    world.send(by, world.vault, name, args);
  const vaultError = (by: Actor, name: string, ...args: readonly unknown[]) =>
    world.refusal(by, world.vault, name, args);
  const fundError = (payee: string, units: bigint, window = 0) =>
    vaultError(robot, "fundLane", robot.address, payee, world.token, units, window);

  describe("from deposit to withdrawal", () => {
    it("moves the same money through vault, lane, payee's vault and out", async () => {
      const { vault, token } = world;
      expect((await world.fund(robot, hub, 400n)).events).toMatchObject([
        { eventName: "LaneFunded", args: { amount: 400n, word: 400n << 96n } },
      ]);
      expect(await world.lane(robot, hub)).toEqual({
        settled: 0n,
        deposit: 400n,
        closeAt: 0,
        window: 0,
        epoch: 0,
      });

      const claimed = await world.claim(stranger, [await world.voucher(robot, hub, 0, 150n)]);
      expect(claimed.events).toMatchObject([
        {
          eventName: "Claimed",
          args: { credited: 150n, rows: [`${robot.address}${"96".padStart(24, "0")}`] },
        },
      ]);
      expect(await world.vaultOf(hub)).toBe(150n);

      await vaultCall(robot, "requestClose", robot.address, hub.address, world.token);
      await world.pass(CHALLENGE_SECONDS);
      await vaultCall(stranger, "finalizeClose", robot.address, hub.address, token);
      expect(await world.lane(robot, hub)).toEqual({
        settled: 0n,
        deposit: 0n,
        closeAt: 0,
        window: 0,
        epoch: 1,
      });
      expect(await world.vaultOf(robot)).toBe(850n);

      await vaultCall(hub, "withdraw", hub.address, token, 150n, stranger.address);
      await vaultCall(robot, "withdraw", robot.address, token, 850n, robot.address);
      expect(await world.tokensOf(stranger.address)).toBe(150n);
      expect(await world.tokensOf(robot.address)).toBe(850n);
      expect(await world.tokensOf(vault)).toBe(0n);
    });

    it("credits a deposit to the account that the sender names", async () => {
      await world.send(world.owner, world.token, "mint", [stranger.address, 70n]);
      await world.send(stranger, world.token, "approve", [world.vault, 70n]);
      await vaultCall(stranger, "deposit", hub.address, world.token, 70n);
      expect(await world.vaultOf(hub)).toBe(70n);
      expect(await world.vaultOf(stranger)).toBe(0n);
    });

    it("credits what arrives when the token takes a fee", async () => {
      await world.send(world.owner, world.token, "setParams", [10n, 49n]);
      await world.send(world.owner, world.token, "mint", [robot.address, 200_000n]);
      await vaultCall(robot, "deposit", robot.address, world.token, 100_000n);
      expect(await world.vaultOf(robot)).toBe(1_000n + 99_900n);
      const gift = await vaultCall(robot, "depositLane", robot.address, hub.address, world.token, 100_000n);
      expect(gift.events).toMatchObject([{ eventName: "LaneGifted", args: { received: 99_900n } }]);
      expect((await world.lane(robot, hub)).deposit).toBe(99_900n);
      expect(await world.tokensOf(world.vault)).toBe(1_000n + 2n * 99_900n);
    });

    it("reads many lanes in the order asked for", async () => {
      await world.fund(robot, hub, 7n);
      const keys = [stranger, hub].map((payee) =>
        (robot.address + payee.address + world.token).replaceAll("0x", ""),
      );
      expect(await world.read(world.vault, "lanes", [`0x${keys.join("")}`])).toEqual([0n, 7n << 96n]);
      expect(await vaultError(robot, "lanes", "0x00")).toBe("Malformed");
      const vaults = [hub, robot].map(({ address }) => (address + world.token).replaceAll("0x", ""));
      expect(await world.read(world.vault, "vaults", [`0x${vaults.join("")}`])).toEqual([0n, 993n]);
      expect(await vaultError(robot, "vaults", "0x00")).toBe("Malformed");
    });
  });

  describe("refuses", () => {
    it("a deposit for nobody, of nothing, beyond the allowance, or of something that is no token", async () => {
      const { token } = world;
      expect(await vaultError(robot, "deposit", NOBODY, token, 1n)).toBe("BadReceiver");
      expect(await vaultError(robot, "deposit", robot.address, token, 0n)).toBe("NothingReceived");
      expect(await vaultError(robot, "deposit", robot.address, token, 1n)).toBe("TokenRefused");
      expect(await vaultError(robot, "deposit", robot.address, hub.address, 1n)).toBe("TokenRefused");
      expect(await vaultError(robot, "depositLane", NOBODY, hub.address, token, 1n)).toBe("BadReceiver");
      expect(await vaultError(robot, "depositLane", robot.address, NOBODY, token, 1n)).toBe("BadReceiver");
    });

    it("to withdraw more than there is, nothing, to nobody, or to itself", async () => {
      const { token, vault } = world;
      expect(await vaultError(robot, "withdraw", robot.address, token, 1_001n, robot.address)).toBe(
        "InsufficientVault(1000, 1001)",
      );
      expect(await vaultError(robot, "withdraw", robot.address, token, 0n, robot.address)).toBe("ZeroAmount");
      expect(await vaultError(robot, "withdraw", robot.address, token, 1n, NOBODY)).toBe("BadReceiver");
      expect(await vaultError(robot, "withdraw", robot.address, token, 1n, vault)).toBe("BadReceiver");
      expect(await vaultError(stranger, "withdraw", stranger.address, token, 1n, robot.address)).toBe(
        "InsufficientVault(0, 1)",
      );
    });

    it("to fund a lane beyond the vault, with nothing, or to nobody", async () => {
      expect(await fundError(hub.address, 1_001n)).toBe("InsufficientVault(1000, 1001)");
      expect(await fundError(hub.address, 0n)).toBe("ZeroAmount");
      expect(await fundError(NOBODY, 1n)).toBe("BadReceiver");
      expect(await fundError(hub.address, 1n, 4)).toBe("BadWindow");
    });

    it("a lane deposit beyond 96 bits", async () => {
      const most = 2n ** 96n - 1n;
      await world.send(world.owner, world.token, "mint", [robot.address, 2n * most]);
      await vaultCall(robot, "depositLane", robot.address, hub.address, world.token, most);
      expect((await world.lane(robot, hub)).deposit).toBe(most);
      expect(await vaultError(robot, "depositLane", robot.address, hub.address, world.token, 1n)).toBe(
        "AmountTooLarge",
      );
      expect(await fundError(hub.address, 1n, 1)).toBe("AmountTooLarge");
    });

    it("to close a lane that is empty, used up, closing already, not closing, or not yet due", async () => {
      const { token } = world;
      const key = [robot.address, hub.address, token];
      expect(await vaultError(robot, "requestClose", robot.address, hub.address, world.token)).toBe(
        "LaneEmpty",
      );
      expect(await vaultError(robot, "finalizeClose", ...key)).toBe("CloseNotRequested");
      await world.fund(robot, hub, 5n);
      await vaultCall(robot, "requestClose", robot.address, hub.address, world.token);
      expect(await vaultError(robot, "requestClose", robot.address, hub.address, world.token)).toBe(
        "LaneClosing",
      );
      const { closeAt } = await world.lane(robot, hub);
      expect(closeAt).toBe((await world.now()) + CHALLENGE_SECONDS);
      expect(await vaultError(robot, "finalizeClose", ...key)).toBe(`TooEarly(${closeAt})`);
      await world.claim(hub, [await world.voucher(robot, hub, 0, 5n)]);
      await world.fund(robot, stranger, 5n);
      await world.claim(hub, [await world.voucher(robot, stranger, 0, 5n)]);
      expect(await vaultError(robot, "requestClose", robot.address, stranger.address, world.token)).toBe(
        "LaneEmpty",
      );
    });
  });

  describe("in the last epoch but one", () => {
    const LAST = 2 ** 24 - 1;

    beforeEach(async () => {
      await world.fund(robot, hub, 100n);
      const word = toHex((BigInt(LAST - 1) << 232n) | (100n << 96n), { size: 32 });
      await world.rpc("anvil_setStorageAt", [world.vault, world.slotOf(robot, hub), word]);
    });

    it("closes for good instead of reviving the vouchers of epoch 0", async () => {
      await vaultCall(
        hub,
        "coopClose",
        robot.address,
        hub.address,
        world.token,
        LAST - 1,
        0n,
        0n,
        "0x",
        0n,
        "0x",
      );
      expect(await world.lane(robot, hub)).toEqual({
        settled: 0n,
        deposit: 0n,
        closeAt: 0,
        window: 0,
        epoch: LAST,
      });
      expect(await world.vaultOf(robot)).toBe(1_000n);
      await world.send(world.owner, world.token, "mint", [robot.address, 1n]);
      const gift = [robot.address, hub.address, world.token, 1n];
      expect(await vaultError(robot, "depositLane", ...gift)).toBe("EpochsExhausted");
      expect(await fundError(hub.address, 1n)).toBe("EpochsExhausted");
    });
  });

  describe("while a lane is closing", () => {
    beforeEach(async () => {
      await world.fund(robot, hub, 100n);
      await vaultCall(robot, "requestClose", robot.address, hub.address, world.token);
    });

    it("pays vouchers until the close is final, and not after", async () => {
      await world.pass(CHALLENGE_SECONDS);
      await world.claim(stranger, [await world.voucher(robot, hub, 0, 60n)]);
      expect(await world.vaultOf(hub)).toBe(60n);
      expect((await world.lane(robot, hub)).closeAt).toBeGreaterThan(0);
      await vaultCall(stranger, "finalizeClose", robot.address, hub.address, world.token);
      expect(await world.vaultOf(robot)).toBe(940n);
      await world.fund(robot, hub, 100n);
      expect((await world.claim(stranger, [await world.voucher(robot, hub, 0, 90n)])).events).toEqual([]);
      expect(await world.vaultOf(hub)).toBe(60n);
    });

    it("lets only the payer's own fundLane call it off", async () => {
      await world.send(world.owner, world.token, "mint", [stranger.address, 9n]);
      await world.send(stranger, world.token, "approve", [world.vault, 9n]);
      const gift = [robot.address, hub.address, world.token, 9n];
      expect(await vaultError(stranger, "depositLane", ...gift)).toBe("LaneClosing");
      await world.fund(robot, hub, 1n);
      expect(await world.lane(robot, hub)).toEqual({
        settled: 0n,
        deposit: 101n,
        closeAt: 0,
        window: 0,
        epoch: 0,
      });
    });
  });

  it("keeps claims going while the token is paused or blocks the vault, and pays out once afterwards", async () => {
    const { token, vault, owner } = world;
    await world.fund(robot, hub, 100n);
    await world.send(owner, token, "pause", []);
    await world.send(owner, token, "addBlackList", [vault]);
    await world.claim(stranger, [await world.voucher(robot, hub, 0, 100n)]);
    expect(await world.vaultOf(hub)).toBe(100n);
    expect(await vaultError(hub, "withdraw", hub.address, token, 100n, hub.address)).toBe("TokenRefused");
    await world.send(owner, token, "unpause", []);
    expect((await vaultCall(hub, "withdraw", hub.address, token, 100n, hub.address)).ok).toBe(false);
    await world.send(owner, token, "removeBlackList", [vault]);
    expect((await vaultCall(hub, "withdraw", hub.address, token, 100n, hub.address)).ok).toBe(true);
    expect(await vaultError(hub, "withdraw", hub.address, token, 100n, hub.address)).toBe(
      "InsufficientVault(0, 100)",
    );
    expect(await world.tokensOf(hub.address)).toBe(100n);
  });
});
