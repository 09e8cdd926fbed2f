/** A store on real disks: killed at any moment of its upgrade, and on one that is full. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../../../src/base/bytes.ts";
import type { Head } from "../../../../src/journal/journal.ts";
import { walkJournal } from "../../../../src/journal/sqlite-journal.ts";
import { backupByProcess } from "../../../../src/operator/recovery/backup-process.ts";
import { verifyBackup } from "../../../../src/operator/recovery/manifest.ts";
import { storeVersion } from "../../../../src/operator/upgrade/store-version.ts";
import { walkVersion3 } from "../../../../src/operator/upgrade/version-3.ts";
import { buildLife } from "../../../journal/life.ts";
import { writeVersion3 } from "../../../operator/upgrade/version-3.ts";

const TOML = `
  version = 1
  chain = { id = 31337, rpc = "http://127.0.0.1:9", vault = "0x${"11".repeat(20)}", token = "0x${"22".repeat(20)}" }
`;

/** How many times the life of a gateway is repeated: some 5,000 entries, 7 MB. */
const LIVES = 150;

/** At how many moments of an upgrade it is killed. */
const MOMENTS = 6;

const folder = mkdtempSync(join(tmpdir(), "store-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const old = join(folder, "old");
let head: Head;

beforeAll(async () => {
  const { drafts } = await buildLife();
  head = writeVersion3(join(old, "data"), Array.from({ length: LIVES }, () => drafts).flat());
  writeFileSync(join(old, "data", "gateway.key"), `${toHex(new Uint8Array(32).fill(1))}\n`, { mode: 0o600 });
  writeFileSync(join(old, "gateway.toml"), TOML);
});

/** A folder as the older hirewire left it. */
function fresh(name: string): string {
  const to = join(folder, name);
  cpSync(old, to, { recursive: true });
  return to;
}

const program = join(import.meta.dirname, "../../../../src/hirewire.ts");

function upgrade(where: string) {
  const args = ["--disable-warning=ExperimentalWarning", program, "upgrade"];
  return spawn(process.execPath, args, { cwd: where, stdio: ["ignore", "ignore", "inherit"] });
}

describe("an upgrade that is killed", () => {
  it("leaves one whole store at whatever moment, and the next one finishes it", async () => {
    const began = performance.now();
    await once(upgrade(fresh("whole")), "close");
    const took = performance.now() - began;
    expect(walkJournal(join(folder, "whole", "data"))).toEqual(head);
    const found = new Set<string>();
    for (let moment = 1; moment <= MOMENTS; moment++) {
      const where = fresh(`killed-${moment}`);
      const data = join(where, "data");
      const child = upgrade(where);
      const killed = once(child, "close");
      setTimeout(() => child.kill("SIGKILL"), (took * moment) / MOMENTS);
      await killed;
      const version = storeVersion(data);
      const backups = existsSync(join(data, "backups")) ? readdirSync(join(data, "backups")) : [];
      const whole = backups.filter((name) => !name.includes(".partial-"));
      found.add(`${version} ${whole.length}`);
      expect(version === 3 ? walkVersion3(data) : walkJournal(data)).toEqual(head);
      // nothing is changed before there is a backup
      if (version !== 3 || readdirSync(data).includes("journal.upgrade")) expect(whole).toHaveLength(1);
      await once(upgrade(where), "close");
      expect([storeVersion(data), walkJournal(data)]).toEqual([4, head]);
      const left = readdirSync(join(data, "backups")).filter((name) => !name.includes(".partial-"));
      expect(left).toHaveLength(1);
      expect(verifyBackup(join(data, "backups", left[0] ?? "")).journal).toEqual(head);
      rmSync(where, { recursive: true });
    }
    // before the backup, and after it
    expect(found.size).toBeGreaterThan(1);
  });
});

/** Runs part of `small-disk.ts` on a tmpfs that nobody else sees. */
function onSmallDisk(what: string, megabytes: number): unknown {
  const mount = join(folder, `disk-${what}`);
  mkdirSync(mount);
  const lines = [
    `mount -t tmpfs -o size=${megabytes}m tmpfs "$0"`,
    'cp -r "$1"/. "$0" && exec "$2" --disable-warning=ExperimentalWarning "$3" "$4" "$0"',
  ].join(" && ");
  const script = join(import.meta.dirname, "small-disk.ts");
  const args = ["-rm", "sh", "-c", lines, mount, old, process.execPath, script, what];
  const { stdout, stderr, status } = spawnSync("unshare", args, { encoding: "utf8" });
  expect([stderr, status]).toEqual(["", 0]);
  return JSON.parse(stdout);
}

const mayMount = spawnSync("unshare", ["-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).status === 0;
if (!mayMount)
  process.stderr.write("tests on a small disk are left out: unshare -rm may not mount a tmpfs\n");

describe.runIf(mayMount || process.env["CI"] === "true")("a small disk", () => {
  it("is refused an upgrade that it has no room for; one that fills it leaves the old store whole", () => {
    type Found = { ended: string; version: number; index: number; files: string[]; backups: string[] };
    type Story = { tries: Found[]; late: Found; last: Found };
    const { tries, late, last } = onSmallDisk("upgrade", 64) as Story;
    const before = readdirSync(join(old, "data"));
    const others = new Set(["backups", "journal.lock", "journal.sqlite-shm", "journal.sqlite-wal"]);
    for (const { files, backups, ...end } of [...tries, late]) {
      expect(end).toEqual({ ended: "disk_full", version: 3, index: head.index });
      expect(files.filter((name) => !others.has(name))).toEqual(before.filter((name) => !others.has(name)));
      expect(backups.filter((name) => name.includes(".partial-"))).toEqual([]);
    }
    expect(tries.flatMap(({ backups }) => backups)).toEqual([]);
    // there was room for the backup alone: the next one leans on it
    expect(late.backups).toHaveLength(1);
    expect(last).toMatchObject({ ended: "done", version: 4, index: head.index, backups: late.backups });
  });

  it("gets no half backup", () => {
    expect(onSmallDisk("backup", 64)).toEqual({ full: "disk_full", left: ["ballast"], fits: "done" });
  });

  it("is noticed when it fills up, and when there is room again", () => {
    expect(onSmallDisk("watch", 48)).toEqual(["disk_full", "full", "over"]);
  });
});

describe("backupByProcess", () => {
  it("makes one with hirewire backup, and gives what that says when it cannot", async () => {
    const where = fresh("backup");
    const make = backupByProcess(join(where, "gateway.toml"));
    const to = join(where, "auto-2026-01-01T00-00-00Z");
    await make(to, new AbortController().signal);
    expect(verifyBackup(to).journal).toEqual(head);
    await expect(make(to, new AbortController().signal)).rejects.toMatchObject({
      ...{ code: "usage", message: expect.stringMatching(/no backup was made in .*: .* is there already/) },
    });
  });

  it("leaves none when it is ended in the middle", async () => {
    const where = fresh("ended");
    const to = join(where, "auto-2026-01-01T00-00-00Z");
    const stop = new AbortController();
    const made = backupByProcess(join(where, "gateway.toml"))(to, stop.signal);
    stop.abort();
    await expect(made).rejects.toMatchObject({ code: "timed_out" });
    expect(existsSync(to)).toBe(false);
  });
});
