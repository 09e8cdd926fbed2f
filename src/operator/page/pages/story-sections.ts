/**
 * A task's story as the sections of a page: each a list of labelled values, or a table of them, with the part of the
 * JSON that it is told from and the journal's records that prove it. Pure, so that a test can read it.
 */
import type { SettlementDetail } from "../../api/settlement.ts";
import type { Story } from "../../api/task.ts";
import type { Label } from "./story.words.ts";
import type { Value } from "./story-values.ts";
import * as value from "./story-values.ts";

export type Line = { readonly label: Label; readonly value: Value };

export type Table = {
  readonly columns: readonly Label[];
  readonly rows: readonly { readonly cells: readonly Value[]; readonly strong: boolean }[];
};

export type SectionName =
  | "payment"
  | "offer"
  | "bids"
  | "contract"
  | "work"
  | "verdict"
  | "bill"
  | "vouchers"
  | "transactions"
  | "journal";

export type Section = {
  readonly name: SectionName;
  readonly lines: readonly Line[];
  readonly tables: readonly Table[];
  /** What "copy as JSON" copies. */
  readonly json: unknown;
  /** Records of the journal that "check here" checks. */
  readonly entries: readonly number[];
};

const line = (label: Label, shown: Value): Line => ({ label, value: shown });

/** The sections of one movement of money: itself, then the whole life of its task. */
export function sectionsOfDetail(detail: SettlementDetail): readonly Section[] {
  const { row, story, transaction } = detail;
  const own: Section = {
    name: "payment",
    lines: [
      line("sequence", value.count(row.sequence)),
      line("kind", { as: "name", word: row.kind }),
      line("amount", row.kind === "gas" ? { as: "coins", amount: row.amount } : value.money(row.amount)),
      line("time", value.at(row.at)),
      line("device", value.party(row.device)),
      line("counterparty", value.party(row.counterparty)),
      line("firmware", row.firmware ? { as: "firmware", firmware: row.firmware } : { as: "none" }),
      line("task", row.task ? { as: "task", task: row.task } : { as: "none" }),
      line("status", value.word(row.status)),
      line("confirmations", { as: "confirmations", count: row.confirmations, of: row.confirmationsNeeded }),
      line("transaction", linkOf(row.transaction, transaction?.url ?? null)),
      line("entry", value.entry(row.entry)),
    ],
    tables: [],
    json: row,
    entries: [row.entry],
  };
  if (story) return [own, ...sectionsOf(story)];
  const rest = transaction ? [transactionsOf([transaction], [detail.entry.index])] : [];
  return [own, ...rest, journalOf([detail.entry])];
}

/** The sections of a task's story, from its offer to the journal; a section of which nothing has happened is left out. */
export function sectionsOf(story: Story): readonly Section[] {
  const sections = [
    offerOf(story),
    bidsOf(story),
    contractOf(story),
    workOf(story),
    verdictOf(story),
    billOf(story),
    vouchersOf(story),
    transactionsOf(story.transactions, entriesWith(story, CHAIN_FACTS)),
    journalOf(story.entries),
  ];
  return sections.filter(({ lines, tables }) => lines.length + tables.length > 0);
}

const CHAIN_FACTS = ["transactionPrepared", "transactionMined", "transactionDropped", "claimed"];

function entriesWith(story: Story, kinds: readonly string[]): readonly number[] {
  return story.entries.filter((entry) => entry.kinds.some((kind) => kinds.includes(kind))).map(indexOf);
}

const indexOf = ({ index }: { readonly index: number }): number => index;

/** Each once, in order. */
function unique(indices: readonly number[]): readonly number[] {
  return [...new Set(indices)].sort((a, b) => a - b);
}

function linkOf(transaction: string | null, url: string | null): Value {
  return transaction ? { as: "link", hash: transaction, url } : { as: "none" };
}

/** A table, or none where there is no row. */
function tableOf(
  columns: readonly Label[],
  rows: readonly (readonly Value[])[],
  strong: readonly boolean[] = [],
): readonly Table[] {
  if (rows.length === 0) return [];
  return [{ columns, rows: rows.map((cells, row) => ({ cells, strong: strong[row] ?? false })) }];
}

function offerOf({ offer, requester, task, state }: Story): Section {
  return {
    name: "offer",
    lines: [
      line("task", value.hash(task)),
      line("state", value.word(state)),
      line("requester", value.party(requester)),
      line("time", value.at(offer.at)),
      line("id", value.text(offer.id)),
      line("maxPrice", value.money(offer.maxPrice)),
      line("checkBudget", value.money(offer.checkBudget)),
      line("deadline", value.at(offer.deadline)),
      line("payment", value.word(offer.payment)),
      line("profile", value.text(offer.profile)),
      line("memory", value.text(`${offer.memoryMiB} MiB`)),
      line("fuelLimit", value.fuel(offer.fuelLimit)),
      line("meter", value.text(offer.meter)),
      line("costs", value.hash(offer.costs)),
      line("author", value.hash(offer.author)),
      line("signature", value.signature(offer.signature)),
      line("entry", value.entry(offer.index)),
    ],
    tables: [],
    json: { task, requester, ...offer },
    entries: [offer.index],
  };
}

function bidsOf({ bids }: Story): Section {
  const rows = bids.map((bid) => [
    value.party(bid.provider),
    value.money(bid.rate),
    value.money(bid.price),
    value.word(bid.won ? "won" : "lost"),
    value.word(bid.why),
    value.at(bid.at),
    value.signature(bid.signature),
  ]);
  const columns = ["provider", "rate", "price", "won", "why", "time", "signature"] as const;
  const strong = bids.map(({ won }) => won);
  return {
    name: "bids",
    lines: [],
    tables: tableOf(columns, rows, strong),
    json: bids,
    entries: unique(bids.map(indexOf)),
  };
}

function contractOf({ awards }: Story): Section {
  const rows = awards.map((award) => [
    value.party(award.provider),
    value.word(award.role),
    value.money(award.rate),
    value.hash(award.award),
    value.signature(award.signature),
    award.accepted ? value.at(award.accepted.at) : value.text(""),
    value.signature(award.accepted?.signature ?? null),
    value.word(award.outcome),
    value.at(award.runBy),
  ]);
  return {
    name: "contract",
    lines: [],
    tables: tableOf(
      ["provider", "role", "rate", "award", "signature", "accepted", "signature", "outcome", "runBy"],
      rows,
    ),
    json: awards,
    entries: unique(
      awards.flatMap((award) => [award.index, ...(award.accepted ? [award.accepted.index] : [])]),
    ),
  };
}

function workOf({ offer, runs }: Story): Section {
  const lines = [
    line("firmware", { as: "firmware", firmware: offer.firmware }),
    line("firmwareHash", value.hash(offer.firmware.hash)),
    line("firmwareBytes", value.bytes(offer.firmwareBytes)),
    line("input", value.hash(offer.input)),
    line("inputBytes", value.bytes(offer.inputBytes)),
  ];
  const rows = runs.map((run) => [
    value.party(run.provider),
    value.word(run.role),
    value.word(run.verdict),
    value.hash(run.output),
    value.bytes(run.outputBytes),
    value.fuel(run.fuel),
    value.at(run.at),
    value.signature(run.signature),
  ]);
  const { firmware, firmwareBytes, input, inputBytes } = offer;
  return {
    name: "work",
    lines,
    tables: tableOf(
      ["provider", "role", "verdict", "output", "outputBytes", "fuel", "time", "signature"],
      rows,
    ),
    json: { firmware, firmwareBytes, input, inputBytes, runs },
    entries: unique([offer.index, ...runs.map(indexOf)]),
  };
}

function verdictOf({ checks, verdict }: Story): Section {
  const lines = verdict
    ? [
        line("verdict", value.word(`answer ${verdict.verdict}`)),
        line("how", { as: "ruling", how: verdict.how, verdict: verdict.verdict, checks }),
        line("rechecked", value.word(verdict.rechecked ? "yes" : "no")),
        line("time", value.at(verdict.at)),
      ]
    : [];
  const rows = checks.map((check) => [
    value.word(check.rung),
    value.party(check.provider),
    value.word(check.passed ? "agrees" : "disagrees"),
    check.verdict === null ? value.text("") : value.word(check.verdict),
    value.hash(check.output),
    value.fuel(check.fuel),
    check.reason === "" ? value.text("") : ({ as: "name", word: check.reason } as const),
  ]);
  return {
    name: "verdict",
    lines,
    tables: tableOf(["rung", "provider", "passed", "verdict", "output", "fuel", "reason"], rows),
    json: { checks, verdict },
    entries: unique([...checks.map(indexOf), ...(verdict ? [verdict.index] : [])]),
  };
}

function billOf({ bill }: Story): Section {
  const lines = bill
    ? [
        line("price", value.money(bill.price)),
        line("fee", value.money(bill.fee)),
        line("checks", value.money(bill.checks)),
        line("time", value.at(bill.at)),
        line("receipt", value.signature(bill.receipt)),
        line("entry", value.entry(bill.index)),
      ]
    : [];
  return { name: "bill", lines, tables: [], json: bill, entries: bill ? [bill.index] : [] };
}

function vouchersOf({ vouchers, transactions }: Story): Section {
  const links = new Map(transactions.map(({ transaction, url }) => [transaction, url]));
  const rows = vouchers.map((voucher) => [
    value.party(voucher.payer),
    value.party(voucher.payee),
    value.word(voucher.role),
    value.money(voucher.amount),
    value.money(voucher.cumulative),
    value.count(voucher.epoch),
    value.signature(voucher.signature),
    value.word(voucher.settlement),
    linkOf(voucher.transaction, (voucher.transaction && links.get(voucher.transaction)) ?? null),
  ]);
  return {
    name: "vouchers",
    lines: [],
    tables: tableOf(
      ["payer", "payee", "role", "added", "cumulative", "epoch", "signature", "settlement", "transaction"],
      rows,
    ),
    json: vouchers,
    entries: unique(vouchers.map(indexOf)),
  };
}

function transactionsOf(transactions: Story["transactions"], entries: readonly number[]): Section {
  const rows = transactions.map((one) => [
    linkOf(one.transaction, one.url),
    value.word(one.purpose),
    value.word(one.state),
    one.block === null ? value.text("") : value.count(one.block),
    { as: "confirmations", count: one.confirmations, of: one.confirmationsNeeded } as const,
    one.gasUsed === null ? value.text("") : value.count(Number(one.gasUsed)),
    one.gasCost === null ? value.text("") : ({ as: "wei", count: one.gasCost } as const),
    value.count(one.nonce),
  ]);
  return {
    name: "transactions",
    lines: [],
    tables: tableOf(
      ["transaction", "purpose", "state", "block", "confirmations", "gasUsed", "gasCost", "nonce"],
      rows,
    ),
    json: transactions,
    entries,
  };
}

function journalOf(entries: Story["entries"]): Section {
  const rows = entries.map((one) => [
    value.entry(one.index),
    value.at(one.at),
    { as: "kinds", kinds: one.kinds } as const,
    value.hash(one.hash),
    value.hash(one.previous),
  ]);
  return {
    name: "journal",
    lines: [],
    tables: tableOf(["entry", "time", "kinds", "hash", "previous"], rows),
    json: entries,
    entries: entries.map(indexOf),
  };
}
