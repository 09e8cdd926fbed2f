/**
 * Carries blobs between the gateway and its devices: answers their `blob-get`, and pulls from them.
 *
 * The receiver pulls, so nothing comes that was not asked for, and nothing is believed until it hashes to its name.
 */

import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { isRefusal, type Refusal, refuse } from "../base/refusal.ts";
import type { BlobStore } from "../blob/blob.ts";
import { askAgain, beginPull, nextRequests, type Pull, refuseBeyond, takeChunk } from "../blob/transfer.ts";
import type { Message } from "../protocol/message.ts";

/** After how long an unanswered request is repeated, milliseconds. */
const REPEAT_MS = 2_000;

/** Largest blob that is pulled from a device, bytes. */
const MAX_BLOB = 16_777_216;

type BlobMessage =
  | { readonly topic: "blob-get"; readonly message: Message<"blob-get"> }
  | { readonly topic: "blob-data"; readonly message: Message<"blob-data"> };

type Waiting = {
  readonly device: Hex;
  readonly pull: Pull;
  readonly done: (outcome: Uint8Array | Refusal) => void;
  stopRepeating: () => void;
};

export class BlobCourier {
  readonly #store: BlobStore;
  readonly #clock: Clock;
  readonly #publish: (device: Hex, outgoing: BlobMessage) => void;
  readonly #waiting = new Map<string, Waiting>();
  /** Pulls under way, by what they pull: whoever wants the same bytes of the same device waits with the first. */
  readonly #pulls = new Map<string, Promise<Uint8Array | Refusal>>();

  constructor(store: BlobStore, clock: Clock, publish: (device: Hex, outgoing: BlobMessage) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#publish = publish;
  }

  /**
   * The bytes of a blob, from the store or from a device; resolves to a refusal when the device sends others.
   *
   * Goes on asking until the bytes come or `signal` aborts, then it resolves to `blob_unknown`.
   *
   * @param total - how many bytes the device has announced
   */
  async fetch(device: Hex, hash: Hex, total: number, signal: AbortSignal): Promise<Uint8Array | Refusal> {
    const kept = await this.#store.get(hash);
    if (kept)
      return kept.length === total ? kept : refuse("hash_mismatch", "the blob of this hash has another size");
    const key = keyOf(device, hash);
    for (let other = this.#pulls.get(key); other; other = this.#pulls.get(key)) {
      const came = await Promise.race([other, aborted(signal)]);
      // The other's signal may abort before ours: then it is our turn to ask.
      if (!isRefusal(came) || signal.aborted) return came;
    }
    if (signal.aborted) return refuse("blob_unknown", "the bytes did not come in time");
    const pull = this.#pull(device, hash, total, signal).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    const came = await pull;
    if (isRefusal(came)) return came;
    const put = await this.#store.put(came);
    return isRefusal(put) ? put : came;
  }

  #pull(device: Hex, hash: Hex, total: number, signal: AbortSignal): Promise<Uint8Array | Refusal> {
    return new Promise((resolve) => {
      const key = keyOf(device, hash);
      const stop = () => waiting.done(refuse("blob_unknown", "the bytes did not come in time"));
      const waiting: Waiting = {
        device,
        pull: beginPull(hash, { total, maxTotal: MAX_BLOB }),
        stopRepeating: () => undefined,
        done: (outcome) => {
          this.#waiting.delete(key);
          waiting.stopRepeating();
          signal.removeEventListener("abort", stop);
          resolve(outcome);
        },
      };
      this.#waiting.set(key, waiting);
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      this.#ask(waiting);
    });
  }

  #ask(waiting: Waiting): void {
    waiting.stopRepeating();
    for (const request of nextRequests(waiting.pull)) {
      this.#publish(waiting.device, {
        topic: "blob-get",
        message: { version: 1, from: "gateway", ...request },
      });
    }
    waiting.stopRepeating = this.#clock.after(REPEAT_MS, () => {
      askAgain(waiting.pull);
      this.#ask(waiting);
    });
  }

  /** The device is (back) on the line: what it was asked for before may be lost. */
  askAgain(device: Hex): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.device !== device) continue;
      askAgain(waiting.pull);
      this.#ask(waiting);
    }
  }

  /** Answers a device's request; our own echo is none. */
  async onGet(device: Hex, message: Message<"blob-get">): Promise<Refusal | null> {
    if (message.from !== "device") return null;
    const { hash, offset, length } = message;
    const range = await this.#store.chunk(hash, offset, length);
    if (!range) return refuse("blob_unknown");
    const { total, bytes } = range;
    const refusal = refuseBeyond(offset, total);
    if (refusal) return refusal;
    const text = Buffer.from(bytes).toString("base64");
    const reply = { version: 1 as const, from: "gateway" as const, hash, offset, total };
    this.#publish(device, { topic: "blob-data", message: { ...reply, bytes: text } });
    return null;
  }

  /** Takes a chunk that a device sends. */
  onData(device: Hex, message: Message<"blob-data">): Refusal | null {
    if (message.from !== "device") return null;
    const waiting = this.#waiting.get(keyOf(device, message.hash));
    if (!waiting) return refuse("blob_unexpected");
    const { offset, total } = message;
    const step = takeChunk(waiting.pull, { offset, total, bytes: Buffer.from(message.bytes, "base64") });
    if (isRefusal(step)) {
      if (step.refused !== "blob_unexpected") waiting.done(step);
      return step;
    }
    if (step.state === "done") waiting.done(step.bytes);
    else this.#ask(waiting);
    return null;
  }
}

function keyOf(device: Hex, hash: Hex): string {
  return `${device} ${hash}`;
}

/** Resolves to a refusal once the signal aborts. */
function aborted(signal: AbortSignal): Promise<Refusal> {
  return new Promise((resolve) => {
    const stop = () => resolve(refuse("blob_unknown", "the bytes did not come in time"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
