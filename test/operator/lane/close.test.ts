import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { haltCommand, resumeCommand } from "../../../src/operator/control/halt.ts";
import { laneCommand } from "../../../src/operator/lane/command.ts";
import { type Bank, openBank } from "../money/bank.ts";
import { journalVouchers } from "../money/books.ts";
import { runVerbs } from "../money/running.ts";

let bank: Bank;
let armKey = "";
beforeAll(async () => {
  bank = await openBank();
  const { world, gateway, robot, arm } = bank;
  armKey = bank.stand.put("arm.key", arm.privateKey);
  await world.endow([gateway, robot], 20_000_000n);
  await world.fund(robot, gateway, 5_000_000n, 0);
  await world.fund(gateway, arm, 5_000_000n, 0);
  await journalVouchers(bank, [
    { device: robot, paidIn: 2_000_000n, paidOut: 0n },
    { device: arm, paidIn: 0n, paidOut: 0n },
  ]);
});
afterAll(() => bank.stop());
beforeEach(async () => {
  bank.settle('lane_deposit = "0.00"');
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

describe("lane close, of the gateway's lane", () => {
  it("asks, waits for the window, and brings back what is left", async () => {
    const { world, gateway } = bank;
    const asked = await lane("close", "arm-2");
    expect(asked.written).toMatch(/the gateway → arm-2: CLOSING, epoch 0, closes at \d{4}-/);
    expect(asked.written).toContain("run it again");
    await refused(["close", "arm-2"], "lane_closing", /can be claimed until \d{4}-/);
    await world.pass(3_601);
    const ended = JSON.parse((await lane("close", "arm-2", "--json")).written);
    expect(ended).toMatchObject({
      direction: "out",
      before: { state: "CLOSING", deposit: "5.000000" },
      after: { state: "CLOSED", epoch: 1, payerVault: "20.000000" },
      transactions: [{ step: "finalizeClose" }],
    });
    expect(await world.vaultOf(gateway)).toBe(20_000_000n);
  });

  it("is done by the gateway that runs", async () => {
    const running = await runVerbs(bank);
    await lane("close", "arm-2");
    expect(running.heard).toEqual(["closeLane"]);
    expect((await out()).closeAt).toBeGreaterThan(0);
    await running.stop();
  });

  it("sends nothing in a dry run", async () => {
    const before = await bank.ledger();
    expect((await lane("close", "arm-2", "--dry-run")).written).toContain("by    requestClose");
    expect(await bank.ledger()).toEqual(before);
  });

  it("is done at once with the device's consent", async () => {
    const { world, arm, gateway } = bank;
    const { written } = await lane("consent", "arm-2", "0", "--from", armKey);
    const file = bank.stand.put("consent.json", written);
    await lane("close", "arm-2", "--coop", "--consent", file);
    expect(await out()).toMatchObject({ epoch: 1, deposit: 0n });
    expect(await world.vaultOf(gateway)).toBe(20_000_000n);
    expect(await world.vaultOf(arm)).toBe(0n);
    await refused(["close", "arm-2", "--coop", "--consent", file], "usage", /not open/);
  });

  it("is not done for more than was signed, nor by somebody else's consent", async () => {
    const { stand, gateway, arm } = bank;
    const { written } = await lane("consent", "arm-2", "1", "--from", armKey);
    const high = stand.put("consent.json", written);
    await refused(
      ["close", "arm-2", "--coop", "--consent", high],
      "usage",
      /asks for 1\.000000 in all, and 0\.000000/,
    );
    const other = stand.put("other.json", written.replace(arm.address, gateway.address));
    await refused(["close", "arm-2", "--coop", "--consent", other], "file_format", /is for payee/);
    const forged = stand.put("forged.json", written.replace('"1000000"', '"0"'));
    await refused(["close", "arm-2", "--coop", "--consent", forged], "file_format", /not signed by/);
    await refused(["close", "arm-2", "--coop", "--consent", stand.config], "file_format", /no consent/);
    await refused(["close", "arm-2", "--coop", "--consent", "nowhere"], "file_format", /cannot read/);
  });

  it.each([
    [["close"], "usage", /lane close DEVICE/],
    [["close", "arm-2", "--coop"], "usage", /either --consent FILE/],
    [["close", "arm-2", "--consent", "x"], "usage", /belong to --coop/],
    [["close", "arm-2", "--incoming"], "usage", /belong to --coop/],
    [["close", "arm-2", "--coop", "--incoming", "--consent", "x"], "usage", /either/],
    [["close", "arm-2", "--order"], "usage", /--from KEYFILE/],
    [["close", "robot-1"], "usage", /not open/],
    [["close", "nobody"], "usage", /no device nobody/],
    [["consent", "arm-2", "1"], "usage", /--from KEYFILE/],
  ])("refuses %j", (args, code, message) => refused(args, code, message));

  it("refuses a consent by another key, and for what the lane does not hold", async () => {
    await refused(["consent", "arm-2", "1", "--from", bank.robotKey], "usage", /not the key of arm-2/);
    await refused(["consent", "arm-2", "5.000001", "--from", armKey], "usage", /at most what the lane holds/);
  });
});

describe("lane close, of a device's lane", () => {
  it("by its own key: asks, waits, and brings back what was not signed away", async () => {
    const { world, robot, gateway } = bank;
    await lane("close", "robot-1", "--from", bank.robotKey);
    await refused(["close", "robot-1", "--from", bank.robotKey], "lane_closing", /until/);
    await world.claim(gateway, [await world.voucher(robot, gateway, 0, 2_000_000n)]);
    await world.pass(3_601);
    await lane("close", "robot-1", "--from", bank.robotKey);
    expect(await incoming()).toMatchObject({ epoch: 1, deposit: 0n });
    expect(await world.vaultOf(robot)).toBe(18_000_000n);
  });

  it("lets a device without gas leave: it signs an order, and anybody sends it", async () => {
    const { stand, robot, world } = bank;
    await bank.setCoins(robot, 0n);
    const { written, warned } = await lane("close", "robot-1", "--order", "--from", bank.robotKey);
    expect(JSON.parse(written)).toMatchObject({
      kind: "RequestClose",
      message: { payer: robot.address, epoch: 0 },
    });
    expect(warned).toContain("--relay FILE");
    const file = stand.put("order.json", written);
    const relayed = ["close", "robot-1", "--relay", file, "--from", bank.from];
    expect((await lane(...relayed, "--dry-run")).written).toContain("by    requestCloseWithSig");
    await lane(...relayed);
    expect((await incoming()).closeAt).toBeGreaterThan(0);
    await refused(relayed, "transaction_failed", /would fail/);
    await world.pass(3_601);
    await lane("close", "robot-1", "--from", bank.from);
    expect(await incoming()).toMatchObject({ epoch: 1 });
    expect(await world.vaultOf(robot)).toBe(20_000_000n);
    expect(await bank.coins(robot)).toBe(0n);
    await refused(relayed, "usage", /not open/);
  });

  it("takes both keys at once where they are in one place", async () => {
    await bank.setCoins(bank.robot, 0n);
    await lane("close", "robot-1", "--from", bank.robotKey, "--relay-key", bank.from);
    expect((await incoming()).closeAt).toBeGreaterThan(0);
  });

  it("refuses an order of another lane, another vault, another kind, and no order", async () => {
    const { stand, arm, robot, world } = bank;
    const { written } = await lane("close", "robot-1", "--order", "--from", bank.robotKey);
    const relay = (name: string, text: string) => [
      ...["close", "robot-1", "--relay", stand.put(name, text), "--from", bank.from],
    ];
    const [other, elsewhere] = [
      written.replace(robot.address, arm.address),
      written.replace(world.vault, world.token),
    ];
    await refused(relay("a.json", other), "file_format", /is for the lane/);
    await refused(relay("b.json", elsewhere), "chain_mismatch", /is for vault/);
    await refused(relay("c.json", written.slice(0, 40)), "file_format", /no signed order/);
    await refused(
      relay("d.json", written.replace('"epoch": 0', '"epoch": 1')),
      "transaction_failed",
      /WrongEpoch/,
    );
  });

  it("refuses a key that has no say, and the device's own beyond its allowance", async () => {
    const { world, robot, rich } = bank;
    await refused(["close", "robot-1", "--from", armKey], "usage", /has no say/);
    await world.send(robot, world.vault, "setOwner", [rich.address]);
    await refused(["close", "robot-1", "--from", bank.robotKey], "funds_short", /may move 0\.000000/);
    await lane("close", "robot-1", "--from", bank.from);
    expect((await incoming()).closeAt).toBeGreaterThan(0);
  });

  it("is given back by the gateway at once, which takes what was signed to it", async () => {
    const { world, robot, gateway } = bank;
    await lane("close", "robot-1", "--coop", "--incoming");
    expect(await incoming()).toMatchObject({ epoch: 1, deposit: 0n });
    expect(await world.vaultOf(robot)).toBe(18_000_000n);
    expect(await world.vaultOf(gateway)).toBe(17_000_000n);
  });

  it("is given back by a gateway that runs only while it takes no offers", async () => {
    const close = ["close", "robot-1", "--coop", "--incoming"];
    const running = await runVerbs(bank);
    await refused(close, "usage", /hirewire halt first/);
    await running.stop();
    await bank.stand.run(haltCommand);
    const halted = await runVerbs(bank);
    await lane(...close);
    expect(await incoming()).toMatchObject({ epoch: 1 });
    await halted.stop();
    await bank.stand.run(resumeCommand);
  });
});
