import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { memoryJournal } from "../../src/journal/memory-journal.ts";
import { openJournal } from "../../src/journal/sqlite-journal.ts";
import { journalContract } from "../ports/journal.contract.ts";
import { buildLife, draftOf } from "./life.ts";

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

function written(): void {
  const journal = openJournal(folder);
  journal.append(life.drafts);
  journal.saveSnapshot(3, new Uint8Array([3]));
  journal.saveSnapshot(4, new Uint8Array([4]));
  journal.close();
}

function tamper(sql: string): void {
  const database = new DatabaseSync(join(folder, "journal.sqlite"));
  database.exec(sql);
  database.close();
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

  it("falls back to the older snapshot when the newest has rotted", () => {
    written();
    tamper("UPDATE snapshot SET bytes = x'05' WHERE idx = 4");
    const journal = openJournal(folder);
    expect(journal.newestSnapshot()).toEqual({ index: 3, bytes: new Uint8Array([3]) });
    journal.close();
  });
});

describe("SQLite journal, damaged", () => {
  it("finds a changed byte", () => {
    written();
    tamper(`UPDATE entry SET text = replace(text, '"robot-1"', '"robot-2"') WHERE idx = 2`);
    expect(readAll).toThrow(brokenAt(2));
  });

  it("finds a changed hash at the entry itself or after it", () => {
    written();
    tamper(`UPDATE entry SET hash = '0x${"12".repeat(32)}' WHERE idx = 4`);
    expect(readAll).toThrow(brokenAt(4));
  });

  it("finds a removed entry", () => {
    written();
    tamper("DELETE FROM entry WHERE idx = 5");
    expect(readAll).toThrow(brokenAt(5));
  });

  it("finds a removed first entry", () => {
    written();
    tamper("DELETE FROM entry WHERE idx = 1");
    expect(readAll).toThrow(brokenAt(1));
  });

  it("finds two entries in each other's place", () => {
    written();
    tamper(
      "UPDATE entry SET idx = -6 WHERE idx = 6; UPDATE entry SET idx = 6 WHERE idx = 7; UPDATE entry SET idx = 7 WHERE idx = -6",
    );
    expect(readAll).toThrow(brokenAt(6));
  });

  it("is not opened to write when its newest entry does not follow", () => {
    written();
    tamper(`DELETE FROM entry WHERE idx = ${life.drafts.length - 1}`);
    expect(() => openJournal(folder)).toThrow(code("journal_broken"));
    // The lock was given back.
    expect(() => openJournal(folder)).toThrow(code("journal_broken"));
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
    tamper("CREATE TABLE t (a)");
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
    expect(fault).toBe("disk_failed");
    expect(head).toBe(last);
    const journal = openJournal(folder);
    expect(journal.head().index).toBe(Number(last));
    expect([...journal.entries()]).toHaveLength(Number(last));
    journal.close();
  });
});
