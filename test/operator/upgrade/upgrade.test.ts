/** A folder of the version before this one, brought forward: nothing is lost, whatever ends it on the way. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { readConfig } from "../../../src/config.ts";
import type { Draft } from "../../../src/journal/journal.ts";
import { lockJournal, openJournal } from "../../../src/journal/sqlite-journal.ts";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import { newPairing, savePairing } from "../../../src/operator/device/pairing.ts";
import { backupCommand } from "../../../src/operator/recovery/backup.ts";
import { verifyBackup } from "../../../src/operator/recovery/manifest.ts";
import { restoreCommand } from "../../../src/operator/recovery/restore.ts";
import { readRoster, writeRosterEntry } from "../../../src/operator/roster-folder.ts";
import { upgradeCommand } from "../../../src/operator/upgrade/command.ts";
import { openStore } from "../../../src/operator/upgrade/store.ts";
import { STORE_VERSION, storeVersion } from "../../../src/operator/upgrade/store-version.ts";
import { buildLife } from "../../journal/life.ts";
import { openRecoveryStand, type RecoveryStand } from "../recovery/stand.ts";
import { sealed, writeVersion3 } from "./version-3.ts";

const code = (name: string, words = /./) =>
  expect.objectContaining({ code: name, message: expect.stringMatching(words) });

/** The key of the gateway in `test/journal/life.ts`. */
const KEY = new Uint8Array(32).fill(1);
const GATEWAY = addressOfKey(KEY);
const NOW = instant(Date.UTC(2026, 10, 23, 10, 30));

const { drafts } = await buildLife();

let stand: RecoveryStand;
beforeEach(() => {
  stand = openRecoveryStand();
  mkdirSync(stand.data, { mode: 0o700 });
});
afterEach(() => stand.remove());

/** A folder of version 3: journal with a snapshot, key, a device, a board's wallet. */
function old(some: readonly Draft[] = drafts) {
  const head = writeVersion3(stand.data, some);
  stand.put("data/gateway.key", `${toHex(KEY)}\n`);
  const { device } = { device: `0x${"77".repeat(20)}` } as const;
  const place = { manufacturer: "acme", serialNumber: "0007" };
  writeRosterEntry(stand.data, { version: 1, device, name: "robot-7", owner: null, ...place });
  const market = { chainId: 1, gateway: GATEWAY, vault: device, token: device };
  savePairing(
    stand.data,
    newPairing(market, { name: "board-7", ...place, serialNumber: "b-7", owner: null, cap: "1" }),
  );
  return head;
}

const says = () => {
  const lines: string[] = [];
  return { lines, say: (line: string) => void lines.push(line) };
};

function open({ say = () => undefined, free }: { say?: (line: string) => void; free?: () => number } = {}) {
  return openStore({
    ...{ settings: readConfig(stand.config), gateway: GATEWAY, version: "9.9.9", say },
    clock: { ...stand.ports.clock, now: () => NOW },
    ...(free ? { free } : {}),
  });
}

/** Every entry of the data folder, as this hirewire reads it. */
function entriesOf(folder: string) {
  const journal = openJournal(folder, { readOnly: true });
  try {
    return [...journal.entries()].map(({ index, hash, text }) => ({ index, hash, text }));
  } finally {
    journal.close();
  }
}

const written = (some: readonly Draft[] = drafts) =>
  sealed(some).map(({ index, hash, text }) => ({ index, hash, text }));

const backups = () =>
  existsSync(stand.at("data", "backups")) ? readdirSync(stand.at("data", "backups")) : [];

/** What an old hirewire finds: `[newest entry, its hash, snapshots]`. */
function asVersion3(folder: string) {
  const database = new DatabaseSync(join(folder, "journal.sqlite"), { readOnly: true });
  const newest = database.prepare("SELECT idx, hash FROM entry ORDER BY idx DESC LIMIT 1").get();
  const snapshots = database.prepare("SELECT count(*) AS n FROM snapshot").get()?.["n"];
  const format = database.prepare("PRAGMA user_version").get()?.["user_version"];
  database.close();
  return { index: newest?.["idx"], hash: newest?.["hash"], snapshots, format };
}

describe("openStore", () => {
  it("makes a store where there is none, and says which version it is", async () => {
    rmSync(stand.data, { recursive: true });
    expect(await open()).toEqual({ found: null, backup: null });
    expect(JSON.parse(readFileSync(stand.at("data", "store.json"), "utf8"))).toEqual({
      ...{ version: STORE_VERSION, by: "9.9.9" },
    });
    openJournal(stand.data).close();
    const { lines, say } = says();
    expect(await open({ say })).toEqual({ found: STORE_VERSION, backup: null });
    expect([lines, backups()]).toEqual([[], []]);
  });

  it("knows a folder of this version that does not say so: it was rebuilt, or killed at the last step", async () => {
    await stand.live();
    expect(storeVersion(stand.data)).toBe(STORE_VERSION);
    await open();
    expect(existsSync(stand.at("data", "store.json"))).toBe(true);
  });

  it("refuses a store of a newer hirewire by name, and changes nothing", async () => {
    const text = '{"version":5,"by":"7.0.0","more":true}';
    stand.put("data/store.json", text);
    const before = readdirSync(stand.data);
    await expect(open()).rejects.toThrow(
      code(
        "file_format",
        /version 5, of a newer hirewire \(7\.0\.0\); this one reads up to 4: run that one, or hirewire restore a backup/,
      ),
    );
    const kept = stand.at("data", "backups", "before-upgrade-4-to-5-2027-01-01T00-00-00Z");
    mkdirSync(kept, { recursive: true });
    await expect(open()).rejects.toThrow(code("file_format", new RegExp(`hirewire restore ${kept}`)));
    expect(readFileSync(stand.at("data", "store.json"), "utf8")).toBe(text);
    expect(readdirSync(stand.data)).toEqual([...before, "backups"].toSorted());
    stand.put("data/store.json", "{");
    await expect(open()).rejects.toThrow(code("file_format", /does not say/));
  });

  it("does not start on a full disk, and says how much it needs", async () => {
    const needs = /the gateway needs 4\.2 MB, and 1\.0 MB are free where .*data is/;
    await expect(open({ free: () => 1_000_000 })).rejects.toThrow(code("disk_full", needs));
    expect(readdirSync(stand.data)).toEqual([]);
  });
});

describe("a store of version 3", () => {
  it("is brought forward after a backup, entry for entry, with what lay in its log alone", async () => {
    const head = old();
    const roster = readRoster(stand.data);
    const wallets = readdirSync(stand.at("data", "wallets"));
    const { lines, say } = says();
    const { found, backup } = await open({ say });
    expect(found).toBe(3);
    expect(backup).toBe(stand.at("data", "backups", "before-upgrade-3-to-4-2026-11-23T10-30-00Z"));
    expect(entriesOf(stand.data)).toEqual(written());
    expect(storeVersion(stand.data)).toBe(STORE_VERSION);
    expect(readRoster(stand.data)).toEqual(roster);
    expect(readdirSync(stand.at("data", "wallets"))).toEqual(wallets);
    expect(lines).toEqual([
      expect.stringMatching(/is of version 3, this hirewire needs 4/),
      expect.stringMatching(/^it needs about 6\.\d MB of room/),
      `backup   ${backup}, entries 1 to ${head.index}, read again`,
      "the store is of version 4 now",
    ]);
    const journal = openJournal(stand.data);
    journal.append(drafts.slice(0, 1));
    journal.close();
    expect(await open()).toEqual({ found: 4, backup: null });
  });

  it("leaves a backup that the older hirewire can restore: its files, its manifest, its journal", async () => {
    const head = old();
    const { backup } = await open();
    if (backup === null) throw new Error("no backup");
    expect(asVersion3(backup)).toEqual({ ...head, snapshots: 1, format: 3 });
    const manifest = JSON.parse(readFileSync(join(backup, "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ version: 1, gateway: GATEWAY, journal: head });
    const known =
      /^(journal\.sqlite|gateway\.(toml|key)|devices\/robot-7\.json|devices\/board-7\.json|wallets\/0x\w+\.json)$/;
    const paths = manifest.files.map(({ path }: { path: string }) => path);
    expect(paths).toHaveLength(6);
    for (const path of paths) expect(path).toMatch(known);
    expect(verifyBackup(backup).journal).toEqual(head);
  });

  it("comes out of such a backup as a store of this version", async () => {
    old();
    const { backup } = await open();
    const to = stand.at("new");
    const { written: said } = await stand.call(restoreCommand, backup ?? "", "--data", to);
    expect(said).toContain("its store was of version 3: brought forward to 4");
    expect(entriesOf(to)).toEqual(written());
    expect(storeVersion(to)).toBe(STORE_VERSION);
    // the backup is as it was
    expect(asVersion3(backup ?? "").format).toBe(3);
  });

  it("can be backed up by this hirewire before it is brought forward", async () => {
    const head = old();
    await stand.call(backupCommand, stand.at("b"), "--config", stand.config);
    expect(asVersion3(stand.at("b"))).toEqual({ ...head, snapshots: 1, format: 3 });
    expect(storeVersion(stand.data)).toBe(3);
  });

  it("is left alone while its gateway runs", async () => {
    old();
    const lock = lockJournal(stand.data);
    await expect(open()).rejects.toThrow(code("journal_locked"));
    lock.close();
    expect(backups()).toEqual([]);
  });

  it("is left as it was when an entry does not hold, and when there is no room", async () => {
    const head = old();
    await expect(open({ free: () => 4_200_000 })).rejects.toThrow(
      code("disk_full", /the upgrade needs .* 4\.2 MB are free/),
    );
    expect([backups(), asVersion3(stand.data)]).toEqual([[], { ...head, snapshots: 1, format: 3 }]);
    const database = new DatabaseSync(join(stand.data, "journal.sqlite"));
    database.exec("UPDATE entry SET text = replace(text, 'robot-1', 'robot-2') WHERE idx = 2");
    database.close();
    await expect(open()).rejects.toThrow(code("journal_broken", /entry 2 does not hold: its text/));
    expect([backups(), storeVersion(stand.data)]).toEqual([[], 3]);
  });

  it("is finished by the next start when one is killed after its backup, with that backup", async () => {
    const module = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
    const script = `
      const { openStore } = await import(${module("operator/upgrade/store.ts")});
      const { readConfig } = await import(${module("config.ts")});
      const { systemClock } = await import(${module("base/clock.ts")});
      let left = Number(process.argv[1]);
      await openStore({ settings: readConfig(process.argv[2]), gateway: ${JSON.stringify(GATEWAY)}, version: "1",
        clock: systemClock, say: () => { if (left-- === 0) process.kill(process.pid, "SIGKILL"); } });`;
    old();
    const run = ["--input-type=module", "-e", script, "2", stand.config];
    const { signal, stderr } = spawnSync(process.execPath, run, { encoding: "utf8" });
    expect([signal, stderr]).toEqual(["SIGKILL", ""]);
    expect(storeVersion(stand.data)).toBe(3);
    const [name = ""] = backups();
    const { lines, say } = says();
    const backup = stand.at("data", "backups", name);
    expect(await open({ say })).toEqual({ found: 3, backup });
    expect(lines).toContain(`backup   ${backup}, of an upgrade that was broken off, holds`);
    expect(backups()).toEqual([name]);
    expect(entriesOf(stand.data)).toEqual(written());
  });

  it("takes away what was left of a backup, before it asks for room and when it is locked out by nobody", async () => {
    old();
    const left = [
      "before-upgrade-3-to-4-2026-11-22T10-30-00Z.partial-a1b2c3",
      "mine.partial-a1b2c3",
    ] as const;
    for (const name of left) mkdirSync(stand.at("data", "backups", name), { recursive: true });
    const lock = lockJournal(stand.data);
    await expect(open()).rejects.toThrow(code("journal_locked"));
    expect(backups()).toEqual(left);
    lock.close();
    const { backup } = await open({
      free: () => (existsSync(stand.at("data", "backups", left[0])) ? 4.2e6 : 1e9),
    });
    expect(backups()).toEqual([backup?.split("/").at(-1), left[1]]);
  });

  it("is finished when it was killed before it said which version it is, or in the middle of saying", async () => {
    old();
    await open();
    rmSync(stand.at("data", "store.json"));
    writeFileSync(stand.at("data", "store.json.new"), "{");
    expect(await open()).toEqual({ found: 4, backup: null });
    expect(storeVersion(stand.data)).toBe(4);
    expect(backups()).toHaveLength(1);
  });

  it("does not lean on a backup of an upgrade that was broken off, when it has been written to since", async () => {
    old(drafts.slice(0, -1));
    await open();
    for (const name of ["journal.sqlite", "store.json"]) rmSync(stand.at("data", name));
    const head = writeVersion3(stand.data, drafts);
    const later = instant(NOW + 60_000);
    const { backup } = await openStore({
      ...{ settings: readConfig(stand.config), gateway: GATEWAY, version: "9.9.9", say: () => undefined },
      clock: { ...stand.ports.clock, now: () => later },
    });
    expect(backups()).toHaveLength(2);
    expect(verifyBackup(backup ?? "").journal).toEqual(head);
  });
});

describe("hirewire upgrade", () => {
  const upgrade = (...args: readonly string[]) =>
    stand.call(upgradeCommand, ...args, "--config", stand.config);

  it("says what would be done, and does nothing", async () => {
    old();
    const { code: exit, written: said } = await upgrade("--check");
    expect(exit).toBe(0);
    expect(said).toMatch(
      /of version 3, this hirewire needs 4\n.*backup in .*backups.*\nit needs about .* MB there, .* are free/,
    );
    const { written: json } = await upgrade("--check", "--json");
    expect(JSON.parse(json)).toEqual({
      ...{
        data: stand.data,
        found: 3,
        version: 4,
        isDue: true,
        needed: expect.any(Number),
        free: expect.any(Number),
      },
    });
    expect([storeVersion(stand.data), backups()]).toEqual([3, []]);
  });

  it("brings it forward, and has nothing to do a second time", async () => {
    old();
    const { written: json } = await upgrade("--json");
    const [name = ""] = backups();
    const backup = stand.at("data", "backups", name);
    expect(JSON.parse(json)).toEqual({ data: stand.data, found: 3, version: 4, backup });
    expect((await upgrade()).written).toMatch(/^nothing to do: the store in .* is of version 4\n$/);
    expect((await upgrade("--check")).written).toMatch(/nothing to do/);
  });

  it("refuses what is no store, and words that it does not know", async () => {
    await expect(upgrade()).rejects.toThrow(code("config_missing", /no store/));
    await expect(upgrade("now")).rejects.toThrow(code("usage"));
    expect((await upgrade("--help")).written).toMatch(/^hirewire upgrade \[--check\]/);
  });
});
