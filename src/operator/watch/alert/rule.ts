/** What a rule of the alerts is, and the words that its findings share. */
import type { Hex } from "../../../base/bytes.ts";
import type { Instant } from "../../../base/clock.ts";
import { formatAmount } from "../../../base/money.ts";
import type { AlertRow } from "../../api/alert.ts";
import type { Vitals } from "../vitals.ts";

/** What an owner is told whose devices do well, and whose gateway does not. */
export const ASK = "ask whoever runs this gateway";

/**
 * Whose business a finding is: of one owner and the gateway, of the gateway alone, or of everybody who looks. Then `owners`
 * is what owners are told in place of it: reasons and sums can be about others.
 */
export type Concern =
  | { readonly owners: Pick<AlertRow, "what" | "facts"> }
  | { readonly owner: Hex | null }
  | "gateway";

/** One thing that a rule has found. */
export type Finding = Pick<AlertRow, "what" | "costs" | "mend" | "facts" | "remedy"> & {
  /** Which device, lane or limit; null where a rule can find one thing only. */
  readonly subject: string | null;
  readonly concern: Concern;
  /** Since when, where the vitals say it; null: since it was first found. */
  readonly since: Instant | null;
};

export type Rule = {
  readonly severity: AlertRow["severity"];
  /** The condition in one line, for documents. */
  readonly when: string;
  /** The same condition on the metrics of one gateway, as PromQL. */
  readonly expression: string;
  /** What it costs, and what mends it, where nothing is known but that it is so. */
  readonly costs: string;
  readonly mend: string;
  /**
   * What there is to tell.
   *
   * @param isOn - whether the rule has found that subject at the evaluation before: what flaps ends a little later
   */
  readonly find: (vitals: Vitals, isOn: (subject: string | null) => boolean) => readonly Finding[];
};

/** Money as decimal text. */
export function moneyText({ decimals, symbol }: Vitals, count: bigint): string {
  return `${formatAmount(count, decimals)} ${symbol}`;
}

/** A length of time in words, rounded down to its largest unit: `"6 min"`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
  ] as const;
  const fit = units.find(([, length]) => seconds >= length);
  return fit ? `${Math.floor(seconds / fit[1])} ${fit[0]}` : `${seconds} s`;
}

/** A part in percent; below ten with one decimal, where there is one. */
export function percentText(part: number): string {
  const percent = part * 100;
  return percent < 10 ? percent.toFixed(1).replace(/\.0$/, "") : percent.toFixed(0);
}
