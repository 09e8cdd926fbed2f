import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomNonce, signRequestClose, signWithdraw } from "../../../devices/robot/exit.ts";
import { fromHex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { type Actor, startWorld, type World } from "../../settlement/world.ts";

describe("a device that leaves without gas", () => {
  let world: World;
  let device: Actor;
  let gateway: Actor;
  let relayer: Actor;
  beforeAll(async () => {
    world = await startWorld();
    const [one, two, three] = world.others;
    if (!one || !two || !three) throw new Error("anvil has too few accounts");
    [device, gateway, relayer] = [one, two, three];
    await world.endow([device], 1_000n);
    await world.fund(device, gateway, 800n);
  });
  afterAll(() => world.local.stop());
  const signer = () => keySigner(fromHex(device.privateKey));

  it("has a stranger close its lane, for a fee, once", async () => {
    const { vault, token } = world;
    const lane = { payer: device.address, payee: gateway.address, token };
    const terms = { deadline: 4_000_000_000, nonce: randomNonce(), fee: amount(7n) };
    const signed = await signRequestClose(world, signer(), { ...lane, epoch: 0, ...terms });
    const args = [signed.payer, signed.payee, signed.token, signed.epoch, signed];
    expect((await world.send(relayer, vault, "requestCloseWithSig", args)).ok).toBe(true);
    expect((await world.lane(device, gateway)).closeAt).toBe((await world.now()) + 3_600);
    expect(await world.vaultOf(relayer)).toBe(7n);
    expect(await world.refusal(relayer, vault, "requestCloseWithSig", args)).toMatch(/Nonce/);
    const other = [signed.payer, signed.payee, signed.token, signed.epoch, { ...signed, fee: 8n, nonce: 5n }];
    expect(await world.refusal(relayer, vault, "requestCloseWithSig", other)).toMatch(/BadSignature/);
  });

  it("has a stranger send its money where it says", async () => {
    const { vault, token } = world;
    const to = `0x${"d0".repeat(20)}` as const;
    const terms = { deadline: 4_000_000_000, nonce: randomNonce(), fee: amount(3n) };
    const order = { account: device.address, token, amount: amount(150n), to, ...terms };
    const signed = await signWithdraw(world, signer(), order);
    const args = [signed.account, signed.token, signed.amount, signed.to, signed];
    expect((await world.send(relayer, vault, "withdrawWithSig", args)).ok).toBe(true);
    expect(await world.tokensOf(to)).toBe(150n);
    expect(await world.vaultOf(device)).toBe(200n - 7n - 150n - 3n);
  });

  it("never says the same nonce twice, and leaves those of smart wallets alone", () => {
    const nonces = Array.from({ length: 100 }, randomNonce);
    expect(new Set(nonces).size).toBe(100);
    for (const nonce of nonces) expect(nonce).toBeLessThan(1n << 255n);
  });
});
