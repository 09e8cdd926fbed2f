/** A journal's archive in backups: whole, shared where it can be, and never rotten. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { archiveMonths } from "../../../src/journal/archiving.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { isSameDisk } from "../../../src/operator/disk/free-bytes.ts";
import { backupCommand } from "../../../src/operator/recovery/backup.ts";
import { verifyBackup } from "../../../src/operator/recovery/manifest.ts";
import { restoreCommand } from "../../../src/operator/recovery/restore.ts";
import { draftOf } from "../../journal/life.ts";
import { openRecoveryStand, type RecoveryStand } from "./stand.ts";

const FILE = "archive/journal-2026-11.hwa";

let stand: RecoveryStand;
/** On another disk than the data folder. */
const elsewhere = mkdtempSync("/dev/shm/backups-");
let texts: readonly string[];

beforeAll(async () => {
  stand = openRecoveryStand();
  await stand.live();
  const journal = openJournal(stand.data);
  const later = Date.UTC(2026, 11, 5);
  journal.append([draftOf([], later), draftOf([], later)]);
  journal.saveSnapshot(journal.head().index, new Uint8Array(1));
  texts = [...journal.entries()].map(({ text }) => text);
  await archiveMonths(stand.data, { before: "2026-12", pause: () => Promise.resolve() });
  journal.close();
  writeFileSync(stand.at("data", "archive", "notes.txt"), "none of ours");
});
afterAll(() => {
  stand.remove();
  rmSync(elsewhere, { recursive: true });
});

const backup = (to: string) => stand.call(backupCommand, to, "--config", stand.config);
const restore = (from: string, to: string) => stand.call(restoreCommand, from, "--data", to);
const inode = (...names: readonly string[]) => statSync(join(...names)).ino;

/** Changes one byte of a file in its middle. */
function rot(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  // a file of its own: what shares the name of the old one keeps what it has
  writeFileSync(`${file}.rotten`, bytes, { mode: 0o600 });
  renameSync(`${file}.rotten`, file);
}

/** What the data folder's archive file is after some work on it, put right again afterwards. */
async function meanwhile(change: (file: string) => void, work: () => Promise<void>): Promise<void> {
  const file = join(stand.data, FILE);
  cpSync(file, `${file}.right`);
  try {
    change(file);
    await work();
  } finally {
    renameSync(`${file}.right`, file);
  }
}

const broken = (code: string, words: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(words) });

describe("the archive in a backup", () => {
  it("is a second name of the same file, and comes back as a copy with all its entries", async () => {
    const [to, data] = [stand.at("b"), stand.at("new")];
    await backup(to);
    const { files, version, journal } = verifyBackup(to);
    expect([version, journal.index]).toEqual([2, texts.length]);
    expect(files.map(({ path }) => path).filter((path) => path.startsWith("archive/"))).toEqual([FILE]);
    expect(inode(to, FILE)).toBe(inode(stand.data, FILE));
    await restore(to, data);
    expect(inode(data, FILE)).not.toBe(inode(stand.data, FILE));
    const restored = openJournal(data, { readOnly: true });
    expect([...restored.entries()].map(({ text }) => text)).toEqual(texts);
    restored.close();
  });

  it("is shared with an older backup on another disk, unless that has rotted", async () => {
    expect(isSameDisk(elsewhere, stand.data)).toBe(false);
    const at = (name: string) => join(elsewhere, name);
    await backup(at("one"));
    await backup(at("two"));
    expect(inode(at("two"), FILE)).toBe(inode(at("one"), FILE));
    for (const name of ["one", "two"]) rot(join(at(name), FILE));
    await backup(at("three"));
    expect(readFileSync(join(at("three"), FILE))).toEqual(readFileSync(join(stand.data, FILE)));
    expect(() => verifyBackup(at("two"))).toThrow(broken("file_format", /journal-2026-11\.hwa is not what/));
  });

  it("is read whole when it is new or has changed, so that no backup is made of one that has rotted", async () => {
    mkdirSync(stand.at("first"));
    await meanwhile(rot, async () => {
      await expect(backup(stand.at("first", "b"))).rejects.toThrow(
        broken("journal_broken", /entry \d+ does not hold/),
      );
      // where one from before lies beside it
      await expect(backup(stand.at("b2"))).rejects.toThrow(
        broken("journal_broken", /entry \d+ does not hold/),
      );
    });
    await meanwhile(
      (file) => rmSync(file),
      () => expect(backup(stand.at("b2"))).rejects.toThrow(broken("not_found", /journal-2026-11\.hwa/)),
    );
    await backup(stand.at("b2"));
  });

  it("is missed when it is gone from a backup", async () => {
    const to = stand.at("b3");
    await backup(to);
    rmSync(join(to, FILE));
    await expect(restore(to, stand.at("new3"))).rejects.toThrow(
      broken("file_format", /archive\/journal-2026-11\.hwa is missing/),
    );
  });

  it("is of no use to a hirewire that does not know the manifest", async () => {
    const to = stand.at("b4");
    await backup(to);
    const file = join(to, "manifest.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"version": 2', '"version": 3'));
    expect(() => verifyBackup(to)).toThrow(broken("file_format", /is of a newer hirewire \(9\.9\.9\)/));
  });
});
