/** The settlement log by the plainest means: every row in memory, filtered and summed one by one. */
import { formatAmount, parseAmount } from "../../../src/base/money.ts";
import type { SettlementQuery, SettlementRow, SettlementSums } from "../../../src/operator/api/settlement.ts";
import type { Librarian } from "../../../src/operator/views/librarian.ts";

/** All rows, oldest first, as pages give them. */
export function everyRow(library: Librarian, owner: `0x${string}` | null = null): SettlementRow[] {
  const rows: SettlementRow[] = [];
  for (let before: number | undefined; ; ) {
    const page = library.page({ limit: 500, ...(before === undefined ? {} : { before }) }, owner);
    rows.push(...page.rows);
    if (page.next === null) return rows.reverse();
    before = page.next;
  }
}

/** Whether a filter takes a row; of texts only names are looked at. */
export function takes(query: SettlementQuery, row: SettlementRow): boolean {
  const {
    from = 0,
    to = Number.POSITIVE_INFINITY,
    kind,
    device,
    counterparty,
    firmware,
    status,
    min,
    text,
  } = query;
  const is = (party: SettlementRow["device"], typed: string) =>
    party?.name?.toLowerCase() === typed.toLowerCase() || party?.address === typed.toLowerCase();
  const has = (name: string | null | undefined) => name?.toLowerCase().includes(text?.toLowerCase() ?? "");
  const units = (amount: string) => parseAmount(amount, 18);
  return (
    row.at >= from &&
    row.at < to &&
    (kind === undefined || row.kind === kind) &&
    (device === undefined || is(row.device, device)) &&
    (counterparty === undefined || is(row.counterparty, counterparty)) &&
    (firmware === undefined || row.firmware?.name === firmware || row.firmware?.hash === firmware) &&
    (status === undefined || row.status === status) &&
    (min === undefined || units(row.amount) >= units(min)) &&
    (text === undefined ||
      [row.device?.name, row.counterparty?.name, row.firmware?.name].some((name) => has(name) === true))
  );
}

/** Sums of rows, in a token of 6 decimals. */
export function sumsOf(rows: readonly SettlementRow[]): SettlementSums {
  const of = (kind: SettlementRow["kind"], decimals = 6) =>
    formatAmount(
      rows.reduce((sum, row) => (row.kind === kind ? sum + parseAmount(row.amount, decimals) : sum), 0n),
      decimals,
    );
  return {
    rows: rows.length,
    ...{ earned: of("earned"), spent: of("spent"), fee: of("fee") },
    ...{ returned: of("returned"), settled: of("settled"), gas: of("gas", 18) },
  };
}
