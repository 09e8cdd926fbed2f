/** What an export says of itself over HTTP. */
import type { ExportFormat } from "../api/settlement.ts";

const TYPES: Readonly<Record<ExportFormat, readonly [type: string, ending: string]>> = {
  csv: ["text/csv; charset=utf-8; header=present", "csv"],
  jsonl: ["application/jsonl; charset=utf-8", "jsonl"],
  ledger: ["text/plain; charset=utf-8", "ledger"],
};

/** Header fields of an export, among them the name under which it is saved. */
export function exportHeaders(format: ExportFormat): Readonly<Record<string, string>> {
  const [type, ending] = TYPES[format];
  return {
    "content-type": type,
    "content-disposition": `attachment; filename="settlements.${ending}"`,
  };
}
