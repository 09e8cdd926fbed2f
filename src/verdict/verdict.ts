/**
 * Was the answer right? Decided from what the rungs have said, cheapest rung first.
 *
 * 1. *checker*: the task firmware's own `verify` on input and output;
 * 2. *rerun*: a second provider, drawn after the first one has committed to its output hash;
 * 3. *referee*: the gateway's own run, which decides because task firmware is deterministic.
 *
 * The checker belongs to the requester, so its "no" alone rejects nobody: the referee has to differ too. Pure.
 */
import type { Hex } from "../base/bytes.ts";

export type Testimony = {
  /** Output hash that the provider has signed. */
  readonly run: Hex;
  /** What the checker said; null while it has not. */
  readonly checker: boolean | null;
  /** Output hash of the second provider; null when there is none (yet). */
  readonly rerun: Hex | null;
  /** Output hash of the gateway's own run, `"none"` when it did not finish, null while it has not run. */
  readonly referee: Hex | "none" | null;
  /** The draw fell on this task: one more run has to agree. */
  readonly drawn: boolean;
};

export type Ruling =
  | { readonly ruling: "want"; readonly rung: "checker" | "rerun" | "referee" }
  /** Whose output is the answer, and whether a second run agreed with it. */
  | { readonly ruling: "accept"; readonly whose: "run" | "check"; readonly rechecked: boolean }
  | { readonly ruling: "reject"; readonly reason: string }
  /** Nobody is at fault; the hold goes back. */
  | { readonly ruling: "undecided"; readonly reason: string };

/** The next rung to ask, or the ruling. Total: every testimony has exactly one outcome. */
export function judge(said: Testimony): Ruling {
  if (said.checker === null) return { ruling: "want", rung: "checker" };
  if (said.rerun !== null && said.rerun === said.run) return accept("run");
  if (said.rerun !== null || !said.checker) return settleDispute(said);
  if (!said.drawn) return { ruling: "accept", whose: "run", rechecked: false };
  if (said.referee === null) return { ruling: "want", rung: "rerun" };
  if (said.referee === said.run) return accept("run");
  if (said.referee !== "none") return { ruling: "reject", reason: "the gateway's own run differs" };
  return { ruling: "accept", whose: "run", rechecked: false };
}

function settleDispute(said: Testimony): Ruling {
  if (said.referee === null) return { ruling: "want", rung: "referee" };
  if (said.referee === said.run) return accept("run");
  if (said.referee === said.rerun) return accept("check");
  if (said.referee === "none") return { ruling: "undecided", reason: "the gateway's own run did not finish" };
  return { ruling: "reject", reason: "the gateway's own run differs" };
}

function accept(whose: "run" | "check"): Ruling {
  return { ruling: "accept", whose, rechecked: true };
}
