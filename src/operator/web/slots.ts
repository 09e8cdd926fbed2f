/** Answers that go on, of which there may be only so many at a time. */

export class Slots {
  readonly #most: number;
  readonly #mostOfOne: number;
  readonly #taken = new Map<string, number>();
  #all = 0;

  /** @param mostOfOne - of one login */
  constructor(most: number, mostOfOne: number) {
    this.#most = most;
    this.#mostOfOne = mostOfOne;
  }

  /** How many are taken. */
  get size(): number {
    return this.#all;
  }

  /** Takes one; returns what gives it back, or null when there is none. */
  take(key: string): (() => void) | null {
    const own = this.#taken.get(key) ?? 0;
    if (this.#all >= this.#most || own >= this.#mostOfOne) return null;
    this.#all += 1;
    this.#taken.set(key, own + 1);
    return () => {
      this.#all -= 1;
      const left = (this.#taken.get(key) ?? 1) - 1;
      if (left > 0) this.#taken.set(key, left);
      else this.#taken.delete(key);
    };
  }
}
