import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { laneCommand } from "../../../src/operator/lane/command.ts";
import { type Bank, openBank } from "../money/bank.ts";
import { holdJournal, journalVouchers } from "../money/books.ts";
import { runVerbs } from "../money/running.ts";

let bank: Bank;
beforeAll(async () => {
  bank = await openBank();
  await bank.world.endow([bank.gateway, bank.robot], 20_000_000n);
});
afterAll(() => bank.stop());
beforeEach(async () => {
  bank.settle('window = "24h"');
  const clean = await bank.world.snapshot();
  return async () => {
    await bank.world.revert(clean);
  };
});

const lane = (...args: string[]) => bank.stand.run(laneCommand, ...args);
const refused = (args: readonly string[], code: string, message: RegExp) =>
  bank.refused(laneCommand, args, code, message);
const out = () => bank.world.lane(bank.gateway, bank.arm);
const incoming = () => bank.world.lane(bank.robot, bank.gateway);

describe("lane open and top-up, with the gateway's key", () => {
  it("opens in the window that is asked for, tops up in the same, and says what the chain has", async () => {
    const { code, written } = await lane("open", "arm-2", "2", "--window", "72h");
    expect(code).toBe(0);
    expect(await out()).toMatchObject({ deposit: 2_000_000n, window: 2 });
    expect(written).toContain("from  vault of the gateway, which has 20.000000\n");
    expect(written).toContain("lane deposit the gateway → arm-2 has 2.000000\n");
    const found = JSON.parse((await lane("top-up", "arm-2", "0.5", "--json")).written);
    expect(found).toMatchObject({ window: "72h", amount: "0.500000", after: { to: "2.500000" } });
    expect(found.transactions).toMatchObject([{ step: "fundLane" }]);
    expect(await out()).toMatchObject({ deposit: 2_500_000n, window: 2 });
  });

  it("takes the window of the settings where none is asked for", async () => {
    bank.settle('window = "7d"');
    await lane("open", "arm-2", "1");
    expect((await out()).window).toBe(3);
  });

  it("asks a running gateway to do it", async () => {
    const running = await runVerbs(bank);
    const { written } = await lane("open", "arm-2", "1.25");
    expect(written).toContain("the running gateway sends it");
    await lane("top-up", "arm-2", "1");
    expect(running.heard).toEqual(["openLane", "topUpLane"]);
    expect((await out()).deposit).toBe(2_250_000n);
    await running.stop();
  });

  it("sends nothing in a dry run, and needs no lock for it", async () => {
    const held = holdJournal(bank);
    const before = await bank.ledger();
    expect((await lane("open", "arm-2", "1", "--dry-run")).written).toContain("nothing was sent");
    expect(await bank.ledger()).toEqual(before);
    await refused(["open", "arm-2", "1"], "journal_locked", /belongs to a running gateway/);
    held.release();
  });

  it("refuses a lane below the minimum, and says the figure", async () => {
    bank.settle('coin_price = "4000", lane_minimum = 1000');
    const least = /below the minimum of (\d+\.\d{6}), 1000 times/;
    await refused(["open", "arm-2", "0.000001"], "funds_short", least);
    bank.settle('coin_price = "cheap"');
    await refused(["open", "arm-2", "1"], "config_syntax", /coin_price/);
  });

  it.each([
    [["open", "arm-2", "20.000001"], "funds_short", /has 20\.000000, less than 20\.000001/],
    [["open", "arm-3", "1"], "usage", /did you mean arm-2\?/],
    [["open", "gateway", "1"], "usage", /the device at the other end/],
    [["open", "arm-2", "0"], "usage", /above zero/],
    [["open", "arm-2", "0.0000001"], "amount_syntax", /6 decimals/],
    [["open", "arm-2", "1", "--window", "48h"], "usage", /1h, 24h, 72h, 7d/],
    [["open", "arm-2"], "usage", /DEVICE AMOUNT/],
    [["top-up", "arm-2", "1"], "usage", /is not open: hirewire lane open/],
    [["top-up", "arm-2", "1", "--window", "1h"], "usage", /keeps its window/],
    [["open", "arm-2", "1", "--relay-key", "x"], "usage", /--from KEYFILE/],
    [["open", "arm-2", "1", "--fee", "1"], "usage", /--relay-key/],
    [["opne", "arm-2", "1"], "usage", /did you mean open\?/],
  ])("refuses %j", (args, code, message) => refused(args, code, message));

  it("names its views", async () => {
    await expect(laneCommand([], bank.stand.io, bank.stand.ports)).rejects.toThrow(/list, open, top-up/);
  });

  it("refuses a lane that is open, and one that is closing", async () => {
    await lane("open", "arm-2", "1");
    await refused(["open", "arm-2", "1"], "usage", /is open: hirewire lane top-up/);
    await lane("close", "arm-2");
    await refused(["top-up", "arm-2", "1"], "lane_closing", /the gateway → arm-2 is closing until/);
  });

  it("refuses what the gateway's key cannot pay the gas of", async () => {
    await bank.setCoins(bank.gateway, 1n);
    await refused(["open", "arm-2", "1"], "funds_short", /for gas/);
  });
});

describe("lane open and top-up, of a device", () => {
  it("moves from the device's vault by its own key, or by its owner's", async () => {
    const { world, robot, rich } = bank;
    await lane("open", "robot-1", "3", "--from", bank.robotKey, "--window", "1h");
    expect(await incoming()).toMatchObject({ deposit: 3_000_000n, window: 0 });
    await world.send(robot, world.vault, "setOwner", [rich.address]);
    await refused(
      ["top-up", "robot-1", "1", "--from", bank.robotKey],
      "funds_short",
      /own key of robot-1 may move 0\.000000, less than 1\.000000: .*hirewire device allowance/,
    );
    await lane("top-up", "robot-1", "1", "--from", bank.from);
    expect((await incoming()).deposit).toBe(4_000_000n);
    expect(await world.vaultOf(robot)).toBe(16_000_000n);
  });

  it("needs no coin of the device when somebody relays, who gets a fee", async () => {
    const { world, robot, rich } = bank;
    await bank.setCoins(robot, 0n);
    const relay = ["--from", bank.robotKey, "--relay-key", bank.from, "--fee", "0.25", "--json"];
    const found = JSON.parse((await lane("open", "robot-1", "3", ...relay)).written);
    expect(found).toMatchObject({ fee: "0.250000", signer: rich.address });
    expect((await incoming()).deposit).toBe(3_000_000n);
    expect(await world.vaultOf(robot)).toBe(16_750_000n);
    expect(await world.vaultOf(rich)).toBe(250_000n);
    await refused(["top-up", "robot-1", "16.75", ...relay], "funds_short", /less than 17\.000000/);
  });

  it("refuses a key that has no say", async () => {
    const key = bank.stand.put("arm.key", bank.arm.privateKey);
    await refused(["open", "robot-1", "1", "--from", key], "usage", /has no say over robot-1/);
    await refused(["open", "robot-1", "1", "--from", bank.from], "usage", /only its own key/);
  });
});

describe("lane list", () => {
  it("shows both ways of every device, what is signed, and what that makes of the lane", async () => {
    const { world, robot, gateway, arm, rich } = bank;
    await world.fund(robot, gateway, 5_000_000n, 1);
    await world.fund(gateway, arm, 2_000_000n, 2);
    await journalVouchers(bank, [
      { device: robot, paidIn: 5_000_000n, paidOut: 0n },
      { device: arm, paidIn: 0n, paidOut: 0n },
    ]);
    await world.claim(rich, [await world.voucher(robot, gateway, 0, 1_000_000n)]);
    await world.send(gateway, world.vault, "requestClose", [gateway.address, arm.address, world.token]);
    const lines = (await lane("list", "--json")).written.trimEnd().split("\n");
    const rows = lines.map((line) => JSON.parse(line));
    const closesAt = new Date((await out()).closeAt * 1_000).toISOString();
    const none = { state: "NONE", deposit: "0.000000", window: null, closesAt: null };
    expect(rows).toMatchObject([
      { name: "arm-2", direction: "in", ...none },
      { name: "arm-2", direction: "out", state: "CLOSING", deposit: "2.000000", closesAt, window: "72h" },
      {
        ...{ name: "robot-1", device: robot.address, direction: "in", epoch: 0, state: "EXHAUSTED" },
        ...{ deposit: "5.000000", signed: "5.000000", settled: "1.000000", unclaimed: "4.000000" },
        ...{ window: "24h", closesAt: null },
      },
      { name: "robot-1", direction: "out", ...none },
    ]);
    const { written } = await lane("list", "ROBOT-1");
    expect(written).toMatch(/^device +lane +epoch +state/);
    expect(written).toMatch(
      /\nrobot-1 +in +0 +EXHAUSTED +5\.000000 +5\.000000 +1\.000000 +4\.000000 +24h +-\n/,
    );
    expect(written).not.toContain("arm-2");
  });

  it("works beside whoever has the journal, and tells a closed lane from one that never was", async () => {
    await lane("open", "arm-2", "1", "--window", "1h");
    await lane("close", "arm-2");
    await bank.world.pass(3_601);
    await lane("close", "arm-2");
    const held = holdJournal(bank);
    const { written } = await lane("list", "arm-2");
    expect(written).toMatch(/arm-2 +out +1 +CLOSED +0\.000000/);
    expect(written).toMatch(/arm-2 +in +0 +NONE/);
    held.release();
  });

  it.each([
    [["list", "arm-2", "robot-1"], /at most one/],
    [["list", "nobody"], /no lane of a device nobody/],
    [["list", "--jsn"], /did you mean --json\?/],
  ])("refuses %j", (args, message) => refused(args, "usage", message));

  it("explains itself", async () => {
    for (const args of [
      ["--help"],
      ["list", "-h"],
      ["open", "-h"],
      ["top-up", "-h"],
      ["close", "-h"],
      ["consent", "-h"],
    ]) {
      const { code, written } = await lane(...args);
      expect(code).toBe(0);
      expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    }
  });
});
