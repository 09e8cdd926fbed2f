/** Lets what one device says through, one by one and no faster than its rate; what is too early waits, within bounds. */
import type { Clock } from "../../base/clock.ts";

/** Takes a token; the milliseconds to wait for it. */
type Take = () => number;

type Waiting = { readonly take: Take; readonly enter: () => Promise<void>; readonly over: () => void };

export class Turnstile {
  readonly #held: number;
  readonly #clock: Clock;
  readonly #queue: Waiting[] = [];
  #isShut: boolean = false;
  #cancel: (() => void) | null = null;

  /** @param held - most that may wait */
  constructor(held: number, clock: Clock) {
    this.#held = held;
    this.#clock = clock;
  }

  /**
   * Calls `enter` in its turn, at once where that is now.
   *
   * @param take - takes what it costs, when the turn comes
   * @returns resolves when what `enter` began is over, or it was sent away by {@link clear}; null when too many wait
   */
  pass(take: Take, enter: () => Promise<void>): Promise<void> | null {
    if (this.#queue.length >= this.#held) return null;
    return new Promise((over) => {
      this.#queue.push({ take, enter, over });
      this.#pump();
    });
  }

  /** Lets nothing through until the promise is settled. */
  async shutUntil(open: Promise<void>): Promise<void> {
    this.#isShut = true;
    try {
      await open;
    } finally {
      this.#isShut = false;
      this.#pump();
    }
  }

  /** Sends away all that waits. */
  clear(): void {
    for (const { over } of this.#queue.splice(0)) over();
    this.#cancel?.();
    this.#cancel = null;
  }

  #pump(): void {
    for (let [next] = this.#queue; next && !this.#isShut && !this.#cancel; [next] = this.#queue) {
      const { take } = next;
      const wait = take();
      if (wait === 0) this.#enterNext();
      else {
        this.#cancel = this.#clock.after(wait, () => {
          this.#cancel = null;
          this.#enterNext();
          this.#pump();
        });
      }
    }
  }

  #enterNext(): void {
    const next = this.#queue.shift();
    next?.enter().then(next.over, next.over);
  }
}
