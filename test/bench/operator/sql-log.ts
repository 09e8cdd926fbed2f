/** The peer of the settlement log: the same rows in one SQL table with an index for each column that filters ask about. */
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { SettlementQuery, SettlementRow } from "../../../src/operator/api/settlement.ts";

const COLUMNS = ["kind", "device", "counterparty", "firmware", "status"] as const;

export class SqlLog {
  readonly #database: DatabaseSync;

  constructor(folder: string) {
    this.#database = new DatabaseSync(join(folder, "sql-log.sqlite"));
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
      CREATE TABLE log (sequence INTEGER PRIMARY KEY, at INTEGER, kind TEXT, device TEXT, counterparty TEXT,
        firmware TEXT, status TEXT, amount INTEGER) STRICT; BEGIN`);
  }

  /** Rows in any order; amounts of a token of 6 decimals. */
  fill(rows: Iterable<Omit<SettlementRow, "amount"> & { readonly units: number }>): void {
    const insert = this.#database.prepare("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    for (const { sequence, at, kind, device, counterparty, firmware, status, units } of rows) {
      const names = [device?.name ?? null, counterparty?.name ?? null, firmware?.name ?? null];
      insert.run(sequence, at, kind, ...names, status, units);
    }
  }

  index(): void {
    this.#database.exec("COMMIT");
    for (const column of COLUMNS)
      this.#database.exec(`CREATE INDEX log_${column} ON log (${column}, sequence)`);
    this.#database.exec("CREATE INDEX log_at ON log (at); CREATE INDEX log_amount ON log (amount); ANALYZE");
  }

  /** A page and the sums of all filtered rows, as the settlement log gives them. */
  page({ from, to, min, before, limit, ...equal }: SettlementQuery): { rows: number; sums: number } {
    const words: string[] = [];
    const values: SQLInputValue[] = [];
    const add = (word: string, value: SQLInputValue | undefined) => {
      if (value === undefined) return;
      words.push(word);
      values.push(value);
    };
    for (const column of COLUMNS) add(`${column} = ?`, equal[column]);
    add("at >= ?", from);
    add("at < ?", to);
    add("amount >= ?", min === undefined ? undefined : Math.round(Number(min) * 1e6));
    const where = words.length === 0 ? "" : `WHERE ${words.join(" AND ")}`;
    const sums = this.#database
      .prepare(`SELECT kind, COUNT(*), SUM(amount) FROM log ${where} GROUP BY kind`)
      .all(...values);
    add("sequence < ?", before);
    const narrow = words.length === 0 ? "" : `WHERE ${words.join(" AND ")}`;
    const page = this.#database
      .prepare(`SELECT * FROM log ${narrow} ORDER BY sequence DESC LIMIT ?`)
      .all(...values, limit);
    return { rows: page.length, sums: sums.length };
  }

  close(): void {
    this.#database.close();
  }
}
