import { spawn } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { zstdCompressSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { memoryJournal } from "../../src/journal/memory-journal.ts";
import { openJournal, walkJournal } from "../../src/journal/sqlite-journal.ts";
import { journalContract } from "../ports/journal.contract.ts";
import { buildLife, draftOf } from "./life.ts";
import { changeText, changeTexts, cutAfter, tamper } from "./tamper.ts";

const root = mkdtempSync(join(tmpdir(), "journal-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const freshFolder = () => mkdtempSync(join(root, "f-"));

journalContract("memory journal", memoryJournal);
journalContract("SQLite journal", () => openJournal(freshFolder()));

const life = await buildLife();
const code = (name: string) => expect.objectContaining({ code: name });
const brokenAt = (index: number) =>
  expect.objectContaining({ code: "journal_broken", facts: expect.objectContaining({ index }) });

let folder = "";
beforeEach(() => {
  folder = freshFolder();
});

/** One block for each record, or one for all. */
function written(isInGroups = false): void {
  const journal = openJournal(folder);
  if (isInGroups) journal.append(life.drafts);
  else for (const draft of life.drafts) journal.append([draft]);
  journal.close();
}

function readAll(): number {
  const journal = openJournal(folder, { readOnly: true });
  try {
    return [...journal.entries()].length;
  } finally {
    journal.close();
  }
}

describe("SQLite journal on disk", () => {
  it("is the same after closing and opening", () => {
    written();
    const journal = openJournal(folder);
    expect([...journal.entries()].map(({ at, cause, facts }) => ({ at, cause, facts }))).toEqual(life.drafts);
    expect(journal.append([draftOf([])])[0]?.index).toBe(life.drafts.length + 1);
    journal.close();
  });

  it("reads on over more than one batch", () => {
    const journal = openJournal(folder);
    journal.append(Array.from({ length: 600 }, (_, at) => draftOf([], at)));
    expect([...journal.entries(10)].map((entry) => entry.at)).toEqual(
      Array.from({ length: 590 }, (_, i) => i + 10),
    );
    journal.close();
  });

  it("has one writer, in this process and in another", () => {
    const writer = openJournal(folder);
    expect(() => openJournal(folder)).toThrow(code("journal_locked"));
    writer.close();
    openJournal(folder).close();
  });

  it("is read beside its writer, which a reader cannot be", () => {
    const writer = openJournal(folder);
    const reader = openJournal(folder, { readOnly: true });
    writer.append(life.drafts);
    expect(reader.head()).toEqual(writer.head());
    expect([...reader.entries()]).toEqual([...writer.entries()]);
    expect(() => reader.append(life.drafts)).toThrow(code("impossible"));
    reader.close();
    writer.close();
  });

  it("is not made by a reader", () => {
    expect(() => openJournal(folder, { readOnly: true })).toThrow(code("config_missing"));
  });

  it("begins a new run of blocks at each opening, at each month, and after so many blocks or so much text", () => {
    const [october, november] = [Date.UTC(2026, 9, 31, 23, 59, 59, 999), Date.UTC(2026, 10, 1)];
    const journal = openJournal(folder);
    for (let n = 0; n < 65; n++) journal.append([draftOf([], october)]);
    journal.append([draftOf([], october), draftOf([], november), draftOf([], november)]);
    journal.append([draftOf([], november), draftOf([], october)]);
    journal.close();
    const again = openJournal(folder);
    const long = { ...draftOf([], november), cause: { ...draftOf([]).cause, id: "x".repeat(100_000) } };
    for (let n = 0; n < 4; n++) again.append([long]);
    again.append(Array.from({ length: 300 }, () => draftOf([], november)));
    expect(keys()).toEqual([1, 65, 67, 70, 71, 73]);
    expect(readAll()).toBe(374);
    expect(again.entry(64)?.at).toBe(october);
    again.close();
  });

  it("refuses an entry that could not be read again", () => {
    const journal = openJournal(folder);
    const long = { ...draftOf([]), cause: { ...draftOf([]).cause, id: "x".repeat(2 ** 22) } };
    expect(() => journal.append([draftOf([]), long])).toThrow(code("impossible"));
    expect(journal.append([draftOf([])])[0]?.index).toBe(1);
    journal.close();
  });
});

function keys(): number[] {
  const database = new DatabaseSync(join(folder, "journal.sqlite"));
  const rows = database.prepare("SELECT first FROM block WHERE key = first ORDER BY first").all();
  database.close();
  return rows.map((row) => Number(row["first"]));
}

describe("snapshots on disk", () => {
  const state = (index: number) => join(folder, `snapshot-${index}`);
  const newest = () => {
    const journal = openJournal(folder, { readOnly: true });
    const found = journal.newestSnapshot();
    journal.close();
    return found;
  };

  beforeEach(() => {
    const journal = openJournal(folder);
    journal.append(life.drafts);
    for (const index of [3, 2, 4]) journal.saveSnapshot(index, new Uint8Array([index]));
    journal.close();
  });

  it("are the newest two", () => {
    expect(readdirSync(folder).filter((name) => name.startsWith("snapshot"))).toEqual([
      "snapshot-3",
      "snapshot-4",
    ]);
    expect(newest()).toEqual({ index: 4, bytes: new Uint8Array([4]) });
  });

  it.each([
    ["rotten", () => writeFileSync(state(4), readFileSync(state(4)).with(-1, 5))],
    ["empty", () => writeFileSync(state(4), "")],
    ["cut off", () => truncateSync(state(4), 30)],
    ["under another name", () => renameSync(state(4), state(5))],
    ["ahead of the journal", () => renameSync(state(4), state(99))],
  ])("fall back to the older one when the newest is %s", (_, spoil) => {
    spoil();
    expect(newest()).toEqual({ index: 3, bytes: new Uint8Array([3]) });
  });

  it("are not those of another journal", () => {
    rmSync(join(folder, "journal.sqlite"));
    const other = openJournal(folder);
    other.append(life.drafts.map((draft) => ({ ...draft, at: draft.at + 1 })));
    expect(other.newestSnapshot()).toBeNull();
    other.close();
  });
});

describe.each([
  ["a block for each record", false],
  ["one block for all", true],
])("SQLite journal of %s, damaged", (_, isInGroups) => {
  beforeEach(() => written(isInGroups));

  it("finds a changed byte", () => {
    changeText(folder, 2, (line) => line.replace('"robot-1"', '"robot-2"'));
    expect(readAll).toThrow(brokenAt(2));
  });

  it("finds a changed byte in the newest entry, whose hash is kept whole", () => {
    const { length } = life.drafts;
    changeText(folder, length, (line) => line.replace('"by"', '"bz"'));
    expect(readAll).toThrow(brokenAt(length));
    expect(() => openJournal(folder)).toThrow(brokenAt(length));
    // the lock was given back
    expect(() => openJournal(folder)).toThrow(brokenAt(length));
  });

  it("finds two entries in each other's place", () => {
    const texts: string[] = [];
    changeTexts(folder, (line, index) => {
      texts[index] = line;
      return line;
    });
    changeTexts(folder, (line, index) => texts[index === 6 ? 7 : index === 7 ? 6 : index] ?? line);
    expect(readAll).toThrow(brokenAt(6));
  });

  it("finds what a block says of its entries changed", () => {
    const column = (name: string, value: string) => {
      const copy = freshFolder();
      cpSync(folder, copy, { recursive: true });
      tamper(copy, `UPDATE block SET ${name} = ${value} WHERE first = (SELECT max(first) FROM block)`);
      return () => walkJournal(copy);
    };
    const { length } = life.drafts;
    const first = isInGroups ? 1 : length;
    const broken = (index: number) => brokenAt(index);
    expect(column("hash", "x'12'")).toThrow(broken(length));
    expect(column("hash", "cast(substr(hash, 1, 31) || x'00' AS BLOB)")).toThrow(broken(length));
    expect(column("marks", "cast(x'0011223344556677' || substr(marks, 9) AS BLOB)")).toThrow(broken(first));
    expect(column("marks", "substr(marks, 1, length(marks) - 1)")).toThrow(broken(length));
    expect(column("count", "count + 1")).toThrow(broken(length + 1));
    expect(column("bytes", "substr(bytes, 1, 9)")).toThrow(broken(first));
    expect(column("bytes", "zeroblob(0)")).toThrow(broken(first));
    if (isInGroups) expect(column("key", "7")).toThrow(broken(first));
    else expect(column("key", "7")).toThrow(broken(length));
    expect(column("first", "first + 1")).toThrow(broken(first));
  });
});

describe("SQLite journal, damaged", () => {
  it.each([1, 5, 33])("finds a removed entry: %i", (index) => {
    written();
    tamper(folder, `DELETE FROM block WHERE first = ${index}`);
    expect(readAll).toThrow(brokenAt(index));
    if (index === life.drafts.length - 1) expect(() => openJournal(folder)).toThrow(brokenAt(index));
  });

  it("finds an entry that stands twice", () => {
    written();
    cutAfter(folder, 20, "0x");
    tamper(folder, "INSERT INTO block SELECT 21, count, 21, marks, hash, bytes FROM block WHERE first = 20");
    expect(readAll).toThrow(brokenAt(21));
  });

  it("does not unpack a bomb", () => {
    written();
    const length = 2 ** 26;
    const claims = zstdCompressSync(new Uint8Array(length), { pledgedSrcSize: length });
    const silent = Buffer.from("28b52ffd00580100000100000100", "hex");
    // that it is a hundred bytes
    const lies = Buffer.concat([zstdCompressSync(new Uint8Array(100), { pledgedSrcSize: 100 }), claims]);
    for (const [bomb, why] of [
      [claims, /claims to be of 67108864/],
      [silent, /does not say/],
      [lies, /larger than 33554432|its text does not have its hash/],
    ] as const) {
      tamper(folder, `UPDATE block SET key = 5, bytes = x'${bomb.toString("hex")}' WHERE first = 5`);
      expect(readAll).toThrow(
        expect.objectContaining({ facts: { index: 5, why: expect.stringMatching(why) } }),
      );
    }
  });

  it("is not opened when the file is foreign, torn or empty", () => {
    written();
    const file = join(folder, "journal.sqlite");
    truncateSync(file, Math.floor(statSync(file).size / 2) - 100);
    expect(() => openJournal(folder)).toThrow(code("journal_broken"));
    writeFileSync(
      file,
      "not a database, but long enough to have a header of a hundred bytes or more".repeat(3),
    );
    expect(() => openJournal(folder)).toThrow(code("journal_broken"));
    expect(readAll).toThrow(code("journal_broken"));
    writeFileSync(file, "");
    expect(() => openJournal(folder)).toThrow(code("journal_broken"));
    rmSync(file);
    tamper(folder, "CREATE TABLE t (a)");
    expect(() => openJournal(folder)).toThrow(code("journal_broken"));
  });
});

const appender = fileURLToPath(new URL("./appender.ts", import.meta.url));

/** Runs the appender, kills it once it has acknowledged `count` entries, and gives back the last index it told. */
function killedAfter(where: string, count: number, group: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [appender, where, String(group)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = "";
    let lines = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      told += text;
      lines += text.split("\n").length - 1;
      if (lines >= count) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", (_, signal) => {
      // The last line may be cut: what ends in a newline was told whole.
      const whole = told.slice(0, told.lastIndexOf("\n")).split("\n");
      if (signal === "SIGKILL") resolve(Number(whole.at(-1)));
      else reject(new Error(`appender ended by itself: ${told}`));
    });
  });
}

describe("SQLite journal under kill -9", () => {
  it("has every acknowledged entry and an intact chain after each of ten kills", {
    timeout: 60_000,
  }, async () => {
    const killRepeatedly = async (where: string, group: number) => {
      let before = 0;
      for (let kill = 0; kill < 5; kill++) {
        // Different depths into the run.
        const acknowledged = await killedAfter(where, 1 + ((kill * 37) % 101), group);
        const journal = openJournal(where);
        const indices = [...journal.entries()].map((entry) => entry.index);
        expect(indices.length).toBeGreaterThanOrEqual(acknowledged);
        expect((indices.length - before) % group).toBe(0);
        before = indices.length;
        journal.close();
      }
    };
    // Single appends, and groups of which none may be there in part.
    await Promise.all([killRepeatedly(freshFolder(), 1), killRepeatedly(freshFolder(), 7)]);
  });

  it("locks out a second writer in another process until that one is dead", async () => {
    const child = spawn(process.execPath, [appender, folder], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    expect(() => openJournal(folder)).toThrow(code("journal_locked"));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    openJournal(folder).close();
  });

  it("reports a file that may not grow as a fault, with nothing half appended", async () => {
    // A limit on the file size stands in for a full disk. Blocks are 512 or 1,024 bytes, as the shell has it.
    const script = 'ulimit -f 400; exec "$0" "$@"';
    const child = spawn("sh", ["-c", script, process.execPath, appender, folder, "3"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    await new Promise((resolve) => child.once("close", resolve));
    const [, last, fault, head] = /(\d+)\nfault (\w+)\nhead (\d+)\n$/.exec(told) ?? [];
    expect(fault).toMatch(/^disk_(full|failed)$/);
    expect(head).toBe(last);
    const journal = openJournal(folder);
    expect(journal.head().index).toBe(Number(last));
    expect([...journal.entries()]).toHaveLength(Number(last));
    journal.close();
  });
});
