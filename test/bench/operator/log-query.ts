/**
 * The settlement log of a long journal: how long a page with the sums of all filtered rows takes, and what an export of
 * every row takes of memory.
 *
 * Questions are what the page asks: no filter, one, or several, periods, least amounts, texts, first and deep pages, for
 * the gateway and for an owner. They go through the views' thread, as the gateway's do. The peer is a table with an index
 * for each column, asked the same (but texts) in this thread.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import {
  MOVEMENTS,
  type SettlementQuery,
  type SettlementRow,
  settlementRow,
} from "../../../src/operator/api/settlement.ts";
import { viewsFile } from "../../../src/operator/views/store.ts";
import { openViews, type Views } from "../../../src/operator/views/views.ts";
import type { Figure } from "../main.ts";
import { BIG_SPAN, BIG_START, type BigJournal, bigJournal, dice } from "./big-journal.ts";
import { SqlLog } from "./sql-log.ts";

/** Most milliseconds of the slowest question in twenty. */
const GOAL_MS = 50;
/** Most MB that the process may grow by between the first quarter of an export and its end. */
const GOAL_MB = 16;

const NEW_LINE = 10;

const FULL = { entries: 1_000_000, questions: 400 };
const QUICK = { entries: 12_000, questions: 40 };

/** @param quick - shows that it runs; what it measures means little */
export async function logFigures({ quick }: { readonly quick: boolean }): Promise<Figure[]> {
  const { entries, questions } = quick ? QUICK : FULL;
  const folder = mkdtempSync(join(tmpdir(), "hirewire-log-"));
  const sql = new SqlLog(folder);
  try {
    const big = await bigJournal(folder, entries);
    process.stderr.write(`wrote ${big.entries} entries in ${big.seconds.toFixed(1)} s\n`);
    const began = performance.now();
    const views = openViews({ data: folder, clock: systemClock });
    const { entries: read } = await views.caughtUp();
    const seconds = (performance.now() - began) / 1e3;
    const { sums } = await views.page({ limit: 1 }, null);
    const [exported, grown] = await exportAll(views, sums.rows);
    await fill(views, sql);
    const asked = questionsOf(big, questions, sums.rows);
    const [ours, theirs] = await askAll(views, sql, asked);
    await views.close();
    const size = statSync(viewsFile(folder)).size;
    const told = [
      `${sums.rows} rows`,
      `first read at ${((seconds * 1e6) / read).toFixed(0)} us an entry`,
      `views of ${(size / sums.rows).toFixed(0)} bytes a row`,
      `exported at ${(sums.rows / exported).toFixed(0)} rows/s`,
    ];
    process.stderr.write(`${told.join(", ")}\n`);
    return [
      small("log query p95, with sums", "ms", ours, "one SQL table, indexed", theirs, quick ? null : GOAL_MS),
      small(
        "export of every row, growth",
        "MB",
        grown,
        "all of it in memory",
        (sums.rows * 330) / 1e6,
        quick ? null : GOAL_MB,
      ),
    ];
  } finally {
    sql.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function small(
  metric: string,
  unit: string,
  value: number,
  peer: string,
  theirs: number,
  goal: number | null,
): Figure {
  const digits = (number: number) => Number(number.toPrecision(4));
  const numbers = { value: digits(value), peerValue: digits(theirs), ratio: digits(theirs / value) };
  return { suite: "operator", metric, unit, peer, ...numbers, goal, ok: goal === null || value <= goal };
}

/** Seconds that an export of every row took, and by how many MB the process grew after its first quarter. */
async function exportAll(views: Views, rows: number): Promise<[number, number]> {
  const began = performance.now();
  let count = -1;
  let early = 0;
  let most = 0;
  for await (const bytes of views.exportRows({ format: "csv" }, null)) {
    for (const byte of bytes) if (byte === NEW_LINE) count += 1;
    const { rss } = process.memoryUsage();
    if (count < rows / 4) early = Math.max(early, rss);
    else most = Math.max(most, rss);
  }
  if (count !== rows) throw new Error(`${count} rows were exported of ${rows}`);
  return [(performance.now() - began) / 1e3, Math.max(0, most - early) / 1e6];
}

/** Gives the peer the same rows. */
async function fill(views: Views, sql: SqlLog): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of views.exportRows({ format: "jsonl" }, null)) {
    const lines = `${rest}${decoder.decode(bytes, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    sql.fill(lines.map(parsed));
  }
  sql.index();
}

function parsed(line: string): Omit<SettlementRow, "amount"> & { units: number } {
  const { record: _, ...row } = JSON.parse(line);
  const { amount, ...rest } = row as SettlementRow;
  return { ...rest, units: Math.round(Number(amount) * 1e6) };
}

type Asked = { readonly query: SettlementQuery; readonly owner: `0x${string}` | null };

function questionsOf(big: BigJournal, many: number, rows: number): Asked[] {
  const roll = dice(11);
  const pick = <T>(all: readonly T[]): T => {
    const one = all[Math.floor(roll() * all.length)];
    if (one === undefined) throw new Error("there is nothing to pick");
    return one;
  };
  const devices = Array.from({ length: 40 }, (_, at) => `${at < 12 ? "robot" : "board"}-${at}`);
  const parts: readonly (() => Partial<SettlementQuery>)[] = [
    () => ({ kind: pick(MOVEMENTS) }),
    () => ({ device: pick(devices) }),
    () => ({ counterparty: pick(devices) }),
    () => ({ firmware: `firmware-${Math.floor(roll() * 12)}` }),
    () => ({ status: pick(["final", "final", "pending", "sent"] as const) }),
    () => ({ min: (10 ** (roll() * 4) / 1e6).toFixed(6) }),
    () => {
      const from = BIG_START + Math.floor(roll() * BIG_SPAN);
      return { from, to: from + Math.floor(pick([1, 7, 31, 120]) * 86_400_000 * roll()) };
    },
  ];
  return Array.from({ length: many }, (_, number) => {
    const filters = Object.assign({}, ...Array.from({ length: Math.floor(roll() * 4) }, () => pick(parts)()));
    const text =
      number % 10 === 9 ? { text: pick([...devices, pick(big.tasks).slice(0, 12), "firmware-1"]) } : {};
    // from page to page down the log
    const deep = number % 3 === 0 ? { before: 1 + Math.floor(roll() * rows) } : {};
    const owner = number % 5 === 4 ? pick(big.owners) : null;
    return { query: { ...filters, ...text, ...deep, limit: 50 }, owner };
  });
}

/** The 95th of a hundred, ours and the peer's, milliseconds. */
async function askAll(views: Views, sql: SqlLog, asked: readonly Asked[]): Promise<[number, number]> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const first = asked[0];
  // the engine gets warm
  if (first)
    for (let round = 0; round < 20; round++) await views.page({ ...first.query, text: `${round}x` }, null);
  for (const { query, owner } of asked) {
    let start = performance.now();
    const page = await views.page(query, owner);
    ours.push(performance.now() - start);
    for (const row of page.rows.slice(0, 1)) settlementRow.parse(row);
    if (query.text !== undefined || owner !== null) continue;
    start = performance.now();
    sql.page(query);
    theirs.push(performance.now() - start);
  }
  return [p95(ours), p95(theirs)];
}

function p95(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN;
}
