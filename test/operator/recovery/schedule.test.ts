/** Backups that a gateway makes by itself: when, how many are kept, and what is never touched. */
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type Instant, instant } from "../../../src/base/clock.ts";
import { Fault } from "../../../src/base/fault.ts";
import { readConfig } from "../../../src/config.ts";
import type { Head } from "../../../src/journal/journal.ts";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import type { MakeBackup } from "../../../src/operator/recovery/backup-process.ts";
import { BackupSchedule } from "../../../src/operator/recovery/backup-schedule.ts";
import { buildFolder } from "../../../src/operator/recovery/draft-folder.ts";
import { newestBackup, removeLeftovers } from "../../../src/operator/recovery/kept-backups.ts";
import { writeManifest } from "../../../src/operator/recovery/manifest.ts";
import { ManualClock } from "../../settlement/manual-clock.ts";
import { openRecoveryStand, type RecoveryStand } from "./stand.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The gateway of `test/journal/life.ts`. */
const GATEWAY = addressOfKey(new Uint8Array(32).fill(1));

let stand: RecoveryStand;
/** Entries of the journal. */
let entries = 34;
beforeEach(() => {
  stand = openRecoveryStand();
  entries = 34;
  mkdirSync(stand.data);
  stand.put("data/journal.sqlite", "");
});
afterEach(() => stand.remove());

const head = (): Head => ({ index: entries, hash: `0x${"ab".repeat(32)}` });

/** A backup as far as a schedule looks at it. */
function writeBackup(to: string, at: Instant, gateway = GATEWAY): void {
  mkdirSync(to, { recursive: true });
  writeManifestOf(to, at, gateway);
}

function writeManifestOf(folder: string, at = instant(0), gateway = GATEWAY): void {
  writeManifest(folder, {
    ...{ version: 2, kind: "hirewire backup", hirewire: "9.9.9", at, gateway },
    ...{ journal: head(), files: [] },
  });
}

type Given = { make?: MakeBackup; free?: () => number; disk?: string };

function scheduleOf({ make, free, disk = "" }: Given = {}) {
  stand.configure(undefined, undefined, `disk = { backups = 2${disk} }`);
  const clock = new ManualClock();
  const told: Fault[] = [];
  const made: string[] = [];
  const schedule = new BackupSchedule({
    ...{ settings: readConfig(stand.config), gateway: GATEWAY, head, clock },
    make:
      make ??
      ((to) => {
        writeBackup(to, clock.now());
        return Promise.resolve();
      }),
    ...(free ? { free } : {}),
    onFault: (fault) => told.push(fault as Fault),
    onMade: (folder) => made.push(folder),
  });
  onTestFinished(() => schedule.stop());
  return { clock, told, made, schedule };
}

const folder = () => stand.at("data", "backups");
const kept = () => readdirSync(folder()).toSorted();

describe("a schedule of backups", () => {
  it("makes one some minutes after the start, then daily where there is something new, and keeps the newest", async () => {
    const { clock, told, made, schedule } = scheduleOf();
    schedule.start();
    await clock.advance(9 * 60_000);
    expect(made).toEqual([]);
    await clock.advance(60_000);
    expect(kept()).toEqual([expect.stringMatching(/^auto-2023-11-14T22-23-20Z$/)]);
    // nothing new: none
    await clock.advance(2 * DAY);
    expect(made).toHaveLength(1);
    entries++;
    await clock.advance(HOUR);
    expect(made).toHaveLength(2);
    for (let day = 0; day < 2; day++) {
      entries++;
      await clock.advance(DAY);
    }
    expect(made).toHaveLength(4);
    expect(kept().map((name) => join(folder(), name))).toEqual(made.slice(2));
    expect(newestBackup(folder())).toEqual({
      ...{ folder: made[3], gateway: GATEWAY, index: head().index, at: expect.any(Number) },
    });
    expect(told).toEqual([]);
  });

  it("goes by the age of the newest, whoever was started meanwhile, and by no date in the future", async () => {
    const first = scheduleOf();
    first.schedule.start();
    await first.clock.advance(HOUR);
    await first.schedule.stop();
    entries++;
    const again = scheduleOf();
    await again.clock.advance(HOUR);
    again.schedule.start();
    await again.clock.advance(DAY / 2);
    expect(again.made).toEqual([]);
    await again.clock.advance(DAY / 2 + 10 * 60_000);
    expect(again.made).toHaveLength(1);
    await again.schedule.stop();
    entries++;
    // whose clock is set back to where it began: the newest is of tomorrow
    const late = scheduleOf();
    await late.clock.advance(5_000);
    late.schedule.start();
    await late.clock.advance(DAY);
    expect(late.made).toHaveLength(1);
  });

  it("never touches what it has not made", async () => {
    const foreign = [
      "auto-2020-01-01T00-00-00Z",
      "before-upgrade-3-to-4-2020-01-01T00-00-00Z",
      "mine",
      "auto-x",
    ];
    for (const name of foreign) mkdirSync(join(folder(), name), { recursive: true });
    const other = join(folder(), "auto-2020-02-02T00-00-00Z");
    writeBackup(other, instant(0), `0x${"99".repeat(20)}`);
    const { clock, made, schedule } = scheduleOf();
    schedule.start();
    for (let day = 0; day < 4; day++) {
      entries++;
      await clock.advance(DAY);
    }
    expect(made).toHaveLength(4);
    const mine = made.slice(2).map((one) => one.slice(folder().length + 1));
    expect(kept()).toEqual([...foreign, "auto-2020-02-02T00-00-00Z", ...mine].toSorted());
  });

  it("keeps what it makes after a clock that ran ahead was set back, and is due at once", async () => {
    for (const day of [1, 2]) {
      entries++;
      writeBackup(join(folder(), `auto-2099-01-0${day}T00-00-00Z`), instant(Date.UTC(2099, 0, day)));
    }
    entries++;
    const { clock, made, schedule } = scheduleOf({ disk: ", backup_every_ms = 864000000" });
    schedule.start();
    await clock.advance(10 * 60_000);
    expect(made).toHaveLength(1);
    expect(newestBackup(folder())?.folder).toBe(made[0]);
    entries++;
    await clock.advance(10 * DAY);
    expect(kept().map((name) => join(folder(), name))).toEqual(made);
    expect(made).toHaveLength(2);
  });

  it("keeps what it makes after an older backup was restored, and no more often than it is to", async () => {
    const beyond = ["auto-2023-01-01T00-00-00Z", "auto-2023-01-02T00-00-00Z"];
    entries = 1_000;
    for (const name of beyond) writeBackup(join(folder(), name), instant(Date.UTC(2023, 0, 1)));
    entries = 35;
    const { clock, made, schedule } = scheduleOf();
    schedule.start();
    for (let hours = 0; hours < 36; hours++) {
      entries++;
      await clock.advance(HOUR);
    }
    expect(made).toHaveLength(2);
    expect(kept().map((name) => join(folder(), name))).toEqual(made);
  });

  it("takes away what a power cut has left before it asks for room, and nothing that a process still writes", async () => {
    const left = (name: string) => mkdtempSync(join(folder(), `${name}.partial-`));
    const free = () => (kept().length > 2 ? 0 : 1e9);
    const { clock, told, made, schedule } = scheduleOf({ free });
    mkdirSync(folder());
    const mine = left("mine");
    const alive = join(folder(), "auto-2020-04-04T00-00-00Z");
    let written = "";
    buildFolder(alive, (draft) => {
      written = draft;
      for (const time of ["00-00-00Z", "00-00-01Z"]) left(`auto-2020-03-03T${time}`);
      // as it is when its writer is killed
      closeSync(openSync(join(left("auto-2020-03-03T00-00-02Z"), "draft.lock"), "w"));
      removeLeftovers(folder());
      expect(kept().map((name) => join(folder(), name))).toEqual([written, mine].toSorted());
      writeManifestOf(draft);
    });
    expect(readdirSync(alive)).toEqual(["manifest.json"]);
    left("auto-2020-05-05T00-00-00Z");
    entries++;
    schedule.start();
    await clock.advance(HOUR);
    expect([made.length, told]).toEqual([1, []]);
  });

  it("tells once that it fails and goes on, and leaves nothing half behind", async () => {
    const disk: { isBroken: boolean } = { isBroken: true };
    const { clock, told, made, schedule } = scheduleOf({
      make: (to) => {
        mkdirSync(`${to}.partial-x`);
        if (disk.isBroken) return Promise.reject(new Fault("journal_broken", "entry 2 does not hold"));
        rmSync(`${to}.partial-x`, { recursive: true });
        return Promise.resolve();
      },
    });
    schedule.start();
    await clock.advance(DAY);
    expect(told.map(({ code }) => code)).toEqual(["journal_broken"]);
    expect(kept()).toEqual([]);
    disk.isBroken = false;
    await clock.advance(HOUR);
    expect([made.length, told.length]).toEqual([1, 1]);
    disk.isBroken = true;
    await clock.advance(DAY);
    expect(told).toHaveLength(2);
  });

  it("makes none on a disk that is too full, and says so", async () => {
    stand.put("data/journal.sqlite", "x".repeat(2_000));
    let free = 67_108_864 + 1_000;
    const { clock, told, made, schedule } = scheduleOf({ free: () => free });
    schedule.start();
    await clock.advance(HOUR);
    expect(told.map(({ code, message }) => [code, message])).toEqual([
      [
        "disk_full",
        expect.stringMatching(/^a backup needs 67\.1 MB, and 67\.1 MB are free where .*backups is/),
      ],
    ]);
    free += 1_000_000;
    await clock.advance(HOUR);
    expect(made).toHaveLength(1);
  });

  it("makes none where nobody wants any", async () => {
    const { clock, made, schedule } = scheduleOf({ disk: ", backup_every_ms = 0" });
    schedule.start();
    await clock.advance(10 * DAY);
    expect([made, existsSync(folder())]).toEqual([[], false]);
  });

  it("says that a folder cannot be made, and stops in the middle of one that is being made", async () => {
    stand.put("data/backups", "a file");
    const blocked = scheduleOf();
    blocked.schedule.start();
    await blocked.clock.advance(HOUR);
    expect(blocked.told.map(({ code }) => code)).toEqual(["disk_failed"]);
    await blocked.schedule.stop();
    rmSync(folder());
    const { clock, told, schedule } = scheduleOf({
      make: (to, signal) => {
        mkdirSync(`${to}.partial-x`);
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    schedule.start();
    await clock.advance(HOUR);
    expect(kept()).toHaveLength(1);
    await schedule.stop();
    expect([kept(), told]).toEqual([[], []]);
  });
});
