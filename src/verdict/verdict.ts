/**
 * Was the answer right? Decided from what the rungs have said, cheapest rung first.
 *
 * 1. *checker*: the task firmware's own `verify` on input and output;
 * 2. *rerun*: a second provider, drawn after the first one has committed to its outcome;
 * 3. *referee*: the gateway's own run, which decides because task firmware is deterministic.
 *
 * An outcome is verdict, output and fuel together, so that a wrong bill is a wrong answer. One without an output has
 * nothing for the checker to see, and two providers in league would burn nothing to claim a failure at the whole limit:
 * the referee alone decides about it.
 *
 * The checker belongs to the requester, so its "no" alone rejects nobody: the referee has to differ too. Pure.
 */
import type { Outcome } from "../protocol/fuel.ts";

export type Testimony = {
  /** The outcome that the provider has signed. */
  readonly run: Outcome;
  /** What the checker said; null while it has not. */
  readonly checker: boolean | null;
  /** The second provider's outcome; null when there is none (yet). */
  readonly rerun: Outcome | null;
  /** That of the gateway's own run, `"none"` when it tells nothing, null while it has not run. */
  readonly referee: Outcome | "none" | null;
  /** The draw fell on this task: one more run has to agree, a second provider's or else the gateway's own. */
  readonly drawn: boolean;
};

export type Ruling =
  | { readonly ruling: "want"; readonly rung: "checker" | "rerun" | "referee" }
  /** Whose output is the answer, and whether a second run agreed with it. */
  | { readonly ruling: "accept"; readonly whose: "run" | "check"; readonly rechecked: boolean }
  | { readonly ruling: "reject"; readonly reason: string }
  /** Nobody is at fault; the hold goes back. */
  | { readonly ruling: "undecided"; readonly reason: string };

const DIFFERS = { ruling: "reject", reason: "the gateway's own run differs" } as const;
const SILENT = { ruling: "undecided", reason: "the gateway's own run did not finish" } as const;

/** Whether two runs have come to the same. */
export function isSame(one: Outcome, other: Outcome): boolean {
  return one.verdict === other.verdict && one.output === other.output && one.fuel === other.fuel;
}

/** The next rung to ask, or the ruling. Total: every testimony has exactly one ruling. */
export function judge(said: Testimony): Ruling {
  const hasOutput = said.run.verdict === "ok";
  if (hasOutput && said.checker === null) return { ruling: "want", rung: "checker" };
  if (!hasOutput) return askReferee(said);
  if (said.rerun !== null && isSame(said.rerun, said.run)) return accept("run");
  if (said.rerun !== null || said.checker === false) return askReferee(said);
  if (said.referee !== null && said.referee !== "none") {
    return isSame(said.referee, said.run) ? accept("run") : DIFFERS;
  }
  if (said.referee === null && said.drawn) return { ruling: "want", rung: "rerun" };
  return { ruling: "accept", whose: "run", rechecked: false };
}

function askReferee({ run, rerun, referee }: Testimony): Ruling {
  if (referee === null) return { ruling: "want", rung: "referee" };
  if (referee === "none") return SILENT;
  if (isSame(referee, run)) return accept("run");
  return rerun !== null && isSame(referee, rerun) ? accept("check") : DIFFERS;
}

function accept(whose: "run" | "check"): Ruling {
  return { ruling: "accept", whose, rechecked: true };
}
