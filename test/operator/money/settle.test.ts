import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startControl } from "../../../src/operator/control/server.ts";
import { clearStop, writeStop } from "../../../src/operator/control/stop-file.ts";
import { settleCommand } from "../../../src/operator/money/settle.ts";
import { type Bank, openBank } from "./bank.ts";
import { holdJournal, journalled, journalVouchers } from "./books.ts";
import { runVerbs } from "./running.ts";

let bank: Bank;
beforeAll(async () => {
  bank = await openBank();
  const { world, gateway, robot, arm } = bank;
  await world.endow([gateway, robot], 50_000_000n);
  await world.fund(robot, gateway, 10_000_000n);
  await world.fund(gateway, arm, 10_000_000n);
  bank.settle('lane_deposit = "1.00"');
  await journalVouchers(bank, [
    { device: robot, paidIn: 4_000_000n, paidOut: 0n },
    { device: arm, paidIn: 0n, paidOut: 0n },
  ]);
});
afterAll(() => bank.stop());
beforeEach(async () => {
  const clean = await bank.world.snapshot();
  return async () => {
    await bank.world.revert(clean);
    for (const name of ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"]) {
      rmSync(join(bank.stand.data, name), { force: true });
    }
    const { robot, arm } = bank;
    await journalVouchers(bank, [
      { device: robot, paidIn: 4_000_000n, paidOut: 0n },
      { device: arm, paidIn: 0n, paidOut: 0n },
    ]);
  };
});

const settle = (...args: string[]) => bank.stand.run(settleCommand, ...args);
const settledIn = async () => (await bank.world.lane(bank.robot, bank.gateway)).settled;

describe("hirewire settle without a gateway", () => {
  it("shows each lane with its reason, claims, and journals both", async () => {
    const { code, written, warned } = await settle("--now");
    expect(code).toBe(0);
    expect(warned).toContain("no gateway runs");
    expect(written).toMatch(/^device +lane +reason +value +gas +cost\n/);
    expect(written).toMatch(/robot-1 +in +asked +4\.000000 +10100 +\?\n/);
    expect(written).toMatch(/settled 1 lane by 0x[0-9a-f]{64}, gas \d+\n/);
    expect(await settledIn()).toBe(4_000_000n);
    const facts = journalled(bank);
    // the second one tops up the gateway's lanes, as every settlement does
    expect(facts.filter(({ kind }) => kind === "transactionPrepared")).toMatchObject([
      { purpose: "claim" },
      { purpose: "fund" },
    ]);
    expect(facts.filter(({ kind }) => kind === "claimed")).toMatchObject([
      { lanes: [{ payer: bank.robot.address, settled: 4_000_000n }] },
    ]);
  });

  it("claims, and funds nothing, where the folder says that nothing is to be paid", async () => {
    writeStop(bank.stand.data, "a key is lost");
    onTestFinished(() => clearStop(bank.stand.data));
    expect((await settle("--now")).written).toContain("settled 1 lane");
    expect(await settledIn()).toBe(4_000_000n);
    const prepared = journalled(bank).filter(({ kind }) => kind === "transactionPrepared");
    expect(prepared).toMatchObject([{ purpose: "claim" }]);
  });

  it("has nothing to do the second time", async () => {
    await settle("--now");
    expect((await settle("--now")).written).toBe("nothing is unclaimed\n");
    expect((await settle("--dry-run")).written).toBe("nothing is unclaimed\n");
  });

  it("changes neither chain nor journal in a dry run, with and without --now", async () => {
    bank.settle('coin_price = "2000"');
    const [before, facts] = [await bank.ledger(), journalled(bank)];
    const forced = JSON.parse((await settle("--now", "--dry-run", "--json")).written);
    expect(forced).toMatchObject({ dryRun: true, settled: [], plan: { value: "4.000000" } });
    expect(forced.plan.rows).toMatchObject([
      {
        device: bank.robot.address,
        direction: "in",
        epoch: 0,
        value: "4.000000",
        gas: 10_100,
        reason: "asked",
      },
    ]);
    expect(forced.plan.rows[0].cost).toMatch(/^0\.\d{6}$/);
    const { written } = await settle("--dry-run");
    expect(written).toMatch(/robot-1 +in +(value|waits)/);
    expect(written).toContain("nothing was sent");
    expect(await bank.ledger()).toEqual(before);
    expect(journalled(bank)).toEqual(facts);
    bank.settle('lane_deposit = "1.00"');
  });

  it("sees in a dry run what was claimed by somebody else since", async () => {
    const { world, robot, gateway, rich } = bank;
    await world.claim(rich, [await world.voucher(robot, gateway, 0, 4_000_000n)]);
    expect((await settle("--now", "--dry-run")).written).toBe("nothing is unclaimed\n");
  });

  it("leaves a journal alone that somebody has, and one of another gateway", async () => {
    const held = holdJournal(bank);
    await bank.refused(settleCommand, ["--now"], "journal_locked", /belongs to a running gateway/);
    held.release();
    bank.stand.put("data/gateway.key", bank.rich.privateKey);
    await bank.refused(settleCommand, ["--now"], "chain_mismatch", /is of gateway/);
    await bank.refused(settleCommand, ["--now", "--dry-run"], "chain_mismatch", /is of gateway/);
    bank.stand.put("data/gateway.key", bank.gateway.privateKey);
  });

  it("keeps to the cap on gas", async () => {
    bank.settle("max_fee_gwei = 0.001");
    await bank.refused(settleCommand, ["--now"], "transaction_stuck", /gas costs/);
    bank.settle('lane_deposit = "1.00"');
    expect(await settledIn()).toBe(0n);
  });

  it.each([
    [[], /--now/],
    [["now"], /--now/],
    [["--now", "robot-1"], /--now/],
    [["--nwo"], /did you mean --now\?/],
  ])("refuses %j", (args, message) => bank.refused(settleCommand, args, "usage", message));

  it("explains itself", async () => {
    const { code, written } = await settle("--help");
    expect(code).toBe(0);
    expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe("hirewire settle with a gateway", () => {
  it("asks it for the table and for the claim, and touches no journal itself", async () => {
    const running = await runVerbs(bank);
    const planned = JSON.parse((await settle("--dry-run", "--now", "--json")).written);
    expect(planned.plan.rows).toMatchObject([{ device: bank.robot.address, reason: "asked" }]);
    expect(await settledIn()).toBe(0n);
    const { written, warned } = await settle("--now", "--json");
    expect(warned).toContain("the running gateway settles");
    expect(JSON.parse(written)).toMatchObject({ dryRun: false, settled: [{ rows: 1 }] });
    expect(await settledIn()).toBe(4_000_000n);
    expect(running.heard).toEqual(["settle", "settle"]);
    await running.stop();
  });

  it("does not take an answer of another shape for one", async () => {
    const status = () => Promise.resolve({});
    const control = await startControl(bank.stand.data, {
      status,
      settle: () => Promise.resolve({ plan: 7 }),
    });
    await bank.refused(settleCommand, ["--now"], "link_lost", /not understood/);
    await bank.refused(settleCommand, ["--dry-run"], "link_lost", /not understood/);
    await control.stop();
  });
});
