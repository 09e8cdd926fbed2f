/** Work that is done one piece after the other: what signs vouchers must also send them in growing order. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();
  /** Rejects whatever is not done yet. */
  readonly #open = new Set<(reason: unknown) => void>();
  #stop: { readonly reason: unknown } | null = null;

  /** Does the work once all that was asked for before is done, however that ended; rejects with {@link stop}'s reason. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = Promise.withResolvers<T>();
    this.#open.add(done.reject);
    const turn = async () => {
      try {
        if (this.#stop) throw this.#stop.reason;
        done.resolve(await work());
      } catch (error) {
        done.reject(error);
      }
      this.#open.delete(done.reject);
    };
    this.#last = this.#last.then(turn);
    return done.promise;
  }

  /** Begins nothing more, and lets nobody wait any longer, also for work that never ends. */
  stop(reason: unknown): void {
    this.#stop = { reason };
    for (const reject of this.#open) reject(reason);
    this.#open.clear();
  }
}
