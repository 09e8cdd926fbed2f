import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { withdrawCommand } from "../../../src/operator/money/withdraw.ts";
import { type Bank, openBank } from "./bank.ts";

/** Nobody's, until somebody is paid there. */
const TO = "0x00000000000000000000000000000000deadbeef";

describe("withdraw", () => {
  let bank: Bank;
  beforeAll(async () => {
    bank = await openBank();
    await bank.world.endow([bank.gateway, bank.rich], 30_000_001n);
  });
  beforeEach(async () => {
    const clean = await bank.world.snapshot();
    return async () => {
      await bank.world.revert(clean);
    };
  });
  afterAll(() => bank.stop());

  const withdraw = (...args: string[]) => bank.stand.run(withdrawCommand, ...args);
  const refused = (args: readonly string[], code: string, message: RegExp) =>
    bank.refused(withdrawCommand, args, code, message);

  it("sends exactly the amount out of the gateway's vault, with the balances before and after", async () => {
    const { code, written } = await withdraw("12.345678", "--to", TO);
    expect(code).toBe(0);
    expect(await bank.world.tokensOf(TO)).toBe(12_345_678n);
    expect(await bank.world.vaultOf(bank.gateway)).toBe(30_000_001n - 12_345_678n);
    expect(await bank.world.vaultOf(bank.rich)).toBe(30_000_001n);
    expect(written).toContain(`from  vault of ${bank.gateway.address}, which has 30.000001\n`);
    expect(written).toContain(`to    account ${TO}, which has 0.000000\n`);
    expect(written).toContain(
      `vault of ${bank.gateway.address} has 17.654323\naccount ${TO} has 12.345678\n`,
    );
  });

  it("empties the vault of another key", async () => {
    const args = ["all", "--to", bank.robot.key.address, "--key", bank.from, "--json"];
    expect(JSON.parse((await withdraw(...args)).written)).toMatchObject({
      amount: "30.000001",
      signer: bank.rich.address,
      after: { from: "0.000000", to: "30.000001" },
      transactions: [{ step: "withdraw" }],
    });
    expect(await bank.world.vaultOf(bank.rich)).toBe(0n);
    expect(await bank.world.vaultOf(bank.gateway)).toBe(30_000_001n);
    await refused(args, "funds_short", /has 0\.000000/);
  });

  it("leaves alone what is in lanes", async () => {
    const { vault, token } = bank.world;
    await bank.world.send(bank.gateway, vault, "fundLane", [
      bank.gateway.address,
      bank.robot.address,
      token,
      30_000_000n,
      1,
    ]);
    await withdraw("all", "--to", TO);
    expect(await bank.world.tokensOf(TO)).toBe(1n);
    expect((await bank.world.lane(bank.gateway, bank.robot)).deposit).toBe(30_000_000n);
  });

  it("sends nothing in a dry run", async () => {
    const before = await bank.ledger();
    expect((await withdraw("all", "--to", TO, "--dry-run")).written).toContain("nothing was sent");
    expect(await bank.ledger()).toEqual(before);
  });

  it("refuses the vault's and the token's own address, and the zero address", async () => {
    const { vault, token } = bank.world;
    await refused(["1", "--to", vault], "usage", /vault's own contract/);
    await refused(["1", "--to", token.toUpperCase().replace("X", "x")], "usage", /token's own contract/);
    await refused(["1", "--to", `0x${"0".repeat(40)}`], "usage", /zero address/);
  });

  it("refuses more than the vault has, and an account that cannot pay the gas", async () => {
    await refused(["30.000002", "--to", TO], "funds_short", /has 30\.000001/);
    await bank.setCoins(bank.gateway, 1n);
    await refused(["1", "--to", TO], "funds_short", /for gas/);
  });

  it("refuses while the token is paused", async () => {
    await bank.world.send(bank.world.owner, bank.world.token, "pause", []);
    await refused(["1", "--to", TO], "transaction_failed", /would fail/);
  });

  it.each([
    [["1"], "usage", /--to 0x/],
    [["--to", TO], "usage", /AMOUNT/],
    [["0", "--to", TO], "usage", /above zero/],
    [["ALL", "--to", TO], "amount_syntax", /ALL/],
    [["0.0000001", "--to", TO], "amount_syntax", /6 decimals/],
    [["1", "--to", "0xdead"], "usage", /40 hexadecimal digits/],
    [["1", "--to", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92267"], "usage", /EIP-55/],
    [["1", "--too", TO], "usage", /did you mean --to\?/],
  ])("refuses %j", (args, code, message) => refused(args, code, message));

  it("explains itself", async () => {
    const { code, written } = await withdraw("-h");
    expect(code).toBe(0);
    expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
