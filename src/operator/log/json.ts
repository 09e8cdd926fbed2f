/** Facts as JSON, without loss: what is hashed can be written again from it. */
import { encodeFact } from "../../protocol/facts.ts";
import { type Legend, moneyOf, rateOf, timeText } from "./legend.ts";
import type { Line } from "./line.ts";

/** One line of JSON Lines. `fact` holds amounts in atomic units as decimal text; `amount` has the point, and `rate` is for a million of fuel. */
export function jsonLine(line: Line, legend: Legend): string {
  return `${JSON.stringify(jsonOf(line, legend))}\n`;
}

/** `part` counts the facts of an entry from 1. */
export function jsonOf(line: Line, legend: Legend): Readonly<Record<string, unknown>> {
  const { entry } = line;
  return {
    index: entry.index,
    part: line.part + 1,
    parts: entry.facts.length,
    at: entry.at,
    time: timeText(entry.at, false),
    kind: line.fact?.kind ?? null,
    name: line.name,
    device: line.device,
    task: line.task,
    amount: line.amount === null ? null : moneyOf(legend, line.amount),
    fuel: line.fuel,
    verdict: line.verdict,
    rate: line.rate === null ? null : rateOf(legend, line.rate),
    text: line.sentence,
    fact: line.fact && encodeFact(line.fact),
    cause: entry.cause,
    previous: entry.previous,
    hash: entry.hash,
  };
}
