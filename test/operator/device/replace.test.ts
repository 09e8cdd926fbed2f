import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseConnectionFile } from "../../../devices/robot/connection-file.ts";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import { laneCommand } from "../../../src/operator/lane/command.ts";
import { readRoster } from "../../../src/operator/roster-folder.ts";
import { type Bank, openBank } from "../money/bank.ts";
import { journalVouchers } from "../money/books.ts";
import { runVerbs } from "../money/running.ts";

let bank: Bank;
let armKey = "";
beforeAll(async () => {
  bank = await openBank();
  armKey = bank.stand.put("arm.key", bank.arm.privateKey);
  bank.settle('lane_deposit = "0.00"');
  await bank.world.endow([bank.gateway, bank.robot], 20_000_000n);
});
afterAll(() => bank.stop());
beforeEach(async () => {
  const clean = await bank.world.snapshot();
  const roster = readFileSync(join(bank.stand.data, "devices/robot-1.json"), "utf8");
  return async () => {
    await bank.world.revert(clean);
    for (const name of ["replace", "orders", "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"]) {
      rmSync(join(bank.stand.data, name), { recursive: true, force: true });
    }
    for (const name of ["owned", "fresh"]) {
      rmSync(join(bank.stand.data, `devices/${name}.json`), { force: true });
    }
    writeFileSync(join(bank.stand.data, "devices/robot-1.json"), roster);
    rmSync(out(), { force: true });
  };
});

const device = (...args: string[]) => bank.stand.run(deviceCommand, ...args);
const refused = (args: readonly string[], code: string, message: RegExp) =>
  bank.refused(deviceCommand, args, code, message);
const ownerOf = async (who: Hex) =>
  String(await bank.world.read(bank.world.vault, "ownerOf", [who])).toLowerCase();
const vaultOf = (who: Hex) =>
  bank.world.read(bank.world.vault, "vault", [who, bank.world.token]) as Promise<bigint>;
const out = () => join(bank.stand.folder, "fresh.json");
const order = (name: string) => join(bank.stand.data, "orders", `${name}.owner.json`);

describe("device add --owner, and device owner", () => {
  it("keeps the order that the new key has signed, until somebody pays the gas", async () => {
    const { rich, arm } = bank;
    const { written, warned } = await device("add", "owned", "--owner", rich.address);
    const account = addressOfKey(fromHex(parseConnectionFile(written).key));
    expect(warned).toContain("hirewire device owner owned --relay-key KEYFILE");
    expect(existsSync(order("owned"))).toBe(true);
    const dry = await device("owner", "owned", "--relay-key", armKey, "--dry-run");
    expect(dry.written).toContain("nothing was sent");
    expect(await ownerOf(account)).toBe(`0x${"0".repeat(40)}`);
    const sent = JSON.parse((await device("owner", "owned", "--relay-key", armKey, "--json")).written);
    expect(sent).toMatchObject({
      account,
      owner: rich.address,
      signer: arm.address,
      after: { owner: rich.address },
    });
    expect(await ownerOf(account)).toBe(rich.address);
    expect(existsSync(order("owned"))).toBe(false);
    await refused(["owner", "owned", "--relay-key", armKey], "usage", /already, for good/);
  });

  it("sends it at once with --from", async () => {
    const { rich } = bank;
    const args = ["add", "owned", "--owner", rich.address, "--from", armKey, "--out", out()];
    await device(...args);
    const account = addressOfKey(fromHex(parseConnectionFile(readFileSync(out(), "utf8")).key));
    expect(await ownerOf(account)).toBe(rich.address);
    expect(existsSync(order("owned"))).toBe(false);
  });

  it.each([
    [["add", "owned", "--from", "k"], "usage", /--owner 0x/],
    [["owner", "robot-1"], "usage", /--relay-key/],
    [["owner", "nobody", "--relay-key", "k"], "usage", /no device nobody/],
    [["allowance", "robot-1", "1"], "usage", /--owner-key/],
    [["allowance", "robot-1", "--owner-key", "k"], "usage", /NAME AMOUNT/],
    [["replace", "robot-1"], "usage", /--owner-key/],
    [["replace", "--owner-key", "k"], "usage", /NAME/],
  ])("refuses %j", (args, code, message) => refused(args, code, message));

  it("refuses where no order waits, one for another chain, and a key that stays on the device", async () => {
    await refused(["owner", "robot-1", "--relay-key", armKey], "usage", /no order of robot-1 waits/);
    const { rich, world } = bank;
    const away = ["add", "owned", "--address", rich.address, "--owner", bank.arm.address, "--from", armKey];
    await refused(away, "usage", /leave --from away/);
    await device("add", "owned", "--owner", rich.address);
    const text = readFileSync(order("owned"), "utf8");
    writeFileSync(order("owned"), text.replace(world.vault, world.token));
    await refused(["owner", "owned", "--relay-key", armKey], "chain_mismatch", /is for vault/);
    writeFileSync(order("owned"), text.replace(rich.address, bank.arm.address));
    await refused(["owner", "owned", "--relay-key", armKey], "transaction_failed", /BadSignature/);
  });
});

describe("device allowance", () => {
  it("is set by the owner, and by nobody else", async () => {
    const { world, robot, rich } = bank;
    const args = ["allowance", "robot-1", "2", "--owner-key", bank.from];
    await refused(args, "usage", /no owner yet/);
    await world.send(robot, world.vault, "setOwner", [rich.address]);
    expect((await device(...args)).written).toContain("the own key of robot-1 may move 2.000000\n");
    expect(await world.read(world.vault, "allowance", [robot.address, world.token])).toBe(2_000_000n);
    await refused(["allowance", "robot-1", "2", "--owner-key", armKey], "usage", /the owner of robot-1 is/);
    await refused(["allowance", "gateway", "2", "--owner-key", bank.from], "usage", /hirewire owner gateway/);
  });
});

describe("device replace", () => {
  /** robot-1 is owned by `rich`, has money everywhere, and its key is gone. */
  async function lose(): Promise<void> {
    const { world, robot, gateway, rich, arm } = bank;
    await world.fund(robot, gateway, 5_000_000n, 0);
    await world.fund(robot, arm, 1_000_000n, 1);
    await world.fund(gateway, robot, 4_000_000n, 0);
    await world.send(robot, world.vault, "setOwner", [rich.address]);
    await world.send(rich, world.vault, "setAllowance", [robot.address, world.token, 3_000_000n]);
    // the gateway owes it 1.5, and has been promised 2
    await journalVouchers(bank, [{ device: robot, paidIn: 2_000_000n, paidOut: 1_500_000n }]);
  }
  const replace = (...args: string[]) => device("replace", "robot-1", "--owner-key", bank.from, ...args);

  it("gets everything to a new key, one call after the other", async () => {
    await lose();
    const { world, robot, rich, stand } = bank;
    const dry = await replace("--out", out(), "--dry-run");
    expect(dry.written).toContain("would do now: takes the lost key's allowance away\n");
    expect(existsSync(out())).toBe(false);

    const first = JSON.parse((await replace("--out", out(), "--since", "0", "--json")).written);
    const connection = parseConnectionFile(readFileSync(out(), "utf8"));
    const fresh = addressOfKey(fromHex(connection.key));
    expect(first).toMatchObject({ lost: robot.address, fresh, done: false, due: [] });
    expect(connection).toMatchObject({
      name: "robot-1",
      serialNumber: "robot-1",
      gateway: bank.gateway.address,
    });
    // at once: the lost key is off the roster, its allowance is gone, the new account has its owner
    const { entries } = readRoster(stand.data);
    expect(entries.find(({ name }) => name === "robot-1")).toMatchObject({
      device: fresh,
      owner: rich.address,
    });
    expect(entries.some((entry) => entry.device === robot.address)).toBe(false);
    expect(await world.read(world.vault, "allowance", [robot.address, world.token])).toBe(0n);
    expect(await ownerOf(fresh)).toBe(rich.address);
    // what was in the vault, and what the gateway owed, is there already
    expect(await vaultOf(fresh)).toBe(14_000_000n + 1_500_000n);
    expect((await world.lane(robot, bank.gateway)).closeAt).toBeGreaterThan(0);
    expect((await world.lane(robot, bank.arm)).closeAt).toBeGreaterThan(0);
    expect((await world.lane(bank.gateway, robot)).closeAt).toBeGreaterThan(0);

    const waiting = await replace();
    expect(waiting.written).toMatch(/can be claimed until \d{4}-.*run this again/);
    await world.pass(3_601);
    const second = JSON.parse((await replace("--json")).written);
    expect(second).toMatchObject({ done: false, due: [] });
    await world.pass(86_400);
    const { written } = await replace();
    expect(written).toContain(`done: what the lost key had is in the vault of ${fresh}`);
    // 14 + 1.5 + (5 - 2) + 1: the gateway has claimed what it was promised
    expect(await vaultOf(fresh)).toBe(19_500_000n);
    expect(await vaultOf(robot.address)).toBe(0n);
    expect(await world.vaultOf(bank.gateway)).toBe(20_000_000n - 1_500_000n + 2_000_000n);
    expect(existsSync(join(stand.data, "replace/robot-1.json"))).toBe(false);
    await bank.stand.run(laneCommand, "open", "robot-1", "10", "--from", bank.from, "--window", "1h");
    expect(await vaultOf(fresh)).toBe(9_500_000n);
  });

  it("goes on where it was cut off, and asks a gateway that runs", async () => {
    await lose();
    const { world, robot, stand, rich } = bank;
    await bank.setCoins(rich, 0n);
    await expect(replace("--out", out())).rejects.toThrow(expect.objectContaining({ code: "funds_short" }));
    const fresh = addressOfKey(fromHex(parseConnectionFile(readFileSync(out(), "utf8")).key));
    await bank.setCoins(rich, 10n ** 18n);
    // as if the process had died before the roster was written
    const file = join(stand.data, "devices/robot-1.json");
    writeFileSync(file, readFileSync(file, "utf8").replace(fresh, robot.address));
    const running = await runVerbs(bank);
    const found = JSON.parse((await replace("--json")).written);
    expect(found).toMatchObject({ fresh, done: false });
    expect(running.heard).toEqual(["settle", "closeLane"]);
    await running.stop();
    expect(readRoster(stand.data).entries.find(({ name }) => name === "robot-1")?.device).toBe(fresh);
    expect(await ownerOf(fresh)).toBe(rich.address);
    await world.pass(3_601);
    expect(JSON.parse((await replace("--json")).written)).toMatchObject({ done: true });
    expect(await vaultOf(fresh)).toBe(18_500_000n);
  });

  it("refuses an account without an owner, another key, and a file that is there", async () => {
    const { world, robot, rich, stand } = bank;
    await refused(
      ["replace", "robot-1", "--owner-key", bank.from, "--out", out()],
      "usage",
      /no owner on the chain/,
    );
    await world.send(robot, world.vault, "setOwner", [rich.address]);
    await refused(["replace", "robot-1", "--owner-key", armKey, "--out", out()], "usage", /is owned by/);
    await refused(["replace", "robot-1", "--owner-key", bank.from], "usage", /--out FILE/);
    await refused(
      ["replace", "robot-1", "--owner-key", bank.from, "--out", stand.config],
      "usage",
      /there already/,
    );
    const since = ["replace", "robot-1", "--owner-key", bank.from, "--out", out(), "--since", "soon"];
    await refused(since, "usage", /number of a block/);
    expect(existsSync(out())).toBe(false);
    await replace("--out", out());
    expect(existsSync(join(stand.data, "replace/robot-1.json"))).toBe(false);
    stand.put("data/replace/robot-1.json", "{}");
    await refused(["replace", "robot-1", "--owner-key", bank.from], "file_format", /no replacement/);
  });
});
