/**
 * Rows as a plain-text ledger that hledger and beancount both read: the words that the two have in common.
 *
 * A gateway's books pass each task's price on: `Equity:Tasks` is empty once its providers have their pay and the gateway
 * its fee. An owner's books have what its devices earn and spend. `!` marks money that is not past recall; what a close
 * made void is a comment.
 */
import type { SettlementRow } from "../api/settlement.ts";
import { commodityOf } from "./commodity.ts";

/** What stands before everything. */
export const LEDGER_HEADER =
  "; hirewire's settlement log, one transaction for each row. Amounts of a lane are promises.\n";

/** What a row debits and credits. */
type Sides = readonly [debit: string, credit: string];

/** An account of a row's device, under another. */
type OfDevice = (account: string) => string;

/** A row of the log, and whether a claim of it has paid the device. */
export type LedgerRow = { readonly row: SettlementRow; readonly isPaid: boolean };

/** Writes rows one after the other; remembers which accounts are open, one or two of each device. */
export class LedgerWriter {
  readonly #isGateway: boolean;
  readonly #open = new Set<string>();

  /** @param isGateway - the whole gateway's books, not one owner's */
  constructor(isGateway: boolean) {
    this.#isGateway = isGateway;
  }

  /** A transaction as text, with what opens its accounts before it. */
  write({ row, isPaid }: LedgerRow): string {
    const of = (account: string) => `${account}:${accountOf(row.device)}`;
    const commodity = commodityOf(row);
    const [debit, credit] = this.#isGateway ? gatewaySides(row, of, isPaid) : ownerSides(row, of, isPaid);
    const posting = (account: string, amount: string) => `  ${account}  ${amount} ${commodity}\n`;
    const day = new Date(row.at).toISOString().slice(0, 10);
    const flag = row.status === "final" ? "*" : "!";
    const about = `row ${row.sequence}, entry ${row.entry}${row.task ? `, task ${row.task}` : ""}`;
    const transaction = row.transaction ? `, transaction ${row.transaction}` : "";
    const text =
      `${day} ${flag} "${quotable(row.device?.name ?? row.device?.address ?? "gateway")}" "${row.kind}"\n` +
      `  ; ${new Date(row.at).toISOString()}, ${row.status}, ${about}${transaction}\n` +
      posting(debit, row.amount) +
      posting(credit, `-${row.amount}`);
    const opened = `${this.#opening(debit, commodity)}${this.#opening(credit, commodity)}`;
    return row.status === "failed" ? `${commented(text)}\n` : `${opened}${text}\n`;
  }

  /** Beancount wants accounts opened; hledger takes the line for a transaction without postings. */
  #opening(account: string, commodity: string): string {
    if (this.#open.has(account)) return "";
    this.#open.add(account);
    return `1970-01-01 open ${account} ${commodity}\n`;
  }
}

function gatewaySides({ kind }: SettlementRow, of: OfDevice, isPaid: boolean): Sides {
  const [incoming, outgoing] = [of("Assets:Lanes:In"), of("Liabilities:Lanes:Out")];
  switch (kind) {
    case "spent":
      return [incoming, "Equity:Tasks"];
    case "earned":
      return ["Equity:Tasks", outgoing];
    case "fee":
      return ["Equity:Tasks", "Income:Fees"];
    case "returned":
      return [incoming, outgoing];
    case "settled":
      return isPaid ? [outgoing, "Assets:Vault"] : ["Assets:Vault", incoming];
    case "gas":
      return ["Expenses:Gas", "Assets:Gas"];
  }
}

function ownerSides({ kind }: SettlementRow, of: OfDevice, isPaid: boolean): Sides {
  const [lane, promised] = [of("Assets:Lanes"), of("Liabilities:Promised")];
  switch (kind) {
    case "spent":
    case "fee":
      return [of("Expenses:Tasks"), promised];
    case "earned":
      return [lane, of("Income:Work")];
    case "returned":
      return [lane, promised];
    case "settled":
      return isPaid ? [of("Assets:Vault"), lane] : [promised, of("Assets:Deposit")];
    case "gas":
      return ["Expenses:Gas", "Assets:Gas"];
  }
}

/** A device as one part of an account's name: letters, digits and dashes, the first one a capital or a digit. */
function accountOf(device: SettlementRow["device"]): string {
  if (!device) return "Gateway";
  const words = (device.name ?? "").normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-");
  const name = words.replace(/^-+|-+$/g, "").slice(0, 32);
  const short = device.address.slice(2, 10);
  return name === "" ? `X${short}` : `${name.charAt(0).toUpperCase()}${name.slice(1)}-${short}`;
}

function quotable(text: string): string {
  return text.replaceAll('"', "'").replaceAll("\\", "/");
}

function commented(text: string): string {
  return text.replace(/^(?!$)/gm, "; ");
}
