import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { fundCommand } from "../../../src/operator/money/fund.ts";
import { openChain } from "../../../src/operator/money/journey.ts";
import { keySender, sendSteps } from "../../../src/operator/money/send.ts";
import { signedDeposit } from "../../../src/operator/money/signed-deposit.ts";
import { sweepCommand } from "../../../src/operator/money/sweep.ts";
import { type Creature, deploy, tell } from "../../settlement/zoo.ts";
import { type Bank, openBank } from "./bank.ts";

/** What `rich` has of the play money. */
const RICH = 50_000_000n;

/** The selector of `authorizationState(address,bytes32)`. */
const AUTHORIZATION_STATE = "0xe94a0102";

let bank: Bank;
let usdt0: Creature;
let richKey = "";
beforeAll(async () => {
  bank = await openBank();
  const { world, rich } = bank;
  await bank.mint(rich, RICH);
  usdt0 = await deploy(world.rpc, world.owner.address, "Usdt0");
  await tell(world.rpc, world.owner.address, usdt0, "mint", [rich.address, RICH]);
  richKey = bank.from;
}, 120_000);
afterAll(() => bank.stop());
beforeEach(async () => {
  const clean = await bank.world.snapshot();
  return async () => {
    await bank.world.revert(clean);
    bank.stand.configure();
  };
});

const fund = (...args: string[]) => bank.stand.run(fundCommand, ...args);
const sweep = (...args: string[]) => bank.stand.run(sweepCommand, ...args);
const vaultOf = (who: Hex, token: Hex) =>
  bank.world.read(bank.world.vault, "vault", [who, token]) as Promise<bigint>;

/** The gateway trades in USDT0, which takes signed payments. */
function useUsdt0(): void {
  const { local, vault, chainId } = bank.world;
  bank.stand.configure("127.0.0.1:1883", { id: chainId, rpc: local.url, vault, token: usdt0.address });
}

describe("fund --vault", () => {
  it("puts the amount into the device's vault and leaves its lane alone", async () => {
    const { world, robot, gateway } = bank;
    const { written } = await fund("robot-1", "7", "--vault", "--from", richKey);
    expect(await world.vaultOf(robot)).toBe(7_000_000n);
    expect((await world.lane(robot, gateway)).deposit).toBe(0n);
    expect(written).toContain("vault of robot-1 has 7.000000\n");
  });
});

describe("fund --address, and sweep", () => {
  it("shows where a plain transfer can go, and moves what arrives into the vault", async () => {
    const { world, robot, rich } = bank;
    const shown = JSON.parse((await fund("robot-1", "--address", "--json")).written);
    expect(shown).toMatchObject({ account: robot.address, waiting: "0.000000", token: world.token });
    const told = await world.read(world.vault, "depositAddress", [robot.address]);
    expect(shown.depositAddress).toBe(String(told).toLowerCase());
    await world.send(rich, world.token, "transfer", [shown.depositAddress, 3_000_000n]);
    const { written } = await fund("robot-1", "--address");
    expect(written).toContain(`${shown.depositAddress}\n`);
    expect(written).toContain("from an exchange too");
    expect(written).toContain("3.000000 wait there; hirewire sweep robot-1");
    expect((await sweep("robot-1", "--from", richKey, "--dry-run")).written).toContain("nothing was sent");
    const swept = JSON.parse((await sweep("robot-1", "--from", richKey, "--json")).written);
    expect(swept).toMatchObject({ amount: "3.000000", after: { from: "0.000000", to: "3.000000" } });
    expect(await world.vaultOf(robot)).toBe(3_000_000n);
    await world.send(rich, world.token, "transfer", [shown.depositAddress, 1n]);
    await sweep("ROBOT-1", "--from", richKey);
    expect(await world.vaultOf(robot)).toBe(3_000_001n);
  });

  it("has one for the gateway, which is another", async () => {
    const { world, gateway, rich } = bank;
    const addressOf = async (name: string) =>
      JSON.parse((await fund(name, "--address", "--json")).written).depositAddress as Hex;
    const place = await addressOf("gateway");
    expect(place).not.toBe(await addressOf("robot-1"));
    await world.send(rich, world.token, "transfer", [place, 2_000_000n]);
    await sweep("gateway", "--from", richKey);
    expect(await world.vaultOf(gateway)).toBe(2_000_000n);
  });

  it.each([
    [["robot-1"], "usage", /--from KEYFILE/],
    [[], "usage", /DEVICE\|gateway/],
    [["robot-1", "1", "--from", "k"], "usage", /DEVICE\|gateway/],
    [["robot-9", "--from", "k"], "usage", /no device robot-9/],
    [["robot-1", "--form", "k"], "usage", /did you mean --from\?/],
  ])("refuses to sweep %j", (args, code, message) => bank.refused(sweepCommand, args, code, message));

  it("refuses to sweep where nothing waits, and with a key that cannot pay the gas", async () => {
    const { world, rich } = bank;
    await bank.refused(sweepCommand, ["robot-1", "--from", richKey], "funds_short", /nothing waits at 0x/);
    const { depositAddress } = JSON.parse((await fund("robot-1", "--address", "--json")).written);
    await world.send(rich, world.token, "transfer", [depositAddress, 1n]);
    await bank.setCoins(rich, 0n);
    await bank.refused(sweepCommand, ["robot-1", "--from", richKey], "funds_short", /for gas/);
  });

  it("refuses --address with anything else", async () => {
    await bank.refused(fundCommand, ["robot-1", "5", "--address"], "usage", /nothing else/);
    await bank.refused(fundCommand, ["robot-1", "--address", "--from", richKey], "usage", /nothing else/);
    await bank.refused(fundCommand, ["--address"], "usage", /nothing else/);
  });

  it("explains itself", async () => {
    const { code, written } = await sweep("--help");
    expect(code).toBe(0);
    expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe("fund --relay-key", () => {
  it("moves the tokens of a key without gas by what it signs (EIP-3009)", async () => {
    useUsdt0();
    const { rich, arm, robot } = bank;
    await bank.setCoins(rich, 0n);
    const relay = bank.stand.put("arm.key", arm.privateKey);
    const args = ["robot-1", "4", "--vault", "--from", richKey, "--relay-key", relay];
    expect((await fund(...args, "--dry-run")).written).toContain("by    depositWithAuthorization");
    expect(await vaultOf(robot.address, usdt0.address)).toBe(0n);
    const found = JSON.parse((await fund(...args, "--json")).written);
    expect(found).toMatchObject({ signer: arm.address, from: `account ${rich.address}` });
    expect(await vaultOf(robot.address, usdt0.address)).toBe(4_000_000n);
    await fund("gateway", "1", "--from", richKey, "--relay-key", relay);
    expect(await vaultOf(bank.gateway.address, usdt0.address)).toBe(1_000_000n);
  });

  it("does it by a permit (EIP-2612) where there is nothing better, into another's vault too", async () => {
    useUsdt0();
    const { rich, robot, arm, stand } = bank;
    const real = await openChain(stand.ports.readConfig(stand.config));
    const chain = {
      ...real,
      view: async (calls: Parameters<typeof real.view>[0]) => {
        const answers = await real.view(calls);
        return answers.map((answer, at) => (calls[at]?.data.startsWith(AUTHORIZATION_STATE) ? null : answer));
      },
    };
    const move = { chain, token: usdt0.address, amount: amount(2_000_000n) };
    const key = fromHex(rich.privateKey);
    const sender = keySender(chain, fromHex(arm.privateKey), systemClock);
    for (const [account, steps] of [
      [rich.address, ["depositWithPermit"]],
      [robot.address, ["depositWithPermit", "withdrawWithSig", "sweep"]],
    ] as const) {
      const plan = await signedDeposit(move, key, account, systemClock.now());
      expect(plan.map(({ step }) => step)).toEqual(steps);
      await sendSteps(chain, sender, plan, systemClock, () => undefined);
      expect(await vaultOf(account, usdt0.address)).toBe(2_000_000n);
    }
  });

  it("refuses a token that takes nothing signed, and a lane as the target", async () => {
    const relay = bank.stand.put("arm.key", bank.arm.privateKey);
    const signed = ["--from", richKey, "--relay-key", relay];
    await bank.refused(
      fundCommand,
      ["robot-1", "4", "--vault", ...signed],
      "usage",
      /takes no signed payments/,
    );
    await bank.refused(fundCommand, ["robot-1", "4", ...signed], "usage", /add --vault/);
  });
});
