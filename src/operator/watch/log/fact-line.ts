/** One fact as a line of the log: which room says it, in which words, with what. */
import type { Hex } from "../../../base/bytes.ts";
import { formatAmount } from "../../../base/money.ts";
import type { Fact } from "../../../protocol/facts.ts";
import type { LogRoom } from "../../api/log.ts";
import type { LogFacts } from "./log.ts";

export type FactLine = { readonly room: LogRoom; readonly msg: string; readonly facts: LogFacts };

/** What a reader needs: names of accounts, and decimals of the token. */
export type LineTerms = { readonly nameOf: (account: Hex) => string; readonly decimals: number };

type Named = Record<string, string | number | boolean | bigint | null>;

type TaskFact = Extract<Fact, { task: unknown }>;
type BilledFact = Extract<TaskFact, { legs: unknown }>;

/** The step that a fact is. Amounts are decimals of the token; what gas costs is in wei. */
export function factLine(fact: Fact, terms: LineTerms): FactLine {
  if ("legs" in fact) return billLine(fact, terms);
  if ("task" in fact) return taskLine(fact, terms);
  return fact.kind === "claimed" || "transaction" in fact ? chainLine(fact) : laneLine(fact, terms);
}

function line(room: LogRoom, msg: string, facts: Named = {}): FactLine {
  const texts = Object.entries(facts).flatMap(([name, value]) =>
    value === null ? [] : [[name, String(value)]],
  );
  return { room, msg, facts: Object.fromEntries(texts) };
}

function taskLine(fact: Exclude<TaskFact, BilledFact>, { nameOf, decimals }: LineTerms): FactLine {
  const money = (count: bigint) => formatAmount(count, decimals);
  switch (fact.kind) {
    case "offered": {
      const { firmware, input, payment, deadline, fuelLimit } = fact;
      const who = { requester: nameOf(fact.requester), maxPrice: money(fact.maxPrice) };
      return line("market", "offer taken", { ...who, firmware, input, payment, fuelLimit, deadline });
    }
    case "announced":
      return line("market", "announced", { bidBy: fact.bidBy });
    case "bidPlaced":
      return line("market", "bid", { provider: nameOf(fact.provider), rate: money(fact.rate) });
    case "awarded": {
      const { role, acceptBy, award } = fact;
      const to = { provider: nameOf(fact.provider), rate: money(fact.rate) };
      return line("market", "awarded", { ...to, role, acceptBy, award });
    }
    case "accepted":
      return line("market", "accepted", { provider: nameOf(fact.provider), role: fact.role });
    case "withdrawn": {
      const { role, how, reason } = fact;
      return line("market", "provider is out", { provider: nameOf(fact.provider), role, how, reason });
    }
    case "started": {
      const { role, runBy } = fact;
      return line("firmware", "run started", { provider: nameOf(fact.provider), role, runBy });
    }
    case "delivered": {
      const { role, verdict, fuel, output, outputBytes } = fact;
      const provider = nameOf(fact.provider);
      return line("firmware", "run delivered", { provider, role, verdict, fuel, output, outputBytes });
    }
    case "checked": {
      const { rung, passed, reason, verdict, fuel } = fact;
      const by = fact.provider === null ? "gateway" : nameOf(fact.provider);
      return line("verdict", "checked", { rung, by, passed, reason, verdict, fuel });
    }
    case "verified":
      return line("verdict", "verdict", { verdict: fact.verdict, rechecked: fact.rechecked });
  }
}

function billLine(fact: BilledFact, { nameOf, decimals }: LineTerms): FactLine {
  const { kind, price, fee } = fact;
  const sums = { price: formatAmount(price, decimals), fee: formatAmount(fee, decimals) };
  const who = { requester: nameOf(fact.requester) };
  if (kind === "ended")
    return line("payment", kind, { ...who, ...sums, state: fact.state, reason: fact.reason });
  return line("payment", kind, { ...who, ...sums, provider: nameOf(fact.provider), fuel: fact.fuel });
}

type ChainFact = Extract<Fact, { transaction: unknown }>;

function chainLine(fact: ChainFact): FactLine {
  const { transaction } = fact;
  switch (fact.kind) {
    case "transactionPrepared": {
      const { purpose, nonce, rows, replaces } = fact;
      return line("settlement", "transaction signed", { transaction, purpose, nonce, rows, replaces });
    }
    case "transactionMined": {
      const { block, gasUsed, gasCost, succeeded } = fact;
      return line("settlement", "transaction mined", { transaction, block, gasUsed, gasCost, succeeded });
    }
    case "transactionDropped":
      return line("settlement", "transaction dropped", { transaction, reason: fact.reason });
    case "claimed": {
      const { block, gasUsed, gasCost } = fact;
      return line("settlement", "claim mined", { transaction, block, gasUsed, gasCost });
    }
  }
}

function laneLine(fact: Exclude<Fact, TaskFact | ChainFact>, { nameOf, decimals }: LineTerms): FactLine {
  const money = (count: bigint) => formatAmount(count, decimals);
  switch (fact.kind) {
    case "voucherReceived":
    case "voucherShown": {
      const { cumulative, epoch } = fact.voucher;
      const by =
        fact.kind === "voucherReceived" ? { payer: nameOf(fact.payer) } : { payee: nameOf(fact.payee) };
      const msg = fact.kind === "voucherReceived" ? "voucher taken" : "voucher of ours shown";
      return line("payment", msg, {
        ...by,
        amount: money(fact.amount),
        cumulative: money(cumulative),
        epoch,
      });
    }
    case "creditPaidOut":
      return line("payment", "credit paid out", { device: nameOf(fact.device), amount: money(fact.amount) });
    case "debtPaid":
      return line("payment", "debt paid", { device: nameOf(fact.device), amount: money(fact.amount) });
    case "laneObserved": {
      const { epoch, closeAt, block } = fact;
      const lane = { payer: nameOf(fact.payer), payee: nameOf(fact.payee) };
      const sums = { deposit: money(fact.deposit), settled: money(fact.settled) };
      return line("settlement", "lane seen", { ...lane, ...sums, epoch, closeAt, block });
    }
    case "laneReconciled": {
      const lane = { payer: nameOf(fact.payer), payee: nameOf(fact.payee) };
      return line("settlement", "lane reconciled", {
        ...lane,
        amount: money(fact.amount),
        epoch: fact.epoch,
      });
    }
    case "chainReorganized":
      return line("settlement", "chain reorganized", { block: fact.block, was: fact.was, is: fact.is });
    default:
      return gatewayLine(fact, nameOf);
  }
}

type GatewayFact = Exclude<Parameters<typeof laneLine>[0], { payer: unknown } | { payee: unknown }>;

function gatewayLine(fact: GatewayFact, nameOf: LineTerms["nameOf"]): FactLine {
  if ("reason" in fact) return line("gateway", fact.kind, { reason: fact.reason });
  if (fact.kind === "deviceEnrolled") return line("gateway", "device enrolled", { device: fact.name });
  return "device" in fact
    ? line("gateway", fact.kind, { device: nameOf(fact.device) })
    : line("gateway", fact.kind);
}
