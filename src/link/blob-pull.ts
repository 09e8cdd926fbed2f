/**
 * One blob on its way from a device into the store: asks, writes what comes, asks again for what was lost.
 *
 * It lives as long as somebody waits for it. A link that is cut meanwhile costs nothing that has come.
 */
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { isRefusal, type Refusal } from "../base/refusal.ts";
import type { BlobStore, Incoming } from "../blob/blob.ts";
import {
  askAgain,
  beginPull,
  type Chunk,
  type ChunkRequest,
  nextRequests,
  type Pull,
  takeChunk,
  written,
} from "../blob/transfer.ts";

/**
 * After how long an unanswered request is repeated, milliseconds; twice as long each time, so that a slow line is not
 * filled with repeats of what is on its way.
 */
const REPEAT_MS = 2_000;
const MOST_REPEAT_MS = 64_000;

export type BlobPullOptions = {
  readonly store: BlobStore;
  readonly clock: Clock;
  readonly hash: Hex;
  /** Bytes that the device has announced. */
  readonly total: number;
  readonly owner: string;
  readonly ask: (request: ChunkRequest) => void;
};

export class BlobPull {
  readonly #options: BlobPullOptions;
  readonly #pull: Pull;
  readonly #done = Promise.withResolvers<Refusal | null>();
  #incoming: Incoming | null = null;
  #isOver: boolean = false;
  #repeatMs: number = REPEAT_MS;
  #stopRepeating: () => void = () => undefined;

  /** Begins at once. */
  constructor(options: BlobPullOptions) {
    this.#options = options;
    this.#pull = beginPull(options.hash, { total: options.total });
    // Those who waited may have gone when it fails: nobody is left to hear of it.
    this.#done.promise.catch(() => {});
    void this.#guard(() => this.#begin());
  }

  /** Null once the blob is in the store; rejects with {@link Fault} `disk_failed`. Open for ever after {@link stop}. */
  get done(): Promise<Refusal | null> {
    return this.#done.promise;
  }

  /** Takes a chunk that has come, and resolves when it is written; a refusal is the device's to hear of. */
  async take(chunk: Chunk): Promise<Refusal | null> {
    const step = takeChunk(this.#pull, chunk);
    if (isRefusal(step)) return step;
    return step === "before" ? null : await this.#guard(() => this.#write(chunk));
  }

  /** The device is (back) on the line: what it was asked for before may be lost. */
  askAgain(): void {
    this.#repeatMs = REPEAT_MS;
    askAgain(this.#pull);
    this.#ask();
  }

  /** Nobody waits any more: what has come is thrown away. */
  stop(): void {
    if (this.#isOver) return;
    this.#end();
    void this.#guard(async () => {
      await this.#incoming?.discard();
      return null;
    });
  }

  async #begin(): Promise<Refusal | null> {
    const { store, hash, total, owner } = this.#options;
    const incoming = await store.begin(hash, total, owner);
    if (isRefusal(incoming)) return this.#finish(incoming);
    if (this.#isOver) {
      await incoming.discard();
    } else {
      this.#incoming = incoming;
      this.#ask();
    }
    return null;
  }

  async #write({ offset, bytes }: Chunk): Promise<Refusal | null> {
    const refusal = await this.#incoming?.write(offset, bytes);
    if (this.#isOver || !this.#incoming) return null;
    if (refusal) {
      this.#end();
      await this.#incoming.discard();
      return this.#finish(refusal);
    }
    if (!written(this.#pull, offset)) {
      this.#ask();
      return null;
    }
    this.#stopRepeating();
    const outcome = await this.#incoming.finish();
    // stopped meanwhile: it was thrown away, which is not the device's fault
    return this.#isOver ? null : this.#finish(outcome);
  }

  #ask(): void {
    if (this.#isOver || !this.#incoming) return;
    this.#stopRepeating();
    for (const request of nextRequests(this.#pull)) this.#options.ask(request);
    this.#stopRepeating = this.#options.clock.after(this.#repeatMs, () => {
      this.#repeatMs = Math.min(2 * this.#repeatMs, MOST_REPEAT_MS);
      askAgain(this.#pull);
      this.#ask();
    });
  }

  #finish(outcome: Refusal | null): Refusal | null {
    this.#end();
    this.#done.resolve(outcome);
    return outcome;
  }

  #end(): void {
    this.#isOver = true;
    this.#stopRepeating();
  }

  /** A fault of ours is told to those who wait, not to the device; what comes after the end is told to nobody. */
  async #guard(work: () => Promise<Refusal | null>): Promise<Refusal | null> {
    try {
      return await work();
    } catch (fault) {
      if (!this.#isOver) await this.#incoming?.discard().catch(() => {});
      this.#end();
      this.#done.reject(fault);
      return null;
    }
  }
}
