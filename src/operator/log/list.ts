/** `hirewire log`: one line per fact, as a table, as JSON Lines or as CSV. */
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import type { Journal } from "../../journal/journal.ts";
import { unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { csvHeader, csvLine } from "./csv.ts";
import { jsonLine } from "./json.ts";
import { forget, type Legend, learn, moneyOf, newLegend, printable, shortHash, timeText } from "./legend.ts";
import { type Line, linesOf, partiesOf } from "./line.ts";
import type { ListOptions } from "./options.ts";
import { addTo, footOf, noSums } from "./sums.ts";

/**
 * Writes the lines that were asked for.
 *
 * @throws {@link Fault} `usage` for a device that was never enrolled, `journal_broken`
 */
export function listFacts(journal: Journal, options: ListOptions, io: CommandIo, now: Instant): void {
  const legend = newLegend();
  const sums = noSums();
  const device = options.device === null ? null : findDevice(journal, options.device);
  const span = options.span ?? { ms: Number.POSITIVE_INFINITY };
  const since = "ms" in span ? now - span.ms : Number.NEGATIVE_INFINITY;
  const newest: Line[] = [];
  const format = formatOf(options, io, legend, String(journal.head().index).length);
  const show = (line: Line) => {
    io.write(format(line));
    addTo(sums, line, device);
  };
  if (options.format === "csv") io.write(csvHeader());
  for (const entry of journal.entries()) {
    learn(legend, entry.facts);
    const lines = entry.at < since ? [] : linesOf(entry, legend, io.isTerminal, device);
    for (const line of lines) {
      if (!isChosen(line, options, device)) continue;
      if ("lines" in span) newest.push(line);
      else show(line);
    }
    if ("lines" in span && newest.length > 2 * span.lines) newest.splice(0, newest.length - span.lines);
    forget(legend, entry.facts);
  }
  for (const line of "lines" in span ? newest.slice(-span.lines) : []) show(line);
  if (options.format !== "text") return;
  const foot = footOf(sums, device, legend);
  if (foot.length > 0) io.write(`\n${foot.join("\n")}\n`);
}

function isChosen(line: Line, options: ListOptions, device: Hex | null): boolean {
  if (options.kinds.size > 0 && !(line.fact && options.kinds.has(line.fact.kind))) return false;
  return device === null || partiesOf(line).includes(device);
}

/** The address behind what was typed: an address itself, or a name's newest bearer. */
function findDevice(journal: Journal, typed: string): Hex {
  if (/^0x[0-9a-fA-F]{40}$/.test(typed)) return typed.toLowerCase() as Hex;
  const names = new Map<string, Hex>();
  for (const entry of journal.entries()) {
    for (const fact of entry.facts) {
      if (fact.kind === "deviceEnrolled") names.set(printable(fact.name).toLowerCase(), fact.device);
      if (fact.kind === "gatewayStarted") names.set("gateway", fact.gateway);
    }
  }
  const found = names.get(typed.toLowerCase());
  if (!found) throw unknownWord("hirewire log", "device", printable(typed), names.keys());
  return found;
}

function formatOf(options: ListOptions, io: CommandIo, legend: Legend, digits: number) {
  switch (options.format) {
    case "json":
      return (line: Line) => jsonLine(line, legend);
    case "csv":
      return (line: Line) => csvLine(line, legend);
    case "text":
      return (line: Line) => tableLine(line, io, legend, digits);
  }
}

/** Columns of one width from the first line on, so that a long listing need not be read twice. */
function tableLine(line: Line, io: CommandIo, legend: Legend, digits: number): string {
  const columns = [
    String(line.entry.index).padStart(digits),
    timeText(line.entry.at, io.isTerminal),
    cut(line.fact?.kind ?? "", 19).padEnd(19),
    cut(line.name, 13).padEnd(13),
    (line.task ? shortHash(line.task) : "").padEnd(8),
    (line.amount === null ? "" : moneyOf(legend, line.amount)).padStart(15),
  ];
  const text = `${columns.join("  ")}  ${line.sentence}`;
  return `${io.columns === undefined ? text : cut(text, io.columns)}\n`;
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}
