/** The sessions of a serial line as a source of streams, for a robot that connects over it. */
import type { Duplex } from "node:stream";

/** Hands out the line's sessions one after the other, to whoever asks. */
export class LineSessions {
  #fresh: Duplex | null = null;
  #asked: ((stream: Duplex) => void) | null = null;

  /** A session has begun; one that nobody took is over by then. */
  offer(stream: Duplex): void {
    if (this.#asked) this.#asked(stream);
    else this.#fresh = stream;
    this.#asked = null;
  }

  /** The session that is there, or else the next one. */
  next(): Promise<Duplex> {
    const fresh = this.#fresh;
    this.#fresh = null;
    if (fresh && !fresh.destroyed) return Promise.resolve(fresh);
    return new Promise((resolve) => {
      this.#asked = resolve;
    });
  }
}
