/** The whole life of a task, gathered from the journal: from its offer to the transaction that settled it. */
import type { Hex } from "../../base/bytes.ts";
import type { Entry, Journal } from "../../journal/journal.ts";
import type { Fact } from "../../protocol/facts.ts";
import { forget, type Legend, learn } from "./legend.ts";
import { type Line, linesOf } from "./line.ts";

/** A promise of money that a claim may settle later. */
type Promised = {
  readonly payer: Hex;
  readonly payee: Hex;
  readonly epoch: number;
  readonly cumulative: bigint;
};

export type Tale = {
  readonly task: Hex;
  /** The state's word, as everywhere: `offered` … `settled`, or how it ended. */
  state: string;
  readonly steps: Line[];
  /** Vouchers of this task that no claim has settled so far. */
  promised: Promised[];
};

/** The tasks that an entry's facts name, each once. */
export function tasksOf(entry: Entry): readonly Hex[] {
  return [...new Set(entry.facts.flatMap((fact) => ("task" in fact ? [fact.task] : [])))];
}

/** Reads the journal once and tells the life of each task. `legend` learns on the way. */
export function tellTales(
  journal: Journal,
  tasks: readonly Hex[],
  legend: Legend,
  isLocal: boolean,
): readonly Tale[] {
  const tales = tasks.map((task): Tale => ({ task, state: "offered", steps: [], promised: [] }));
  /** Signed claims whose outcome is not known, by transaction. */
  const prepared = new Map<Hex, Line>();
  for (const entry of journal.entries()) {
    learn(legend, entry.facts);
    const lines = tales.length === 0 ? [] : linesOf(entry, legend, isLocal, null);
    for (const line of lines) {
      const { fact } = line;
      if (fact?.kind === "transactionPrepared") prepared.set(fact.transaction, line);
      for (const tale of tales) if (fact) tell(tale, line, fact, prepared, legend);
      if (fact?.kind === "claimed" || fact?.kind === "transactionDropped") prepared.delete(fact.transaction);
    }
    forget(legend, entry.facts);
  }
  return tales;
}

function tell(tale: Tale, line: Line, fact: Fact, prepared: ReadonlyMap<Hex, Line>, legend: Legend): void {
  if (fact.kind === "claimed") settle(tale, line, fact.lanes, prepared.get(fact.transaction));
  if (fact.kind === "voucherReceived" && carries(line.entry, tale.task)) {
    tale.promised.push({ payer: fact.payer, ...fact.voucher });
    tale.steps.push(line);
  }
  if (!("task" in fact) || fact.task !== tale.task) return;
  tale.steps.push(line);
  tale.state = stateAfter(fact) ?? tale.state;
  if (fact.kind !== "paid" || !legend.gateway) return;
  for (const leg of fact.legs) tale.promised.push({ payer: legend.gateway, ...leg.voucher });
}

/** The voucher that an offer carried stands in the offer's own record. */
function carries(entry: Entry, task: Hex): boolean {
  return entry.facts.some((fact) => fact.kind === "offered" && fact.task === task);
}

type Lane = { readonly payer: Hex; readonly payee: Hex; readonly epoch: number; readonly settled: bigint };

function settle(tale: Tale, line: Line, lanes: readonly Lane[], signed: Line | undefined): void {
  const isCovered = (promised: Promised) =>
    lanes.some(
      (lane) =>
        lane.payer === promised.payer &&
        lane.payee === promised.payee &&
        lane.epoch === promised.epoch &&
        lane.settled >= promised.cumulative,
    );
  const left = tale.promised.filter((promised) => !isCovered(promised));
  if (left.length === tale.promised.length) return;
  if (signed) tale.steps.push(signed);
  tale.steps.push(line);
  tale.promised = left;
  if (tale.state === "paid" && left.every((promised) => tale.steps[0]?.device === promised.payer)) {
    tale.state = "settled";
  }
}

/** What a fact makes of its task; null when it stays what it was. */
export function stateAfter(fact: Fact): string | null {
  switch (fact.kind) {
    case "offered":
    case "announced":
    case "invoiced":
    case "paid":
      return fact.kind;
    case "awarded":
    case "accepted":
    case "delivered":
      return fact.role === "run" ? fact.kind : null;
    case "started":
      return fact.role === "run" ? "running" : null;
    case "verified":
      return fact.verdict === "accepted" ? "verified" : null;
    case "ended":
      return fact.state;
    default:
      return null;
  }
}
