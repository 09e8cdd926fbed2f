import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/journal/journal.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { sha256 } from "../../../src/kernels/digest.ts";
import { journalCommand } from "../../../src/operator/journal/command.ts";
import { draftOf, live } from "../../journal/life.ts";
import { tamper } from "../../journal/tamper.ts";

const folder = mkdtempSync(join(tmpdir(), "journal-"));
const writer = openJournal(folder);
await live(writer);
const entries = [...writer.entries()];
afterAll(() => {
  writer.close();
  rmSync(folder, { recursive: true, force: true });
});

async function journal(args: readonly string[], data: string | null = folder) {
  let [out, warned] = ["", ""];
  const exit = await journalCommand(
    args,
    {
      isTerminal: false,
      write: (text) => {
        out += text;
      },
      warn: (text) => {
        warned += text;
      },
    },
    data,
  );
  return { exit, out, warned };
}

describe("hirewire journal verify", () => {
  it("says beside the writer what holds, as text and as JSON", async () => {
    const { exit, out } = await journal(["verify"]);
    expect(exit).toBe(0);
    expect(out).toBe(`34 entries hold, 31 signatures; newest hash ${entries.at(-1)?.hash}\n`);
    const json = await journal(["verify", "--data", folder, "--json"], null);
    expect(JSON.parse(json.out)).toEqual({
      holds: true,
      held: 34,
      signatures: 31,
      head: { index: 34, hash: entries.at(-1)?.hash },
    });
  });

  it("tells its progress, and names the first bad entry with exit code 3", async () => {
    const other = mkdtempSync(join(folder, "other-"));
    const long = openJournal(other);
    for (const length of [6, 1, 1_994]) long.append(Array.from({ length }, () => draftOf([])));
    long.close();
    expect((await journal(["verify"], other)).warned).toContain("2,000 of 2,001 entries hold\n");
    tamper(other, "DELETE FROM block WHERE first = 7");
    const { exit, out } = await journal(["verify", "--json"], other);
    expect(exit).toBe(3);
    const why = "it is missing; the next one is 8";
    const message = `journal entry 7 does not hold: ${why}`;
    expect(JSON.parse(out)).toEqual({ holds: false, index: 7, why, message });
  });

  it.each([
    [[], "journal verify"],
    [["verfy"], "verify"],
    [["verify", "a", "b"], "one file"],
    [["verify", "a", "--data", "b"], "one file"],
    [["verify"], "--data"],
    [["verify", "--jsn"], "--json"],
    [["verify", "--before", "2026-10"], "archive"],
    [["archive", "a"], "no file"],
    [["archive"], "--data"],
    [["archive", "--data", "a", "--before", "October"], "a month such as 20"],
    [["archive", "--data", "a", "--before", "9999-12"], "is not over"],
  ])("refuses %j", async (args, hint) => {
    const message = expect.stringContaining(hint);
    await expect(journal(args, null)).rejects.toMatchObject({ code: "usage", message });
  });

  it("helps", async () => {
    expect((await journal(["--help"])).out).toContain("hirewire journal verify [FILE.jsonl");
  });
});

describe("hirewire journal archive", () => {
  const make = (hasSnapshot: boolean) => {
    const data = mkdtempSync(join(folder, "old-"));
    const old = openJournal(data);
    for (const month of [9, 10, 11]) {
      old.append(Array.from({ length: 30 }, () => draftOf([], Date.UTC(2025, month - 1))));
    }
    if (hasSnapshot) old.saveSnapshot(70, new Uint8Array([1]));
    old.close();
    return data;
  };

  it("moves what is over, once, and the journal holds as before", async () => {
    const data = make(true);
    const held = (await journal(["verify"], data)).out;
    const { exit, out } = await journal(["archive"], data);
    expect(exit).toBe(0);
    expect(out).toMatch(
      /^journal-2025-09.hwa {2}entries 1 to 30, \d+ bytes, read again\njournal-2025-10.hwa {2}entries 31 to 60, .*\n2025-11 waits for entries after it\n$/,
    );
    expect((await journal(["verify"], data)).out).toBe(held);
    const again = await journal(["archive", "--before", "2025-11", "--json"], data);
    expect(JSON.parse(again.out)).toEqual({ archived: [], waiting: null });
    expect((await journal(["archive", "--before", "2025-11"], data)).out).toBe(
      "nothing before 2025-11 is left in the journal\n",
    );
  });

  it("says what it waits for, and refuses while a gateway runs, or where there is no journal", async () => {
    const data = make(false);
    expect((await journal(["archive"], data)).out).toBe(
      "2025-09 waits for a snapshot, which a gateway makes when it stops\n",
    );
    await expect(journal(["archive"])).rejects.toMatchObject({ code: "journal_locked" });
    const none = join(folder, "none");
    await expect(journal(["archive"], none)).rejects.toMatchObject({ code: "config_missing" });
    expect(existsSync(none)).toBe(false);
  });
});

/** Lines of an export: two rows for each record that moves money, the record beside the first. */
function exported(of: readonly Entry[], change: (record: Record<string, unknown>) => object = (one) => one) {
  return of.flatMap(({ index, hash, previous, text }) => [
    { sequence: 2 * index, entry: index, record: change({ index, hash, previous, text }) },
    { sequence: 2 * index + 1, entry: index },
  ]);
}

function fileOf(rows: readonly unknown[]): string {
  const file = join(mkdtempSync(join(folder, "export-")), "log.jsonl");
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return file;
}

describe("hirewire journal verify FILE.jsonl", () => {
  const moving = entries.filter(({ facts }) => facts.some((fact) => "legs" in fact || "voucher" in fact));

  it("checks what is there, whose it is, and says what it could not check", async () => {
    const { exit, out } = await journal(["verify", fileOf(exported(moving)), "--json"]);
    expect(exit).toBe(0);
    const found = JSON.parse(out);
    const market = entries[0]?.facts[0];
    const gateway = market?.kind === "gatewayStarted" ? market.gateway : null;
    expect(found).toMatchObject({ holds: true, rows: 2 * moving.length, records: moving.length });
    expect(found).toMatchObject({ hashes: moving.length, market: { gateway, chainId: 31_337 } });
    expect(found.signatures).toBeGreaterThan(8);
    expect(Object.values(found.unchecked)).not.toEqual([]);
    const text = (await journal(["verify", fileOf(exported(moving))])).out;
    expect(text).toContain(`gateway ${gateway}`);
    expect(text).toMatch(/not checked: \d+ × receipt: /);
  });

  it("checks everything where all records are there", async () => {
    const { out } = await journal(["verify", fileOf(exported(entries)), "--json"]);
    const { signatures, links, unchecked } = JSON.parse(out);
    expect({ signatures, links, unchecked }).toEqual({ signatures: 31, links: 33, unchecked: {} });
  });

  it("takes records whose text may not be read for what they are", async () => {
    const hidden = exported(entries, ({ text: _, ...record }) => record);
    const { exit, out } = await journal(["verify", fileOf(hidden), "--json"]);
    expect(exit).toBe(0);
    const unchecked = { "record: its text is not here": 34 };
    expect(JSON.parse(out)).toMatchObject({ links: 33, hashes: 0, signatures: 0, unchecked });
  });

  it.each<[string, (rows: ReturnType<typeof exported>) => unknown[], string]>([
    ["a changed text", (rows) => withText(rows, (text) => text.replace(/\d(?=",)/, "x")), "its hash"],
    ["a changed hash", (rows) => withRecord(rows, { hash: `0x${"11".repeat(32)}` }), "its hash"],
    ["another record before", (rows) => withRecord(rows, { previous: `0x${"11".repeat(32)}` }), "before it"],
    ["another index", (rows) => withRecord(rows, { index: 999 }), "line"],
    ["rows in another order", (rows) => [...rows].reverse(), "line"],
    ["a line that is no row", (rows) => [...rows, "x"], "line"],
  ])("finds %s", async (_, change, why) => {
    const { exit, out } = await journal(["verify", fileOf(change(exported(moving)))]);
    expect(exit).toBe(3);
    expect(out).toContain("does not hold: ");
    expect(out).toContain(why);
  });

  it("finds rows whose amount is not their record's", async () => {
    const paid = moving.find(({ facts }) => facts.some(({ kind }) => kind === "paid"));
    const [row, ...rest] = exported(paid ? [paid] : []);
    const told = (kind: string, amount: string) => fileOf([{ ...row, kind, amount }, ...rest]);
    for (const [kind, amount] of [
      ["earned", "0.000990"],
      ["spent", "0.001500"],
      ["fee", "0.000010"],
      ["settled", "7.000000"],
    ] as const) {
      expect((await journal(["verify", told(kind, amount)])).exit).toBe(0);
    }
    for (const amount of ["0.000991", "1e3", ""]) {
      const { exit, out } = await journal(["verify", told("earned", amount)]);
      expect(exit).toBe(3);
      expect(out).toContain("line 1 says");
    }
  });

  it("finds a signature that is wrong under right hashes", async () => {
    const rows = withText(
      exported(moving),
      (text) => text.replace(/"signature":"0x../, '"signature":"0x00'),
      true,
    );
    const { exit, out } = await journal(["verify", fileOf(rows)]);
    expect(exit).toBe(3);
    expect(out).toMatch(/is not signed by/);
  });

  it("has a fault for a file that is not there, and for one without records", async () => {
    const gone = join(folder, "gone.jsonl");
    await expect(journal(["verify", gone])).rejects.toMatchObject({ code: "config_missing" });
    await expect(journal(["verify", fileOf([])])).rejects.toMatchObject({ code: "file_format" });
  });
});

type Rows = ReturnType<typeof exported>;

/** The last record changed, of those that move money. */
function withRecord(rows: Rows, change: object): unknown[] {
  return rows.map((row, at) =>
    at === rows.length - 2 && "record" in row ? { ...row, record: { ...row.record, ...change } } : row,
  );
}

/** The same for its text; with `rehashed`, its hash is that of the text. */
function withText(rows: Rows, change: (text: string) => string, rehashed = false): unknown[] {
  const last = rows.at(-2);
  const before = last && "record" in last ? String(Reflect.get(last.record, "text")) : "";
  const text = change(before);
  expect(text).not.toBe(before);
  return withRecord(rows, rehashed ? { text, hash: sha256(text) } : { text });
}
