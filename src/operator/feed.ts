/** What has changed since the page was last told: rooms note it, whoever is connected hears it once a second at most. */
import type { Clock, Instant } from "../base/clock.ts";
import type { List } from "./api/live.ts";

/** `verification`: a walk of the journal has gone on, or ended. */
export type Topic = List | "verification";

/** What comes in one go is told in one go, milliseconds. */
const GATHER_MS = 50;

/** Between two tellings, milliseconds. */
const APART_MS = 1_000;

type Listener = (topics: ReadonlySet<Topic>) => void;

export class Feed {
  readonly #clock: Pick<Clock, "now" | "after">;
  readonly #listeners = new Set<Listener>();
  #noted = new Set<Topic>();
  #told: Instant | null = null;
  #cancel: (() => void) | null = null;

  constructor({ clock }: { readonly clock: Pick<Clock, "now" | "after"> }) {
    this.#clock = clock;
  }

  /** Something of these has changed. Costs nothing while nobody listens, and little while the same is noted again. */
  note(...topics: readonly Topic[]): void {
    if (this.#listeners.size === 0) return;
    for (const topic of topics) this.#noted.add(topic);
    if (this.#cancel || this.#noted.size === 0) return;
    this.#cancel = this.#clock.after(this.#wait(), () => this.#tell());
  }

  /** Calls `listener` with all that was noted since it was called last; returns what ends that. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#forget();
    };
  }

  /** Tells nobody anything more. */
  close(): void {
    this.#listeners.clear();
    this.#forget();
  }

  /** A clock that was set back keeps nobody waiting for longer than usual. */
  #wait(): number {
    if (this.#told === null) return GATHER_MS;
    const since = this.#clock.now() - this.#told;
    return Math.min(APART_MS, Math.max(GATHER_MS, APART_MS - since));
  }

  #tell(): void {
    const topics = this.#noted;
    this.#forget();
    this.#told = this.#clock.now();
    for (const listener of [...this.#listeners]) listener(topics);
  }

  #forget(): void {
    this.#noted = new Set();
    this.#cancel?.();
    this.#cancel = null;
  }
}
