/** Refusals as lines of the gateway's output, in a number that a log can take: strangers cause them for nothing. */
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Refusal, RefusalCode } from "../base/refusal.ts";

/** Lines with all that is known, in each second; of the others their number is told by code when it ends. */
const LINES = 20;
const SECOND_MS = 1_000;

/** Writes one line. */
type Say = (kind: "refused", what: Record<string, unknown>) => void;

/**
 * Returns what writes a line for each refusal or, in a second in which there are more than 20, one line for each code at
 * its end, with the number of those left out as `times`.
 */
export function refusalLines(
  say: Say,
  clock: Pick<Clock, "after">,
): (refusal: Refusal, by: Hex | null, topic: string) => void {
  const left = new Map<RefusalCode, number>();
  let said = 0;
  const end = () => {
    for (const [code, times] of left) say("refused", { code, times });
    left.clear();
    said = 0;
  };
  return ({ refused: code, hint }, by, topic) => {
    if (said === 0) clock.after(SECOND_MS, end);
    said += 1;
    if (said <= LINES) say("refused", { code, hint, by, topic });
    else left.set(code, (left.get(code) ?? 0) + 1);
  };
}
