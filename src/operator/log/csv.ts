/** Lines as CSV for a spreadsheet: RFC 4180, UTC, amounts as decimal text, rates for a million of fuel. */
import { type Legend, moneyOf, rateOf, timeText } from "./legend.ts";
import type { Line } from "./line.ts";

const COLUMNS = [
  "index",
  "time",
  "kind",
  "name",
  "device",
  "task",
  "amount",
  "fuel",
  "verdict",
  "rate",
  "text",
  "hash",
] as const;

/** The names of the columns, ended by CR LF as every row is. */
export function csvHeader(): string {
  return `${COLUMNS.join(",")}\r\n`;
}

/** One row. A cell that a spreadsheet would take for a formula starts with an apostrophe. */
export function csvLine(line: Line, legend: Legend): string {
  const { entry } = line;
  const cells: Record<(typeof COLUMNS)[number], string> = {
    index: String(entry.index),
    time: timeText(entry.at, false),
    kind: line.fact?.kind ?? "",
    name: line.name,
    device: line.device ?? "",
    task: line.task ?? "",
    amount: line.amount === null ? "" : moneyOf(legend, line.amount),
    fuel: line.fuel === null ? "" : String(line.fuel),
    verdict: line.verdict ?? "",
    rate: line.rate === null ? "" : rateOf(legend, line.rate),
    text: line.sentence,
    hash: entry.hash,
  };
  return `${COLUMNS.map((column) => csvCell(cells[column])).join(",")}\r\n`;
}

/** One cell of RFC 4180, quoted where it must be; what a spreadsheet would take for a formula starts with an apostrophe. */
export function csvCell(text: string): string {
  // A spreadsheet runs a cell that starts like a formula, and names and reasons come from devices.
  // Some take the wide forms of Chinese and Japanese keyboards for the same.
  const safe = /^[=+\-@＝＋－＠\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
