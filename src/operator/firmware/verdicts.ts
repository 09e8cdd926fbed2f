/** How runs end, as exit codes. */
import type { Verdict } from "../../firmware/executor.ts";

/** Exit codes below 10 are the command line's own. */
const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  ok: 0,
  "out-of-fuel": 10,
  trap: 11,
  stack: 12,
  "bad-output": 13,
  rejected: 14,
  "provider-fault": 15,
  deadline: 16,
};

export const VERDICT_HELP = `Exit codes by verdict:
   0 ok
  10 out-of-fuel     the fuel limit is burnt
  11 trap            it stopped itself: out of bounds, division by 0, abort
  12 stack           its calls are too deep
  13 bad-output      no output, one outside its memory, or one too long
  14 rejected        not run: it breaks a rule, which is named
  15 provider-fault  this machine has no memory for it; costs nothing
  16 deadline        killed at the deadline; costs nothing
`;

/** The exit code of a verdict: 0 for `ok`, 10..16 for the others. */
export function exitCodeOf(verdict: Verdict): number {
  return EXIT_CODES[verdict];
}
