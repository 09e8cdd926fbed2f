/**
 * Rows as JSON Lines without loss: the first row of each journal record carries the record, so that the chain and its
 * signatures can be checked from the file alone.
 */
import type { SettlementRow } from "../api/settlement.ts";
import type { StoryEntry } from "../api/task.ts";

/**
 * One line.
 *
 * @param record - of the journal, on its first row; its text is left out where it is somebody else's business too
 */
export function jsonlRow(row: SettlementRow, record: StoryEntry | null): string {
  if (!record) return `${JSON.stringify(row)}\n`;
  const { index, hash, previous, text } = record;
  const told = text === null ? { index, hash, previous } : { index, hash, previous, text };
  return `${JSON.stringify({ ...row, record: told })}\n`;
}
