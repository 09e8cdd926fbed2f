/**
 * Looks up lanes for whoever asks, many in one request and one request at a time: strangers may ask for nothing, and
 * nodes count requests.
 */
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Chain, LaneKey, LaneOnChain } from "./chain.ts";

/** Between the end of a request and the next one, milliseconds. */
const PAUSE_MS = 200;
/** Most payers that may wait for the next request. */
const WAITING = 1_000;

type Question = PromiseWithResolvers<LaneOnChain> & { readonly key: LaneKey };

export class LaneLookup {
  readonly #chain: Pick<Chain, "lanes">;
  readonly #clock: Pick<Clock, "after">;
  /** By payer; there is one payee. */
  #waiting = new Map<string, Question>();
  #isAsking: boolean = false;
  #isStopped: boolean = false;
  #stopTimer: () => void = () => {};
  /** Thrown at all that come while as many wait as may. */
  #full: Fault | null = null;

  constructor(chain: Pick<Chain, "lanes">, clock: Pick<Clock, "after">) {
    this.#chain = chain;
    this.#clock = clock;
  }

  /**
   * The lane as the chain confirms it; all keys have one payee and token.
   *
   * @throws {@link Fault} as {@link Chain.lanes}, or `queue_full` when 1,000 others wait: one object for all that it hits
   */
  async laneOf(key: LaneKey): Promise<LaneOnChain> {
    let question = this.#waiting.get(key.payer);
    if (!question) {
      if (this.#waiting.size >= WAITING) {
        this.#full ??= new Fault("queue_full", "too many strangers ask to be looked up on the chain");
        throw this.#full;
      }
      question = { key, ...Promise.withResolvers<LaneOnChain>() };
      this.#waiting.set(key.payer, question);
      void this.#ask();
    }
    return await question.promise;
  }

  /** Makes no other request; whoever waits for one waits for ever. */
  stop(): void {
    this.#isStopped = true;
    this.#stopTimer();
  }

  async #ask(): Promise<void> {
    if (this.#isAsking || this.#isStopped || this.#waiting.size === 0) return;
    this.#isAsking = true;
    const questions = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.#full = null;
    try {
      const { lanes } = await this.#chain.lanes(
        questions.map(({ key }) => key),
        "confirmed",
      );
      for (const [at, { resolve, reject }] of questions.entries()) {
        const lane = lanes[at];
        if (lane) resolve(lane);
        else reject(new Fault("impossible", "the chain has answered for fewer lanes than it was asked for"));
      }
    } catch (fault) {
      for (const { reject } of questions) reject(fault);
    }
    if (this.#isStopped) return;
    this.#stopTimer = this.#clock.after(PAUSE_MS, () => {
      this.#isAsking = false;
      void this.#ask();
    });
  }
}
