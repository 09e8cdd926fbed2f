/** The views' file is derived: whatever becomes of it, or of the journal under it, the rows are those of the journal. */
import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deserialize, serialize } from "node:v8";
import { beforeAll, describe, expect, it } from "vitest";
import { instant } from "../../../../src/base/clock.ts";
import { journalFile } from "../../../../src/journal/sqlite-journal.ts";
import { COLUMNS } from "../../../../src/operator/views/block.ts";
import { Reader } from "../../../../src/operator/views/reader.ts";
import { viewsFile } from "../../../../src/operator/views/store.ts";
import { buildLife, type Life } from "../../../journal/life.ts";
import { cutAfter } from "../../../journal/tamper.ts";
import { everyRow } from "../../../operator/views/naive.ts";
import { append, changePart, readAll, STILL, temporary } from "../../../operator/views/shelf.ts";

let life: Life;
let rows: ReturnType<typeof everyRow>;

beforeAll(async () => {
  life = await buildLife();
});

/** A folder whose views were read and closed. */
function read(): string {
  const folder = temporary();
  append(folder, life.drafts);
  const { library, close } = readAll(folder);
  rows = everyRow(library);
  close();
  return folder;
}

/** Rows as a new reader tells them. */
function rowsIn(folder: string) {
  const shelf = readAll(folder);
  const found = everyRow(shelf.library);
  shelf.close();
  return found;
}

/** How many tasks are in the views that are kept. */
function kept(folder: string): number {
  const database = new DatabaseSync(viewsFile(folder), { readOnly: true });
  const count = Number(database.prepare("SELECT COUNT(*) AS many FROM task").get()?.["many"]);
  database.close();
  return count;
}

describe("the views' file", () => {
  it("is read on where it was left, entry by entry", () => {
    const folder = temporary();
    const half = life.drafts.length >> 1;
    append(folder, life.drafts.slice(0, half));
    const first = readAll(folder);
    first.close();
    append(folder, life.drafts.slice(half));
    expect(rowsIn(folder)).toEqual(rowsIn(read()));
  });

  it("goes on, after a process was killed, from what that had written", () => {
    const folder = temporary();
    const half = life.drafts.length >> 1;
    append(folder, life.drafts.slice(0, half));
    let now = 0;
    const clock = { ...STILL, now: () => instant(now) };
    const first = readAll(folder, clock);
    now = 60_000;
    first.reader.follow();
    append(folder, life.drafts.slice(half));
    while (first.reader.follow());
    const killed = temporary();
    for (const end of ["", "-wal"]) copyFileSync(`${viewsFile(folder)}${end}`, `${viewsFile(killed)}${end}`);
    append(killed, life.drafts);
    const again = new Reader(killed, STILL);
    expect(again.read()).toEqual({ entries: half, of: life.drafts.length });
    again.close();
    expect(rowsIn(killed)).toEqual(everyRow(first.library));
  });

  it.each([
    ["is gone", (file: string) => rmSync(file)],
    ["is empty", (file: string) => truncateSync(file, 0)],
    ["was cut off", (file: string) => truncateSync(file, readFileSync(file).length - 40_000)],
    [
      "is no database",
      (file: string) => writeFileSync(file, "not a database at all, but long enough to be one".repeat(400)),
    ],
    [
      "is of another format",
      (file: string) => {
        const database = new DatabaseSync(file);
        database.exec("PRAGMA user_version = 99");
        database.close();
      },
    ],
    [
      "has no sense in it",
      (file: string) => {
        const database = new DatabaseSync(file);
        database.exec("UPDATE meta SET value = x'00' WHERE name = 'lanes'");
        database.close();
      },
    ],
    [
      "was overwritten in the middle",
      (file: string) => {
        const bytes = readFileSync(file);
        bytes.fill(0x5a, 40_000, 90_000);
        writeFileSync(file, bytes);
      },
    ],
    [
      "was left open when the power went",
      (file: string) => {
        const database = new DatabaseSync(file);
        const stored = database.prepare("SELECT value FROM meta WHERE name = 'cursor'").get()?.["value"];
        const cursor = deserialize(stored as Uint8Array);
        const other = serialize({ ...cursor, run: "another run of the machine" });
        database.prepare("UPDATE meta SET value = ? WHERE name = 'cursor'").run(other);
        database.exec("UPDATE party SET name = 'half written'");
        database.close();
      },
    ],
  ])("that %s is made anew", (_, damage) => {
    const folder = read();
    damage(viewsFile(folder));
    expect(rowsIn(folder)).toEqual(rows);
    // and kept this time
    expect(kept(folder)).toBe(4);
  });

  it("is not believed where a card has changed a column of it", () => {
    const folder = read();
    changePart(folder, COLUMNS.indexOf("low"));
    expect(rowsIn(folder)).toEqual(rows);
  });

  it("is made anew for a journal that was restored to an older one, and for another one", () => {
    const folder = read();
    const older = temporary();
    append(older, life.drafts.slice(0, 20));
    const other = temporary();
    append(other, [
      ...life.drafts.slice(0, 11),
      ...life.drafts.slice(11).map((draft) => ({ ...draft, at: draft.at + 1 })),
    ]);
    for (const from of [older, other]) {
      copyFileSync(journalFile(from), journalFile(folder));
      rmSync(join(folder, "journal.sqlite-wal"), { force: true });
      const found = rowsIn(folder);
      expect(found).toEqual(rowsIn(from));
      expect(found).not.toEqual(rows);
    }
  });

  it("begins again by itself when the journal under it becomes another one", () => {
    const folder = read();
    const shelf = readAll(folder);
    cutAfter(folder, 12, shelf.reader.library.journal.entry(12)?.hash ?? "");
    while (shelf.reader.follow());
    expect(shelf.reader.read()).toEqual({ entries: 12, of: 12 });
    expect(everyRow(shelf.library)).toHaveLength(4);
  });

  it("has one writer: whoever comes second reads a copy, and more of the journal", () => {
    const folder = temporary();
    const half = life.drafts.length >> 1;
    append(folder, life.drafts.slice(0, half));
    readAll(folder).close();
    const first = readAll(folder);
    append(folder, life.drafts.slice(half));
    const second = readAll(folder);
    while (first.reader.follow());
    expect(everyRow(second.library)).toEqual(everyRow(first.library));
    second.close();
    first.close();
    expect(rowsIn(folder)).toEqual(everyRowOf());
  });

  it("is not needed where it cannot be written", () => {
    const folder = temporary();
    append(folder, life.drafts);
    // a folder in its place
    const lock = new DatabaseSync(join(folder, "views.lock"));
    lock.exec("BEGIN EXCLUSIVE");
    expect(rowsIn(folder)).toEqual(everyRowOf());
    expect(existsSync(viewsFile(folder))).toBe(false);
    lock.close();
  });

  it("is written a minute after the first entry that is not, and not before", () => {
    const folder = temporary();
    append(folder, life.drafts);
    let now = 0;
    const clock = { ...STILL, now: () => instant(now) };
    const shelf = readAll(folder, clock);
    const count = () => {
      const database = new DatabaseSync(viewsFile(folder), { readOnly: true });
      const many = database.prepare("SELECT COUNT(*) AS many FROM outcome").get()?.["many"];
      database.close();
      return many;
    };
    expect(count()).toBe(0);
    now = 59_000;
    shelf.reader.follow();
    expect(count()).toBe(0);
    now = 60_000;
    shelf.reader.follow();
    expect(count()).toBe(4);
  });
});

function everyRowOf() {
  return rowsIn(read());
}
