/** Three attacks: each one succeeds on the rule that a prototype had, and fails on the vault's. */
import { encodeFunctionData, type Hex } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deployPeer } from "./peers.ts";
import { type Actor, startWorld, type World } from "./world.ts";
import { type Creature, deploy, tell } from "./zoo.ts";

describe("a hole of the prototype", () => {
  let world: World;
  let prototype: Creature;
  let token: Creature;
  let clean: Hex;
  let robot: Actor;
  let hub: Actor;
  let thief: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, thief] = world.others as [Actor, Actor, Actor];
    prototype = await deployPeer(world.rpc, world.owner.address, "Prototype");
    token = await deploy(world.rpc, world.owner.address, "Usdt0");
    for (const spender of [world.vault, prototype.address]) {
      await tell(world.rpc, robot.address, token, "mint", [robot.address, 1_000n]);
      await tell(world.rpc, robot.address, token, "approve", [spender, 2n ** 256n - 1n]);
    }
    await old(robot, "deposit", robot.address, token.address, 500n);
    await world.send(robot, world.vault, "deposit", [robot.address, token.address, 500n]);
  }, 120_000);
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  /** A call of the prototype; false when it reverts. */
  async function old(by: Actor, functionName: string, ...args: readonly unknown[]): Promise<boolean> {
    const data = encodeFunctionData({ abi: prototype.abi, functionName, args });
    const call = { from: by.address, to: prototype.address, data, gas: "0xf4240" };
    const receipt = (await world.rpc("eth_sendTransactionSync", [call])) as { status: Hex };
    return receipt.status === "0x1";
  }
  const oldRead = (functionName: string, ...args: readonly unknown[]) =>
    world.client.readContract({ address: prototype.address, abi: prototype.abi, functionName, args });
  const call = (by: Actor, name: string, ...args: readonly unknown[]) =>
    world.send(by, world.vault, name, args);
  const refused = (by: Actor, name: string, ...args: readonly unknown[]) =>
    world.refusal(by, world.vault, name, args);
  const vaultOf = (who: Actor) => world.read(world.vault, "vault", [who.address, token.address]);

  function signOld(by: Actor, primaryType: string, fields: string, message: Record<string, unknown>) {
    const types = fields.split(",").map((field) => {
      const [type = "", name = ""] = field.split(" ");
      return { type, name };
    });
    const { chainId } = world;
    const domain = { name: "LaneVault", version: "1", chainId, verifyingContract: prototype.address };
    return by.key.signTypedData({ domain, types: { [primaryType]: types }, primaryType, message });
  }
  const ends = () => ({ payer: robot.address, payee: hub.address, token: token.address });
  const keys = () => Object.values(ends());
  const fundOld = async (amount: bigint, nonce: bigint) => {
    const fields = "address payer,address payee,address token,uint96 amount,uint256 nonce";
    return [...keys(), amount, await signOld(robot, "FundLane", fields, { ...ends(), amount, nonce })];
  };
  const fund = async (amount: bigint) => {
    const message = { ...ends(), epoch: 0, amount, window: 0 };
    return [...Object.values(message), await world.order(robot, "FundLane", message)];
  };
  const voucherOld = async (cumulative: bigint) => {
    const fields = "address payee,address token,uint24 epoch,uint96 cumulative";
    const message = { payee: hub.address, token: token.address, epoch: 0, cumulative };
    return [...keys(), cumulative, await signOld(robot, "Voucher", fields, message)];
  };
  const voucher = (cumulative: bigint) =>
    world.sign(robot, "Voucher", { payee: hub.address, token: token.address, epoch: 0, cumulative });

  it("burnt 20 by a cooperative close that the payee had agreed to before it worked on", async () => {
    await old(hub, "fundLaneWithSig", ...(await fundOld(100n, 0n)));
    await old(hub, "claim", ...(await voucherOld(50n)));
    const fields = "address payer,address payee,address token,uint24 epoch,uint96 finalAmount";
    const agreed = { ...ends(), epoch: 0, finalAmount: 50n };
    const stale = [...keys(), 50n, await signOld(hub, "CoopClose", fields, agreed)];
    // the payer keeps the consent, buys for 20 more, and uses it before the payee claims
    const earned = await voucherOld(70n);
    await world.pass(30 * 86_400);
    expect(await old(robot, "coopClose", ...stale)).toBe(true);
    expect(await old(hub, "claim", ...earned)).toBe(false);
    expect(await oldRead("vault", hub.address, token.address)).toBe(50n);
    expect(await oldRead("vault", robot.address, token.address)).toBe(450n);

    await call(hub, "fundLaneWithSig", ...(await fund(100n)));
    const deadline = BigInt(await world.now()) + 600n;
    const consent = await world.sign(hub, "CoopClose", { ...agreed, deadline });
    const close = [...keys(), 0, 50n, 50n, await voucher(50n), deadline, consent];
    await world.pass(30 * 86_400);
    expect(await refused(robot, "coopClose", ...close)).toBe("Expired");
    // what is earned can be claimed, and a close that the payee agrees to settles it in the same step
    const later = deadline + 40n * 86_400n;
    const now = await world.sign(hub, "CoopClose", { ...agreed, finalAmount: 70n, deadline: later });
    await call(robot, "coopClose", ...keys(), 0, 70n, 70n, await voucher(70n), later, now);
    expect([await vaultOf(hub), await vaultOf(robot)]).toEqual([70n, 430n]);
  });

  it("called a close off by a top-up that the payer had signed before it decided to leave", async () => {
    const close = [hub.address, token.address];
    await old(hub, "fundLaneWithSig", ...(await fundOld(100n, 0n)));
    const withheld = await fundOld(1n, 1n);
    await old(robot, "requestClose", ...close);
    expect(await oldRead("closeAt", ...keys())).not.toBe(0n);
    expect(await old(hub, "fundLaneWithSig", ...withheld)).toBe(true);
    expect(await oldRead("closeAt", ...keys())).toBe(0n);

    await call(hub, "fundLaneWithSig", ...(await fund(100n)));
    const kept = await fund(1n);
    await call(robot, "requestClose", ...keys());
    expect(await refused(hub, "fundLaneWithSig", ...kept)).toBe("LaneClosing");
    const {
      epoch: _,
      order,
      ...row
    } = Object.fromEntries(
      ["payer", "payee", "token", "epoch", "amount", "window", "order"].map((name, at) => [name, kept[at]]),
    );
    expect((await call(hub, "fundLanesWithSig", [{ ...row, epoch: 0, order }])).events).toEqual([]);
    await world.pass(3_600);
    expect((await call(thief, "finalizeClose", ...keys())).ok).toBe(true);
    // nor does it open the next epoch
    expect(await refused(hub, "fundLaneWithSig", ...kept)).toBe("WrongEpoch(1)");
    expect(await vaultOf(robot)).toBe(500n);
  });

  it("moved a standing allowance by a permit that nobody had signed", async () => {
    const junk = [2n ** 40n, 27, `0x${"11".repeat(32)}`, `0x${"22".repeat(32)}`];
    expect(await old(thief, "depositWithPermit", token.address, robot.address, 300n, ...junk)).toBe(true);
    expect(await oldRead("vault", robot.address, token.address)).toBe(800n);

    const ours = [robot.address, token.address, 300n, ...junk];
    expect(await refused(thief, "depositWithPermit", ...ours)).toBe("PermitFailed");
    expect((await call(thief, "depositWithPermit", ...ours)).ok).toBe(false);
    expect(await vaultOf(robot)).toBe(500n);
  });
});
