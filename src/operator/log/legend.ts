/** What a reader needs to understand a fact: names of addresses, decimals of amounts, whose task it is. */
import type { Hex } from "../../base/bytes.ts";
import { formatAmount } from "../../base/money.ts";
import type { Fact } from "../../protocol/facts.ts";

export type Legend = {
  decimals: number;
  gateway: Hex | null;
  /** By address; the gateway is among them. */
  readonly names: Map<Hex, string>;
  /** Of open tasks, so that memory does not grow with the journal. */
  readonly requesters: Map<Hex, Hex>;
};

/** Knows nothing yet: six decimals, as most USDT has, until {@link learn} meets a gateway's start. */
export function newLegend(): Legend {
  return { decimals: 6, gateway: null, names: new Map(), requesters: new Map() };
}

/** Takes in a record's facts, before they are shown. */
export function learn(legend: Legend, facts: readonly Fact[]): void {
  for (const fact of facts) {
    if (fact.kind === "gatewayStarted") {
      legend.decimals = fact.decimals;
      legend.gateway = fact.gateway;
      legend.names.set(fact.gateway, "gateway");
    } else if (fact.kind === "deviceEnrolled") legend.names.set(fact.device, printable(fact.name));
    else if (fact.kind === "offered") legend.requesters.set(fact.task, fact.requester);
  }
}

/** Lets go of the tasks that a record has ended, after it is shown. */
export function forget(legend: Legend, facts: readonly Fact[]): void {
  for (const fact of facts) {
    if (fact.kind === "paid" || fact.kind === "ended") legend.requesters.delete(fact.task);
  }
}

/** The device's name, or `0x1234…abcd`. */
export function nameOf(legend: Legend, address: Hex): string {
  return legend.names.get(address) || `${address.slice(0, 6)}…${address.slice(-4)}`;
}

/** Decimal text with all the token's decimals. */
export function moneyOf(legend: Legend, count: bigint): string {
  return formatAmount(count, legend.decimals);
}

/** Exact, in millions without needless zeros: `1.5 Mfuel`. */
export function fuelText(fuel: number): string {
  return `${trimmed(formatAmount(BigInt(fuel), MEGA_DIGITS))} Mfuel`;
}

/** What a million of fuel costs at a rate, which is the price of 10^12: `0.0000025` of the token. */
export function rateOf(legend: Legend, rate: bigint): string {
  return trimmed(formatAmount(rate, legend.decimals + MEGA_DIGITS));
}

/** Decimal digits of a million. */
const MEGA_DIGITS = 6;

function trimmed(decimal: string): string {
  return decimal.replace(/\.?0+$/, "");
}

/** Text of another party without control, format and line-break characters, which could rewrite a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "�");
}

/** The first 8 digits, without `0x`: enough to tell apart, not to look up. */
export function shortHash(hash: Hex): string {
  return hash.slice(2, 10);
}

/** ISO 8601 to the second: local time with its offset, or UTC to the millisecond. */
export function timeText(ms: number, isLocal: boolean): string {
  const time = new Date(ms);
  if (Number.isNaN(time.getTime())) return `${ms} ms`;
  if (!isLocal) return time.toISOString();
  const offset = -time.getTimezoneOffset();
  const shifted = new Date(ms + offset * 60_000).toISOString().slice(0, 19);
  const two = (count: number) => String(Math.floor(count)).padStart(2, "0");
  return `${shifted}${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}
