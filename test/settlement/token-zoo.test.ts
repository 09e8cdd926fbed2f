import { encodeAbiParameters, encodeFunctionData, keccak256 } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Party } from "./fuzz/arena.ts";
import type { Signature } from "./fuzz/cells.ts";
import { signAuthorization, signPermit } from "./fuzz/signing.ts";
import { FAR, openStage, type Stage } from "./fuzz/stage.ts";

/** Window class 0. */
const HOUR = 3_600n;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, 60_000);
beforeEach(() => stage.snapshot());
afterAll(() => stage.arena.stop());

describe("a token of the zoo, from deposit to withdrawal", () => {
  const million = 1_000_001n;
  const peg = 79_000_000_000_000_000_000_000_000_001n;
  it.each([
    ["legacy USDT", () => stage.arena.tokens.legacy, million, 0n],
    ["legacy USDT with its highest fee", () => stage.arena.tokens.legacy, million, 19n],
    ["USDT0", () => stage.arena.tokens.usdt0, million, 0n],
    ["18 decimals", () => stage.arena.tokens.peg, peg, 0n],
    ["one that could answer false", () => stage.arena.tokens.moody, million, 0n],
    ["one that could call back", () => stage.arena.tokens.reentrant, million, 0n],
    ["one that could lie", () => stage.lying, million, 0n],
    ["one without permits that swallows them", () => stage.swallow, million, 0n],
  ] as const)("balances to the atomic unit: %s", async (_, pick, units, rate) => {
    const token = pick();
    if (rate > 0n) await stage.tell(stage.arena.owner, token, "setParams", rate, 49n);
    const less = (sent: bigint) => sent - (sent * rate) / 10_000n;
    const put = less(units);
    await stage.endow(token, units);
    const books = async (answer: string, expected: bigint) => {
      expect(answer).toBe("ok");
      expect(await stage.owed(token)).toBe(expected);
    };
    await books(await stage.deposit(token, units), put);
    await books(await stage.fund(token, put - 7n), put);
    await books(await stage.claim(token, 3n), put);
    await books(await stage.claim(token, 3n), put);
    await books(await stage.claim(token, put / 2n), put);
    expect(await stage.vaultOf(token, stage.hub)).toBe(put / 2n);
    await books(await stage.ask(stage.robot, "requestClose", stage.lane(token)), put);
    stage.pass(HOUR);
    await books(await stage.ask(stage.stranger, "finalizeClose", stage.lane(token)), put);
    const rest = put - put / 2n;
    expect(await stage.vaultOf(token, stage.robot)).toBe(rest);
    await books(await stage.withdraw(token, stage.hub, put / 2n), rest);
    await books(await stage.withdraw(token, stage.robot, rest), 0n);
    expect(await stage.unitsOf(token, stage.arena.vault)).toBe(0n);
    expect(await stage.unitsOf(token, stage.hub.address)).toBe(less(put / 2n));
    expect(await stage.unitsOf(token, stage.robot.address)).toBe(less(rest));
  });
});

describe("a token whose owner steps in", () => {
  const { legacy, usdt0 } = {
    legacy: () => stage.arena.tokens.legacy,
    usdt0: () => stage.arena.tokens.usdt0,
  };
  it.each([
    ["is paused", legacy, "setPaused", () => [], "TokenRefused"],
    ["blocks the vault", legacy, "setBlackListed", () => [stage.arena.vault], "TokenRefused"],
    ["blocks the vault by name", usdt0, "setBlocked", () => [stage.arena.vault], "Blocked"],
  ] as const)(
    "lets claims through while it %s; the withdrawal waits, then pays once",
    async (_, pick, name, who, no) => {
      const token = pick();
      await stage.endow(token, 1_000n);
      await stage.deposit(token, 1_000n);
      await stage.fund(token, 600n);
      await stage.ask(stage.robot, "requestClose", stage.lane(token));
      expect(await stage.tell(stage.arena.owner, token, name, ...who(), true)).toBe("ok");
      expect(await stage.claim(token, 500n)).toBe("ok");
      expect(await stage.vaultOf(token, stage.hub)).toBe(500n);
      expect(await stage.withdraw(token, stage.hub, 500n)).toBe(no);
      stage.pass(HOUR);
      expect(await stage.ask(stage.stranger, "finalizeClose", stage.lane(token))).toBe("ok");
      expect(await stage.vaultOf(token, stage.robot)).toBe(500n);
      expect(await stage.owed(token)).toBe(1_000n);
      expect(await stage.tell(stage.arena.owner, token, name, ...who(), false)).toBe("ok");
      expect(await stage.withdraw(token, stage.hub, 500n)).toBe("ok");
      expect(await stage.withdraw(token, stage.hub, 500n)).toBe("InsufficientVault");
      expect(await stage.unitsOf(token, stage.hub.address)).toBe(500n);
      expect(await stage.owed(token)).toBe(500n);
    },
  );

  it("harms its own holders only when it destroys what the vault has", async () => {
    await stage.endow(legacy(), 1_000n);
    await stage.endow(usdt0(), 1_000n);
    await stage.deposit(legacy(), 1_000n);
    await stage.deposit(usdt0(), 1_000n);
    await stage.tell(stage.arena.owner, legacy(), "setBlackListed", stage.arena.vault, true);
    await stage.tell(stage.arena.owner, legacy(), "destroyBlackFunds", stage.arena.vault);
    await stage.tell(stage.arena.owner, legacy(), "setBlackListed", stage.arena.vault, false);
    expect(await stage.withdraw(legacy(), stage.robot, 1n)).toBe("TokenRefused");
    expect(await stage.withdraw(usdt0(), stage.robot, 1_000n)).toBe("ok");
    expect(await stage.unitsOf(usdt0(), stage.robot.address)).toBe(1_000n);
  });

  it("makes everyone wait who may not send, and nobody else", async () => {
    await stage.endow(usdt0(), 1_000n);
    await stage.tell(stage.arena.owner, usdt0(), "setBlocked", stage.robot.address, true);
    expect(await stage.deposit(usdt0(), 10n)).toBe("Blocked");
    await stage.tell(stage.arena.owner, usdt0(), "setBlocked", stage.robot.address, false);
    expect(await stage.deposit(usdt0(), 10n)).toBe("ok");
  });
});

/** An authorization for the vault to take `value` into `account`, under a name of the token. */
async function authorize(
  from: Party,
  account: Party,
  value: bigint,
  salt: bigint,
  name: string,
): Promise<Signature> {
  const pair = [{ type: "address" }, { type: "uint256" }] as const;
  const nonce = keccak256(encodeAbiParameters(pair, [account.address, salt]));
  const to = stage.arena.vault;
  const terms = { from: from.address, to, value, validAfter: 0n, validBefore: FAR, nonce };
  return await signAuthorization(from.key, stage.arena.tokens.usdt0.address, name, terms, "");
}

describe("USDT0", () => {
  const bring = (from: Party, account: Party, signature: Signature, salt = 1n) =>
    stage.ask(stage.stranger, "depositWithAuthorization", {
      account: account.address,
      token: stage.arena.tokens.usdt0.address,
      from: from.address,
      amount: 100n,
      validAfter: 0n,
      validBefore: FAR,
      salt,
      signature,
    });
  const permit = async (name: string, by: Party, nonce: bigint) => {
    const fields = [stage.robot.address, stage.arena.vault, 100n, nonce, FAR];
    const signature = await signPermit(stage.robot.key, stage.arena.tokens.usdt0.address, name, fields);
    const { address } = stage.arena.tokens.usdt0;
    const args = { from: stage.robot.address, token: address, amount: 100n, deadline: FAR, signature };
    return await stage.ask(by, "depositWithPermit", args);
  };

  beforeEach(async () => {
    await stage.tell(stage.arena.owner, stage.arena.tokens.usdt0, "mint", stage.robot.address, 1_000n);
  });

  it("takes signatures of its present name only", async () => {
    const { usdt0 } = stage.arena.tokens;
    const old = await authorize(stage.robot, stage.robot, 100n, 1n, "USDT0");
    await stage.tell(stage.arena.owner, usdt0, "rename", "USD₮0");
    expect(await bring(stage.robot, stage.robot, old)).toBe("InvalidSignature");
    expect(await permit("USDT0", stage.stranger, 0n)).toBe("PermitFailed");
    expect(await stage.owed(usdt0)).toBe(0n);
    expect(
      await bring(stage.robot, stage.robot, await authorize(stage.robot, stage.robot, 100n, 1n, "USD₮0")),
    ).toBe("ok");
    expect(await permit("USD₮0", stage.stranger, 0n)).toBe("ok");
    expect(await stage.vaultOf(usdt0, stage.robot)).toBe(200n);
  });

  it("lets an authorization in once, for the account that it names", async () => {
    const { usdt0 } = stage.arena.tokens;
    const signature = await authorize(stage.robot, stage.hub, 100n, 1n, "USDT0");
    expect(await bring(stage.robot, stage.stranger, signature)).toBe("InvalidSignature");
    expect(await bring(stage.robot, stage.hub, signature)).toBe("ok");
    expect(await bring(stage.robot, stage.hub, signature)).toBe("AuthorizationUsed");
    expect(await stage.vaultOf(usdt0, stage.hub)).toBe(100n);
  });

  it("takes a smart wallet's signature of any length", async () => {
    const { usdt0 } = stage.arena.tokens;
    await stage.tell(stage.arena.owner, usdt0, "mint", stage.wallet.address, 200n);
    const signature = await authorize(stage.wallet, stage.wallet, 100n, 1n, "USDT0");
    expect(await bring(stage.wallet, stage.wallet, signature)).toBe("ok");
    const other = await authorize(stage.wallet, stage.wallet, 100n, 2n, "USDT0");
    expect(await bring(stage.wallet, stage.wallet, { ...other, bytes: `${other.bytes}00ff` }, 2n)).toBe("ok");
    expect(await bring(stage.robot, stage.robot, { ...other, bytes: `${other.bytes}00ff` }, 2n)).toBe(
      "InvalidSignature",
    );
    expect(await stage.vaultOf(usdt0, stage.wallet)).toBe(200n);
  });

  it("cannot be kept from a deposit by somebody who brings the permit first", async () => {
    const { usdt0 } = stage.arena.tokens;
    const fields = [stage.robot.address, stage.arena.vault, 100n, 0n, FAR];
    const { bytes } = await signPermit(stage.robot.key, usdt0.address, "USDT0", fields);
    const [r, s, v] = [
      bytes.slice(0, 66),
      `0x${bytes.slice(66, 130)}`,
      Number.parseInt(bytes.slice(130), 16),
    ];
    const abi = usdt0.abi.filter((item) => item.type === "function" && item.inputs.length === 7);
    const args = [stage.robot.address, stage.arena.vault, 100n, FAR, v, r, s];
    const data = encodeFunctionData({ abi, functionName: "permit", args });
    expect(await stage.send(stage.stranger.address, usdt0.address, data)).toBe("ok");
    expect(await permit("USDT0", stage.stranger, 0n)).toBe("PermitFailed");
    expect(await permit("USDT0", stage.robot, 0n)).toBe("ok");
    expect(await stage.vaultOf(usdt0, stage.robot)).toBe(100n);
  });
});

describe("a token that says no by returning false", () => {
  it("moves nothing in or out while it does, and pays once afterwards", async () => {
    const { moody } = stage.arena.tokens;
    await stage.endow(moody, 1_000n);
    expect(await stage.deposit(moody, 1_001n)).toBe("TokenRefused");
    expect(await stage.deposit(moody, 1_000n)).toBe("ok");
    await stage.tell(stage.arena.owner, moody, "setMoody", true);
    expect(await stage.withdraw(moody, stage.robot, 400n)).toBe("TokenRefused");
    expect(await stage.owed(moody)).toBe(1_000n);
    expect(await stage.unitsOf(moody, stage.robot.address)).toBe(0n);
    await stage.tell(stage.arena.owner, moody, "setMoody", false);
    expect(await stage.withdraw(moody, stage.robot, 400n)).toBe("ok");
    expect(await stage.unitsOf(moody, stage.robot.address)).toBe(400n);
    expect(await stage.owed(moody)).toBe(600n);
  });
});
