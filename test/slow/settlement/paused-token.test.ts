/** Failure test 5: a token that stands still during a lane's window delays the withdrawal, and nothing else. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { withdraw } from "../../../src/settlement/vault-calls.ts";
import { SettlementDesk } from "../../settlement/settlement-desk.ts";
import { type Actor, CHALLENGE_SECONDS, startWorld, type World } from "../../settlement/world.ts";

const ENDOWED = 1_000n;
const DEPOSIT = 600n;
const SIGNED = 500n;

let world: World;
let gateway: Actor;
let robot: Actor;
let stranger: Actor;
let desk: SettlementDesk;

beforeAll(async () => {
  world = await startWorld();
  [gateway, robot, stranger] = world.others as [Actor, Actor, Actor];
  await world.endow([gateway, robot], ENDOWED);
  await world.fund(robot, gateway, DEPOSIT);
});
beforeEach(async () => {
  const clean = await world.snapshot();
  desk = new SettlementDesk(world, gateway, [robot]);
  await (await desk.open({ laneDeposit: 0n })).refresh();
  await desk.promise(robot, SIGNED);
  return async () => {
    await desk.stop();
    await world.revert(clean);
  };
});
afterAll(() => world.local.stop());

/** The gateway's key takes everything out of its vault, to an account of its own choice. */
function takeOut(to: Hex): Promise<unknown> {
  const call = withdraw(world.vault, gateway.address, world.token, amount(ENDOWED + SIGNED), to);
  return desk.settlement.transact("withdraw", call);
}

const refused = expect.objectContaining({ code: "transaction_failed" });

const owner = (name: string, ...args: readonly unknown[]) => world.send(world.owner, world.token, name, args);

/** What the token's owner may do to it, what it hits, and how it is undone. */
const STOPS = [
  ["the token is paused", () => owner("pause"), () => owner("unpause")],
  [
    "the vault is blacklisted",
    () => owner("addBlackList", world.vault),
    () => owner("removeBlackList", world.vault),
  ],
] as const;

describe("5 a token that stands still during the window", () => {
  it.each(STOPS)("5 %s: claims succeed, and a later withdrawal pays exactly once", async (_, stop, undo) => {
    const lane = [robot.address, gateway.address, world.token];
    expect((await world.send(robot, world.vault, "requestClose", lane)).ok).toBe(true);
    expect((await stop()).ok).toBe(true);
    expect(await desk.settlement.settle({ force: true })).toHaveLength(1);
    expect(await world.vaultOf(gateway)).toBe(ENDOWED + SIGNED);
    expect(desk.unclaimed()).toBe(0);
    await expect(takeOut(gateway.address)).rejects.toThrow(refused);
    await world.pass(CHALLENGE_SECONDS);
    // closing moves no tokens either: the payer's rest comes back to its vault
    expect((await world.send(stranger, world.vault, "finalizeClose", lane)).ok).toBe(true);
    expect(await world.vaultOf(robot)).toBe(ENDOWED - SIGNED);
    await expect(takeOut(gateway.address)).rejects.toThrow(refused);
    expect(await world.vaultOf(gateway)).toBe(ENDOWED + SIGNED);
    expect((await undo()).ok).toBe(true);
    await takeOut(gateway.address);
    await expect(takeOut(gateway.address)).rejects.toThrow(refused);
    expect(await world.tokensOf(gateway.address)).toBe(ENDOWED + SIGNED);
    expect(await world.vaultOf(gateway)).toBe(0n);
    expect(await world.tokensOf(world.vault)).toBe(ENDOWED - SIGNED);
    expect(desk.named("claimed")).toHaveLength(1);
    // what failed took its nonce, and left nothing that waits
    expect(desk.state.transactions.size).toBe(0);
  });

  it("5 the payee is blacklisted: claims succeed, and it has itself paid elsewhere, exactly once", async () => {
    expect((await owner("addBlackList", gateway.address)).ok).toBe(true);
    expect(await desk.settlement.settle({ force: true })).toHaveLength(1);
    expect(await world.vaultOf(gateway)).toBe(ENDOWED + SIGNED);
    // what reaches the payee itself could not leave it again: Tether stops whoever sends, not who receives
    await takeOut(stranger.address);
    await expect(takeOut(stranger.address)).rejects.toThrow(refused);
    expect(await world.tokensOf(stranger.address)).toBe(ENDOWED + SIGNED);
    expect(await world.tokensOf(gateway.address)).toBe(0n);
    expect(desk.named("claimed")).toHaveLength(1);
  });
});
