import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../../src/config.ts";
import { journalFile, openJournal } from "../../../src/journal/sqlite-journal.ts";
import { newPairing, savePairing } from "../../../src/operator/device/pairing.ts";
import { backupCommand } from "../../../src/operator/recovery/backup.ts";
import { buildFolder } from "../../../src/operator/recovery/draft-folder.ts";
import { verifyBackup } from "../../../src/operator/recovery/manifest.ts";
import { restoreCommand } from "../../../src/operator/recovery/restore.ts";
import {
  clearRestoredMark,
  restoredMark,
  restoredReason,
} from "../../../src/operator/recovery/restored-mark.ts";
import { readRoster, writeRosterEntry } from "../../../src/operator/roster-folder.ts";
import { draftOf } from "../../journal/life.ts";
import { changeText } from "../../journal/tamper.ts";
import { openRecoveryStand, type RecoveryStand } from "./stand.ts";

const code = (name: string, words = /./) =>
  expect.objectContaining({ code: name, message: expect.stringMatching(words) });

const ENTRY = {
  version: 1,
  device: `0x${"77".repeat(20)}`,
  name: "robot-7",
  owner: null,
  manufacturer: "acme",
  serialNumber: "0007",
} as const;

let stand: RecoveryStand;
beforeEach(async () => {
  stand = openRecoveryStand();
  await stand.live();
  writeRosterEntry(stand.data, ENTRY);
});
afterEach(() => stand.remove());

const backup = (...args: readonly string[]) => stand.call(backupCommand, ...args, "--config", stand.config);
const restore = (...args: readonly string[]) => stand.call(restoreCommand, ...args);

/** Every file under a folder with its content, by path. */
function contents(folder: string): Record<string, string> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return Object.fromEntries(
    found.map((one) => {
      const path = join(one.parentPath, one.name);
      return [path.slice(folder.length + 1), readFileSync(path).toString("base64")];
    }),
  );
}

/** What a failed command has left beside the backup's place. */
const leftovers = () => readdirSync(stand.folder).filter((name) => name.startsWith("b"));

/** In the journal of a folder. */
function spoil(folder: string): void {
  changeText(folder, 2, (line) => line.replace("robot-1", "robot-2"));
}

describe("hirewire backup", () => {
  it("copies journal, roster, settings and key, for their owner alone, and says what it is", async () => {
    const to = stand.at("b");
    const { code: exit, written, warned } = await backup(to, "--json");
    expect(exit).toBe(0);
    expect(warned).toBe("");
    const files = ["journal.sqlite", "devices/robot-7.json", "gateway.toml", "gateway.key"];
    const { journal, gateway, at } = verifyBackup(to);
    expect(JSON.parse(written)).toEqual({
      ...{ to, at, gateway, journal },
      files: files.map((path) => ({ path, bytes: expect.any(Number), sha256: expect.any(String) })),
    });
    expect(new Set(Object.keys(contents(to)))).toEqual(new Set([...files, "manifest.json"]));
    for (const name of [...files, "manifest.json"]) expect(statSync(join(to, name)).mode & 0o777).toBe(0o600);
    expect(statSync(to).mode & 0o777).toBe(0o700);
    const source = openJournal(stand.data, { readOnly: true });
    expect(journal).toEqual(source.head());
    source.close();
  });

  it("is of one moment while the gateway goes on writing", async () => {
    const writer = openJournal(stand.data);
    writer.append([draftOf([])]);
    const head = writer.head();
    const { written } = await backup(stand.at("b"));
    writer.append([draftOf([])]);
    expect(written).toContain(`entries 1 to ${head.index}, newest hash ${head.hash}`);
    expect(verifyBackup(stand.at("b")).journal).toEqual(head);
    writer.close();
  });

  it("leaves the key out on request, and says so", async () => {
    const { warned } = await backup(stand.at("b"), "--without-key");
    expect(warned).toContain("keep gateway.key elsewhere");
    expect(existsSync(stand.at("b", "gateway.key"))).toBe(false);
    expect(JSON.stringify(contents(stand.at("b")))).not.toContain("AQEBAQEB");
    const with_ = await backup(stand.at("b2"));
    expect(with_.warned).toContain("can spend the gateway's money");
    expect(with_.written).not.toMatch(/0101010101/);
  });

  it("leaves a key out that is a credential of the gateway's service", async () => {
    mkdirSync(stand.at("credentials"));
    renameSync(stand.at("data", "gateway.key"), stand.at("credentials", "gateway.key"));
    const environment = { CREDENTIALS_DIRECTORY: stand.at("credentials") };
    const { warned } = await stand.call(
      (args, io, ports) =>
        backupCommand(args, io, { ...ports, readConfig: (path) => readConfig(path, environment) }),
      ...[stand.at("b"), "--config", stand.config],
    );
    expect(warned).toContain("it has no key");
    expect(verifyBackup(stand.at("b")).files.map(({ path }) => path)).not.toContain("gateway.key");
  });

  it("refuses to write over anything, and to back up what is not there", async () => {
    mkdirSync(stand.at("b"));
    await expect(backup(stand.at("b"))).rejects.toThrow(code("usage", /there already/));
    await expect(backup()).rejects.toThrow(code("usage"));
    await expect(backup("one", "two")).rejects.toThrow(code("usage"));
    rmSync(journalFile(stand.data));
    await expect(backup(stand.at("b2"))).rejects.toThrow(code("config_missing"));
    rmSync(stand.at("data", "gateway.key"));
    await expect(backup(stand.at("b2"))).rejects.toThrow(code("key_file"));
    expect(leftovers()).toEqual(["b"]);
  });

  it("does not make a backup of a broken journal", async () => {
    spoil(stand.data);
    await expect(backup(stand.at("b"))).rejects.toThrow(code("journal_broken", /entry 2/));
    expect(leftovers()).toEqual([]);
  });

  it("leaves nothing that looks like a backup when its disk is full", () => {
    const module = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
    const writer = openJournal(stand.data);
    // what is random cannot be compressed
    const large = () => ({
      ...draftOf([]),
      cause: { ...draftOf([]).cause, id: randomBytes(75_000).toString("base64") },
    });
    for (let n = 0; n < 10; n++) writer.append([large()]);
    writer.close();
    const script = `
      const { backupCommand } = await import(${module("operator/recovery/backup.ts")});
      const { readConfig } = await import(${module("config.ts")});
      const io = { write() {}, warn() {}, isTerminal: false };
      const keys = { read: () => new Uint8Array(32).fill(1), create() {} };
      const ports = { keys, readConfig, version: "1", clock: { now: () => 1 } };
      await backupCommand([${JSON.stringify(stand.at("b"))}, "--config", ${JSON.stringify(stand.config)}], io, ports)
        .then(() => console.log("done"), (fault) => console.log(fault.code));`;
    // A limit on the size of a file stands in for the end of the disk. Blocks are 512 or 1,024 bytes.
    const limited = [
      "-c",
      'ulimit -f 400; exec "$0" "$@"',
      process.execPath,
      "--input-type=module",
      "-e",
      script,
    ];
    const { stdout } = spawnSync("sh", limited, { encoding: "utf8" });
    expect(stdout).toBe("disk_failed\n");
    expect(leftovers()).toEqual([]);
  });

  it("has help", async () => {
    expect((await backup("--help")).written).toMatch(/^hirewire backup TO/);
    expect((await restore("--help")).written).toMatch(/^hirewire restore FROM/);
  });
});

describe("wallets that the gateway keeps for boards", () => {
  const secrets = () => JSON.stringify(contents(stand.at("b")));
  const enrol = () => {
    const address = (digit: string) => `0x${digit.repeat(40)}` as const;
    const market = { chainId: 1, gateway: address("1"), vault: address("2"), token: address("3") };
    const who = { name: "board-7", manufacturer: "acme", serialNumber: "b-7", owner: null, cap: "1" };
    const pairing = newPairing(market, who);
    savePairing(stand.data, pairing);
    writeFileSync(stand.at("data", "wallets", "notes.txt"), "no wallet");
    return pairing.wallet;
  };

  it("are in a backup with the gateway's key, and come back with their mode", async () => {
    const wallet = enrol();
    const { warned } = await backup(stand.at("b"));
    expect(warned).toContain("1 wallets that it holds for boards");
    const path = `wallets/${wallet.device}.json`;
    expect(Object.keys(contents(stand.at("b")))).toEqual(expect.arrayContaining([path]));
    expect(secrets()).not.toContain("notes");
    await restore(stand.at("b"), "--data", stand.at("new"));
    expect(statSync(stand.at("new", path)).mode & 0o777).toBe(0o600);
    expect(stand.ports.keys.wallet(stand.at("new", path))).toEqual(wallet);
  });

  it("stay out with it, and that is said", async () => {
    const wallet = enrol();
    const { warned } = await backup(stand.at("b"), "--without-key");
    expect(warned).toContain("keep the folder wallets elsewhere");
    expect(existsSync(stand.at("b", "wallets"))).toBe(false);
    for (const secret of [wallet.key, wallet.secret]) {
      const text = readFileSync(stand.at("b", "devices", "board-7.json"), "utf8");
      expect(text).not.toContain(secret.slice(2));
    }
    const { warned: told } = await restore(stand.at("b"), "--data", stand.at("new"));
    expect(told).toContain(stand.at("new", "wallets"));
  });
});

describe("buildFolder", () => {
  it("leaves no half folder under the name when its process is killed in the middle", () => {
    const module = new URL("../../../src/operator/recovery/draft-folder.ts", import.meta.url).href;
    const target = stand.at("b");
    const script = `
      const { buildFolder } = await import(${JSON.stringify(module)});
      const { writeFileSync } = await import("node:fs");
      buildFolder(${JSON.stringify(target)}, (draft) => {
        writeFileSync(draft + "/manifest.json", "{}");
        process.kill(process.pid, "SIGKILL");
        for (;;);
      });`;
    const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
    expect(signal).toBe("SIGKILL");
    expect(existsSync(target)).toBe(false);
    expect(leftovers()).toEqual([expect.stringMatching(/^b\.partial-/)]);
  });

  it("takes the place of an empty folder, and of nothing else", () => {
    mkdirSync(stand.at("b"));
    buildFolder(stand.at("b"), (draft) => writeFileSync(join(draft, "one"), "1"));
    expect(Object.keys(contents(stand.at("b")))).toEqual(["one"]);
    expect(() => buildFolder(stand.at("b"), () => undefined)).toThrow(code("disk_failed"));
    expect(Object.keys(contents(stand.at("b")))).toEqual(["one"]);
    expect(leftovers()).toEqual(["b"]);
  });
});

describe("hirewire restore", () => {
  it("gives the folder back as it was, marked so that its gateway starts halted", async () => {
    await backup(stand.at("b"));
    const before = contents(stand.at("b"));
    const { written } = await restore(stand.at("b"), "--data", stand.at("new"));
    expect(written).toContain("it starts halted");
    const journal = openJournal(stand.at("new"));
    const source = openJournal(stand.data, { readOnly: true });
    expect([...journal.entries()]).toEqual([...source.entries()]);
    journal.close();
    source.close();
    expect(readRoster(stand.at("new"))).toEqual(readRoster(stand.data));
    expect(readRoster(stand.at("new")).entries).toHaveLength(1);
    expect(readFileSync(stand.at("new", "gateway.key"))).toEqual(
      readFileSync(stand.at("data", "gateway.key")),
    );
    expect(statSync(stand.at("new", "gateway.key")).mode & 0o777).toBe(0o600);
    const mark = restoredMark(stand.at("new"));
    const { at, journal: head } = verifyBackup(stand.at("b"));
    expect(mark).toEqual({
      ...{ version: 1, from: stand.at("b"), backedUpAt: at, index: head.index },
      at: expect.any(Number),
    });
    if (!mark) throw new Error("no mark");
    expect(restoredReason(mark)).toBe(
      `restored from a backup of ${new Date(at).toISOString()}: reconciling; see hirewire resume`,
    );
    clearRestoredMark(stand.at("new"));
    expect(restoredMark(stand.at("new"))).toBeNull();
    clearRestoredMark(stand.at("new"));
    expect(restoredMark(stand.data)).toBeNull();
    expect(contents(stand.at("b"))).toEqual(before);
  });

  it("does not take a mark that cannot be read for none", () => {
    writeFileSync(stand.at("data", "restored"), "{");
    expect(() => restoredMark(stand.data)).toThrow(code("file_format", /restored/));
  });

  it("tells --json where it is and whether there is a key", async () => {
    await backup(stand.at("b"), "--without-key");
    const { written } = await restore(stand.at("b"), "--data", stand.at("new"), "--json");
    const { at, gateway, journal } = verifyBackup(stand.at("b"));
    expect(JSON.parse(written)).toEqual({
      ...{ data: stand.at("new"), from: stand.at("b"), at, gateway, journal, hasKey: false },
    });
    const again = await restore(stand.at("b"), "--data", stand.at("new2"));
    expect(again.warned).toContain(stand.at("new2", "gateway.key"));
  });

  it("refuses a folder with anything in it, and words that are missing", async () => {
    await backup(stand.at("b"));
    const data = contents(stand.data);
    await expect(restore(stand.at("b"), "--data", stand.data)).rejects.toThrow(code("usage", /not empty/));
    expect(contents(stand.data)).toEqual(data);
    await expect(restore(stand.at("b"))).rejects.toThrow(code("usage"));
    await expect(restore("--data", stand.at("new"))).rejects.toThrow(code("usage"));
    await expect(restore(stand.at("data"), "--data", stand.at("new"))).rejects.toThrow(
      code("file_format", /no backup/),
    );
    expect(existsSync(stand.at("new"))).toBe(false);
  });

  it("finds every file that was changed, cut, removed or moved out of the folder", async () => {
    await backup(stand.at("b"));
    const changes: [string, RegExp, (folder: string) => void][] = [
      ["a byte", /journal\.sqlite is not what/, (b) => flip(join(b, "journal.sqlite"))],
      ["the key", /gateway\.key is not what/, (b) => flip(join(b, "gateway.key"))],
      ["the settings", /gateway\.toml is not what/, (b) => writeFileSync(join(b, "gateway.toml"), "")],
      ["a device", /robot-7\.json is missing/, (b) => rmSync(join(b, "devices"), { recursive: true })],
      ["the manifest", /no backup/, (b) => rmSync(join(b, "manifest.json"))],
      ["where a file goes", /no backup/, (b) => rewrite(b, "gateway.toml", "../gateway.toml")],
      ["the journal's end", /ends at entry/, (b) => rewrite(b, '"index": ', '"index": 1')],
      [
        "that there is a journal",
        /has no journal/,
        (b) => rewrite(b, /\{\s*"path": "journal\.sqlite"[^}]*\},/, ""),
      ],
    ];
    for (const [what, words, change] of changes) {
      const copy = stand.at(`c-${what.replaceAll(/\W/g, "-")}`);
      await backup(copy);
      change(copy);
      await expect(restore(copy, "--data", stand.at("new")), what).rejects.toThrow(words);
      expect(existsSync(stand.at("new"))).toBe(false);
    }
  });

  it("does not restore a journal that a forger has put in with its hash", async () => {
    await backup(stand.at("b"));
    const file = stand.at("b", "journal.sqlite");
    spoil(stand.at("b"));
    const bytes = readFileSync(file);
    const manifest = JSON.parse(readFileSync(stand.at("b", "manifest.json"), "utf8"));
    const sha256 = `0x${createHash("sha256").update(bytes).digest("hex")}`;
    manifest.files[0] = { path: "journal.sqlite", bytes: bytes.length, sha256 };
    writeFileSync(stand.at("b", "manifest.json"), JSON.stringify(manifest));
    await expect(restore(stand.at("b"), "--data", stand.at("new"))).rejects.toThrow(
      code("journal_broken", /entry 2/),
    );
  });
});

function flip(file: string): void {
  const bytes = readFileSync(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  chmodSync(file, 0o600);
  writeFileSync(file, bytes);
}

function rewrite(folder: string, from: string | RegExp, to: string): void {
  const file = join(folder, "manifest.json");
  const text = readFileSync(file, "utf8");
  expect(text.replace(from, to)).not.toBe(text);
  writeFileSync(file, text.replace(from, to));
}
