import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseEther } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fundCommand } from "../../../src/operator/money/fund.ts";
import { type Bank, openBank } from "./bank.ts";

/** What `rich` has: 100 USDT. */
const RICH = 100_000_000n;

describe("fund", () => {
  let bank: Bank;
  beforeAll(async () => {
    bank = await openBank();
    await bank.mint(bank.rich, RICH);
  });
  beforeEach(async () => {
    const clean = await bank.world.snapshot();
    return async () => {
      await bank.world.revert(clean);
    };
  });
  afterAll(() => bank.stop());

  const fund = (...args: string[]) => bank.stand.run(fundCommand, ...args, "--from", bank.from);
  const refused = (args: readonly string[], code: string, message: RegExp) =>
    bank.refused(fundCommand, [...args, "--from", bank.from], code, message);
  const depositOf = async () => (await bank.world.lane(bank.robot, bank.gateway)).deposit;
  const steps = (written: string) => {
    const { transactions } = JSON.parse(written) as { transactions: { step: string }[] };
    return transactions.map(({ step }) => step);
  };

  it("puts exactly the amount into the device's lane, and says what the chain then has", async () => {
    const before = await bank.coins(bank.rich);
    const { code, written } = await fund("robot-1", "12.345678");
    expect(code).toBe(0);
    expect(await depositOf()).toBe(12_345_678n);
    expect(await bank.world.tokensOf(bank.rich.address)).toBe(RICH - 12_345_678n);
    expect(await bank.world.tokensOf(bank.world.vault)).toBe(12_345_678n);
    expect(await bank.allowance(bank.rich)).toBe(0n);
    expect(written).toContain(`account ${bank.rich.address} has 87.654322\n`);
    expect(written).toContain("lane deposit of robot-1 has 12.345678\n");
    const most = parseEther(/at most ([0-9.]+) coin/.exec(written)?.[1] ?? "0");
    const cost = before - (await bank.coins(bank.rich));
    expect(cost).toBeGreaterThan(0n);
    expect(cost).toBeLessThan(most);
  });

  it("adds to a lane, by name or address in any case, the smallest amount there is", async () => {
    await fund("ROBOT-1", "1");
    await fund(bank.robot.key.address, "0.000001");
    expect(await depositOf()).toBe(1_000_001n);
  });

  it("gives one JSON object whose hashes, gas and balances are the chain's", async () => {
    const { written, warned } = await fund("robot-1", "2.5", "--json");
    const found = JSON.parse(written);
    expect(found).toMatchObject({
      dryRun: false,
      amount: "2.500000",
      token: bank.world.token,
      signer: bank.rich.address,
      before: { from: "100.000000", to: "0.000000" },
      after: { from: "97.500000", to: "2.500000" },
    });
    expect(steps(written)).toEqual(["approve", "depositLane"]);
    for (const { hash, block, gasUsed, gasCost } of found.transactions) {
      const receipt = await bank.world.client.getTransactionReceipt({ hash });
      expect({ block, gasUsed, gasCost }).toEqual({
        block: Number(receipt.blockNumber),
        gasUsed: Number(receipt.gasUsed),
        gasCost: String(receipt.gasUsed * receipt.effectiveGasPrice),
      });
      expect(warned).toContain(hash);
    }
  });

  it("puts the amount into the gateway's vault", async () => {
    const { written } = await fund("gateway", "40");
    expect(await bank.world.vaultOf(bank.gateway)).toBe(40_000_000n);
    expect(await bank.world.vaultOf(bank.rich)).toBe(0n);
    expect(written).toContain("vault of the gateway has 40.000000\n");
  });

  it("uses an allowance that is there, and lowers one to zero first where USDT insists", async () => {
    await bank.allow(bank.rich, 3_000_000n);
    expect(steps((await fund("robot-1", "3", "--json")).written)).toEqual(["depositLane"]);
    await bank.allow(bank.rich, 1n);
    expect(steps((await fund("robot-1", "3", "--json")).written)).toEqual([
      "approve zero",
      "approve",
      "depositLane",
    ]);
    expect(await depositOf()).toBe(6_000_000n);
    expect(await bank.allowance(bank.rich)).toBe(0n);
  });

  it.each([0n, 1n])("needs no more coin than it says, with an old allowance of %d", async (allowance) => {
    if (allowance > 0n) await bank.allow(bank.rich, allowance);
    const { written } = await fund("robot-1", "3", "--dry-run");
    const most = parseEther(/at most ([0-9.]+) coin/.exec(written)?.[1] ?? "0");
    await bank.setCoins(bank.rich, most - 1n);
    await refused(["robot-1", "3"], "funds_short", /for gas/);
    await bank.setCoins(bank.rich, most);
    expect((await fund("robot-1", "3")).code).toBe(0);
    expect(await depositOf()).toBe(3_000_000n);
  });

  it("sends nothing in a dry run, and says the same", async () => {
    const before = await bank.ledger();
    const { written } = await fund("robot-1", "5", "--dry-run");
    expect(written).toContain("by    approve, depositLane");
    expect(written).toContain("nothing was sent");
    expect(JSON.parse((await fund("robot-1", "5", "--dry-run", "--json")).written)).toMatchObject({
      dryRun: true,
      transactions: [],
      after: { from: "100.000000", to: "0.000000" },
    });
    expect(await bank.ledger()).toEqual(before);
  });

  it("counts what arrives when the token takes a fee", async () => {
    const { world } = bank;
    await world.send(world.owner, world.token, "setParams", [10, 49]);
    const { written } = await fund("robot-1", "10");
    expect(await depositOf()).toBe(9_990_000n);
    expect(written).toContain("lane deposit of robot-1 has 9.990000\n");
  });

  it("refuses more tokens than there are", () =>
    refused(["robot-1", "100.000001"], "funds_short", /has 100\.000000 .* less than 100\.000001/));

  it("refuses a lane that would stay below the minimum, where a coin has a price", async () => {
    bank.settle('coin_price = "4000", lane_minimum = 1000');
    await refused(["robot-1", "0.000001"], "funds_short", /below the minimum of \d+\.\d{6}, 1000 times/);
    expect((await fund("gateway", "0.000001")).code).toBe(0);
    bank.stand.configure();
  });

  it("refuses an account that cannot pay the gas", async () => {
    await bank.setCoins(bank.rich, 1_000n);
    await refused(["robot-1", "1"], "funds_short", /for gas/);
  });

  it("refuses a lane that is closing", async () => {
    await fund("robot-1", "1");
    const { vault, token } = bank.world;
    await bank.world.send(bank.robot, vault, "requestClose", [
      bank.robot.address,
      bank.gateway.address,
      token,
    ]);
    await refused(["robot-1", "1"], "lane_closing", /robot-1 is closing until \d{4}-/);
    expect((await fund("gateway", "1")).code).toBe(0);
  });

  it("refuses, before the approval, where the token is paused or blocks the account", async () => {
    const { owner, token } = bank.world;
    await bank.world.send(owner, token, "pause", []);
    await refused(["robot-1", "1"], "transaction_failed", /would fail/);
    await bank.world.send(owner, token, "unpause", []);
    await bank.world.send(owner, token, "addBlackList", [bank.rich.address]);
    await refused(["gateway", "1"], "transaction_failed", /would fail/);
  });

  it.each([
    [["robot-2", "1"], "usage", /did you mean robot-1\?/],
    [["gatewy", "1"], "usage", /did you mean gateway\?/],
    [["0x0000000000000000000000000000000000000001", "1"], "usage", /no device/],
    [["robot-1", "0"], "usage", /above zero/],
    [["robot-1", "0.0000001"], "amount_syntax", /6 decimals/],
    [["robot-1", "1e3"], "amount_syntax", /1e3/],
    [["robot-1", "1,5"], "amount_syntax", /1,5/],
    [["robot-1"], "usage", /AMOUNT/],
    [["robot-1", "1", "2"], "usage", /AMOUNT/],
    [["robot-1", "1", "--dry"], "usage", /no option --dry/],
    [["robot-1", "1", "--dry-rum"], "usage", /did you mean --dry-run\?/],
  ])("refuses %j", (args, code, message) => refused(args, code, message));

  it("refuses without a paying key, on another chain, and without a gateway", async () => {
    const { stand } = bank;
    await bank.refused(fundCommand, ["robot-1", "1"], "usage", /--from KEYFILE/);
    const { vault, token, local } = bank.world;
    stand.configure("127.0.0.1:1883", { id: 1, rpc: local.url, vault, token });
    await refused(["robot-1", "1"], "chain_mismatch", /expected chain 1/);
    stand.configure("127.0.0.1:1883", { rpc: local.url, vault, token: vault });
    await refused(["robot-1", "1"], "chain_mismatch", /decimals/);
    stand.configure();
    rmSync(join(stand.data, "gateway.key"));
    await refused(["robot-1", "1"], "key_file", /hirewire device add/);
    stand.put("data/gateway.key", bank.gateway.privateKey);
  });

  it("explains itself", async () => {
    const { code, written } = await bank.stand.run(fundCommand, "--help");
    expect(code).toBe(0);
    expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
