/** Work that is done one piece after the other: what signs vouchers must also send them in growing order. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  /** Does the work once all that was asked for before is done, however that ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
