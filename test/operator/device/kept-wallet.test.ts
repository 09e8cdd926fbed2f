/** A wallet that the gateway keeps: made at the factory, shown, capped, and told of when its file is bad. */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import { newPairing, savePairing } from "../../../src/operator/device/pairing.ts";
import { walletChecks } from "../../../src/operator/doctor/folder.ts";
import { parseWallet, walletFile } from "../../../src/operator/wallet-folder.ts";
import { WalletReader } from "../../../src/operator/wallet-reader.ts";
import { pairingText } from "../../../src/protocol/pairing.ts";
import { parsePairing } from "../../link/broker/pairing-board.ts";
import { openPairStand, pairBoard } from "./pair-stand.ts";
import { openStand } from "./stand.ts";

const code = (text: string, message = /./) =>
  expect.objectContaining({ code: text, message: expect.stringMatching(message) });
const usage = (message: RegExp) => code("usage", message);

const wallets = (data: string) =>
  existsSync(join(data, "wallets")) ? readdirSync(join(data, "wallets")) : [];

describe("device pair --out", () => {
  it("makes wallet, roster entry and pairing file without a board, and a running gateway lets it in", async () => {
    const stand = await openPairStand();
    const out = join(stand.folder, "board.json");
    const { written, warned } = await stand.device("pair", "board-7", "--out", out, "--serial", "0042");
    const file = parsePairing(readFileSync(out, "utf8"));
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(statSync(out).size).toBeLessThanOrEqual(1_024);
    expect(file).toMatchObject({ ...stand.market, manufacturer: "hirewire", serialNumber: "0042" });
    expect(written + warned).not.toContain(file.secret.slice(2));
    const wallet = stand.ports.keys.wallet(walletFile(stand.data, file.device));
    expect(wallet).toMatchObject({ name: "board-7", secret: file.secret, cap: "10.00" });
    expect(written).toContain(`enrolled board-7 as ${file.device}`);
    await stand.enrolment.refresh();
    expect(await stand.login(file)).toBeNull();
  });

  it("works before any gateway has run, and makes the gateway's key", async () => {
    const stand = openStand();
    onTestFinished(() => stand.remove());
    const out = join(stand.folder, "board.json");
    const { written, warned } = await stand.run(deviceCommand, "pair", "b", "--out", out, "--json");
    const file = parsePairing(readFileSync(out, "utf8"));
    expect(warned).toContain(`made the gateway's key: ${file.gateway}`);
    expect(JSON.parse(written)).toMatchObject({ device: file.device, name: "b", serialNumber: "b", out });
    expect(JSON.parse(written)).not.toHaveProperty("secret");
  });

  it("refuses what is taken, and writes over nothing", async () => {
    const stand = openStand();
    onTestFinished(() => stand.remove());
    const run = (...args: string[]) => stand.run(deviceCommand, "pair", ...args);
    const out = join(stand.folder, "board.json");
    await run("b", "--out", out);
    const before = readFileSync(out, "utf8");
    await expect(run("c", "--out", out)).rejects.toThrow(usage(/is there already/));
    await expect(run("B", "--out", `${out}2`)).rejects.toThrow(usage(/name is taken/));
    await expect(run("d", "--serial", "b", "--out", `${out}2`)).rejects.toThrow(usage(/belongs to b/));
    await expect(run("e", "--manufacturer", "guest", "--out", `${out}2`)).rejects.toThrow(usage(/guest/));
    await expect(run("e", "--out", join(stand.folder, "no", "x"))).rejects.toThrow(code("disk_failed"));
    expect(readFileSync(out, "utf8")).toBe(before);
    expect(existsSync(`${out}2`)).toBe(false);
    expect(wallets(stand.data)).toHaveLength(1);
  });
});

describe("a kept wallet", () => {
  it("is shown by device list, with its cap, which device cap changes", async () => {
    const stand = await openPairStand();
    const { device } = await pairBoard(stand, "--cap", "3");
    expect((await stand.device("list")).written).toMatch(/board-7 .* wallet kept here, at most 3 in all\n/);
    const dry = await stand.device("cap", "board-7", "7.5", "--dry-run", "--json");
    expect(JSON.parse(dry.written)).toEqual({
      device,
      name: "board-7",
      before: "3",
      cap: "7.5",
      dryRun: true,
    });
    const { written } = await stand.device("cap", "board-7", "7.5");
    expect(written).toBe("board-7 may spend 7.5 in all; before, 3\n");
    await stand.changed(() => stand.enrolment.keptWallet(device)?.cap === 7_500_000n);
    const lines = (await stand.device("list", "--json")).written.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line)).map(({ name, cap }) => [name, cap])).toEqual([
      ["board-7", "7.5"],
      ["robot-1", undefined],
    ]);
    await expect(stand.device("cap", "robot-1", "1")).rejects.toThrow(usage(/has its own key/));
    await expect(stand.device("cap", "board-7")).rejects.toThrow(usage(/NAME AMOUNT/));
    await expect(stand.device("cap", "board-7", "much")).rejects.toThrow(code("amount_syntax"));
  });

  it("is a key file, for what moves the money in the vault", async () => {
    const stand = await openPairStand();
    const { device } = await pairBoard(stand);
    expect(addressOfKey(stand.ports.keys.read(walletFile(stand.data, device)))).toBe(device);
    const bad = stand.put("bad.json", JSON.stringify({ version: 1, key: `0x${"ab".repeat(32)}` }));
    expect(() => stand.ports.keys.read(bad)).toThrow(
      expect.objectContaining({ code: "key_file", message: expect.not.stringContaining("abab") }),
    );
  });

  it("of a bad file is a fault that is told once, and leaves the others in", async () => {
    const stand = await openPairStand();
    const { device } = await pairBoard(stand);
    const good = readFileSync(walletFile(stand.data, device), "utf8");
    const folder = join(stand.data, "wallets");
    writeFileSync(join(folder, "a.json"), "{");
    writeFileSync(join(folder, "b.json"), good);
    writeFileSync(
      join(folder, "c.json"),
      JSON.stringify({ ...JSON.parse(good), key: `0x${"11".repeat(32)}` }),
    );
    await stand.enrolment.refresh();
    await stand.enrolment.refresh();
    const told = stand.faults.map((fault) => String(fault));
    expect(told).toHaveLength(3);
    expect(told.join()).toMatch(/a\.json is not a wallet.*b\.json holds the wallet of.*c\.json has a key/);
    expect(told.join()).not.toContain(JSON.parse(good).secret.slice(2));
    expect(stand.enrolment.keptWallet(device)).not.toBeNull();
    const { warned } = await stand.device("list");
    expect(warned.match(/passed over/g)).toHaveLength(3);
  });

  it("in a folder that cannot be read is a fault, not as if there were none", async () => {
    const stand = await openPairStand();
    const folder = join(stand.data, "wallets");
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "in the way");
    await stand.enrolment.refresh();
    expect(stand.faults.map(String).join()).toContain(`${folder} cannot be read: not a directory`);
    const look = walletChecks(stand.ports.readConfig(stand.config), stand.ports.keys);
    expect(look).toMatchObject([{ outcome: "wrong", found: expect.stringContaining(folder) }]);
  });

  it("is checked again once its file has changed, and not before", async () => {
    const stand = await openPairStand();
    const { device } = await pairBoard(stand);
    const reader = new WalletReader((path) => readFileSync(path, "utf8"));
    const read = () => reader.read(stand.data).wallets[0];
    const first = read();
    expect(read()).toBe(first);
    await stand.device("cap", "board-7", "9");
    expect(read()).toEqual({ ...first, cap: "9" });
    writeFileSync(walletFile(stand.data, device), "{}");
    expect([read(), reader.read(stand.data).faults.length]).toEqual([undefined, 1]);
  });

  it("is looked at by the doctor, as is its mode", async () => {
    const stand = await openPairStand();
    const look = () => walletChecks(stand.ports.readConfig(stand.config), stand.ports.keys);
    expect(look()).toEqual([]);
    const { device } = await pairBoard(stand);
    const file = walletFile(stand.data, device);
    expect(look()).toMatchObject([{ outcome: "good", found: "1 wallet kept for boards" }]);
    chmodSync(file, 0o640);
    expect(look()).toMatchObject([{ outcome: "wrong", fix: `chmod 600 ${file}` }]);
    writeFileSync(file, "{}");
    expect(look()).toMatchObject([{ outcome: "wrong", found: expect.stringContaining(file) }]);
  });

  it("of nobody who is enrolled opens nothing, and device list says so", async () => {
    const stand = await openPairStand();
    const file = await pairBoard(stand);
    rmSync(join(stand.data, "devices", "board-7.json"));
    await stand.enrolment.refresh();
    expect(stand.enrolment.keptWallet(file.device)).toBeNull();
    expect(await stand.login(file)).toBe("unknown_device");
    expect((await stand.device("list")).warned).toContain(`${file.device}.json, made for board-7`);
    // paired again it is another device, and what it was stays outside
    const again = await pairBoard(stand);
    expect(again.device).not.toBe(file.device);
    expect(await stand.login(file)).toBe("unknown_device");
    expect(await stand.login(again)).toBeNull();
  });

  it("without a file is no kept wallet any more", async () => {
    const stand = await openPairStand();
    const file = await pairBoard(stand);
    rmSync(walletFile(stand.data, file.device));
    await stand.enrolment.refresh();
    expect(stand.enrolment.keptWallet(file.device)).toBeNull();
    expect(await stand.login(file)).toBe("unknown_device");
  });

  it("is found by the gateway that runs, whoever writes it", async () => {
    const stand = await openPairStand();
    const pairing = newPairing(stand.market, {
      ...{ name: "board-7", manufacturer: "m", serialNumber: "s", owner: null, cap: "1" },
    });
    const { device } = pairing.entry;
    savePairing(stand.data, pairing);
    await stand.changed(() => stand.enrolment.keptWallet(device) !== null);
    expect(parsePairing(pairingText(pairing.file))).toEqual(pairing.file);
    expect(parseWallet(readFileSync(walletFile(stand.data, device), "utf8"), "x")).toEqual(pairing.wallet);
  });
});
