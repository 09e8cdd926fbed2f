import type { Hex } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Actor, CHALLENGE_SECONDS, startWorld, type Terms, type World } from "./world.ts";

const NOBODY = "0x0000000000000000000000000000000000000000";

describe("LaneVault accounts with an owner", () => {
  let world: World;
  let clean: Hex;
  let robot: Actor;
  let owner: Actor;
  let hub: Actor;
  let stranger: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [robot, owner, hub, stranger] = world.others as [Actor, Actor, Actor, Actor];
    await world.endow([robot], 1_000n);
    await world.fund(robot, hub, 100n);
    await world.send(robot, world.vault, "setOwner", [owner.address]);
  });
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
  const allow = (units: bigint) => call(owner, "setAllowance", robot.address, world.token, units);
  const allowed = () => world.read(world.vault, "allowance", [robot.address, world.token]);
  const out = (units: bigint) => [robot.address, world.token, units, stranger.address];
  const lane = () => [robot.address, hub.address, world.token];

  it("have one for good, named by the account itself", async () => {
    expect(await world.read(world.vault, "ownerOf", [robot.address])).toMatch(new RegExp(owner.address, "i"));
    expect(await refused(robot, "setOwner", stranger.address)).toBe("OwnerSet");
    expect(await refused(owner, "setOwner", NOBODY)).toBe("BadOwner");
    expect(await refused(owner, "setOwner", owner.address)).toBe("BadOwner");
    const { events } = await call(stranger, "setOwner", robot.address);
    expect(events).toMatchObject([{ eventName: "OwnerNamed" }]);
    // an owner of an owner acts for nobody but that one
    expect(await refused(stranger, "withdraw", ...out(1n))).toBe("NotController");
  });

  it("move money by the owner without limit, by their own key within the allowance, and by nobody else", async () => {
    expect(await refused(robot, "withdraw", ...out(1n))).toBe("AllowanceExceeded(0, 1)");
    expect(await refused(stranger, "withdraw", ...out(1n))).toBe("NotController");
    expect((await call(owner, "withdraw", ...out(200n))).ok).toBe(true);
    expect((await allow(60n)).events).toMatchObject([{ eventName: "AllowanceSet", args: { amount: 60n } }]);
    const { events } = await call(robot, "withdraw", ...out(40n));
    expect(events).toMatchObject([
      { eventName: "AllowanceSet", args: { amount: 20n } },
      { eventName: "Withdrawn", args: { amount: 40n } },
    ]);
    expect(await refused(robot, "withdraw", ...out(21n))).toBe("AllowanceExceeded(20, 21)");
    expect(await allowed()).toBe(20n);
    expect(await world.vaultOf(robot)).toBe(660n);
  });

  it("fund lanes likewise", async () => {
    const fund = (units: bigint) => [...lane(), units, 0];
    expect(await refused(robot, "fundLane", ...fund(1n))).toBe("AllowanceExceeded(0, 1)");
    expect(await refused(stranger, "fundLane", ...fund(1n))).toBe("NotController");
    await allow(5n);
    expect((await call(robot, "fundLane", ...fund(5n))).ok).toBe(true);
    expect((await call(owner, "fundLane", ...fund(300n))).ok).toBe(true);
    expect(await allowed()).toBe(0n);
    expect((await world.lane(robot, hub)).deposit).toBe(405n);
  });

  it("let their own key close a lane whose rest the allowance covers, and keep the allowance", async () => {
    expect(await refused(robot, "requestClose", ...lane())).toBe("AllowanceExceeded(0, 100)");
    expect(await refused(stranger, "requestClose", ...lane())).toBe("NotController");
    await allow(99n);
    expect(await refused(robot, "requestClose", ...lane())).toBe("AllowanceExceeded(99, 100)");
    await world.claim(stranger, [await world.voucher(robot, hub, 0, 1n)]);
    expect((await call(robot, "requestClose", ...lane())).ok).toBe(true);
    expect(await allowed()).toBe(99n);
    await world.pass(CHALLENGE_SECONDS);
    await call(stranger, "finalizeClose", ...lane());
    expect(await world.vaultOf(robot)).toBe(999n);
    expect(await allowed()).toBe(99n);
  });

  it("close by the owner whatever the allowance", async () => {
    expect((await call(owner, "requestClose", ...lane())).ok).toBe(true);
    // with the allowance at zero the device's key cannot call that off
    expect(await refused(robot, "fundLane", ...lane(), 1n, 0)).toBe("AllowanceExceeded(0, 1)");
    expect((await call(owner, "fundLane", ...lane(), 1n, 0)).ok).toBe(true);
    expect((await world.lane(robot, hub)).closeAt).toBe(0);
  });

  it("sign vouchers with their own key, which claims take whatever owner and allowance say", async () => {
    await world.claim(stranger, [await world.voucher(owner, hub, 0, 100n)]);
    expect(await world.vaultOf(hub)).toBe(0n);
    await world.claim(stranger, [await world.voucher(robot, hub, 0, 100n)]);
    expect(await world.vaultOf(hub)).toBe(100n);
  });

  it("are given money by anyone", async () => {
    await world.send(world.owner, world.token, "mint", [stranger.address, 9n]);
    await world.send(stranger, world.token, "approve", [world.vault, 9n]);
    expect((await call(stranger, "deposit", robot.address, world.token, 5n)).ok).toBe(true);
    expect((await call(stranger, "depositLane", ...lane(), 4n)).ok).toBe(true);
  });

  describe("by order", () => {
    async function withdrawal(by: Actor, units: bigint, terms: Partial<Terms> = {}) {
      const message = { account: robot.address, token: world.token, amount: units, to: stranger.address };
      return [...Object.values(message), await world.order(by, "Withdraw", message, terms)];
    }
    async function closing(by: Actor, terms: Partial<Terms> = {}) {
      const message = { payer: robot.address, payee: hub.address, token: world.token, epoch: 0 };
      return [...Object.values(message), await world.order(by, "RequestClose", message, terms)];
    }
    async function allowing(by: Actor, units: bigint, terms: Partial<Terms> = {}) {
      const message = { account: robot.address, token: world.token, amount: units };
      return [...Object.values(message), await world.order(by, "SetAllowance", message, terms)];
    }

    it("move money by the same rule, the fee included", async () => {
      expect(
        (await call(stranger, "withdrawWithSig", ...(await withdrawal(owner, 500n, { fee: 9n })))).ok,
      ).toBe(true);
      expect(await world.vaultOf(stranger)).toBe(9n);
      expect(await world.vaultOf(robot)).toBe(391n);
      await allow(10n);
      const tooDear = await withdrawal(robot, 8n, { fee: 3n });
      expect(await refused(stranger, "withdrawWithSig", ...tooDear)).toBe("AllowanceExceeded(10, 11)");
      expect(
        (await call(stranger, "withdrawWithSig", ...(await withdrawal(robot, 8n, { fee: 2n })))).ok,
      ).toBe(true);
      expect(await allowed()).toBe(0n);
      expect(await refused(stranger, "withdrawWithSig", ...(await withdrawal(hub, 1n)))).toBe("BadSignature");
    });

    it("have nonces of each signer's own", async () => {
      await allow(100n);
      const nonce = 40n;
      expect((await call(stranger, "withdrawWithSig", ...(await withdrawal(robot, 1n, { nonce })))).ok).toBe(
        true,
      );
      expect((await call(stranger, "withdrawWithSig", ...(await withdrawal(owner, 1n, { nonce })))).ok).toBe(
        true,
      );
      for (const by of [robot, owner]) {
        expect(await refused(stranger, "withdrawWithSig", ...(await withdrawal(by, 1n, { nonce })))).toBe(
          "NonceReused",
        );
      }
    });

    it("close a lane within the allowance, which pays the fee and nothing else", async () => {
      expect(await refused(stranger, "requestCloseWithSig", ...(await closing(robot)))).toBe(
        "AllowanceExceeded(0, 100)",
      );
      await allow(100n);
      const close = await closing(robot, { fee: 101n });
      expect(await refused(stranger, "requestCloseWithSig", ...close)).toBe("AllowanceExceeded(100, 101)");
      expect((await call(stranger, "requestCloseWithSig", ...(await closing(robot, { fee: 30n })))).ok).toBe(
        true,
      );
      expect(await allowed()).toBe(70n);
      expect(await refused(stranger, "requestCloseWithSig", ...(await closing(owner)))).toBe("LaneClosing");
    });

    it("get an allowance from the owner's signature and no other", async () => {
      expect(await refused(robot, "setAllowance", robot.address, world.token, 5n)).toBe("NotController");
      expect(await refused(hub, "setAllowance", hub.address, world.token, 5n)).toBe("NoOwner");
      expect(await refused(stranger, "setAllowanceWithSig", ...(await allowing(robot, 5n)))).toBe(
        "BadSignature",
      );
      const set = await allowing(owner, 500n, { fee: 6n });
      expect(await refused(stranger, "setAllowanceWithSig", ...set.with(0, hub.address))).toBe("NoOwner");
      expect((await call(stranger, "setAllowanceWithSig", ...set)).ok).toBe(true);
      expect(await allowed()).toBe(500n);
      expect([await world.vaultOf(robot), await world.vaultOf(stranger)]).toEqual([894n, 6n]);
      expect(await refused(stranger, "setAllowanceWithSig", ...set)).toBe("NonceReused");
    });

    it("name an owner without gas, once", async () => {
      const name = async (account: Actor, by: Actor, to: Actor, terms: Partial<Terms> = {}) => {
        const message = { account: account.address, owner: to.address, token: world.token };
        return [...Object.values(message), await world.order(by, "SetOwner", message, terms)];
      };
      const { token, vault } = world;
      await world.send(world.owner, token, "mint", [robot.address, 50n]);
      await world.send(robot, vault, "deposit", [hub.address, token, 50n]);
      expect(await refused(stranger, "setOwnerWithSig", ...(await name(hub, owner, owner)))).toBe(
        "BadSignature",
      );
      expect(await refused(stranger, "setOwnerWithSig", ...(await name(hub, hub, hub)))).toBe("BadOwner");
      const wallets = await name(hub, hub, owner, { nonce: 3n << 254n });
      expect(await refused(stranger, "setOwnerWithSig", ...wallets)).toBe("BadSignature");
      const { events } = await call(
        stranger,
        "setOwnerWithSig",
        ...(await name(hub, hub, owner, { fee: 20n })),
      );
      expect(events.map(({ eventName }) => eventName)).toEqual(["NonceUsed", "FeePaid", "OwnerNamed"]);
      expect([await world.vaultOf(hub), await world.vaultOf(stranger)]).toEqual([30n, 20n]);
      expect(await refused(stranger, "setOwnerWithSig", ...(await name(hub, hub, stranger)))).toBe(
        "OwnerSet",
      );
      expect(await refused(hub, "withdraw", hub.address, token, 1n, hub.address)).toBe(
        "AllowanceExceeded(0, 1)",
      );
    });
  });
});
