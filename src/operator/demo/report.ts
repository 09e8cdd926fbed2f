/** What the demo says: a line per stage and task on a terminal, or JSON lines. */
import { styleText } from "node:util";
import { formatAmount } from "../../base/money.ts";
import type { Audit } from "./audit.ts";
import { DECIMALS } from "./world.ts";

export type DemoIo = {
  readonly write: (text: string) => void;
  readonly columns?: number;
  readonly isTerminal: boolean;
};

export type TaskRow = {
  readonly number: number;
  readonly task: string;
  readonly requester: string;
  readonly provider: string;
  /** What the answer's run has burnt; 0 when nothing was paid for. */
  readonly fuel: number;
  readonly price: bigint;
  readonly verdict: string;
  readonly payment: string;
};

export type Report = {
  stage(title: string, detail: string): void;
  task(row: TaskRow): void;
  note(what: string, more?: Readonly<Record<string, unknown>>): void;
  audited(audit: Audit): void;
  summary(summary: Readonly<Record<string, unknown>>, lines: readonly string[]): void;
};

/** Atomic units as the demo shows them: always six decimals, no currency sign. */
export function usdt(count: bigint): string {
  return formatAmount(count, DECIMALS);
}

/** A rate, atomic units for 10^12 of fuel, as the demo shows it: USDT for a million of fuel, as short as it is exact. */
export function perMfuel(rate: bigint): string {
  return formatAmount(rate, DECIMALS + 6).replace(/0+$/, "");
}

/** Millions of fuel, three decimals. */
export function mfuel(fuel: number): string {
  return (fuel / 1e6).toFixed(3);
}

/** One JSON object a line, told apart by its `kind`; amounts are decimal text, as in {@link usdt}. */
export function jsonReport(io: DemoIo): Report {
  const say = (kind: string, what: object) => io.write(`${JSON.stringify({ kind, ...what })}\n`);
  return {
    stage: (title, detail) => say("stage", { title, detail }),
    task: (row) => say("task", { ...row, price: usdt(row.price) }),
    note: (what, more) => say("note", { what, ...more }),
    audited: ({ comparisons }) => {
      for (const { what, journal, chain } of comparisons) {
        say("balance", { what, journal: usdt(journal), chain: usdt(chain), agree: journal === chain });
      }
    },
    summary: (summary) => say("summary", summary),
  };
}

/** Aligned lines for a person, in colour on a terminal; the table's headings come with its first task. */
export function textReport(io: DemoIo): Report {
  const bold = (text: string) => (io.isTerminal ? styleText("bold", text) : text);
  const dim = (text: string) => (io.isTerminal ? styleText("dim", text) : text);
  const good = (text: string) => (io.isTerminal ? styleText("green", text) : text);
  const bad = (text: string) => (io.isTerminal ? styleText("red", text) : text);
  let isTableOpen = false;
  return {
    stage: (title, detail) => io.write(`${bold(title.padEnd(10))} ${detail}\n`),
    task: (row) => {
      if (!isTableOpen) io.write(`\n${dim(tableLine(HEADINGS))}\n`);
      isTableOpen = true;
      const cells = [
        String(row.number),
        row.task,
        row.requester,
        row.provider,
        mfuel(row.fuel),
        usdt(row.price),
        row.verdict,
        row.payment,
      ];
      io.write(`${tableLine(cells)}\n`);
    },
    note: (what) => io.write(`${dim(`  · ${what}`)}\n`),
    audited: ({ comparisons }) => {
      io.write(`\n${dim(balanceLine("balance", "journal", "chain", ""))}\n`);
      for (const { what, journal, chain } of comparisons) {
        const mark = journal === chain ? good("=") : bad("≠");
        io.write(`${balanceLine(what, usdt(journal), usdt(chain), mark)}\n`);
      }
    },
    summary: (_, lines) => io.write(`\n${lines.join("\n")}\n`),
  };
}

const HEADINGS = ["#", "task", "requester", "provider", "Mfuel", "price", "verdict", "payment"];
const WIDTHS = [4, 9, 10, 9, 7, 9, 20, 20];
/** Cells of numbers stand to the right. */
const NUMBERS = [4, 5];

function tableLine(cells: readonly string[]): string {
  return cells
    .map((cell, at) => (NUMBERS.includes(at) ? cell.padStart(WIDTHS[at] ?? 0) : cell.padEnd(WIDTHS[at] ?? 0)))
    .join("  ")
    .trimEnd();
}

function balanceLine(what: string, journal: string, chain: string, mark: string): string {
  return `  ${what.padEnd(28)} ${journal.padStart(14)} ${chain.padStart(14)}  ${mark}`.trimEnd();
}
