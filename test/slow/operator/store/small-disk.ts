/**
 * What is done on a disk of a few megabytes that fills up: run by the tests in a mount namespace of its own, as
 * `node small-disk.ts WHAT FOLDER`, where FOLDER is a tmpfs with a data folder of version 3 in it. Prints one JSON object.
 */
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../../src/base/clock.ts";
import { isFault } from "../../../../src/base/fault.ts";
import { readConfig } from "../../../../src/config.ts";
import { walkJournal } from "../../../../src/journal/sqlite-journal.ts";
import { DiskWatch } from "../../../../src/operator/disk/disk-watch.ts";
import { freeBytes } from "../../../../src/operator/disk/free-bytes.ts";
import { fillBackup } from "../../../../src/operator/recovery/backup-folder.ts";
import { buildFolder } from "../../../../src/operator/recovery/draft-folder.ts";
import { openStore } from "../../../../src/operator/upgrade/store.ts";
import { storeVersion } from "../../../../src/operator/upgrade/store-version.ts";
import { walkVersion3 } from "../../../../src/operator/upgrade/version-3.ts";

const GATEWAY = `0x${"11".repeat(20)}` as const;

const [what = "", folder = ""] = process.argv.slice(2);
const data = join(folder, "data");
const settings = readConfig(join(folder, "gateway.toml"));
const ballast = join(folder, "ballast");

/** Fills the disk until so many bytes are left. */
function leave(bytes: number): void {
  rmSync(ballast, { force: true });
  writeFileSync(ballast, new Uint8Array(Math.max(0, (freeBytes(folder) ?? 0) - bytes)));
}

async function outcome(work: () => unknown): Promise<string> {
  try {
    await work();
    return "done";
  } catch (fault) {
    return isFault(fault) ? fault.code : String(fault);
  }
}

const STORE = { settings, gateway: GATEWAY, version: "1", clock: systemClock };

/** Upgrades where nobody is asked how much room there is, so that the disk fills up in the middle. */
const blindly = (say: (line: string) => void = () => undefined) =>
  openStore({ ...STORE, say, free: () => null });

/** What is there after an upgrade that ended so. */
function found(ended: string) {
  const version = storeVersion(data);
  const { index } = version === 3 ? walkVersion3(data) : walkJournal(data);
  return { ended, version, index, files: readdirSync(data).toSorted(), backups: backups() };
}

/** Upgrades with ever more room, until the backup fits; then without room for the new journal; then with enough. */
async function upgrade() {
  leave(1_024 * 1_024);
  const tries = [found(await outcome(() => openStore({ ...STORE, say: () => undefined })))];
  for (let part = 0; part < 4; part++) {
    leave((0.1 + 0.2 * part) * statSync(join(data, "journal.sqlite")).size);
    tries.push(found(await outcome(() => blindly())));
  }
  rmSync(ballast);
  const fill = (line: string) => (line.startsWith("backup") ? leave(8_192) : undefined);
  const late = found(await outcome(() => blindly(fill)));
  rmSync(ballast);
  return { tries, late, last: found(await outcome(() => blindly())) };
}

function backups(): string[] {
  return existsSync(join(data, "backups")) ? readdirSync(join(data, "backups")) : [];
}

/** Makes a backup on a disk that is too small for it, and then one that fits. */
async function backup() {
  const to = join(folder, "b");
  const source = {
    ...{ data, settingsFile: settings.file, keyFile: null, hasWallets: true },
    ...{ gateway: GATEWAY, version: "1", at: systemClock.now() },
  };
  const make = () => outcome(() => buildFolder(to, (draft) => fillBackup(draft, source)));
  leave(1_024 * 1_024);
  const full = await make();
  const left = readdirSync(folder)
    .filter((name) => name.startsWith("b"))
    .toSorted();
  rmSync(ballast);
  return { full, left, fits: await make() };
}

/** Watches a disk while it fills up and is emptied. */
async function watch() {
  const told: string[] = [];
  let changed: () => void = () => undefined;
  const disk = new DiskWatch({
    ...{ folder: data, reserve: 8 * 1_024 * 1_024, clock: systemClock },
    onFault: ({ code }) => told.push(code),
    onChange: (isFull) => {
      told.push(isFull ? "full" : "over");
      changed();
    },
  });
  const change = () => new Promise<void>((resolve) => (changed = resolve));
  disk.start();
  for (const act of [() => leave(4 * 1_024 * 1_024), () => rmSync(ballast)]) {
    const next = change();
    act();
    await next;
  }
  disk.stop();
  return told;
}

const WORK = { upgrade, backup, watch };
const work = Object.entries(WORK).find(([name]) => name === what)?.[1];
process.stdout.write(JSON.stringify(await work?.()));
