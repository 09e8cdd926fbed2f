/** `hirewire log show N`: an entry, and the whole life of the tasks it names, with every hash and signer. */
import type { Hex } from "../../base/bytes.ts";
import type { Entry, Journal } from "../../journal/journal.ts";
import { encodeFact, type Fact, type Posting, postingsOf } from "../../protocol/facts.ts";
import type { CommandIo } from "../io.ts";
import { jsonOf } from "./json.ts";
import {
  fuelText,
  type Legend,
  learn,
  moneyOf,
  nameOf,
  newLegend,
  printable,
  rateOf,
  timeText,
} from "./legend.ts";
import { type Line, linesOf } from "./line.ts";
import { usage } from "./options.ts";
import { type Tale, tasksOf, tellTales } from "./tale.ts";

/** @throws {@link Fault} `usage` when there is no such entry, `journal_broken` */
export function showEntry(journal: Journal, index: number, json: boolean, io: CommandIo): void {
  const entry = journal.entry(index);
  if (!entry) throw usage(`there is no entry ${index}: the newest is ${journal.head().index}`);
  const legend = newLegend();
  const tales = tellTales(journal, tasksOf(entry), legend, io.isTerminal);
  if (tales.length === 0) for (const before of journal.entries()) learn(legend, before.facts);
  const lines = linesOf(entry, legend, io.isTerminal, null);
  if (json) {
    io.write(`${JSON.stringify(shownJson(lines, tales, legend), null, 2)}\n`);
    return;
  }
  io.write(headText(entry, legend, io));
  for (const line of tales.length === 0 ? lines : []) io.write(stepText(line, legend, io));
  for (const tale of tales) {
    io.write(`\ntask ${tale.task}  ${tale.state}\n`);
    for (const line of tale.steps) io.write(stepText(line, legend, io));
  }
}

function shownJson(lines: readonly Line[], tales: readonly Tale[], legend: Legend) {
  const step = (line: Line) => ({
    ...jsonOf(line, legend),
    signer: line.fact && signerOf(line.fact, legend),
  });
  return {
    entry: lines.map(step),
    tasks: tales.map(({ task, state, steps }) => ({ task, state, steps: steps.map(step) })),
  };
}

function headText(entry: Entry, legend: Legend, io: CommandIo): string {
  const { by, topic, id, refused } = entry.cause;
  const who = by === null ? "the gateway" : named(by, legend);
  const outcome = refused === null ? "" : `, refused: ${refused}`;
  return [
    `entry ${entry.index}  ${timeText(entry.at, io.isTerminal)}`,
    `  cause     ${printable(`${topic} ${id}`)} by ${who}${outcome}`,
    `  previous  ${entry.previous}`,
    `  hash      ${entry.hash}`,
    "",
  ].join("\n");
}

function stepText(line: Line, legend: Legend, io: CommandIo): string {
  const { entry, fact } = line;
  const amount = line.amount === null ? "" : `  ${moneyOf(legend, line.amount)}`;
  const name = line.name === "" ? "" : `  ${line.name}`;
  const kind = fact?.kind ?? "no fact";
  const head = `\n  #${entry.index}  ${timeText(entry.at, io.isTerminal)}  ${kind}${name}${amount}\n`;
  const details: (readonly [string, string])[] = [];
  const signer = fact && signerOf(fact, legend);
  if (signer) details.push(["signer", named(signer, legend)]);
  if (fact) details.push(...detailsOf(encodeFact(fact), "", legend, io));
  for (const posting of fact ? postingsOf([fact]) : []) details.push(postingText(posting, legend));
  details.push(["entry hash", entry.hash]);
  const rows = details.map(([label, text]) => `      ${label.padEnd(28)}${text}\n`);
  return `${head}      ${line.sentence}\n${rows.join("")}`;
}

/** Facts that the gateway signs. */
const OURS: ReadonlySet<Fact["kind"]> = new Set([
  "awarded",
  "invoiced",
  "paid",
  "creditPaidOut",
  "voucherShown",
]);

/** Whose signature a fact holds. */
function signerOf(fact: Fact, legend: Legend): Hex | null {
  if (fact.kind === "voucherReceived") return fact.payer;
  if (fact.kind === "offered") return fact.requester;
  if (OURS.has(fact.kind)) return legend.gateway;
  return "signature" in fact ? fact.provider : null;
}

/** Every field of an encoded fact with its path, nested ones too. */
function detailsOf(
  value: unknown,
  path: string,
  legend: Legend,
  io: CommandIo,
): (readonly [string, string])[] {
  if (typeof value !== "object" || value === null) {
    return path === "kind" || path === "task" ? [] : [[path, fieldText(value, path, legend, io)]];
  }
  return Object.entries(value).flatMap(([key, field]) => {
    return key === "postings" ? [] : detailsOf(field, path === "" ? key : `${path}.${key}`, legend, io);
  });
}

function postingText({ account, change }: Posting, legend: Legend): readonly [string, string] {
  const [sort = "", address] = account.split(":");
  const whose = address === undefined ? sort : `${sort} of ${nameOf(legend, address as Hex)}`;
  return ["posting", `${moneyOf(legend, change).padStart(15)}  ${whose}`];
}

/** Fields that count atomic units of the token, by the last part of their path. */
const MONEY = /(^|\.)(amount|cumulative|price|maxPrice|checkBudget|fee|checks|deposit|settled)$/;

/** Fields that are milliseconds since 1970. */
const INSTANT = /^(deadline|bidBy|expires|acceptBy|runBy|due)$/;

const FUEL = /^(fuel|fuelLimit)$/;

function fieldText(value: unknown, path: string, legend: Legend, io: CommandIo): string {
  if (typeof value === "number" && INSTANT.test(path)) return timeText(value, io.isTerminal);
  if (typeof value === "number" && FUEL.test(path)) return fuelText(value);
  if (typeof value !== "string") return String(value);
  if (path === "rate") return `${rateOf(legend, BigInt(value))}/Mfuel`;
  if (MONEY.test(path)) return moneyOf(legend, BigInt(value));
  return /^0x[0-9a-f]{40}$/.test(value) ? named(value as Hex, legend) : printable(value);
}

function named(address: Hex, legend: Legend): string {
  const name = legend.names.get(address);
  return name ? `${address} (${name})` : address;
}
