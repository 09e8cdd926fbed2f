import { encodeAbiParameters, encodeFunctionData, getContractAddress, type Hex, keccak256, pad } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Actor, startWorld, type World } from "./world.ts";
import { type Creature, deploy, tell } from "./zoo.ts";

const NOBODY = "0x0000000000000000000000000000000000000000";
const SALT: Hex = `0x${"5a".repeat(32)}`;

describe("LaneVault deposits", () => {
  let world: World;
  let clean: Hex;
  let usdt0: Creature;
  let robot: Actor;
  let hub: Actor;
  let relayer: Actor;

  beforeAll(async () => {
    world = await startWorld();
    [robot, hub, relayer] = world.others as [Actor, Actor, Actor];
    usdt0 = await deploy(world.rpc, world.owner.address, "Usdt0");
    await tell(world.rpc, world.owner.address, usdt0, "mint", [robot.address, 1_000n]);
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
  const credit = (account: string, token: string = usdt0.address) =>
    world.read(world.vault, "vault", [account, token]) as Promise<bigint>;
  const ask = (creature: Creature, functionName: string, ...args: readonly unknown[]) =>
    world.client.readContract({ address: creature.address, abi: creature.abi, functionName, args });
  const tokenDomain = () => ({
    name: "USDT0",
    version: "1",
    chainId: world.chainId,
    verifyingContract: usdt0.address,
  });
  const fields = (text: string) =>
    text.split(",").map((field) => ({ type: field.split(" ")[0] ?? "", name: field.split(" ")[1] ?? "" }));

  describe("by authorization (EIP-3009)", () => {
    const TYPE = fields(
      "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce",
    );
    const nonceFor = (account: Hex) =>
      keccak256(encodeAbiParameters([{ type: "address" }, { type: "bytes32" }], [account, SALT]));

    async function authorization(account: Hex, value: bigint, by = robot, from: Hex = by.address) {
      const message = {
        from,
        to: world.vault,
        value,
        validAfter: 0n,
        validBefore: 2n ** 40n,
        nonce: nonceFor(account),
      };
      const types = { ReceiveWithAuthorization: TYPE };
      const typed = {
        domain: tokenDomain(),
        types,
        primaryType: "ReceiveWithAuthorization" as const,
        message,
      };
      return [account, usdt0.address, from, value, 0n, 2n ** 40n, SALT, await by.key.signTypedData(typed)];
    }
    const bring = (args: readonly unknown[]) => call(relayer, "depositWithAuthorization", ...args);
    const no = (args: readonly unknown[]) =>
      world.refusal(relayer, world.vault, "depositWithAuthorization", args).catch((error) => String(error));

    it("credits the account that the nonce names, whoever brings it", async () => {
      const { events } = await bring(await authorization(hub.address, 400n));
      expect(events).toMatchObject([{ eventName: "Deposited", args: { received: 400n } }]);
      expect(await credit(hub.address)).toBe(400n);
      expect(await credit(robot.address)).toBe(0n);
    });

    it("credits nobody else, and once", async () => {
      const good = await authorization(hub.address, 400n);
      for (const bad of [
        good.with(0, relayer.address),
        good.with(3, 401n),
        good.with(6, `0x${"00".repeat(32)}`),
      ]) {
        expect((await bring(bad)).ok).toBe(false);
      }
      expect(await no(good.with(0, NOBODY))).toBe("BadReceiver");
      expect((await bring(good)).ok).toBe(true);
      expect((await bring(good)).ok).toBe(false);
      expect(await credit(hub.address)).toBe(400n);
    });

    it("hands a smart wallet's signature on as it is", async () => {
      const wallet = await deploy(world.rpc, world.owner.address, "Wallet", [robot.address]);
      await tell(world.rpc, world.owner.address, usdt0, "mint", [wallet.address, 50n]);
      const args = await authorization(hub.address, 50n, robot, wallet.address);
      expect((await bring(args)).ok).toBe(true);
      expect(await credit(hub.address)).toBe(50n);
      // 66 bytes can only go through the bytes overload; the wallet refuses them, the vault does not
      const longer = await authorization(hub.address, 50n, robot, wallet.address);
      expect((await bring(longer.with(7, `${String(longer[7])}00` as Hex))).ok).toBe(false);
      const seen = await deploy(world.rpc, world.owner.address, "ReentrantToken");
      await tell(world.rpc, world.owner.address, seen, "mint", [robot.address, 9n]);
      const free = longer.with(1, seen.address).with(2, robot.address).with(3, 9n);
      expect((await bring(free.with(7, "0x1234"))).ok).toBe(true);
      expect(await credit(hub.address, seen.address)).toBe(9n);
    });

    it("gives nothing for a token that swallows the call", async () => {
      const weth = await deploy(world.rpc, world.owner.address, "SwallowToken");
      const args = (await authorization(hub.address, 5n)).with(1, weth.address);
      expect(await no(args)).toBe("NothingReceived");
    });
  });

  describe("by permit (EIP-2612)", () => {
    const TYPE = fields("address owner,address spender,uint256 value,uint256 nonce,uint256 deadline");

    async function permit(value: bigint, nonce = 0n, by = robot) {
      const message = { owner: robot.address, spender: world.vault, value, nonce, deadline: 2n ** 40n };
      const typed = {
        domain: tokenDomain(),
        types: { Permit: TYPE },
        primaryType: "Permit" as const,
        message,
      };
      const signature = await by.key.signTypedData(typed);
      const r = signature.slice(0, 66) as Hex;
      const s: Hex = `0x${signature.slice(66, 130)}`;
      return {
        args: [robot.address, usdt0.address, value, 2n ** 40n, Number(`0x${signature.slice(130)}`), r, s],
        r,
        s,
      };
    }
    const bring = (by: Actor, args: readonly unknown[]) => call(by, "depositWithPermit", ...args);

    it("credits whoever signed, whoever brings it", async () => {
      const { args } = await permit(300n);
      expect((await bring(relayer, args)).ok).toBe(true);
      expect([await credit(robot.address), await credit(relayer.address)]).toEqual([300n, 0n]);
      expect(await refused(relayer, "depositWithPermit", ...args)).toBe("PermitFailed");
    });

    it("does not let a stranger move a standing allowance by a permit that fails", async () => {
      await tell(world.rpc, robot.address, usdt0, "approve", [world.vault, 2n ** 256n - 1n]);
      const { args } = await permit(300n, 0n, relayer);
      expect(await refused(relayer, "depositWithPermit", ...args)).toBe("PermitFailed");
      expect(await refused(relayer, "depositWithPermit", ...args.with(4, 0))).toBe("PermitFailed");
    });

    it("nor by a permit that a token swallows without counting it", async () => {
      const weth = await deploy(world.rpc, world.owner.address, "SwallowToken");
      await tell(world.rpc, robot.address, weth, "mint", [robot.address, 100n]);
      await tell(world.rpc, robot.address, weth, "approve", [world.vault, 2n ** 256n - 1n]);
      const { args } = await permit(100n);
      for (const answer of ["0x", pad("0x01", { size: 32 }), pad("0x", { size: 32 })] as Hex[]) {
        await tell(world.rpc, robot.address, weth, "plan", [answer]);
        expect(await refused(relayer, "depositWithPermit", ...args.with(1, weth.address))).toBe(
          "PermitFailed",
        );
      }
      expect(await refused(relayer, "depositWithPermit", ...args.with(1, world.token))).toBe("PermitFailed");
      expect(await refused(relayer, "depositWithPermit", ...args.with(1, hub.address))).toBe("PermitFailed");
      // robot itself may move what it has approved
      expect((await bring(robot, args.with(1, weth.address))).ok).toBe(true);
      expect(await credit(robot.address, weth.address)).toBe(100n);
    });

    it("goes on for the owner of the tokens when a stranger has brought the permit before", async () => {
      const { args, r, s } = await permit(300n);
      const input = [robot.address, world.vault, 300n, 2n ** 40n, args[4], r, s];
      const erc2612 = usdt0.abi.filter((item) => !("inputs" in item) || item.inputs?.length !== 5);
      const data = encodeFunctionData({ abi: erc2612, functionName: "permit", args: input });
      await world.rpc("eth_sendTransactionSync", [
        { from: relayer.address, to: usdt0.address, data, gas: "0xf4240" },
      ]);
      expect(await ask(usdt0, "nonces", robot.address)).toBe(1n);
      expect((await bring(robot, args)).ok).toBe(true);
      expect(await credit(robot.address)).toBe(300n);
    });

    it("credits nothing to nobody", async () => {
      const { args } = await permit(300n);
      expect(await refused(relayer, "depositWithPermit", ...args.with(0, NOBODY))).toBe("BadReceiver");
    });
  });

  describe("by deposit address", () => {
    const addressOf = async (account: string) =>
      String(await world.read(world.vault, "depositAddress", [account])).toLowerCase() as Hex;
    const give = async (to: Hex, units: bigint, token = world.token) => {
      await world.send(world.owner, token, "mint", [to, units]);
    };

    it("takes plain transfers into the account's vault, before and after it is created", async () => {
      const from = await addressOf(robot.address);
      expect(await world.client.getCode({ address: from })).toBeUndefined();
      await give(from, 70n);
      const { events } = await call(relayer, "sweep", robot.address, world.token);
      expect(events).toMatchObject([{ eventName: "Deposited", args: { received: 70n } }]);
      expect(await world.client.getCode({ address: from })).toBeDefined();
      expect(await addressOf(robot.address)).toBe(from);
      await give(from, 5n);
      await tell(world.rpc, robot.address, usdt0, "transfer", [from, 40n]);
      await call(relayer, "sweep", robot.address, world.token);
      await call(relayer, "sweep", robot.address, usdt0.address);
      expect(await world.vaultOf(robot)).toBe(75n);
      expect(await credit(robot.address)).toBe(40n);
      expect(await world.tokensOf(from)).toBe(0n);
    });

    it("is another one for each account, where EIP-1014 puts it", async () => {
      const all = await Promise.all([robot, hub, relayer].map(({ address }) => addressOf(address)));
      expect(new Set(all).size).toBe(3);
      await give(await addressOf(hub.address), 1n);
      await call(relayer, "sweep", hub.address, world.token);
      const code = (await world.client.getCode({ address: await addressOf(hub.address) })) ?? "0x";
      expect(code.toLowerCase()).toContain(world.vault.slice(2));
      const other = getContractAddress({ from: world.vault, nonce: 1n });
      expect(await addressOf(hub.address)).not.toBe(other.toLowerCase());
    });

    it("hands nothing to anyone but its vault", async () => {
      const from = await addressOf(robot.address);
      await give(from, 70n);
      await call(relayer, "sweep", robot.address, world.token);
      await give(from, 70n);
      const abi = [
        {
          type: "function",
          name: "collect",
          stateMutability: "nonpayable",
          outputs: [],
          inputs: [
            { name: "token", type: "address" },
            { name: "amount", type: "uint256" },
          ],
        },
        { type: "error", name: "NotVault", inputs: [] },
      ] as const;
      const theft = world.client.simulateContract({
        address: from,
        abi,
        functionName: "collect",
        args: [world.token, 70n],
        account: relayer.address,
      });
      await expect(theft).rejects.toThrow("NotVault");
    });

    it("credits what arrives, less the token's fee", async () => {
      await world.send(world.owner, world.token, "setParams", [10n, 49n]);
      await give(await addressOf(robot.address), 100_000n);
      await call(relayer, "sweep", robot.address, world.token);
      expect(await world.vaultOf(robot)).toBe(99_900n);
    });

    it("is refused by name: nothing there, nobody, no token, a token that refuses", async () => {
      const sweep = (account: string, token: string) => refused(relayer, "sweep", account, token);
      expect(await sweep(robot.address, world.token)).toBe("NothingReceived");
      expect(await sweep(NOBODY, world.token)).toBe("BadReceiver");
      expect(await sweep(robot.address, hub.address)).toBe("TokenRefused");
      await give(await addressOf(robot.address), 1n);
      await world.send(world.owner, world.token, "pause", []);
      expect(await sweep(robot.address, world.token)).toBe("TokenRefused");
      const moody = await deploy(world.rpc, world.owner.address, "FalseToken");
      await tell(world.rpc, robot.address, moody, "mint", [await addressOf(robot.address), 5n]);
      await tell(world.rpc, robot.address, moody, "setMoody", [true]);
      expect(await sweep(robot.address, moody.address)).toBe("TokenRefused");
    });
  });

  it("are not fooled by a balance that falls while tokens arrive", async () => {
    const liar = await deploy(world.rpc, world.owner.address, "LyingToken");
    await tell(world.rpc, robot.address, liar, "mint", [robot.address, 50n]);
    await tell(world.rpc, robot.address, liar, "plan", [100n, 0n]);
    expect(await refused(robot, "deposit", robot.address, liar.address, 50n)).toBe("NothingReceived");
  });

  it.each(["deposit", "sweep"])(
    "run one at a time: no token can enter the vault during a %s",
    async (name) => {
      const token = await deploy(world.rpc, world.owner.address, "ReentrantToken");
      await tell(world.rpc, robot.address, token, "mint", [robot.address, 50n]);
      await tell(world.rpc, robot.address, token, "approve", [world.vault, 50n]);
      const from = (await world.read(world.vault, "depositAddress", [robot.address])) as Hex;
      await tell(world.rpc, robot.address, token, "mint", [from, 50n]);
      const again = encodeFunctionData({
        abi: world.abi,
        functionName: name,
        args: name === "sweep" ? [robot.address, token.address] : [robot.address, token.address, 1n],
      });
      const args = name === "sweep" ? [robot.address, token.address] : [robot.address, token.address, 30n];
      await tell(world.rpc, robot.address, token, "plan", [world.vault, again, "0x", false, true]);
      expect(await refused(robot, name, ...args)).toBe("Reentered");
      await tell(world.rpc, robot.address, token, "plan", [world.vault, again, "0x", false, false]);
      expect((await call(robot, name, ...args)).ok).toBe(true);
      expect(await ask(token, "entered")).toBe(0n);
      expect(await credit(robot.address, token.address)).toBe(name === "sweep" ? 50n : 30n);
    },
  );
});
