import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromHex, type Hex } from "../../src/base/bytes.ts";
import { amount, ZERO } from "../../src/base/money.ts";
import type { Venue } from "../../src/protocol/eip712.ts";
import { keySigner, type Signer } from "../../src/protocol/signer.ts";
import type { Call } from "../../src/settlement/chain.ts";
import {
  coopCloseDigest,
  orderDigest,
  signOrder,
  type Terms,
  walletNonce,
  walletVoucherDigest,
} from "../../src/settlement/orders.ts";
import * as Calls from "../../src/settlement/vault-calls.ts";
import { type Actor, startWorld, type World } from "./world.ts";
import { deploy } from "./zoo.ts";

describe("orders", () => {
  let world: World;
  let venue: Venue;
  let robot: Actor;
  let owner: Actor;
  let hub: Actor;
  let relayer: Actor;
  let signer: Signer;
  let wallet: Hex;
  let nonce = 0n;

  beforeAll(async () => {
    world = await startWorld();
    [robot, owner, hub, relayer] = world.others as [Actor, Actor, Actor, Actor];
    venue = { chainId: world.chainId, vault: world.vault };
    signer = keySigner(fromHex(robot.privateKey));
    await world.endow([robot], 1_000n);
    const built = await deploy(world.rpc, world.owner.address, "Wallet", [robot.address]);
    wallet = built.address;
  }, 120_000);
  afterAll(() => world.local.stop());

  const terms = (): Terms => ({ deadline: 2 ** 40, nonce: ++nonce, fee: ZERO });
  async function send(by: Actor, { to, data }: Call): Promise<void> {
    const call = { from: by.address, to, data, gas: "0xf4240" };
    const receipt = (await world.rpc("eth_sendTransactionSync", [call])) as { status: Hex };
    expect(receipt.status).toBe("0x1");
  }

  it("are carried out by the vault, each kind as it was signed", async () => {
    const { vault, token } = world;
    const lane = { payer: robot.address, payee: hub.address, token };
    const account = robot.address;

    const withdrawal = { account, token, amount: 100n, to: hub.address };
    const paid = { ...terms(), fee: amount(5n) };
    await send(
      relayer,
      Calls.withdrawWithSig(vault, withdrawal, await signOrder(signer, venue, "Withdraw", withdrawal, paid)),
    );
    expect([await world.tokensOf(hub.address), await world.vaultOf(relayer)]).toEqual([100n, 5n]);

    const funding = { ...lane, epoch: 0, amount: amount(50n), window: 2 };
    const order = await signOrder(signer, venue, "FundLane", funding, terms());
    await send(relayer, Calls.fundLaneWithSig(vault, funding, order));
    const again = await signOrder(signer, venue, "FundLane", funding, terms());
    await send(relayer, Calls.fundLanesWithSig(vault, [{ what: funding, order: again }]));
    expect(await world.lane(robot, hub)).toMatchObject({ deposit: 100n, window: 2 });

    const closing = { ...lane, epoch: 0 };
    await send(
      relayer,
      Calls.requestCloseWithSig(
        vault,
        closing,
        await signOrder(signer, venue, "RequestClose", closing, terms()),
      ),
    );
    expect((await world.lane(robot, hub)).closeAt).toBeGreaterThan(0);
    await world.pass(72 * 3_600);
    await send(relayer, Calls.finalizeClose(vault, lane));

    const naming = { account, owner: owner.address, token };
    await send(
      relayer,
      Calls.setOwnerWithSig(vault, naming, await signOrder(signer, venue, "SetOwner", naming, terms())),
    );
    const allowing = { account, token, amount: 77n };
    const byOwner = keySigner(fromHex(owner.privateKey));
    await send(
      relayer,
      Calls.setAllowanceWithSig(
        vault,
        allowing,
        await signOrder(byOwner, venue, "SetAllowance", allowing, terms()),
      ),
    );
    expect(await world.read(vault, "allowance", [account, token])).toBe(77n);
    await send(owner, Calls.setAllowance(vault, account, token, 78n));
    await send(robot, Calls.fundLane(vault, lane, amount(40n), 0));
    await send(robot, Calls.cancelNonce(vault, 999n));
    expect(await world.read(vault, "nonceUsed", [account, 999n])).toBe(true);
    await send(owner, Calls.requestClose(vault, lane));
    await send(hub, Calls.setOwner(vault, owner.address));

    const deadline = 2 ** 40;
    const final = { ...lane, epoch: 1, finalAmount: amount(30n), deadline };
    const payeeSignature = await keySigner(fromHex(hub.privateKey)).sign(coopCloseDigest(venue, final));
    const { signature: payerSignature } = await world.voucher(robot, hub, 1, 35n);
    await send(
      relayer,
      Calls.coopClose(vault, { ...final, vouched: amount(35n), payerSignature, payeeSignature }),
    );
    expect(await world.vaultOf(hub)).toBe(30n);
  });

  it("and vouchers of a smart wallet are accepted from its key", async () => {
    const { vault, token } = world;
    const address = wallet;
    await world.send(world.owner, token, "mint", [relayer.address, 20n]);
    await world.send(relayer, token, "approve", [vault, 20n]);
    await send(relayer, Calls.deposit(vault, address, token, amount(10n)));
    const lane = { payer: address, payee: relayer.address, token };
    await send(relayer, Calls.depositLane(vault, lane, amount(10n)));
    const before = await world.vaultOf(relayer);
    const voucher = { epoch: 0, cumulative: amount(9n) };
    const signature = await signer.sign(walletVoucherDigest(venue, { ...lane, ...voucher }));
    await send(hub, Calls.claimWallet(vault, lane, { ...voucher, signature }));
    expect(await world.vaultOf(relayer)).toBe(before + 9n);

    const withdrawal = { account: address, token, amount: 10n, to: owner.address };
    const said = { ...terms(), nonce: walletNonce("account", 3n) };
    const order = { ...said, signature: await signer.sign(orderDigest(venue, "Withdraw", withdrawal, said)) };
    await send(relayer, Calls.withdrawWithSig(vault, withdrawal, order));
    expect(await world.tokensOf(owner.address)).toBe(10n);
    expect(walletNonce("owner", 3n)).toBe(3n * 2n ** 254n + 3n);
  });

  it("take no nonce from the other share", async () => {
    const fault = expect.objectContaining({ code: "impossible" });
    const message = { account: robot.address, token: world.token, amount: 1n, to: hub.address };
    for (const bad of [2n ** 255n, -1n]) {
      const signing = signOrder(signer, venue, "Withdraw", message, { ...terms(), nonce: bad });
      await expect(signing).rejects.toThrow(fault);
    }
    expect(() => walletNonce("account", 2n ** 254n)).toThrow(fault);
    expect(() => walletNonce("owner", -1n)).toThrow(fault);
  });
});

describe("deposits of tokens that know signatures", () => {
  it("are built as the vault takes them", async () => {
    const world = await startWorld();
    try {
      const [robot, relayer] = world.others as [Actor, Actor];
      const { vault, rpc } = world;
      const free = await deploy(rpc, world.owner.address, "ReentrantToken");
      await world.send(robot, free.address, "mint", [robot.address, 30n]);
      const send = (by: Actor, { to, data }: Call) =>
        rpc("eth_sendTransactionSync", [{ from: by.address, to, data, gas: "0xf4240" }]);
      const signature: Hex = `0x${"11".repeat(32)}${"22".repeat(32)}1b`;
      const from = robot.address;
      await send(
        relayer,
        Calls.depositWithPermit(vault, free.address, {
          from,
          amount: amount(10n),
          deadline: 2 ** 40,
          signature,
        }),
      );
      const times = { validAfter: 0, validBefore: 2 ** 40, salt: `0x${"00".repeat(32)}` as Hex };
      await send(
        relayer,
        Calls.depositWithAuthorization(vault, from, free.address, {
          from,
          amount: amount(7n),
          ...times,
          signature,
        }),
      );
      const address = (await world.read(vault, "depositAddress", [from])) as Hex;
      await world.send(robot, free.address, "mint", [address, 4n]);
      await send(relayer, Calls.sweep(vault, from, free.address));
      expect(await world.read(vault, "vault", [from, free.address])).toBe(21n);
      expect(() =>
        Calls.depositWithPermit(vault, free.address, {
          from,
          amount: amount(1n),
          deadline: 1,
          signature: "0x",
        }),
      ).toThrow(expect.objectContaining({ code: "impossible" }));
      expect(() =>
        Calls.fundLanes(vault, from, free.address, [{ payee: "0x01", amount: amount(1n), window: 0 }]),
      ).toThrow(expect.objectContaining({ code: "impossible" }));
    } finally {
      await world.local.stop();
    }
  }, 120_000);
});
