/** Answers of a moment ago: what many ask for within a second is asked once. */
import type { Clock, Instant } from "../../base/clock.ts";

/** How long an answer is good, milliseconds: the first screen is sent once a second. */
const GOOD_MS = 900;

export class Recent<V> {
  readonly #clock: Pick<Clock, "now">;
  readonly #answers = new Map<string, { at: Instant; isThere: boolean; readonly answer: Promise<V> }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /**
   * The answer to `key`, from `ask` unless it was asked for just now, or is still awaited. One that fails is asked for
   * again.
   */
  get(key: string, ask: () => Promise<V>): Promise<V> {
    const now = this.#clock.now();
    for (const [other, { at, isThere }] of this.#answers) {
      if (isThere && Math.abs(now - at) >= GOOD_MS) this.#answers.delete(other);
    }
    const there = this.#answers.get(key);
    if (there) return there.answer;
    const answer = ask();
    const asked = { at: now, isThere: false, answer };
    this.#answers.set(key, asked);
    answer.then(
      () => {
        asked.isThere = true;
      },
      () => {
        if (this.#answers.get(key) === asked) this.#answers.delete(key);
      },
    );
    return answer;
  }
}
