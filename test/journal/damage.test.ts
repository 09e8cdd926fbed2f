/** What is left of a journal when the power fails, the disk rots or fills up, or another version has written it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../../src/base/fault.ts";
import type { Entry } from "../../src/journal/journal.ts";
import { copyJournal, journalFile, openJournal, walkJournal } from "../../src/journal/sqlite-journal.ts";
import { sha256 } from "../../src/kernels/digest.ts";
import { buildLife, draftOf } from "./life.ts";
import { changeText, tamper } from "./tamper.ts";

const root = mkdtempSync(join(tmpdir(), "damage-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const freshFolder = () => mkdtempSync(join(root, "f-"));
const life = await buildLife();
const code = (name: string) => expect.objectContaining({ code: name });

let folder = "";
beforeEach(() => {
  folder = freshFolder();
});

const FILES = ["journal.sqlite", "journal.sqlite-wal"] as const;

/** What a writer leaves that was killed in the middle: a file and the log of what is not in it yet. */
const crashed = { folder: "", entries: [] as Entry[] };

beforeAll(() => {
  crashed.folder = freshFolder();
  const writer = openJournal(crashed.folder);
  for (const draft of [...life.drafts, ...life.drafts]) writer.append([draft]);
  // Half of them reach the file itself, as after a checkpoint.
  writer.close();
  const again = openJournal(crashed.folder);
  for (const draft of life.drafts) again.append([draft]);
  crashed.entries = [...again.entries()];
  const image = freshFolder();
  for (const name of FILES) copyFileSync(join(crashed.folder, name), join(image, name));
  again.close();
  crashed.folder = image;
  expect(existsSync(join(image, "journal.sqlite-wal"))).toBe(true);
});

function laidOut(): string {
  const copy = freshFolder();
  for (const name of FILES) copyFileSync(join(crashed.folder, name), join(copy, name));
  return copy;
}

/** What can be read: the indices from the first on, and the fault that ended it. */
function reading(where: string): { read: number; fault: unknown } {
  let read = 0;
  try {
    const journal = openJournal(where, { readOnly: true });
    try {
      for (const entry of journal.entries()) {
        expect(entry).toEqual(crashed.entries[read]);
        read += 1;
      }
    } finally {
      journal.close();
    }
    return { read, fault: null };
  } catch (fault) {
    return { read, fault };
  }
}

/** Nothing but the file being broken may be said, and where its pages can be read the entry is named. */
function mustBeBroken(fault: unknown, read: number): void {
  if (!isFault(fault, "journal_broken") && !isFault(fault, "file_format")) throw fault;
  const { index } = fault.facts;
  if (index !== undefined) expect(Number(index)).toBeGreaterThan(read);
}

describe("a power cut", () => {
  it("in the middle of the log leaves every entry before it, and the journal goes on from there", () => {
    const size = readFileSync(join(crashed.folder, "journal.sqlite-wal")).length;
    fc.assert(
      fc.property(fc.nat(size), (length) => {
        const where = laidOut();
        truncateSync(join(where, "journal.sqlite-wal"), length);
        const { read, fault } = reading(where);
        expect(fault).toBeNull();
        expect(read).toBeGreaterThanOrEqual(2 * life.drafts.length);
        const journal = openJournal(where);
        expect(journal.append([draftOf([])])[0]?.index).toBe(read + 1);
        journal.close();
        expect(walkJournal(where).index).toBe(read + 1);
        rmSync(where, { recursive: true });
      }),
      { numRuns: 60 },
    );
  });

  it("that leaves other bytes in the log leaves every entry before them", () => {
    const size = readFileSync(join(crashed.folder, "journal.sqlite-wal")).length;
    fc.assert(
      fc.property(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const where = laidOut();
        flip(join(where, "journal.sqlite-wal"), at, change);
        const { read, fault } = reading(where);
        expect(fault).toBeNull();
        expect(read).toBeGreaterThanOrEqual(2 * life.drafts.length);
        rmSync(where, { recursive: true });
      }),
      { numRuns: 60 },
    );
  });
});

function flip(file: string, at: number, change: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ change;
  writeFileSync(file, bytes);
}

describe("a rotten file", () => {
  it("gives the entries before the rot as they were, and then says journal_broken", () => {
    const size = readFileSync(join(crashed.folder, "journal.sqlite")).length;
    const runs = 150;
    const seen = { whole: 0, named: 0 };
    fc.assert(
      fc.property(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const where = laidOut();
        flip(join(where, "journal.sqlite"), at, change);
        const { read, fault } = reading(where);
        if (fault === null) expect(read).toBe(crashed.entries.length);
        else mustBeBroken(fault, read);
        seen.whole += Number(fault === null);
        seen.named += Number(isFault(fault) && fault.facts["index"] !== undefined);
        rmSync(where, { recursive: true });
      }),
      { numRuns: runs },
    );
    // Most of a file is the text of entries; the rest is unused, or says how the file is laid out.
    expect(seen.named).toBeGreaterThan(runs / 3);
    expect(seen.whole + seen.named).toBeGreaterThan(runs * 0.8);
  });

  it("that is cut off anywhere is journal_broken, with and without its log", () => {
    const size = readFileSync(join(crashed.folder, "journal.sqlite")).length;
    fc.assert(
      fc.property(fc.nat(size - 1), fc.boolean(), (length, hasLog) => {
        const where = laidOut();
        truncateSync(join(where, "journal.sqlite"), length);
        if (!hasLog) rmSync(join(where, "journal.sqlite-wal"));
        const { read, fault } = reading(where);
        if (fault !== null) mustBeBroken(fault, read);
        // A page that stands in the log as well is read from there.
        else expect([hasLog, read]).toEqual([true, crashed.entries.length]);
        rmSync(where, { recursive: true });
      }),
      { numRuns: 80 },
    );
  });

  it("has each entry that needs none of the rot when it is asked for by its number", () => {
    const where = laidOut();
    // a run of blocks ends after 64 of them
    const [from, to] = [60, 64];
    tamper(where, `UPDATE block SET bytes = x'00' WHERE first = ${from}`);
    expect(reading(where)).toEqual({
      read: from - 1,
      fault: expect.objectContaining({ facts: { index: from, why: expect.any(String) } }),
    });
    const broken = openJournal(where, { readOnly: true });
    for (const entry of crashed.entries) {
      if (entry.index < from || entry.index > to) expect(broken.entry(entry.index)).toEqual(entry);
      else expect(() => broken.entry(entry.index)).toThrow(code("journal_broken"));
    }
    broken.close();
  });
});

describe("another version's journal", () => {
  it.each([
    [99, /format 99, that of a newer hirewire; this one reads \d+: update this one/],
    [1, /format 1, that of an older hirewire/],
    // its facts have no fuel
    [2, /format 2, that of an older hirewire; this one reads 4: read it with that one/],
    // a row for each entry
    [3, /format 3, that of an older hirewire; this one reads 4: .*hirewire upgrade/],
  ])("of format %i is refused by name, to read and to write, and left as it is", (format, words) => {
    openJournal(folder).close();
    tamper(folder, `PRAGMA user_version = ${format}`);
    const before = readFileSync(journalFile(folder));
    const refused = expect.objectContaining({ code: "file_format", message: expect.stringMatching(words) });
    expect(() => openJournal(folder)).toThrow(refused);
    expect(() => openJournal(folder, { readOnly: true })).toThrow(refused);
    expect(readFileSync(journalFile(folder))).toEqual(before);
  });
});

/** Hexadecimal, another each time, which compresses by half at most. */
function noise(length: number, seed: number): string {
  let text = "";
  for (let at = 0; text.length < length; at++) text += sha256(`${seed} ${at}`).slice(2);
  return text.slice(0, length);
}

describe("a full disk", () => {
  it("refuses a group whole, keeps what was there, and takes less once there is room", () => {
    const journal = openJournal(folder, { maxBytes: 163_840 });
    let seed = 0;
    const large = () => {
      const id = noise(3_000, ++seed);
      return { ...draftOf([]), cause: { ...draftOf([]).cause, id } };
    };
    const group = () => [large(), large(), large()];
    let groups = 0;
    const fill = () => {
      for (;;) {
        journal.append(group());
        groups += 1;
      }
    };
    expect(fill).toThrow(
      expect.objectContaining({ code: "disk_full", message: expect.stringMatching(/full/) }),
    );
    expect(groups).toBeGreaterThan(2);
    expect(journal.head().index).toBe(3 * groups);
    expect([...journal.entries()]).toHaveLength(3 * groups);
    // Nothing has failed to be flushed, so a smaller record may still fit.
    expect(journal.append([draftOf([])])[0]?.index).toBe(3 * groups + 1);
    journal.close();
    expect(walkJournal(folder).index).toBe(3 * groups + 1);
    const roomy = openJournal(folder);
    expect(roomy.append(group())).toHaveLength(3);
    roomy.close();
  });
});

describe("a stale lock", () => {
  it("of a process that is dead is no obstacle, whatever files it has left", async () => {
    const appender = fileURLToPath(new URL("./appender.ts", import.meta.url));
    const child = spawn(process.execPath, [appender, folder], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "close");
    expect(existsSync(join(folder, "journal.lock"))).toBe(true);
    writeFileSync(join(folder, "journal.new"), "half a file");
    const journal = openJournal(folder);
    expect(journal.head().index).toBeGreaterThan(0);
    journal.close();
  });
});

describe("copyJournal", () => {
  it("copies what a writer has appended so far, without snapshots, while it goes on", () => {
    const writer = openJournal(folder);
    writer.append(life.drafts);
    writer.saveSnapshot(3, new Uint8Array([3]));
    const target = freshFolder();
    expect(copyJournal(folder, target)).toEqual(writer.head());
    writer.append([draftOf([])]);
    const copy = openJournal(target);
    expect([...copy.entries()]).toEqual([...writer.entries()].slice(0, -1));
    // made again from the entries
    expect(copy.newestSnapshot()).toBeNull();
    // The copy is a journal of its own.
    expect(copy.append([draftOf([], 7)])[0]?.index).toBe(life.drafts.length + 1);
    copy.close();
    writer.close();
  });

  it("copies an empty journal, and none where there is none", () => {
    expect(() => copyJournal(folder, freshFolder())).toThrow(code("config_missing"));
    openJournal(folder).close();
    expect(copyJournal(folder, freshFolder()).index).toBe(0);
  });

  it("does not write over a journal, and does not pass on a broken one", () => {
    const writer = openJournal(folder);
    writer.append(life.drafts);
    writer.close();
    const target = freshFolder();
    copyJournal(folder, target);
    expect(() => copyJournal(folder, target)).toThrow();
    changeText(folder, 2, (line) => line.replace("robot-1", "robot-2"));
    expect(() => copyJournal(folder, freshFolder())).toThrow(
      expect.objectContaining({ code: "journal_broken", facts: { index: 2, why: expect.any(String) } }),
    );
  });
});
