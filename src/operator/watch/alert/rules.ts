/**
 * The closed table of the rules: the page, the command line and the file for Prometheus are made from it.
 *
 * A rule that has something to say is an alert for as long as it has.
 */
import {
  chainStale,
  clockOff,
  deviceSilent,
  diskLow,
  halted,
  journalBroken,
  resultsRejected,
  stopped,
} from "./machine-rules.ts";
import { gasLow, laneEnding, settlementOverdue, spendHigh } from "./money-rules.ts";
import type { Rule } from "./rule.ts";

/** What wakes somebody first. */
export const RULES = {
  journalBroken,
  laneEnding,
  settlementOverdue,
  stopped,
  halted,
  gasLow,
  chainStale,
  clockOff,
  diskLow,
  deviceSilent,
  resultsRejected,
  spendHigh,
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleName = keyof typeof RULES;

export const RULE_NAMES = Object.keys(RULES) as readonly RuleName[];
