/** Single checks, each with what they ask of the machine or the folder made up. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type Instant, instant } from "../../../src/base/clock.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import type { Check } from "../../../src/operator/doctor/check.ts";
import { folderChecks, keyCheck } from "../../../src/operator/doctor/folder.ts";
import { timeCheck } from "../../../src/operator/doctor/host.ts";
import { type Machine, thisMachine } from "../../../src/operator/doctor/machine.ts";
import { serialChecks } from "../../../src/operator/doctor/serial.ts";
import { archiveCheck, backupCheck, storeCheck } from "../../../src/operator/doctor/store.ts";
import { autoBackupName } from "../../../src/operator/recovery/kept-backups.ts";
import { writeManifest } from "../../../src/operator/recovery/manifest.ts";
import { tamper } from "../../journal/tamper.ts";
import { openStand, type Stand } from "../device/stand.ts";

const here = thisMachine("/nowhere");
const machine = (over: Partial<Machine>): Machine => ({ ...here, freeBytes: () => 20e9, ...over });

let stand: Stand;
beforeEach(() => {
  stand = openStand();
  mkdirSync(stand.data);
  return () => stand.remove();
});

const settings = () => stand.ports.readConfig(stand.config, {});

/** A check in short: how it came out, and what it says. */
const short = (check: Check | undefined) => check && `${check.outcome}: ${check.found} → ${check.fix}`;

describe("the time", () => {
  it.each([
    [true, false, /^good: the clock is synchronised → null$/],
    [false, false, /^wrong: .*takes no offers → sudo timedatectl set-ntp true$/],
    [null, false, /^note: nobody here says .*chain's time/],
    [false, true, /^note: not asked: clock\.synchronized is assume/],
  ])("said to be right: %s, assumed: %s", async (known, isAssumed, line) => {
    const asked = machine({ synchronized: () => Promise.resolve(known) });
    expect(short(await timeCheck(asked, isAssumed))).toMatch(line);
  });
});

describe("the disk", () => {
  const of = (over: Partial<Machine>) => folderChecks(settings(), machine({ card: () => null, ...over }));

  it("is told from an SD card, which wears out", () => {
    expect(short(of({})[2])).toMatch(/^good: not an SD card/);
    expect(short(of({ card: () => "mmcblk0" })[2])).toMatch(
      /^note: the SD card mmcblk0.* → a card of high end/,
    );
  });

  it("has the reserve free, or no offers are taken", () => {
    expect(short(of({ freeBytes: () => 67_108_864 })[1])).toMatch(/^note: 67\.1 MB/);
    expect(short(of({ freeBytes: () => 67_108_863 })[1])).toMatch(/^wrong: .*reserve of 67\.1 MB: no offers/);
  });
});

describe("the group of serial devices", () => {
  const lineOf = async (name: string | null, groups: string[]) => {
    stand.configure("127.0.0.1:0", {}, '[[serial]]\npath = "/dev/null"');
    const owner = () => (name === null ? null : { name, groups });
    const checks = await serialChecks(settings(), machine({ owner }));
    return short(checks.find(({ check }) => check === "dialout"));
  };

  it("is that of whoever the data folder belongs to", async () => {
    expect(await lineOf("pi", ["pi", "dialout"])).toMatch(/^good: pi is in it/);
    expect(await lineOf("hirewire", [])).toMatch(
      /^note: hirewire is not.* → sudo usermod -aG dialout hirewire/,
    );
    expect(await lineOf("root", [])).toBeUndefined();
    expect(await lineOf(null, [])).toBeUndefined();
  });
});

describe("the store", () => {
  it("is of a version, which an older hirewire cannot serve from", () => {
    expect(storeCheck(settings())).toEqual([]);
    openJournal(stand.data).close();
    expect(short(storeCheck(settings())[0])).toMatch(/^good: version 4/);
    stand.put("data/store.json", '{"version":5,"by":"0.9.0"}');
    expect(short(storeCheck(settings())[0])).toMatch(/^wrong: version 5, and this hirewire reads up to 4/);
    stand.put("data/store.json", '{"version":3}');
    expect(short(storeCheck(settings())[0])).toMatch(
      /^note: version 3 of an older hirewire → hirewire upgrade/,
    );
    stand.put("data/store.json", "{}");
    expect(short(storeCheck(settings())[0])).toMatch(/^wrong: .*store\.json/);
  });
});

describe("the archive", () => {
  it("is whole, or its missing files are named", () => {
    expect(archiveCheck(settings())).toEqual([]);
    openJournal(stand.data).close();
    expect(archiveCheck(settings())).toEqual([]);
    const row = "(1, 9, zeroblob(32), zeroblob(32), 'journal-2026-10.hwa', 3)";
    tamper(stand.data, `INSERT INTO archived (first, last, previous, hash, file, bytes) VALUES ${row}`);
    expect(short(archiveCheck(settings())[0])).toMatch(
      /^wrong: missing.*journal-2026-10\.hwa → .*from a backup/,
    );
    mkdirSync(join(stand.data, "archive"));
    stand.put("data/archive/journal-2026-10.hwa", "hwa");
    expect(archiveCheck(settings())).toEqual([]);
  });
});

describe("the newest backup", () => {
  const NOW = instant(Date.UTC(2026, 10, 23));
  const DAY = 86_400_000;
  const line = () => short(backupCheck(settings(), NOW)[0]);
  const make = (at: Instant) => {
    const folder = join(stand.data, "backups", autoBackupName(at));
    mkdirSync(folder, { recursive: true });
    const journal = { index: 7, hash: `0x${"00".repeat(32)}` } as const;
    const gateway = `0x${"11".repeat(20)}` as const;
    writeManifest(folder, {
      version: 1,
      kind: "hirewire backup",
      hirewire: "",
      at,
      gateway,
      journal,
      files: [],
    });
  };

  it("is missing, too old or young", () => {
    expect(line()).toMatch(/^note: none yet in .*backups: a running gateway makes one every 1 d/);
    make(instant(NOW - 2 * DAY - 1_000));
    expect(line()).toMatch(/^note: .*auto-2026-11-20T23-59-59Z, 2 d old → run the gateway/);
    make(instant(NOW - 2 * DAY));
    expect(line()).toMatch(/^good: .*2 d old/);
    stand.configure("127.0.0.1:0", {}, "disk.backup_every_ms = 0");
    expect(line()).toMatch(/^note: .*2 d old/);
    rmSync(join(stand.data, "backups"), { recursive: true });
    expect(line()).toMatch(/^note: none are made/);
  });
});

describe("the key", () => {
  const line = (credential: string | null) =>
    short(keyCheck({ ...settings(), credential }, stand.ports.keys).check);

  it("may be a credential, whose mode is systemd's business, and no other may lie beside it", () => {
    const credential = stand.put("credential", "05".repeat(32));
    writeFileSync(credential, "05".repeat(32), { mode: 0o644 });
    expect(line(credential)).toMatch(/^good: 0x[0-9a-f]{40}, the credential .*credential → null$/);
    stand.put("data/gateway.key", "06".repeat(32));
    expect(line(credential)).toMatch(
      /^wrong: .*is not that of the credential.* → keep the one whose address/,
    );
    expect(line(credential)).not.toMatch(/0505|0606/);
  });

  it("is elsewhere where there is a journal and none in the folder", () => {
    expect(line(null)).toMatch(/^wrong: none at .*gateway\.key → hirewire device add/);
    openJournal(stand.data).close();
    expect(line(null)).toMatch(/^wrong: .*the journal belongs to one → CREDENTIALS_DIRECTORY=/);
  });
});
