/** One fact as one line: who, which task, how much, and a short sentence. */
import type { Hex } from "../../base/bytes.ts";
import type { Entry } from "../../journal/journal.ts";
import type { Fact, FactNamed } from "../../protocol/facts.ts";
import type { RunVerdict } from "../../protocol/fuel.ts";
import { fuelText, type Legend, moneyOf, nameOf, printable, rateOf, shortHash, timeText } from "./legend.ts";

export type Line = {
  readonly entry: Entry;
  /** Which of the entry's facts, from 0. */
  readonly part: number;
  /** Null for an entry that holds none. */
  readonly fact: Fact | null;
  /** Whose doing it is, or whose task where it is the gateway's. */
  readonly device: Hex | null;
  readonly name: string;
  readonly task: Hex | null;
  readonly requester: Hex | null;
  readonly amount: bigint | null;
  /** Burnt, or the most that may be; null where nothing is metered. */
  readonly fuel: number | null;
  /** How a run ended; null of any other fact. */
  readonly verdict: RunVerdict | null;
  /** Atomic units for 10^12 of fuel. */
  readonly rate: bigint | null;
  readonly sentence: string;
};

/**
 * The lines of one entry, in the order of its facts. An entry without facts has one.
 *
 * @param device - whose share of a payment is its amount; null for all of it
 */
export function linesOf(entry: Entry, legend: Legend, isLocal: boolean, device: Hex | null): Line[] {
  const facts: readonly (Fact | null)[] = entry.facts.length === 0 ? [null] : entry.facts;
  const { refused, topic } = entry.cause;
  return facts.map((fact, part) => {
    const task = fact && "task" in fact ? fact.task : null;
    const requester = (task && legend.requesters.get(task)) ?? null;
    const actor = (fact && actorOf(fact, legend)) ?? requester;
    const told = fact ? sentenceOf(fact, legend, isLocal) : "nothing but its command";
    return {
      entry,
      part,
      fact,
      device: actor,
      name: actor ? nameOf(legend, actor) : "",
      task,
      requester,
      amount: fact && amountOf(fact, device),
      ...meteredIn(fact),
      sentence: refused ? `${told}; its ${printable(topic)} was refused: ${refused}` : told,
    };
  });
}

function actorOf(fact: Fact, legend: Legend): Hex | null {
  switch (fact.kind) {
    case "gatewayStarted":
      return fact.gateway;
    case "deviceEnrolled":
    case "deviceDisabled":
    case "deviceEnabled":
      return fact.device;
    case "laneObserved":
    case "laneReconciled":
    case "voucherReceived":
      return fact.payer;
    case "offered":
      return fact.requester;
    case "checked":
      return fact.provider ?? legend.gateway;
    case "creditPaidOut":
    case "debtPaid":
      return fact.device;
    case "voucherShown":
      return fact.payee;
    default:
      return "provider" in fact ? fact.provider : null;
  }
}

/** Everyone whom a line concerns. */
export function partiesOf(line: Line): readonly Hex[] {
  const { fact } = line;
  const lanes =
    fact?.kind === "claimed" ? fact.lanes : fact && "payer" in fact && "payee" in fact ? [fact] : [];
  const parties = lanes.flatMap((lane) => [lane.payer, lane.payee]);
  if (fact && "legs" in fact) parties.push(...fact.legs.map((leg) => leg.payee));
  if (line.device) parties.push(line.device);
  if (line.requester) parties.push(line.requester);
  return parties;
}

function amountOf(fact: Fact, device: Hex | null): bigint | null {
  switch (fact.kind) {
    case "laneObserved":
      return fact.deposit;
    case "voucherReceived":
    case "voucherShown":
    case "creditPaidOut":
    case "debtPaid":
    case "laneReconciled":
      return fact.amount;
    case "offered":
      return fact.maxPrice;
    case "invoiced":
    case "paid":
    case "ended":
      return earnedIn(fact, device) || fact.price;
    default:
      return null;
  }
}

function meteredIn(fact: Fact | null): Pick<Line, "fuel" | "verdict" | "rate"> {
  const metered = { fuel: null, verdict: null, rate: null };
  switch (fact?.kind) {
    case "offered":
      return { ...metered, fuel: fact.fuelLimit };
    case "bidPlaced":
    case "awarded":
      return { ...metered, rate: fact.rate };
    case "delivered":
      return { ...metered, fuel: fact.fuel, verdict: fact.verdict };
    case "checked":
      return fact.verdict === null ? metered : { ...metered, fuel: fact.fuel, verdict: fact.verdict };
    case "invoiced":
    case "paid":
      return { ...metered, fuel: fact.fuel };
    default:
      return metered;
  }
}

/** What one device is paid in a payment. */
export function earnedIn(fact: Pick<FactNamed<"paid">, "legs">, device: Hex | null): bigint {
  const legs = fact.legs.filter((leg) => leg.payee === device);
  return legs.reduce((sum, leg) => sum + leg.amount, 0n);
}

function sentenceOf(fact: Fact, legend: Legend, isLocal: boolean): string {
  return "task" in fact ? taskSentence(fact, legend, isLocal) : laneSentence(fact, legend);
}

type TaskFact = Extract<Fact, { task: unknown }>;

function laneSentence(fact: Exclude<Fact, TaskFact>, legend: Legend): string {
  const money = (count: bigint) => moneyOf(legend, count);
  const name = (address: Hex) => nameOf(legend, address);
  switch (fact.kind) {
    case "gatewayStarted":
      return `started on chain ${fact.chainId}, vault ${name(fact.vault)}, token ${name(fact.token)}, fee ${fact.feeBasisPoints / 100} %`;
    case "deviceEnrolled":
      return `enrolled as ${fact.manufacturer}/${fact.serialNumber}${fact.owner ? `, owner ${name(fact.owner)}` : ""}`;
    case "laneObserved": {
      const closing = fact.closeAt === 0 ? "" : `, closing at ${fact.closeAt}`;
      return `lane to ${name(fact.payee)}: settled ${money(fact.settled)}, epoch ${fact.epoch}, block ${fact.block}${closing}`;
    }
    case "laneReconciled":
      return `lane to ${name(fact.payee)}, epoch ${fact.epoch}: ${fact.amount < 0n ? "closed before this was claimed" : "claimed by a voucher not seen here"}`;
    case "voucherReceived":
      return `signed ${money(fact.voucher.cumulative)} in all, epoch ${fact.voucher.epoch}`;
    case "voucherShown":
      return `shows a voucher of ours for ${money(fact.voucher.cumulative)} that was not known here`;
    case "creditPaidOut":
      return `credit given back, ${money(fact.voucher.cumulative)} signed in all, epoch ${fact.voucher.epoch}`;
    case "debtPaid":
      return "made good what it owed";
    case "halted":
      return `takes no new offers: ${printable(fact.reason)}`;
    case "resumed":
      return `takes offers again: ${printable(fact.reason)}`;
    case "payingStopped":
      return `signs no voucher any more: ${printable(fact.reason)}`;
    case "payingResumed":
      return `pays again: ${printable(fact.reason)}`;
    case "deviceDisabled":
      return "kept out by its operator";
    case "deviceEnabled":
      return "let in again";
    default:
      return chainSentence(fact);
  }
}

type ChainFact = Extract<
  Fact,
  {
    kind: "transactionPrepared" | "transactionMined" | "transactionDropped" | "claimed" | "chainReorganized";
  }
>;

function chainSentence(fact: ChainFact): string {
  switch (fact.kind) {
    case "transactionPrepared": {
      const what = fact.replaces === null ? "signed" : `replaces ${shortHash(fact.replaces)}`;
      return `${fact.purpose} ${shortHash(fact.transaction)} of ${fact.rows} lanes ${what}, nonce ${fact.nonce}`;
    }
    case "transactionMined": {
      const how = fact.succeeded ? "mined" : "reverted";
      return `transaction ${shortHash(fact.transaction)} ${how} in block ${fact.block}, gas ${fact.gasUsed}`;
    }
    case "claimed":
      return `claim ${shortHash(fact.transaction)} settled ${fact.lanes.length} lanes in block ${fact.block}, gas ${fact.gasUsed}`;
    case "transactionDropped":
      return `transaction ${shortHash(fact.transaction)} dropped: ${printable(fact.reason)}`;
    case "chainReorganized":
      return `block ${fact.block} is another one: ${shortHash(fact.was)} became ${shortHash(fact.is)}`;
  }
}

function taskSentence(fact: TaskFact, legend: Legend, isLocal: boolean): string {
  const money = (count: bigint) => moneyOf(legend, count);
  switch (fact.kind) {
    case "offered":
      return `asks for ${firmwareText(fact)}, up to ${fuelText(fact.fuelLimit)} and ${money(fact.maxPrice)}, checks ${money(fact.checkBudget)}`;
    case "announced":
      return `bids until ${timeText(fact.bidBy, isLocal)}`;
    case "bidPlaced":
      return `bids ${rateOf(legend, fact.rate)}/Mfuel, good until ${timeText(fact.expires, isLocal)}`;
    case "awarded":
      return `awarded the ${fact.role} at ${rateOf(legend, fact.rate)}/Mfuel, fee ${fact.feeBasisPoints / 100} %`;
    case "accepted":
      return `accepts the ${fact.role}`;
    case "started":
      return `started the ${fact.role}, until ${timeText(fact.runBy, isLocal)}`;
    case "withdrawn":
      return `out of the ${fact.role}: ${fact.how}${reasonOf(fact.reason)}`;
    case "delivered":
      return `delivered the ${fact.role}: ${outcomeText(fact)}`;
    case "checked":
      return `${fact.rung} ${fact.passed ? "agrees" : "disagrees"}${reasonOf(fact.reason)}`;
    case "verified":
      return `answer ${fact.verdict}${fact.rechecked ? ", rechecked" : ""}`;
    case "invoiced":
      return `invoiced ${money(fact.price)} for ${fuelText(fact.fuel)}, due ${timeText(fact.due, isLocal)}; ${billSentence(fact, legend)}`;
    case "paid":
      return `paid for ${fuelText(fact.fuel)}: ${billSentence(fact, legend)}`;
    case "ended":
      return `${fact.state}${reasonOf(fact.reason)}${fact.legs.length > 0 ? `, ${billSentence(fact, legend)}` : ""}`;
  }
}

function firmwareText({ firmware, manifest }: FactNamed<"offered">): string {
  return manifest
    ? `${printable(`${manifest.name} ${manifest.version}`)} (${shortHash(firmware)})`
    : shortHash(firmware);
}

function outcomeText({ verdict, output, outputBytes, fuel }: FactNamed<"delivered">): string {
  const how = output === null ? verdict : `output ${shortHash(output)}, ${outputBytes} bytes`;
  return `${how}, ${fuelText(fuel)}`;
}

function reasonOf(reason: string): string {
  return reason === "" ? "" : `: ${printable(reason)}`;
}

function billSentence(fact: Pick<FactNamed<"paid">, "legs" | "fee">, legend: Legend): string {
  const legs = fact.legs.map((leg) => `${moneyOf(legend, leg.amount)} to ${nameOf(legend, leg.payee)}`);
  return [...legs, `fee ${moneyOf(legend, fact.fee)}`].join(", ");
}
