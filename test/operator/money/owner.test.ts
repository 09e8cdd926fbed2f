import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ownerCommand } from "../../../src/operator/money/owner.ts";
import { withdrawCommand } from "../../../src/operator/money/withdraw.ts";
import { type Bank, openBank } from "./bank.ts";
import { holdJournal, NOBODY as TO } from "./books.ts";
import { runVerbs } from "./running.ts";

let bank: Bank;
let armKey = "";
beforeAll(async () => {
  bank = await openBank();
  armKey = bank.stand.put("arm.key", bank.arm.privateKey);
  await bank.world.endow([bank.gateway, bank.robot], 20_000_000n);
});
afterAll(() => bank.stop());
beforeEach(async () => {
  const clean = await bank.world.snapshot();
  return async () => {
    await bank.world.revert(clean);
  };
});

const withdraw = (...args: string[]) => bank.stand.run(withdrawCommand, "--to", TO, ...args);
const owner = (...args: string[]) => bank.stand.run(ownerCommand, ...args);
const refusedToWithdraw = (args: readonly string[], code: string, message: RegExp) =>
  bank.refused(withdrawCommand, ["--to", TO, ...args], code, message);
const refused = (args: readonly string[], code: string, message: RegExp) =>
  bank.refused(ownerCommand, args, code, message);

describe("withdraw out of a device's vault", () => {
  it("by the device's own key while it has no owner", async () => {
    const { world, robot } = bank;
    const { written } = await withdraw("5", "--device", "robot-1", "--key", bank.robotKey);
    expect(written).toContain("from  vault of robot-1, which has 20.000000\n");
    expect(await world.tokensOf(TO)).toBe(5_000_000n);
    expect(await world.vaultOf(robot)).toBe(15_000_000n);
  });

  it("without gas: it signs, and who relays gets the fee out of the vault", async () => {
    const { world, robot, rich } = bank;
    await bank.setCoins(robot, 0n);
    const args = [
      "all",
      "--device",
      "robot-1",
      "--key",
      bank.robotKey,
      "--relay-key",
      bank.from,
      "--fee",
      "0.5",
    ];
    expect((await withdraw(...args, "--dry-run")).written).toContain("by    withdrawWithSig");
    expect(JSON.parse((await withdraw(...args, "--json")).written)).toMatchObject({
      ...{ amount: "19.500000", fee: "0.500000", signer: rich.address },
      after: { from: "0.000000", to: "19.500000" },
    });
    expect(await world.tokensOf(TO)).toBe(19_500_000n);
    expect(await world.vaultOf(rich)).toBe(500_000n);
    expect(await bank.coins(robot)).toBe(0n);
  });

  it("by its owner without limit, by its own key within the allowance", async () => {
    const { world, robot, rich } = bank;
    await world.send(robot, world.vault, "setOwner", [rich.address]);
    await world.send(rich, world.vault, "setAllowance", [robot.address, world.token, 1_000_000n]);
    await withdraw("1", "--device", "robot-1", "--key", bank.robotKey);
    const own = ["0.000001", "--device", "robot-1", "--key", bank.robotKey];
    await refusedToWithdraw(own, "funds_short", /may move 0\.000000, less than 0\.000001/);
    await withdraw("18", "--device", "robot-1", "--key", bank.from);
    expect(await world.tokensOf(TO)).toBe(19_000_000n);
    // the owner signs, too, and a third one sends
    await withdraw("all", "--device", "robot-1", "--key", bank.from, "--relay-key", armKey);
    expect(await world.vaultOf(robot)).toBe(0n);
  });

  it.each([
    [["1", "--device", "robot-1"], "usage", /--key KEYFILE/],
    [["1", "--relay-key", "k"], "usage", /name that too/],
    [["1", "--fee", "1"], "usage", /--relay-key/],
    [["1", "--device", "robot-7", "--key", "k"], "key_file", /k/],
  ])("refuses %j", async (args, code, message) => {
    if (code === "key_file") {
      await expect(withdraw(...args)).rejects.toThrow(/ENOENT|no device/);
    } else await refusedToWithdraw(args, code, message);
  });

  it("refuses a key that has no say, an amount that leaves nothing for the fee", async () => {
    const other = ["1", "--device", "robot-1", "--key", armKey];
    await refusedToWithdraw(other, "usage", /has no say over robot-1/);
    const dear = [
      "20",
      "--device",
      "robot-1",
      "--key",
      bank.robotKey,
      "--relay-key",
      bank.from,
      "--fee",
      "1",
    ];
    await refusedToWithdraw(dear, "funds_short", /has 20\.000000/);
    const greedy = [
      "all",
      "--device",
      "robot-1",
      "--key",
      bank.robotKey,
      "--relay-key",
      bank.from,
      "--fee",
      "20",
    ];
    await refusedToWithdraw(greedy, "funds_short", /has 20\.000000/);
  });
});

describe("withdraw out of the gateway's vault", () => {
  it("is done by the gateway that runs", async () => {
    const running = await runVerbs(bank);
    const { written } = await withdraw("2");
    expect(written).toContain("the running gateway sends it");
    expect(running.heard).toEqual(["transact"]);
    expect(await bank.world.tokensOf(TO)).toBe(2_000_000n);
    await running.stop();
  });

  it("is refused while somebody has the journal who cannot be asked", async () => {
    const held = holdJournal(bank);
    await refusedToWithdraw(["2"], "journal_locked", /belongs to a running gateway/);
    expect((await withdraw("2", "--dry-run")).written).toContain("nothing was sent");
    held.release();
  });

  it("tells the transaction that a running gateway could not do", async () => {
    const running = await runVerbs(bank);
    const { world } = bank;
    await world.send(world.owner, world.token, "pause", []);
    await refusedToWithdraw(["2"], "transaction_failed", /would fail/);
    await running.stop();
  });
});

describe("owner gateway", () => {
  it("names a cold owner once, whose key then says what the gateway's may move", async () => {
    const { world, gateway, rich } = bank;
    const named = await owner("gateway", rich.address);
    expect(named.written).toContain(`the owner of ${gateway.address} is ${rich.address}\n`);
    expect(String(await world.read(world.vault, "ownerOf", [gateway.address])).toLowerCase()).toBe(
      rich.address,
    );
    await refusedToWithdraw(["1"], "funds_short", /own key of the gateway may move 0\.000000/);
    await refused(["gateway", bank.robot.address], "usage", /already, for good/);
    const allowed = await owner("gateway", "--allowance", "3", "--owner-key", bank.from);
    expect(allowed.written).toContain("the own key of the gateway may move 3.000000\n");
    await withdraw("3");
    expect(await world.tokensOf(TO)).toBe(3_000_000n);
    await withdraw("4", "--device", "gateway", "--key", bank.from);
    expect(await world.vaultOf(gateway)).toBe(13_000_000n);
  });

  it("lets the owner sign and another pay the gas", async () => {
    const { rich, gateway, world } = bank;
    await owner("gateway", rich.address);
    await bank.setCoins(rich, 0n);
    const args = ["gateway", "--allowance", "2.5", "--owner-key", bank.from, "--relay-key", armKey, "--json"];
    expect(JSON.parse((await owner(...args)).written)).toMatchObject({
      ...{ before: { allowance: "0.000000" }, after: { allowance: "2.500000" }, signer: bank.arm.address },
    });
    expect(await world.read(world.vault, "allowance", [gateway.address, world.token])).toBe(2_500_000n);
  });

  it("changes nothing in a dry run", async () => {
    const before = await bank.ledger();
    expect((await owner("gateway", bank.rich.address, "--dry-run")).written).toContain("nothing was sent");
    expect(await bank.ledger()).toEqual(before);
  });

  it.each([
    [[], "usage", /owner gateway 0x/],
    [["gateway"], "usage", /owner gateway 0x/],
    [["robot-1", TO], "usage", /hirewire device owner/],
    [["gateway", "0x12"], "usage", /40 hexadecimal digits/],
    [["gateway", `0x${"0".repeat(40)}`], "usage", /zero address/],
    [["gateway", TO, "--allowance", "1"], "usage", /owner gateway 0x/],
    [["gateway", "--allowance", "1"], "usage", /--owner-key/],
    [["gateway", TO, "--ownerkey", "k"], "usage", /did you mean --owner-key\?/],
  ])("refuses %j", (args, code, message) => refused(args, code, message));

  it("refuses itself as its owner, an allowance without an owner, and another owner's key", async () => {
    await refused(["gateway", bank.gateway.address], "usage", /own itself/);
    const allowance = ["gateway", "--allowance", "1", "--owner-key", bank.from];
    await refused(allowance, "usage", /no owner yet/);
    await owner("gateway", bank.arm.address);
    await refused(allowance, "usage", /the owner of the gateway is/);
  });

  it("explains itself", async () => {
    for (const command of [ownerCommand, withdrawCommand]) {
      const { code, written } = await bank.stand.run(command, "--help");
      expect(code).toBe(0);
      expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    }
  });
});
