/** Everything that came, for who waits until it is enough. */
export class Feed<T> {
  readonly all: T[] = [];
  #waiting: (() => void)[] = [];

  push(value: T): void {
    this.all.push(value);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(isEnough: (all: T[]) => boolean): Promise<void> {
    while (!isEnough(this.all)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
