/** A log of many blocks: digests and tallies say what the rows say, whatever is asked. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatAmount, parseAmount } from "../../../../src/base/money.ts";
import { journalFile } from "../../../../src/journal/sqlite-journal.ts";
import { MOVEMENTS, SETTLEMENT_STATES, type SettlementRow } from "../../../../src/operator/api/settlement.ts";
import { BLOCK_ROWS, COLUMNS } from "../../../../src/operator/views/block.ts";
import { Librarian } from "../../../../src/operator/views/librarian.ts";
import { Reader } from "../../../../src/operator/views/reader.ts";
import { BIG_SPAN, BIG_START, type BigJournal, bigJournal } from "../../../bench/operator/big-journal.ts";
import { cutAfter } from "../../../journal/tamper.ts";
import { everyRow, sumsOf, takes } from "../../../operator/views/naive.ts";
import { changePart, readAll, STILL } from "../../../operator/views/shelf.ts";

const folder = mkdtempSync(join(tmpdir(), "hirewire-blocks-"));
let big: BigJournal;
let reader: Reader;
let library: Librarian;
let rows: SettlementRow[];

beforeAll(async () => {
  big = await bigJournal(folder, 16_000);
  reader = new Reader(folder, STILL);
  while (reader.follow());
  library = new Librarian(reader, () => STILL.now(), "");
  rows = everyRow(library);
});

afterAll(() => {
  reader.close();
  rmSync(folder, { recursive: true, force: true });
});

const anyTime = fc.integer({ min: BIG_START, max: BIG_START + BIG_SPAN });
const anyQuery = fc.record(
  {
    from: anyTime,
    to: anyTime,
    kind: fc.constantFrom(...MOVEMENTS),
    device: fc.constantFrom("robot-0", "board-12", "board-30", "nobody"),
    counterparty: fc.constantFrom("robot-1", "board-13", "gateway"),
    firmware: fc.constantFrom("firmware-0", "firmware-7"),
    status: fc.constantFrom(...SETTLEMENT_STATES),
    min: fc.constantFrom("0.0001", "0.005", "0.0102"),
    text: fc.constantFrom("board-1", "firmware-1", "gate"),
    before: fc.integer({ min: 1, max: 16_000 }),
    limit: fc.integer({ min: 1, max: 60 }),
  },
  { requiredKeys: ["limit"] },
);

describe("a log of many blocks", () => {
  it("has all of its rows in blocks, the older ones full", () => {
    expect(rows.length).toBeGreaterThan(3 * BLOCK_ROWS);
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, at) => at + 1));
    expect(reader.library.rows.digests.map(({ count }) => count).slice(0, -1)).toContain(BLOCK_ROWS);
    for (const status of ["pending", "sent", "final"])
      expect(rows.some((row) => row.status === status)).toBe(true);
  });

  it("gives by any filter what a plain look at all rows gives", () => {
    const owner = big.owners[1] ?? null;
    const own = everyRow(library, owner);
    const law = fc.property(anyQuery, fc.boolean(), (query, isOwner) => {
      const { before = Number.POSITIVE_INFINITY, limit, ...filter } = query;
      const wanted = (isOwner ? own : rows).filter((row) => takes({ ...filter, limit }, row));
      const older = wanted.filter(({ sequence }) => sequence < before);
      const page = library.page(query, isOwner ? owner : null);
      expect(page.sums).toEqual(sumsOf(wanted));
      expect(page.rows).toEqual(older.slice(-limit).reverse());
      expect(page.next).toBe(older.length > limit ? (older.at(-limit)?.sequence ?? 0) : null);
    });
    fc.assert(law, { numRuns: 150 });
  });

  it("sums and slices any period, for the gateway and for an owner, by device and by task", () => {
    const law = fc.property(
      anyTime,
      anyTime,
      fc.array(anyTime, { minLength: 1, maxLength: 9 }),
      fc.nat(4),
      (from, to, cuts, who) => {
        const owner = big.owners[who] ?? null;
        const within = everyRow(library, owner).filter(({ at }) => at >= from && at < to);
        const tasks = (kind: string) =>
          new Set(within.filter((row) => row.kind === kind).map(({ task }) => task)).size;
        expect(library.sums(owner, from, to)).toEqual({
          ...sumsOf(within),
          earnedTasks: tasks("earned"),
          spentTasks: tasks("spent"),
        });
        const starts = [from, ...cuts.filter((at) => at > from && at < to)].sort((a, b) => a - b);
        const slices = library.slices(owner, from, to, starts);
        for (const [place, start] of starts.entries()) {
          const part = within.filter(({ at }) => at >= start && at < (starts[place + 1] ?? to));
          const { earned, spent } = sumsOf(part);
          expect(slices[place]).toEqual({ from: start, earned, spent });
        }
        const devices = library.perDevice(owner, from, to);
        const total = devices.reduce((sum, { earned }) => sum + parseAmount(earned, 6), 0n);
        expect(formatAmount(total, 6)).toBe(sumsOf(within).earned);
        for (const { device, spent, tasks: many } of devices) {
          const theirs = within.filter((row) => row.device?.address === device);
          expect(spent).toBe(sumsOf(theirs).spent);
          expect(many).toBe(theirs.filter(({ kind }) => kind === "earned" || kind === "spent").length);
        }
      },
    );
    fc.assert(law, { numRuns: 5 });
  });

  it("finds tasks by their first digits, in blocks old and new", () => {
    for (const task of big.tasks) {
      const found = library.page({ text: task.slice(2, 14), limit: 50 }, null).rows;
      expect(found).toEqual(rows.filter((row) => row.task === task).reverse());
    }
  });

  it("is exported whole, oldest row first", () => {
    const id = library.exportOpen({ format: "csv" }, null);
    let text = "";
    for (let chunk = library.exportNext(id); chunk; chunk = library.exportNext(id))
      text += new TextDecoder().decode(chunk);
    const lines = text.trimEnd().split("\r\n").slice(1);
    expect(lines.map((line) => Number(line.split(",")[0]))).toEqual(rows.map(({ sequence }) => sequence));
  });

  it("is the same when it is opened again", () => {
    reader.close();
    reader = new Reader(folder, STILL);
    expect(reader.read().entries).toBe(big.entries);
    library = new Librarian(reader, () => STILL.now(), "");
    expect(everyRow(library)).toEqual(rows);
  });

  it("is the same when it was left in the middle of a block and read on past its end", () => {
    const other = mkdtempSync(join(tmpdir(), "hirewire-blocks-"));
    copyFileSync(journalFile(folder), journalFile(other));
    cutAfter(other, 6_000, reader.library.journal.entry(6_000)?.hash ?? "");
    readAll(other).close();
    copyFileSync(journalFile(folder), journalFile(other));
    const { reader: second, library: whole, close } = readAll(other);
    expect(second.read().entries).toBe(big.entries);
    expect(whole.page({ device: "board-12", limit: 9, min: "0.0001" }, null)).toEqual(
      library.page({ device: "board-12", limit: 9, min: "0.0001" }, null),
    );
    expect(everyRow(whole)).toEqual(rows);
    close();
    rmSync(other, { recursive: true, force: true });
  });

  it("is not believed where a card has changed a block, and made anew", () => {
    reader.close();
    changePart(folder, 16 + COLUMNS.indexOf("low"));
    reader = new Reader(folder, STILL);
    library = new Librarian(reader, () => STILL.now(), "");
    expect(() => everyRow(library)).toThrow(expect.objectContaining({ code: "file_format" }));
    reader.restart();
    while (reader.follow());
    expect(everyRow(library)).toEqual(rows);
  });
});
