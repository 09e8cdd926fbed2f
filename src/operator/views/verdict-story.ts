/** How a verdict was reached, in one sentence. */
import type { FactNamed } from "../../protocol/facts.ts";

const RUNGS: Readonly<Record<FactNamed<"checked">["rung"], readonly [agrees: string, disagrees: string]>> = {
  checker: ["the firmware's own checker took the output", "the firmware's own checker refused the output"],
  rerun: ["a second provider came to the same", "a second provider came to something else"],
  referee: [
    "the gateway ran it too and came to the same",
    "the gateway ran it too and came to something else",
  ],
};

/**
 * One sentence in English.
 *
 * @param checks - what was checked since the award, in order
 */
export function verdictSentence(
  { verdict }: Pick<FactNamed<"verified">, "verdict">,
  checks: readonly Pick<FactNamed<"checked">, "rung" | "passed" | "reason" | "verdict">[],
): string {
  const steps = checks.map(({ rung, passed, reason, verdict: ran }) => {
    // the gateway's own run may tell nothing: it is no vote then
    const said =
      rung === "referee" && ran === null ? "the gateway's own run told nothing" : RUNGS[rung][passed ? 0 : 1];
    return reason === "" ? said : `${said} (${reason})`;
  });
  const first = verdict === "accepted" ? "Accepted" : "Rejected";
  return steps.length === 0
    ? `${first} as it was delivered: no check was drawn.`
    : `${first}: ${steps.join("; ")}.`;
}
