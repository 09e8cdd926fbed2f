import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { amount } from "../../../src/base/money.ts";
import { writeArchive } from "../../../src/journal/archive-file.ts";
import { GENESIS } from "../../../src/journal/entry.ts";
import type { Draft } from "../../../src/journal/journal.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { journalFile, openJournal } from "../../../src/journal/sqlite-journal.ts";
import { readVoucherFile } from "../../../src/operator/recovery/voucher-file.ts";
import { type Voucher, voucherSchema } from "../../../src/protocol/voucher.ts";
import { TowerFile } from "../../../src/settlement/tower-file.ts";
import { buildLife } from "../../journal/life.ts";
import { changeText, changeTexts, tamper } from "../../journal/tamper.ts";

const folder = mkdtempSync(join(tmpdir(), "vouchers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const VENUE = { chainId: 31_337, vault: `0x${"aa".repeat(20)}` } as const;
const code = (name: string, words = /./) =>
  expect.objectContaining({ code: name, message: expect.stringMatching(words) });

const one: Voucher = {
  ...VENUE,
  payee: `0x${"11".repeat(20)}`,
  token: `0x${"22".repeat(20)}`,
  epoch: 3,
  cumulative: amount(2n ** 96n - 1n),
  signature: `0x${"33".repeat(65)}`,
};
const two: Voucher = { ...one, epoch: 4, cumulative: amount(7n) };
const text = (voucher: Voucher) => z.encode(voucherSchema, voucher);

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const read = (path: string) => readVoucherFile(path, VENUE).map(({ voucher }) => voucher);

describe("readVoucherFile", () => {
  it("finds vouchers wherever they stand in JSON: a wallet, a message, a list, one alone", () => {
    const wallet = { version: 1, gateway: one.payee, received: [text(one), text(two)], signed: "12" };
    expect(read(file("wallet.json", JSON.stringify(wallet, null, 2)))).toEqual([two, one].toReversed());
    expect(
      read(file("list.json", JSON.stringify([text(one), { payment: { voucher: text(two) } }]))),
    ).toHaveLength(2);
    expect(read(file("one.json", JSON.stringify(text(one))))).toEqual([one]);
    expect(readVoucherFile(join(folder, "one.json"), VENUE)[0]?.file).toBe(join(folder, "one.json"));
  });

  it("reads JSON lines, empty ones included, and names the line that is none", () => {
    const lines = [JSON.stringify({ voucher: text(one) }), "", JSON.stringify(text(two)), ""];
    expect(read(file("lines.jsonl", lines.join("\n")))).toEqual([one, two]);
    const broken = file("broken.jsonl", `${JSON.stringify(text(one))}\n{"half": `);
    expect(() => read(broken)).toThrow(code("file_format", /line 2/));
  });

  it("takes nothing that only looks like one", () => {
    const { signature: _, ...unsigned } = text(one);
    const others = [unsigned, { ...text(one), cumulative: 5 }, { ...text(one), more: 1 }, null, [[]], "x"];
    expect(read(file("others.json", JSON.stringify(others)))).toEqual([]);
  });

  it("does not lose its stack in a deep file", () => {
    const deep = `${"[".repeat(200_000)}${JSON.stringify(text(one))}${"]".repeat(200_000)}`;
    const path = file("deep.json", deep);
    // Whether the parser takes it is the engine's choice; that nothing overflows is ours.
    expect(() => read(path)).not.toThrow(RangeError);
  });

  it("says which file is not there, or none of ours", () => {
    expect(() => read(join(folder, "nowhere"))).toThrow(code("disk_failed", /nowhere/));
    const path = join(folder, "foreign.sqlite");
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE t (a)");
    database.close();
    expect(() => read(path)).toThrow(code("file_format", /foreign/));
  });

  it("reads a watchtower's file", () => {
    const tower = TowerFile.open(join(folder, "tower"), VENUE);
    tower.save({ keep: [one, two].map((voucher) => ({ voucher, payer: one.payee, own: true })) });
    tower.close();
    const path = join(folder, "tower", `watchtower-${VENUE.chainId}-${VENUE.vault}.sqlite`);
    expect(read(path)).toEqual([one, two]);
  });
});

/** Bytes of a page of a journal, and how one begins that has rows of a table. */
const [PAGE, LEAF] = [1_024, 0x0d];

describe("readVoucherFile, of a journal", () => {
  let path = "";
  let count = 0;
  let drafts: readonly Draft[] = [];

  beforeAll(async () => {
    drafts = (await buildLife()).drafts;
    const journal = openJournal(join(folder, "journal"));
    journal.append(drafts);
    journal.close();
    path = journalFile(join(folder, "journal"));
    count =
      JSON.stringify(drafts, (_, value) => (typeof value === "bigint" ? `${value}` : value)).match(
        /"cumulative"/g,
      )?.length ?? 0;
  });

  it("finds every voucher of its records", () => {
    expect(count).toBeGreaterThan(5);
    expect(read(path)).toHaveLength(count);
  });

  it("finds those in a file of the archive, which an old journal may have been without", () => {
    const entries = memoryJournal().append(drafts);
    const [previous = GENESIS.hash, hash = GENESIS.hash] = [entries[0]?.previous, entries.at(-1)?.hash];
    const file = join(folder, "journal-2026-11.hwa");
    writeArchive(file, { first: 1, last: entries.length, previous, hash }, entries);
    expect(read(file)).toEqual(read(path));
    // beside a journal it is read with it, as are those that are torn, as far as they go
    const whole = read(path);
    const archive = join(folder, "journal", "archive");
    mkdirSync(join(archive, "notes.hwa.d"), { recursive: true });
    cpSync(file, join(archive, "journal-2026-11.hwa"));
    writeFileSync(join(archive, "journal-2026-12.hwa"), "torn");
    expect(read(path)).toEqual([...whole, ...whole]);
    rmSync(archive, { recursive: true });
  });

  it("goes on behind a torn page: the first, the last, or one between", () => {
    const torn = join(folder, "torn");
    const journal = openJournal(torn);
    for (const draft of drafts) journal.append([draft]);
    journal.close();
    // blocks that need no other, on pages of which none is free
    changeTexts(torn, (line) => line);
    tamper(torn, "VACUUM");
    const whole = readFileSync(journalFile(torn));
    const leaves = Array.from({ length: whole.length / PAGE }, (_, at) => at * PAGE).filter(
      (at) => at > 0 && whole[at] === LEAF && whole.readUInt16BE(at + 3) > 0,
    );
    expect(leaves.length).toBeGreaterThan(10);
    expect(read(journalFile(torn))).toHaveLength(count);
    const left = [leaves[0], leaves[9], leaves.at(-1)].map((at = 0) => {
      writeFileSync(journalFile(torn), Buffer.from(whole).fill(0xff, at, at + PAGE));
      return read(journalFile(torn)).length;
    });
    // a page has three of them at most
    expect(Math.min(...left)).toBeGreaterThanOrEqual(count - 3);
    expect(Math.min(...left)).toBeLessThan(count);
  });

  it("finds those of the entries that can still be read", () => {
    changeText(join(folder, "journal"), 4, () => '["torn');
    const left = read(path).length;
    expect(left).toBeLessThan(count);
    expect(left).toBeGreaterThan(count / 2);
  });
});
