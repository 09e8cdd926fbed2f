/**
 * What a watchtower keeps on disk: the vouchers, the claims that are under way, and how far each source was read.
 *
 * One SQLite file in write-ahead mode. A change is on disk when its call returns, all of it or nothing; vouchers and
 * the position of the source they came from are one change, so a restart neither loses nor skips any. The file stays
 * locked by its process, and the operating system drops that lock however the process ends.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { PendingTransaction } from "../exchange/state.ts";
import type { Venue } from "../protocol/eip712.ts";
import { decodeFact, encodeFact, type FactNamed } from "../protocol/facts.ts";
import { address, amount, signature } from "../protocol/scalar.ts";
import type { Voucher } from "../protocol/voucher.ts";

/** Marks the file as a watchtower's: "towr" in ASCII. */
const APPLICATION_ID = 0x746f7772;
const FORMAT = 1;

/** A lane's voucher that has been verified. */
export type KeptVoucher = {
  readonly voucher: Voucher;
  /** Who signed. */
  readonly payer: Hex;
  /** From a source of the operator's own, not from a stranger. */
  readonly own: boolean;
};

/** How far a source has been read, in the source's own words. */
export type Position = { readonly source: string; readonly text: string };

const voucherRow = z.strictObject({
  payer: address,
  payee: address,
  token: address,
  epoch: z.number(),
  cumulative: amount,
  signature,
  own: z.number(),
});

const transactionRow = z.strictObject({ text: z.string() });

const SCHEMA = `
  CREATE TABLE voucher (
    payer TEXT NOT NULL, payee TEXT NOT NULL, token TEXT NOT NULL, epoch INTEGER NOT NULL,
    cumulative TEXT NOT NULL, signature TEXT NOT NULL, own INTEGER NOT NULL,
    PRIMARY KEY (payer, payee, token, epoch)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE pending (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;
  CREATE TABLE position (source TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

export class TowerFile {
  readonly venue: Venue;
  readonly #database: DatabaseSync;

  private constructor(venue: Venue, database: DatabaseSync) {
    this.venue = venue;
    this.#database = database;
  }

  /**
   * Opens the file of one vault in `folder`; makes folder and file where there are none.
   *
   * @throws {@link Fault} `key_in_use` when another watchtower has it: one gas key cannot count its nonces twice;
   * `file_format` for another file; `disk_failed`
   */
  static open(folder: string, venue: Venue): TowerFile {
    const path = join(folder, `watchtower-${venue.chainId}-${venue.vault}.sqlite`);
    return guarded(path, () => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const database = new DatabaseSync(path);
      try {
        lockAndCheck(database, path);
        return new TowerFile(venue, database);
      } catch (cause) {
        database.close();
        throw cause;
      }
    });
  }

  /** @throws {@link Fault} `file_format` when a row is not what was written */
  vouchers(): KeptVoucher[] {
    const { chainId, vault } = this.venue;
    return this.#all("SELECT * FROM voucher", voucherRow).map(({ payer, own, ...rest }) => {
      return { payer, own: own === 1, voucher: { chainId, vault, ...rest } };
    });
  }

  /** Signed and not known to be over, in the order in which they were signed. @throws {@link Fault} `file_format` */
  transactions(): Map<Hex, PendingTransaction> {
    const found = new Map<Hex, PendingTransaction>();
    for (const { text } of this.#all("SELECT text FROM pending ORDER BY idx", transactionRow)) {
      const fact = decodeFact(JSON.parse(text));
      if (fact.kind !== "transactionPrepared")
        throw new Fault("file_format", `a transaction is ${fact.kind}`);
      const { kind: _, transaction, ...pending } = fact;
      found.set(transaction, pending);
    }
    return found;
  }

  /** Null for a source that was never read. */
  position(source: string): string | null {
    const found = guarded(source, () =>
      this.#database.prepare("SELECT text FROM position WHERE source = ?").get(source),
    );
    return found ? String(found["text"]) : null;
  }

  /**
   * One change: first what is not kept any more, then what is from here on, and how far its source has been read.
   *
   * @throws {@link Fault} `disk_failed`; nothing has changed then
   */
  save(change: {
    readonly keep?: Iterable<KeptVoucher>;
    readonly drop?: Iterable<KeptVoucher>;
    readonly position?: Position | undefined;
  }): void {
    this.#write(() => {
      const where = "payer = ? AND payee = ? AND token = ? AND epoch = ?";
      const remove = this.#database.prepare(`DELETE FROM voucher WHERE ${where}`);
      for (const { payer, voucher } of change.drop ?? []) {
        remove.run(payer, voucher.payee, voucher.token, voucher.epoch);
      }
      const put = this.#database.prepare("INSERT OR REPLACE INTO voucher VALUES (?, ?, ?, ?, ?, ?, ?)");
      for (const { payer, voucher, own } of change.keep ?? []) {
        const { payee, token, epoch, cumulative, signature: signed } = voucher;
        put.run(payer, payee, token, epoch, String(cumulative), signed, own ? 1 : 0);
      }
      if (!change.position) return;
      const { source, text } = change.position;
      this.#database.prepare("INSERT OR REPLACE INTO position VALUES (?, ?)").run(source, text);
    });
  }

  /** @throws {@link Fault} `disk_failed` */
  saveTransaction(fact: FactNamed<"transactionPrepared">): void {
    const text = JSON.stringify(encodeFact(fact));
    this.#write(() => {
      this.#database
        .prepare("INSERT OR REPLACE INTO pending (hash, text) VALUES (?, ?)")
        .run(fact.transaction, text);
    });
  }

  /** @throws {@link Fault} `disk_failed` */
  dropTransactions(hashes: readonly Hex[]): void {
    this.#write(() => {
      const remove = this.#database.prepare("DELETE FROM pending WHERE hash = ?");
      for (const hash of hashes) remove.run(hash);
    });
  }

  close(): void {
    this.#database.close();
  }

  #all<S extends z.ZodType>(query: string, schema: S): z.output<S>[] {
    const rows = guarded(query, () => this.#database.prepare(query).all());
    try {
      return rows.map((row) => schema.parse({ ...row }));
    } catch (cause) {
      throw new Fault("file_format", "a row of the watchtower's file is not what was written", { cause });
    }
  }

  #write(work: () => void): void {
    guarded("the watchtower's file", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        work();
        this.#database.exec("COMMIT");
      } catch (cause) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw cause;
      }
    });
  }
}

function lockAndCheck(database: DatabaseSync, path: string): void {
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  // the lock is taken by the first write and held until the file is closed
  database.exec("BEGIN IMMEDIATE");
  const read = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
  if (read("schema_version") === 0) database.exec(SCHEMA);
  database.exec("COMMIT");
  if (read("application_id") !== APPLICATION_ID || read("user_version") !== FORMAT) {
    throw new Fault("file_format", `${path} is no watchtower's file of format ${FORMAT}`);
  }
}

/** Primary result codes, https://sqlite.org/rescode.html. */
const BUSY = 5;
const NOT_A_DATABASE = 26;

function guarded<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const number = cause instanceof Error && "errcode" in cause ? Number(cause.errcode) & 0xff : 0;
    const text = cause instanceof Error ? cause.message : String(cause);
    if (number === BUSY) throw new Fault("key_in_use", `another watchtower uses ${what}`, { cause });
    if (number === NOT_A_DATABASE)
      throw new Fault("file_format", `${what} is no watchtower's file`, { cause });
    throw new Fault("disk_failed", `the disk of ${what} failed: ${text}`, { cause });
  }
}
