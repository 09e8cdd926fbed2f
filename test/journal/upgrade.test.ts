/** A journal of format 3, a row for each entry, becomes one of this format, whatever happens meanwhile. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Entry } from "../../src/journal/journal.ts";
import { memoryJournal } from "../../src/journal/memory-journal.ts";
import { salvagedTexts } from "../../src/journal/salvage.ts";
import { journalFile, openJournal } from "../../src/journal/sqlite-journal.ts";
import { journalFormat, upgradeJournal } from "../../src/journal/upgrade.ts";
import { buildLife, draftOf } from "./life.ts";
import { tamper } from "./tamper.ts";

const root = mkdtempSync(join(tmpdir(), "upgrade-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const life = await buildLife();
const entries: readonly Entry[] = memoryJournal().append([
  ...life.drafts,
  ...Array.from({ length: 1_200 }, (_, at) => draftOf([], Date.UTC(2026, 9 + (at >> 9), 1))),
]);
const head = { index: entries.length, hash: entries.at(-1)?.hash };
const code = (name: string) => expect.objectContaining({ code: name });

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "f-"));
});

/** As the hirewire before this one left it: the newest entries are in the log alone. */
function old(of: readonly Entry[] = entries): void {
  const made = mkdtempSync(join(root, "o-"));
  const database = new DatabaseSync(journalFile(made));
  database.exec(`PRAGMA journal_mode = WAL; BEGIN;
    CREATE TABLE entry (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, text TEXT NOT NULL) STRICT;
    CREATE TABLE snapshot (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
    PRAGMA application_id = ${0x68697265}; PRAGMA user_version = 3; COMMIT;`);
  const insert = database.prepare("INSERT INTO entry VALUES (?, ?, ?)");
  for (const { index, hash, text } of of) insert.run(index, hash, text);
  for (const end of ["", "-wal"]) copyFileSync(`${journalFile(made)}${end}`, `${journalFile(folder)}${end}`);
  database.close();
}

const files = () => readdirSync(folder).toSorted();

describe("upgradeJournal", () => {
  it("keeps every text and hash, and what the log alone had", () => {
    old();
    expect(journalFormat(folder)).toBe(3);
    const told: number[][] = [];
    expect(upgradeJournal(folder, (...progress) => told.push(progress))).toEqual(head);
    expect(told).toEqual([
      [1_024, 1_234],
      [1_234, 1_234],
    ]);
    expect(journalFormat(folder)).toBe(4);
    const journal = openJournal(folder);
    expect([...journal.entries()]).toEqual(entries);
    expect(journal.entry(1_000)).toEqual(entries[999]);
    expect(journal.append([draftOf([])])[0]?.index).toBe(1_235);
    journal.close();
  });

  it("takes an empty journal, changes one of this format in nothing, and says where there is none", () => {
    old([]);
    expect(upgradeJournal(folder).index).toBe(0);
    const bytes = readFileSync(journalFile(folder));
    expect(upgradeJournal(folder).index).toBe(0);
    expect(readFileSync(journalFile(folder))).toEqual(bytes);
    rmSync(journalFile(folder));
    expect(journalFormat(folder)).toBeNull();
    expect(() => upgradeJournal(folder)).toThrow(code("config_missing"));
  });

  it("goes on after it was killed, whatever that has left", () => {
    old();
    writeFileSync(join(folder, "journal.upgrade"), "half a file");
    writeFileSync(join(folder, "journal.upgrade-journal"), "and half a log");
    expect(upgradeJournal(folder)).toEqual(head);
    expect(files()).toEqual(["journal.sqlite"]);
  });

  it.each([
    ["a changed text", "UPDATE entry SET text = replace(text, '\"by\"', '\"bz\"') WHERE idx = 700", 700],
    ["a missing entry", "DELETE FROM entry WHERE idx = 3", 3],
    ["a hash that is another's", "UPDATE entry SET hash = '0x00' WHERE idx = 1234", 1_234],
  ])("leaves a journal with %s as it is, and names the entry", (_, sql, index) => {
    old();
    tamper(folder, sql);
    expect(() => upgradeJournal(folder)).toThrow(
      expect.objectContaining({ code: "journal_broken", facts: expect.objectContaining({ index }) }),
    );
    expect(journalFormat(folder)).toBe(3);
    expect(files()).not.toContain("journal.upgrade");
  });

  it("refuses any other format, and what is no journal", () => {
    old();
    tamper(folder, "PRAGMA user_version = 2");
    expect(() => upgradeJournal(folder)).toThrow(code("file_format"));
    tamper(folder, "PRAGMA user_version = 5");
    expect(() => upgradeJournal(folder)).toThrow(code("file_format"));
    writeFileSync(journalFile(folder), "no database");
    expect(() => journalFormat(folder)).toThrow(code("journal_broken"));
  });
});

describe("salvagedTexts", () => {
  const spoiled = (folder_: string) => salvagedTexts(journalFile(folder_));

  it("reads both formats", () => {
    old();
    expect(spoiled(folder)).toEqual(entries.map(({ text }) => text));
    upgradeJournal(folder);
    expect(spoiled(folder)).toEqual(entries.map(({ text }) => `[${text.slice(70)}`));
  });

  it("reads on at the next key block after one that is lost", () => {
    const journal = openJournal(folder);
    for (let n = 0; n < 70; n++) journal.append([draftOf([], n)]);
    journal.close();
    tamper(folder, "UPDATE block SET bytes = x'00' WHERE first = 60");
    const indices = spoiled(folder)?.map((text) => Number(/^\[(\d+)/.exec(text)?.[1]));
    expect(indices).toEqual([...Array.from({ length: 59 }, (_, at) => at + 1), 65, 66, 67, 68, 69, 70]);
  });

  it("is null for a file without a journal", () => {
    new DatabaseSync(journalFile(folder)).exec("CREATE TABLE other (a)");
    expect(spoiled(folder)).toBeNull();
  });
});
