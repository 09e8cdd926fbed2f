/** Rows as CSV for a spreadsheet: RFC 4180, UTF-8, ISO 8601 in UTC, amounts as decimal text. */
import type { SettlementRow } from "../api/settlement.ts";
import { csvCell } from "../log/csv.ts";
import { commodityOf } from "./commodity.ts";

const COLUMNS = [
  "sequence",
  "time",
  "kind",
  "device",
  "device_address",
  "counterparty",
  "counterparty_address",
  "firmware",
  "firmware_hash",
  "task",
  "amount",
  "commodity",
  "status",
  "transaction",
  "entry",
] as const;

/** The names of the columns, ended by CR LF as every row is. */
export const CSV_HEADER = `${COLUMNS.join(",")}\r\n`;

/** One row. What a spreadsheet would take for a formula starts with an apostrophe: names come from devices. */
export function csvRow(row: SettlementRow): string {
  const cells: Record<(typeof COLUMNS)[number], string> = {
    sequence: String(row.sequence),
    time: new Date(row.at).toISOString(),
    kind: row.kind,
    device: row.device?.name ?? "",
    device_address: row.device?.address ?? "",
    counterparty: row.counterparty?.name ?? "",
    counterparty_address: row.counterparty?.address ?? "",
    firmware: row.firmware?.name ?? "",
    firmware_hash: row.firmware?.hash ?? "",
    task: row.task ?? "",
    amount: row.amount,
    commodity: commodityOf(row),
    status: row.status,
    transaction: row.transaction ?? "",
    entry: String(row.entry),
  };
  return `${COLUMNS.map((column) => csvCell(cells[column])).join(",")}\r\n`;
}
