/** Closed months go to files that carry the chain on, and nothing is lost on the way, whenever the process dies. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Fault, isFault } from "../../src/base/fault.ts";
import { archiveFolder, missingArchives } from "../../src/journal/archive.ts";
import { salvagedArchive } from "../../src/journal/archive-file.ts";
import { type Archiving, type ArchivingStep, archiveMonths } from "../../src/journal/archiving.ts";
import type { Draft, Entry } from "../../src/journal/journal.ts";
import { monthOf } from "../../src/journal/month.ts";
import { copyJournal, openJournal, walkJournal } from "../../src/journal/sqlite-journal.ts";
import { verifyJournal } from "../../src/journal/verify.ts";
import { buildLife, draftOf } from "./life.ts";
import { tamper } from "./tamper.ts";

const root = mkdtempSync(join(tmpdir(), "archive-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const freshFolder = () => mkdtempSync(join(root, "f-"));
const life = await buildLife();
const code = (name: string) => expect.objectContaining({ code: name });

/** A market's life in September, 300 records in October, 80 on the first of November. */
const drafts: readonly Draft[] = [
  ...life.drafts.map((draft, at) => ({ ...draft, at: Date.UTC(2026, 8, 1 + (at >> 1)) })),
  ...Array.from({ length: 300 }, (_, at) => draftOf([], Date.UTC(2026, 9, 1, at))),
  ...Array.from({ length: 80 }, (_, at) => draftOf([], Date.UTC(2026, 10, 1, 0, 0, at))),
];
const [SEPTEMBER, OCTOBER] = [34, 334];

/** A folder with all of it in blocks, and what it says. */
const whole = { folder: freshFolder(), entries: [] as readonly Entry[] };

beforeAll(() => {
  const journal = openJournal(whole.folder);
  for (let at = 0; at < drafts.length; at += 5) journal.append(drafts.slice(at, at + 5));
  journal.saveSnapshot(400, new Uint8Array([1]));
  whole.entries = [...journal.entries()];
  journal.close();
});

let folder = "";
beforeEach(() => {
  folder = freshFolder();
  cpSync(whole.folder, folder, { recursive: true });
});

const none = () => Promise.resolve();
const archive = (onStep?: (step: ArchivingStep) => void, before = "2026-11"): Promise<Archiving> =>
  archiveMonths(folder, { before, pause: none, ...(onStep ? { onStep } : {}) });
const files = () => (existsSync(archiveFolder(folder)) ? readdirSync(archiveFolder(folder)).toSorted() : []);
const inArchive = (name: string) => join(archiveFolder(folder), name);

function all(after = 0): Entry[] {
  const journal = openJournal(folder, { readOnly: true });
  try {
    return [...journal.entries(after)];
  } finally {
    journal.close();
  }
}

/** Index of the first entry that is in a block. */
function firstBlock(): number {
  const database = new DatabaseSync(join(folder, "journal.sqlite"), { readOnly: true });
  const row = database.prepare("SELECT min(first) AS first FROM block").get();
  database.close();
  return Number(row?.["first"]);
}

describe("monthOf", () => {
  it("is the calendar's in UTC", () => {
    expect(monthOf(Date.UTC(2026, 9, 31, 23, 59, 59, 999))).toBe("2026-10");
    expect(monthOf(Date.UTC(2026, 10, 1))).toBe("2026-11");
    expect(monthOf(0)).toBe("1970-01");
    expect(monthOf(8.64e15 + 1)).toBe("");
  });
});

describe("archiveMonths", () => {
  it("moves each month that is over into a file, and every way to read stays as it was", async () => {
    const { periods, waiting } = await archive();
    expect(waiting).toBeNull();
    expect(periods.map(({ first, last, file }) => [first, last, file])).toEqual([
      [1, SEPTEMBER, "journal-2026-09.hwa"],
      [SEPTEMBER + 1, OCTOBER, "journal-2026-10.hwa"],
    ]);
    expect(files()).toEqual(["journal-2026-09.hwa", "journal-2026-10.hwa"]);
    expect(firstBlock()).toBe(OCTOBER + 1);
    for (const after of [0, 1, SEPTEMBER - 1, SEPTEMBER, SEPTEMBER + 1, 290, OCTOBER, 400, 414, 500]) {
      expect(all(after)).toEqual(whole.entries.slice(after));
    }
    const journal = openJournal(folder);
    for (const { index } of whole.entries) expect(journal.entry(index)).toEqual(whole.entries[index - 1]);
    expect(journal.entry(415)).toBeNull();
    expect(journal.head().index).toBe(414);
    expect(journal.newestSnapshot()?.index).toBe(400);
    expect(journal.append([draftOf([])])[0]?.previous).toBe(whole.entries.at(-1)?.hash);
    journal.close();
    expect(walkJournal(folder).index).toBe(415);
  });

  it("carries the chain on: a whole journal is verified across its files", async () => {
    await archive();
    const journal = openJournal(folder, { readOnly: true });
    expect(verifyJournal(journal.stored())).toMatchObject({ held: 414, signatures: 31 });
    journal.close();
  });

  it("does nothing the second time, and goes on with the next month", async () => {
    await archive();
    const before = files().map((name) => readFileSync(inArchive(name)));
    expect(await archive()).toEqual({ periods: [], waiting: null });
    expect(files().map((name) => readFileSync(inArchive(name)))).toEqual(before);
    const journal = openJournal(folder);
    // the clock was set back: a second file of October
    journal.append([draftOf([], Date.UTC(2026, 9, 20)), draftOf([], Date.UTC(2026, 11, 1))]);
    journal.saveSnapshot(416, new Uint8Array([2]));
    journal.close();
    const { periods } = await archive(undefined, "2026-12");
    expect(periods.map(({ first, last, file }) => [first, last, file])).toEqual([
      [335, 414, "journal-2026-11.hwa"],
      [415, 415, "journal-2026-10-2.hwa"],
    ]);
    expect(all()).toHaveLength(416);
    expect(missingArchives(folder)).toEqual([]);
  });

  it("leaves what no snapshot covers, what nothing follows, and what is not over", async () => {
    expect(await archive(undefined, "2026-09")).toEqual({ periods: [], waiting: null });
    rmSync(join(folder, "snapshot-400"));
    expect(await archive()).toEqual({ periods: [], waiting: { month: "2026-09", for: "snapshot" } });
    const journal = openJournal(folder);
    journal.saveSnapshot(OCTOBER - 1, new Uint8Array([2]));
    journal.close();
    const { periods, waiting } = await archive();
    expect([periods.map(({ last }) => last), waiting]).toEqual([
      [SEPTEMBER],
      { month: "2026-10", for: "snapshot" },
    ]);
    const other = openJournal(folder);
    other.saveSnapshot(414, new Uint8Array([2]));
    other.close();
    // the run that a writer may go on with stays where it is
    expect((await archive(undefined, "2027-01")).waiting).toEqual({ month: "2026-11", for: "newer entries" });
    expect(all()).toEqual(whole.entries);
  });

  it("works beside a writer and a reader that is in the middle", async () => {
    const writer = openJournal(folder);
    const reader = openJournal(folder, { readOnly: true });
    const seen: Entry[] = [];
    let hasBegun = false;
    for (const entry of reader.entries()) {
      seen.push(entry);
      if (hasBegun) continue;
      hasBegun = true;
      const count = (step: ArchivingStep) => step === "forgotten" && writer.append([draftOf([], Date.now())]);
      await archiveMonths(folder, { before: "2026-11", pause: none, onStep: count });
    }
    expect(seen.slice(0, 414)).toEqual(whole.entries);
    expect(seen.length).toBe(writer.head().index);
    expect(writer.head().index).toBeGreaterThan(414);
    expect(writer.entry(7)).toEqual(whole.entries[6]);
    reader.close();
    writer.close();
    expect(all()).toEqual(seen);
  });

  it("loses nothing when it is killed after any step, and is finished by the next", async () => {
    const steps: ArchivingStep[] = [];
    await archive((step) => steps.push(step));
    expect(new Set(steps).size).toBe(5);
    for (let kill = 0; kill < steps.length; kill++) {
      folder = freshFolder();
      cpSync(whole.folder, folder, { recursive: true });
      let step = 0;
      const die = () => {
        if (step++ === kill) throw new Error("killed");
      };
      await expect(archive(die)).rejects.toThrow("killed");
      expect(walkJournal(folder)).toEqual({ index: 414, hash: whole.entries.at(-1)?.hash });
      await archive();
      expect(walkJournal(folder)).toEqual({ index: 414, hash: whole.entries.at(-1)?.hash });
      expect(firstBlock()).toBe(OCTOBER + 1);
      expect(files()).toEqual(["journal-2026-09.hwa", "journal-2026-10.hwa"]);
    }
  });

  it("begins no file for which there is no room, and asks for that of the month's blocks", async () => {
    const asked: number[] = [];
    const requireRoom = (bytes: number) => {
      asked.push(bytes);
      if (asked.length === 2) throw new Fault("disk_full", "no room");
    };
    const options = { before: "2026-11", pause: none, requireRoom };
    await expect(archiveMonths(folder, options)).rejects.toThrow(code("disk_full"));
    expect(files()).toEqual(["journal-2026-09.hwa"]);
    expect(all()).toEqual(whole.entries);
    expect(asked[0]).toBeGreaterThan(readFileSync(inArchive("journal-2026-09.hwa")).length / 2);
    expect(asked[0]).toBeLessThan(readFileSync(join(folder, "journal.sqlite")).length);
  });

  it("what a killed process has left is removed by the next one, and by the journal's writer", async () => {
    await archive();
    const left = inArchive("journal-2026-10-2.hwa.new");
    writeFileSync(left, "half a file");
    writeFileSync(inArchive("notes.new"), "the operator's");
    openJournal(folder, { readOnly: true }).close();
    expect(existsSync(left)).toBe(true);
    openJournal(folder).close();
    expect(existsSync(left)).toBe(false);
    writeFileSync(left, "half a file");
    await archive();
    expect(files()).toEqual(["journal-2026-09.hwa", "journal-2026-10.hwa", "notes.new"]);
  });

  it("goes on behind entries that a wrong clock has dated ahead", async () => {
    const journal = openJournal(folder);
    journal.append([draftOf([], Date.UTC(2031, 0, 1))]);
    journal.append([draftOf([], Date.UTC(2026, 10, 2))]);
    journal.append([draftOf([], Date.UTC(2026, 11, 1))]);
    journal.saveSnapshot(417, new Uint8Array([2]));
    journal.close();
    const { periods, waiting } = await archive(undefined, "2026-12");
    expect(periods.map(({ first, file }) => [first, file]).slice(2)).toEqual([
      [335, "journal-2026-11.hwa"],
      [415, "journal-2031-01.hwa"],
      [416, "journal-2026-11-2.hwa"],
    ]);
    expect(waiting).toBeNull();
    expect(all()).toHaveLength(417);
  });

  it("archives no entry that does not hold, and names it", async () => {
    tamper(folder, "UPDATE block SET marks = zeroblob(length(marks)) WHERE first = 101");
    await expect(archive()).rejects.toThrow(code("journal_broken"));
    expect(files()).toEqual(["journal-2026-09.hwa"]);
    expect(firstBlock()).toBe(SEPTEMBER + 1);
  });

  it("does not believe a file that is not what was written when it is read again", async () => {
    const spoil = (step: ArchivingStep) => {
      if (step !== "written") return;
      const [name = ""] = files();
      const bytes = readFileSync(inArchive(name));
      bytes[400] = (bytes[400] ?? 0) ^ 1;
      writeFileSync(inArchive(name), bytes);
    };
    await expect(archive(spoil)).rejects.toThrow(code("journal_broken"));
    expect(files()).toEqual([]);
    expect(all()).toEqual(whole.entries);
  });
});

describe("a file of the archive", () => {
  const october = "journal-2026-10.hwa";
  beforeEach(async () => {
    await archive();
  });

  it("that is missing is named, with its entries, and the others are read", () => {
    rmSync(inArchive(october));
    expect(missingArchives(folder)).toEqual([october]);
    const missing = expect.objectContaining({
      code: "not_found",
      message: expect.stringMatching(
        /^entries 35 to 334 are in .*journal-2026-10\.hwa, which is not there: put it back/,
      ),
    });
    expect(() => all()).toThrow(missing);
    expect(all(OCTOBER)).toEqual(whole.entries.slice(OCTOBER));
    const journal = openJournal(folder);
    expect(() => journal.entry(100)).toThrow(missing);
    expect(journal.entry(SEPTEMBER)).toEqual(whole.entries[SEPTEMBER - 1]);
    expect(journal.newestSnapshot()?.index).toBe(400);
    journal.close();
  });

  it("that was changed anywhere, or cut off, is journal_broken at an entry of it", () => {
    const bytes = readFileSync(inArchive(october));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        writeFileSync(inArchive(october), bytes.with(at, (bytes[at] ?? 0) ^ change));
        expectBroken(35, 334);
      }),
      { numRuns: 60 },
    );
    truncateSync(inArchive(october), bytes.length - 1);
    expectBroken(35, 35);
    expect(missingArchives(folder)).toEqual([october]);
    writeFileSync(inArchive(october), "");
    expectBroken(35, 35);
  });

  it("cannot be another month's, or another journal's", () => {
    copyFileSync(inArchive("journal-2026-09.hwa"), inArchive(october));
    expectBroken(35, 35);
    const file = inArchive(october);
    copyFileSync(file, file);
    tamper(folder, "UPDATE archived SET file = '../journal.sqlite' WHERE first = 35");
    expect(() => all()).toThrow(code("journal_broken"));
  });

  it("is not copied with the journal, whose own entries hold without it", () => {
    const target = freshFolder();
    expect(copyJournal(folder, target)).toEqual({ index: 414, hash: whole.entries.at(-1)?.hash });
    expect(() => walkJournal(target)).toThrow(code("not_found"));
    cpSync(archiveFolder(folder), archiveFolder(target), { recursive: true });
    expect(walkJournal(target)).toEqual(walkJournal(folder, "own"));
  });

  it("can be searched by itself, torn as well", () => {
    const texts = whole.entries.slice(SEPTEMBER, OCTOBER).map(({ text }) => `[${text.slice(70)}`);
    expect(salvagedArchive(inArchive(october))).toEqual(texts);
    const bytes = readFileSync(inArchive(october));
    const frame = bytes.indexOf(Buffer.from("28b52ffd", "hex"));
    bytes.fill(0xff, frame + 8, frame + 40);
    writeFileSync(inArchive(october), bytes);
    // the first block is lost, and no other
    expect(salvagedArchive(inArchive(october))).toEqual(texts.slice(256));
    truncateSync(inArchive(october), readFileSync(inArchive(october)).length >> 1);
    expect(salvagedArchive(inArchive(october))?.length).toBeLessThan(texts.length);
    expect(salvagedArchive(join(folder, "journal.sqlite"))).toBeNull();
  });

  function expectBroken(from: number, to: number): void {
    let read = 0;
    try {
      const journal = openJournal(folder, { readOnly: true });
      try {
        for (const entry of journal.entries()) {
          expect(entry).toEqual(whole.entries[read]);
          read += 1;
        }
      } finally {
        journal.close();
      }
    } catch (fault) {
      if (!isFault(fault, "journal_broken")) throw fault;
      const index = Number(fault.facts["index"]);
      expect(index).toBeGreaterThanOrEqual(Math.max(from, read));
      expect(index).toBeLessThanOrEqual(to);
      return;
    }
    throw new Error("nothing was found");
  }
});
