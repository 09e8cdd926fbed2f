/** Verdicts of the last hour, counted by the minute. */

const MINUTE_MS = 60_000;
const MINUTES = 60;

type Verdict = "accepted" | "rejected";
type Minute = { readonly minute: number; accepted: number; rejected: number };

export class VerdictHour {
  /** The newest last. */
  #minutes: Minute[] = [];

  note(verdict: Verdict, at: number): void {
    const minute = Math.floor(at / MINUTE_MS);
    const last = this.#minutes.at(-1);
    // a clock that was put back counts in the newest minute there is
    const current = last && last.minute >= minute ? last : { minute, accepted: 0, rejected: 0 };
    if (current !== last) this.#minutes.push(current);
    current[verdict]++;
    this.#minutes = this.#minutes.slice(-MINUTES);
  }

  /** Those of the 60 minutes up to that of `now`. */
  at(now: number): { readonly accepted: number; readonly rejected: number } {
    const first = Math.floor(now / MINUTE_MS) - MINUTES;
    let [accepted, rejected] = [0, 0];
    for (const one of this.#minutes) {
      if (one.minute <= first) continue;
      accepted += one.accepted;
      rejected += one.rejected;
    }
    return { accepted, rejected };
  }
}
