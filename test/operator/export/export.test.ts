/** Exports: what a spreadsheet, a program and a bookkeeper get, and that nothing is run or lost on the way. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { parseAmount } from "../../../src/base/money.ts";
import type { ExportQuery, SettlementRow } from "../../../src/operator/api/settlement.ts";
import { settlementRow } from "../../../src/operator/api/settlement.ts";
import { csvRow } from "../../../src/operator/export/csv.ts";
import { exportHeaders } from "../../../src/operator/export/headers.ts";
import { LedgerWriter } from "../../../src/operator/export/ledger.ts";
import { journalCommand } from "../../../src/operator/journal/command.ts";
import { csvCell } from "../../../src/operator/log/csv.ts";
import { Librarian } from "../../../src/operator/views/librarian.ts";
import { Reader } from "../../../src/operator/views/reader.ts";
import { BOARD, buildLife, ROBOT } from "../../journal/life.ts";
import { everyRow } from "../views/naive.ts";
import { append, STILL } from "../views/shelf.ts";

const OWNER: Hex = `0x${"0a".repeat(20)}`;
const FORMULA = '=HYPERLINK("http://x","y"),\nnext';

/** Under CI a program that is missing is a failure: apt-get install hledger. */
const hasHledger = spawnSync("hledger", ["--version"]).status === 0;

const folder = mkdtempSync(join(tmpdir(), "hirewire-export-"));
let reader: Reader;
let library: Librarian;

beforeAll(async () => {
  const { drafts } = await buildLife();
  const named = drafts.map((draft) => ({
    ...draft,
    facts: draft.facts.map((fact) => {
      if (fact.kind !== "deviceEnrolled") return fact;
      const name = fact.device === ROBOT.address ? FORMULA : fact.name;
      return { ...fact, owner: fact.device === BOARD.address ? OWNER : null, name };
    }),
  }));
  append(folder, named);
  reader = new Reader(folder, STILL);
  while (reader.follow());
  library = new Librarian(reader, () => STILL.now(), "");
});

afterAll(() => {
  reader.close();
  rmSync(folder, { recursive: true, force: true });
});

function exported(query: ExportQuery, owner: Hex | null = null): string {
  const id = library.exportOpen(query, owner);
  const chunks: Uint8Array[] = [];
  for (let chunk = library.exportNext(id); chunk; chunk = library.exportNext(id)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Cells of RFC 4180, by a reader that knows nothing of how they were written. */
function cellsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = "", end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "\r\n") rows.push([]);
    if (end === "") break;
  }
  return rows.slice(0, -1);
}

describe("a cell of CSV", () => {
  it.each(["=1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"])(
    "is no formula to any spreadsheet: %j",
    (text) => {
      expect(csvCell(text).replace(/^"/, "")).toMatch(/^'/);
    },
  );
});

describe("CSV", () => {
  it("has every row of the filter, oldest first, with amounts as they are shown", () => {
    const [head = [], ...rows] = cellsOf(exported({ format: "csv" }));
    const column = (name: string) => rows.map((row) => row[head.indexOf(name)]);
    const all = everyRow(library);
    expect(rows.every((row) => row.length === head.length)).toBe(true);
    expect(column("sequence")).toEqual(all.map(({ sequence }) => String(sequence)));
    expect(column("amount")).toEqual(all.map(({ amount }) => amount));
    expect(column("time")).toEqual(all.map(({ at }) => new Date(at).toISOString()));
    expect(column("commodity").filter((one) => one === "GAS")).toHaveLength(2);
    expect(cellsOf(exported({ format: "csv", kind: "earned", status: "pending" })).slice(1)).toHaveLength(2);
  });

  it("disarms what a spreadsheet would run", () => {
    const text = exported({ format: "csv" });
    const names = cellsOf(text).map((row) => row[3]);
    // names lose their line breaks before they are kept
    expect(names).toContain(`'=HYPERLINK("http://x","y"),�next`);
    const row = everyRow(library)[0];
    if (!row) throw new Error("there is a row");
    for (const first of ["=", "+", "-", "@", "\t", "\r"]) {
      const cells = cellsOf(csvRow({ ...row, device: { address: BOARD.address, name: `${first}cmd` } }));
      expect(cells[0]?.[3]).toBe(`'${first}cmd`);
    }
  });
});

describe("JSON Lines", () => {
  it("has the rows as the API has them, and each record once, from which its hash can be computed", () => {
    const lines = exported({ format: "jsonl" }).trimEnd().split("\n");
    const parsed = lines.map((line) => JSON.parse(line));
    const rows = parsed.map(({ record: _, ...row }) => settlementRow.parse(row));
    expect(rows).toEqual(everyRow(library));
    const records = parsed.flatMap(({ record }) => record ?? []);
    expect(new Set(records.map(({ index }) => index)).size).toBe(records.length);
    expect(records.map(({ index }) => index)).toEqual([...new Set(rows.map(({ entry }) => entry))]);
    for (const { text, hash } of records) {
      expect(`0x${createHash("sha256").update(text).digest("hex")}`).toBe(hash);
    }
  });

  it("is verified from the file alone, and a changed one is not", async () => {
    const file = join(folder, "settlements.jsonl");
    const verify = (text: string) => {
      writeFileSync(file, text);
      const silent = { isTerminal: false, write: () => undefined, warn: () => undefined };
      return journalCommand(["verify", file], silent, null);
    };
    const text = exported({ format: "jsonl" });
    expect(await verify(text)).toBe(0);
    expect(await verify(text.replace('"1000000000000"', '"1000000000001"').replace("test", "tesT"))).toBe(3);
  });

  it("leaves the text of other owners' records out, and keeps their place in the chain", () => {
    const lines = exported({ format: "jsonl" }, OWNER).trimEnd().split("\n");
    const records = lines.flatMap((line) => JSON.parse(line).record ?? []);
    expect(records.length).toBeGreaterThan(2);
    for (const record of records) {
      expect(record).toMatchObject({
        index: expect.any(Number),
        hash: expect.any(String),
        previous: expect.any(String),
      });
      expect(record).not.toHaveProperty("text");
    }
  });
});

describe("a ledger", () => {
  it.each([null, OWNER])(
    "has balanced transactions on accounts that were opened before (owner %s)",
    (owner) => {
      const text = exported({ format: "ledger" }, owner);
      const open = new Set<string>();
      const postings: [string, bigint, string][] = [];
      for (const line of text.split("\n")) {
        const opened = /^1970-01-01 open ([A-Z][A-Za-z0-9-]*(?::[A-Z0-9][A-Za-z0-9-]*)*) (USDT|GAS)$/.exec(
          line,
        );
        if (opened?.[1]) open.add(opened[1]);
        const [, account, sign, amount, commodity] =
          /^ {2}(\S+) {2}(-?)([\d.]+) (USDT|GAS)$/.exec(line) ?? [];
        if (account === undefined || amount === undefined) continue;
        expect(open).toContain(account);
        postings.push([account, parseAmount(amount, 18) * (sign === "-" ? -1n : 1n), commodity ?? ""]);
      }
      const shown = everyRow(library, owner).filter(({ status }) => status !== "failed");
      expect(postings).toHaveLength(2 * shown.length);
      for (const commodity of ["USDT", "GAS"]) {
        expect(postings.reduce((sum, [, change, of]) => (of === commodity ? sum + change : sum), 0n)).toBe(
          0n,
        );
      }
      // a gateway passes each price on whole
      const tasks = postings.filter(([account]) => account === "Equity:Tasks");
      expect(tasks.reduce((sum, [, change]) => sum + change, 0n)).toBe(0n);
    },
  );

  it("names accounts by what both programs take, whatever a device is called", () => {
    const row = everyRow(library)[0];
    const named = (name: string | null) => {
      const device = { address: BOARD.address, name };
      return new LedgerWriter(true).write({ row: { ...(row as SettlementRow), device }, isPaid: false });
    };
    const short = BOARD.address.slice(2, 10);
    expect(named("board-3")).toContain(`Liabilities:Lanes:Out:Board-3-${short}  -`);
    expect(named("Zähler №1")).toContain(`Out:Za-hler-No1-${short}  -`);
    expect(named("仓库")).toContain(`Out:X${short}  -`);
    expect(named(null)).toContain(`Out:X${short}  -`);
    expect(named('a" ; "b\\')).toContain(`"a' ; 'b/" "earned"`);
  });

  it("marks money that can be recalled, and comments out what is void", () => {
    const row = everyRow(library)[0] as SettlementRow;
    const written = (status: SettlementRow["status"]) =>
      new LedgerWriter(true).write({ row: { ...row, status }, isPaid: false }).split("\n");
    expect(written("final").some((line) => /^2026-11-22 \* /.test(line))).toBe(true);
    expect(written("sent").some((line) => /^2026-11-22 ! /.test(line))).toBe(true);
    expect(
      written("failed")
        .filter((line) => line !== "")
        .every((line) => line.startsWith("; ")),
    ).toBe(true);
  });

  it.skipIf(!hasHledger && process.env["CI"] !== "true")("is read by hledger, and balances there", () => {
    const file = join(folder, "settlements.ledger");
    writeFileSync(file, exported({ format: "ledger" }));
    const balance = execFileSync(
      "hledger",
      ["-f", file, "balance", "--flat", "-E", "Equity:Tasks", "Income"],
      { encoding: "utf8" },
    );
    expect(balance).toContain("-0.000021 USDT  Income:Fees");
    expect(balance).toMatch(/ 0 +Equity:Tasks/);
    expect(spawnSync("hledger", ["-f", file, "check"]).status).toBe(0);
  });
});

describe("an export", () => {
  it("is no more than so many at a time, and is over once it is let go", () => {
    const open = Array.from({ length: 16 }, () => library.exportOpen({ format: "csv" }, null));
    expect(() => library.exportOpen({ format: "csv" }, null)).toThrow(
      expect.objectContaining({ code: "queue_full" }),
    );
    for (const id of open) library.exportClose(id);
    expect(() => library.exportNext(open[0] ?? 0)).toThrow(expect.objectContaining({ code: "not_found" }));
    expect(exported({ format: "csv", text: "nobody" }).split("\r\n")).toHaveLength(2);
  });

  it("is saved under a name by its format", () => {
    expect(exportHeaders("csv")["content-type"]).toContain("text/csv; charset=utf-8");
    expect(exportHeaders("ledger")["content-disposition"]).toBe('attachment; filename="settlements.ledger"');
  });
});
