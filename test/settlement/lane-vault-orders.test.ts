import type { Hex } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Actor, CHALLENGE_SECONDS, startWorld, type Terms, type World } from "./world.ts";
import { deploy } from "./zoo.ts";

/** Of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const NOBODY = "0x0000000000000000000000000000000000000000";

/** The same signature with the other s. */
function twin(signature: Hex): Hex {
  const s = ORDER - BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.endsWith("1b") ? "1c" : "1b";
  return `${signature.slice(0, 66) as Hex}${s.toString(16).padStart(64, "0")}${v}`;
}

describe("LaneVault orders carried out for their signer", () => {
  let world: World;
  let clean: Hex;
  let robot: Actor;
  let hub: Actor;
  let relayer: Actor;
  /** A smart wallet of the hub's key. */
  let contract: Hex;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, relayer] = world.others as [Actor, Actor, Actor];
    await world.endow([robot], 1_000n);
    await world.fund(robot, hub, 100n);
    contract = (await deploy(world.rpc, world.owner.address, "Wallet", [hub.address])).address;
  }, 120_000);
  beforeEach(async () => {
    clean = await world.snapshot();
    return async () => {
      await world.revert(clean);
    };
  });
  afterAll(() => world.local.stop());

  const relay = (name: string, args: readonly unknown[]) => world.send(relayer, world.vault, name, args);
  const refused = (name: string, args: readonly unknown[]) => world.refusal(relayer, world.vault, name, args);
  const isUsed = (signer: Hex, nonce: bigint) => world.read(world.vault, "nonceUsed", [signer, nonce]);

  async function withdrawal(by: Actor, units: bigint, terms: Partial<Terms> = {}, account = robot.address) {
    const message = { account, token: world.token, amount: units, to: hub.address };
    return [...Object.values(message), await world.order(by, "Withdraw", message, terms)];
  }
  async function funding(units: bigint, terms: Partial<Terms> = {}, epoch = 0) {
    const ends = { payer: robot.address, payee: hub.address, token: world.token };
    const message = { ...ends, epoch, amount: units, window: 0 };
    return [...Object.values(message), await world.order(robot, "FundLane", message, terms)];
  }
  async function closing(terms: Partial<Terms> = {}, epoch = 0) {
    const message = { payer: robot.address, payee: hub.address, token: world.token, epoch };
    return [...Object.values(message), await world.order(robot, "RequestClose", message, terms)];
  }
  const signatureOf = (args: readonly unknown[]) => (args.at(-1) as { signature: Hex }).signature;
  const signedAs = (args: readonly unknown[], signature: Hex) =>
    args.with(-1, { ...(args.at(-1) as object), signature });

  it("are carried out once per nonce, in any order of nonces", async () => {
    for (const nonce of [2n ** 255n - 1n, 0n, 255n, 256n]) {
      const order = await withdrawal(robot, 10n, { nonce });
      expect((await relay("withdrawWithSig", order)).ok).toBe(true);
      expect(await refused("withdrawWithSig", order)).toBe("NonceReused");
      expect(await isUsed(robot.address, nonce)).toBe(true);
    }
    expect(await isUsed(robot.address, 1n)).toBe(false);
    expect(await world.tokensOf(hub.address)).toBe(40n);
    expect(await world.vaultOf(robot)).toBe(860n);
  });

  it("share their nonces between all kinds", async () => {
    const nonce = 5n;
    await relay("withdrawWithSig", await withdrawal(robot, 1n, { nonce }));
    expect(await refused("fundLaneWithSig", await funding(1n, { nonce }))).toBe("NonceReused");
    expect(await refused("requestCloseWithSig", await closing({ nonce }))).toBe("NonceReused");
  });

  it("are valid in the second of their deadline and not after", async () => {
    const deadline = BigInt(await world.now()) + 1_000n;
    await world.rpc("evm_setNextBlockTimestamp", [Number(deadline)]);
    expect((await relay("withdrawWithSig", await withdrawal(robot, 1n, { deadline }))).ok).toBe(true);
    await world.pass(1);
    expect(await refused("withdrawWithSig", await withdrawal(robot, 1n, { deadline }))).toBe("Expired");
    expect(await refused("requestCloseWithSig", await closing({ deadline }))).toBe("Expired");
  });

  it("need the signature that they were made with", async () => {
    expect(await refused("withdrawWithSig", await withdrawal(hub, 1n))).toBe("BadSignature");
    const order = await withdrawal(robot, 1n);
    const no = (args: readonly unknown[]) => refused("withdrawWithSig", args);
    const terms = order[4] as Awaited<ReturnType<World["order"]>>;
    expect(await no(order.with(2, 2n))).toBe("BadSignature");
    expect(await no(order.with(3, relayer.address))).toBe("BadSignature");
    for (const change of [{ fee: 1n }, { nonce: 9_999n }, { deadline: 2n ** 41n }]) {
      expect(await no(order.with(4, { ...terms, ...change }))).toBe("BadSignature");
    }
    const signature = signatureOf(order);
    for (const other of [twin(signature), signature.slice(0, -2), `0x${"00".repeat(65)}`, "0x"] as Hex[]) {
      expect(await no(signedAs(order, other))).toBe("BadSignature");
    }
    expect(await no(signedAs(order.with(0, NOBODY), `0x${"00".repeat(65)}`))).toBe("BadSignature");
    expect((await relay("withdrawWithSig", order)).ok).toBe(true);
  });

  it("of another chain or vault are nothing", async () => {
    const message = { account: robot.address, token: world.token, amount: 1n, to: hub.address };
    const order = await world.order(robot, "Withdraw", message);
    const domain = {
      name: "LaneVault",
      version: "1",
      chainId: world.chainId,
      verifyingContract: world.vault,
    };
    const fields =
      "address account,address token,uint256 amount,address to,uint256 deadline,uint256 nonce,uint96 fee";
    const types = {
      Withdraw: fields
        .split(",")
        .map((field) => ({ type: field.split(" ")[0] ?? "", name: field.split(" ")[1] ?? "" })),
    };
    for (const change of [{ chainId: 1 }, { verifyingContract: hub.address }, { name: "LaneVault2" }, {}]) {
      const typed = {
        domain: { ...domain, ...change },
        types,
        primaryType: "Withdraw",
        message: { ...message, ...order },
      };
      const signature = await robot.key.signTypedData(typed as Parameters<typeof robot.key.signTypedData>[0]);
      const args = [...Object.values(message), { ...order, signature }];
      if ("chainId" in change || "verifyingContract" in change || "name" in change) {
        expect(await refused("withdrawWithSig", args)).toBe("BadSignature");
      } else {
        expect((await relay("withdrawWithSig", args)).ok).toBe(true);
      }
    }
  });

  it("leave their nonce when they fail", async () => {
    const order = await withdrawal(robot, 901n, { nonce: 9n });
    expect(await refused("withdrawWithSig", order)).toBe("InsufficientVault(900, 901)");
    expect((await relay("withdrawWithSig", order)).ok).toBe(false);
    expect(await isUsed(robot.address, 9n)).toBe(false);
  });

  it("can be called off by their signer", async () => {
    const order = await withdrawal(robot, 1n, { nonce: 300n });
    const cancelled = await world.send(robot, world.vault, "cancelNonce", [300n]);
    expect(cancelled.events).toMatchObject([{ eventName: "NonceUsed", args: { nonce: 300n } }]);
    expect(await refused("withdrawWithSig", order)).toBe("NonceReused");
    expect(await world.refusal(robot, world.vault, "cancelNonce", [300n])).toBe("NonceReused");
    await world.send(relayer, world.vault, "cancelNonce", [301n]);
    expect((await relay("withdrawWithSig", await withdrawal(robot, 1n, { nonce: 301n }))).ok).toBe(true);
  });

  it("pay their fee from the account's vault to whoever carries them out", async () => {
    const sent = await relay("withdrawWithSig", await withdrawal(robot, 10n, { fee: 3n }));
    expect(sent.events.map(({ eventName }) => eventName)).toEqual(["NonceUsed", "FeePaid", "Withdrawn"]);
    expect(sent.events[1]?.args).toMatchObject({ fee: 3n });
    await relay("requestCloseWithSig", await closing({ fee: 4n }));
    expect(await world.vaultOf(relayer)).toBe(7n);
    expect(await world.vaultOf(robot)).toBe(883n);
    expect(await refused("withdrawWithSig", await withdrawal(robot, 880n, { fee: 4n }))).toBe(
      "InsufficientVault(883, 884)",
    );
    const tooMuch = await withdrawal(robot, 2n ** 256n - 1n, { fee: 4n });
    expect(await refused("withdrawWithSig", tooMuch)).toBe(`InsufficientVault(883, ${2n ** 256n - 1n})`);
    // the relayer may be the account itself: nothing changes hands
    const own = await withdrawal(robot, 1n, { fee: 5n });
    expect((await world.send(robot, world.vault, "withdrawWithSig", own)).ok).toBe(true);
    expect(await world.vaultOf(robot)).toBe(882n);
  });

  it("that name a bad receiver or nothing are refused by name", async () => {
    const message = { account: robot.address, token: world.token, amount: 1n, to: world.vault };
    const args = [...Object.values(message), await world.order(robot, "Withdraw", message)];
    expect(await refused("withdrawWithSig", args)).toBe("BadReceiver");
    expect(await refused("withdrawWithSig", await withdrawal(robot, 0n))).toBe("ZeroAmount");
  });

  it("start a close for a payer that has no gas, in the epoch that they name", async () => {
    expect(await refused("requestCloseWithSig", await closing({}, 1))).toBe("WrongEpoch(0)");
    const sent = await relay("requestCloseWithSig", await closing());
    expect(sent.events.map(({ eventName }) => eventName)).toEqual(["NonceUsed", "CloseRequested"]);
    expect((await world.lane(robot, hub)).closeAt).toBe((await world.now()) + CHALLENGE_SECONDS);
    expect(await refused("requestCloseWithSig", await closing())).toBe("LaneClosing");
  });

  describe("of smart wallets", () => {
    let wallet: Actor;

    beforeEach(async () => {
      const address = contract;
      wallet = { ...hub, address };
      await world.send(world.owner, world.token, "mint", [robot.address, 500n]);
      await world.send(robot, world.vault, "deposit", [address, world.token, 500n]);
    });

    it("are taken by EIP-1271, under nonces of their own", async () => {
      const order = await withdrawal(wallet, 10n, { nonce: 2n ** 255n }, wallet.address);
      const sent = await relay("withdrawWithSig", order);
      expect(sent.events[0]).toMatchObject({ eventName: "NonceUsed", args: { nonce: 2n ** 255n } });
      expect(await isUsed(wallet.address, 2n ** 255n)).toBe(true);
      expect(await refused("withdrawWithSig", order)).toBe("NonceReused");
      const wrong = await withdrawal(robot, 10n, { nonce: 2n ** 255n + 1n }, wallet.address);
      expect(await refused("withdrawWithSig", wrong)).toBe("BadSignature");
      const asKey = await withdrawal(wallet, 10n, { nonce: 1n }, wallet.address);
      expect(await refused("withdrawWithSig", asKey)).toBe("BadSignature");
      expect(await world.vaultOf(wallet)).toBe(490n);
    });

    it("are not taken from an account without code, or with code that fails", async () => {
      const terms = { nonce: 2n ** 255n };
      expect(await refused("withdrawWithSig", await withdrawal(robot, 1n, terms))).toBe("BadSignature");
      const asToken = await withdrawal(robot, 1n, terms, world.token);
      expect(await refused("withdrawWithSig", asToken)).toBe("BadSignature");
    });

    it("count once although the wallet's key is the account's owner too", async () => {
      // The wallet accepts high s: without roles in the nonce, both forms of one signature would count.
      const owner = { account: wallet.address, owner: hub.address, token: world.token };
      const named = await world.order(hub, "SetOwner", owner, { nonce: 2n ** 255n });
      await relay("setOwnerWithSig", [...Object.values(owner), named]);
      await world.send(hub, world.vault, "setAllowance", [wallet.address, world.token, 500n]);
      for (const nonce of [7n, 2n ** 255n + 7n, 3n * 2n ** 254n + 7n]) {
        const order = await withdrawal(hub, 10n, { nonce }, wallet.address);
        const other = signedAs(order, twin(signatureOf(order)));
        const before = await world.vaultOf(wallet);
        await relay("withdrawWithSig", order);
        await relay("withdrawWithSig", other);
        await relay("withdrawWithSig", order);
        expect(before - (await world.vaultOf(wallet))).toBe(nonce < 3n * 2n ** 254n ? 10n : 0n);
      }
    });

    it("act as an owner under the owner's share of nonces", async () => {
      await world.send(robot, world.vault, "setOwner", [wallet.address]);
      const nonce = 3n * 2n ** 254n;
      expect((await relay("withdrawWithSig", await withdrawal(wallet, 10n, { nonce }))).ok).toBe(true);
      expect(await isUsed(wallet.address, nonce)).toBe(true);
      const asAccount = await withdrawal(wallet, 10n, { nonce: 2n ** 255n });
      expect(await refused("withdrawWithSig", asAccount)).toBe("BadSignature");
    });
  });

  it("of an account with code that has a key as well (EIP-7702) are taken by its key", async () => {
    await world.rpc("anvil_setCode", [robot.address, `0xef0100${contract.slice(2)}`]);
    expect((await relay("withdrawWithSig", await withdrawal(robot, 10n))).ok).toBe(true);
    expect((await world.claim(relayer, [await world.voucher(robot, hub, 0, 5n)])).events).toHaveLength(1);
    expect(await refused("withdrawWithSig", await withdrawal(robot, 1n, { nonce: 2n ** 255n }))).toBe(
      "BadSignature",
    );
    // what the code behind it accepts, counts as the account's word too
    expect((await relay("withdrawWithSig", await withdrawal(hub, 1n, { nonce: 2n ** 255n }))).ok).toBe(true);
  });
});
