/**
 * Carries blobs between the gateway and its devices: answers their `blob-get`, and pulls from them.
 *
 * The receiver pulls, so nothing comes that was not asked for, and nothing is believed until it hashes to its name.
 *
 * To name a blob is not to have it: a device that is no party to it yet hands all of it over, also where it is here
 * already. So nobody comes by a stranger's bytes, nor learns that they are here, by naming their hash in a task of its
 * own.
 */
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import { type BlobStore, MAX_BLOB } from "../blob/blob.ts";
import { refuseBeyond } from "../blob/transfer.ts";
import type { Message } from "../protocol/message.ts";
import { BlobPull } from "./blob-pull.ts";

type BlobMessage =
  | { readonly topic: "blob-get"; readonly message: Message<"blob-get"> }
  | { readonly topic: "blob-data"; readonly message: Message<"blob-data"> };

export type CourierOptions = {
  readonly store: BlobStore;
  readonly clock: Clock;
  readonly publish: (device: Hex, outgoing: BlobMessage) => void;
  /** Whether the device has handed the blob over for a task, or a task of its own lets it have it. */
  readonly mayRead: (device: Hex, hash: Hex) => boolean;
  /** On whose account the blobs are kept that the device hands over. */
  readonly ownerOf: (device: Hex) => string;
};

/** Blobs that devices have handed over and that are remembered as theirs. */
const MOST_HANDED = 4_096;

type Waiting = { readonly device: Hex; readonly pull: BlobPull; waiters: number };

export class BlobCourier {
  readonly #options: CourierOptions;
  /** Pulls under way, by what they pull: whoever wants the same bytes of the same device waits for the same pull. */
  readonly #pulls = new Map<string, Waiting>();
  /** What was pulled lately: who has handed a blob over has it, though no task says so yet. */
  readonly #handed = new Set<string>();

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /**
   * Sees to it that a blob is in the store, from its device where need be: null once it is, and a refusal when the device
   * sends other bytes, or there is no room for them on its owner's account.
   *
   * Goes on asking until the bytes come or `signal` aborts, then it resolves to `blob_unknown`. What has come by then is
   * lost only when nobody else waits for it.
   *
   * @param total - how many bytes the device has announced
   * @throws {@link Fault} `disk_failed`
   */
  async bring(device: Hex, hash: Hex, total: number, signal: AbortSignal): Promise<Refusal | null> {
    const { store, mayRead, ownerOf } = this.#options;
    const key = keyOf(device, hash, total);
    const here = store.sizeOf(hash);
    if (here !== null && (this.#handed.has(key) || mayRead(device, hash))) {
      if (here !== total) return refuse("hash_mismatch", "the blob of this hash has another size");
      return await store.assign({ hash, owner: ownerOf(device) });
    }
    if (total > MAX_BLOB) return refuse("too_large", `send blobs of at most ${MAX_BLOB} bytes`);
    if (signal.aborted) return late();
    const waiting = this.#pulls.get(key) ?? this.#begin(key, device, hash, total);
    waiting.waiters++;
    try {
      const refusal = await orLate(waiting.pull.done, signal);
      if (!refusal) this.#remember(key);
      return refusal;
    } finally {
      waiting.waiters--;
      if (waiting.waiters === 0) {
        waiting.pull.stop();
        this.#pulls.delete(key);
      }
    }
  }

  /** As {@link bring}, and gives the bytes. */
  async fetch(device: Hex, hash: Hex, total: number, signal: AbortSignal): Promise<Uint8Array | Refusal> {
    for (;;) {
      const refusal = await this.bring(device, hash, total, signal);
      if (refusal) return refusal;
      const bytes = await this.#options.store.get(hash);
      // null when the disk has lost it since: then it is asked for again
      if (bytes) return bytes;
      if (signal.aborted) return late();
    }
  }

  #begin(key: string, device: Hex, hash: Hex, total: number): Waiting {
    const { store, clock, publish, ownerOf } = this.#options;
    const pull = new BlobPull({
      ...{ store, clock, hash, total, owner: ownerOf(device) },
      ask: (request) =>
        publish(device, { topic: "blob-get", message: { version: 1, from: "gateway", ...request } }),
    });
    const waiting = { device, pull, waiters: 0 };
    this.#pulls.set(key, waiting);
    return waiting;
  }

  #remember(key: string): void {
    this.#handed.add(key);
    const [oldest] = this.#handed;
    if (this.#handed.size > MOST_HANDED && oldest !== undefined) this.#handed.delete(oldest);
  }

  /** The device is (back) on the line: what it was asked for before may be lost. */
  askAgain(device: Hex): void {
    for (const waiting of this.#pulls.values()) if (waiting.device === device) waiting.pull.askAgain();
  }

  /** Answers a device's request; our own echo is none. Whoever may not have a blob hears what it would if it were not here. */
  async onGet(device: Hex, message: Message<"blob-get">): Promise<Refusal | null> {
    const { store, publish, mayRead } = this.#options;
    if (message.from !== "device") return null;
    const { hash, offset, length } = message;
    const range = mayRead(device, hash) ? await store.chunk(hash, offset, length) : null;
    if (!range) return refuse("blob_unknown");
    const { total, bytes } = range;
    const refusal = refuseBeyond(offset, total);
    if (refusal) return refusal;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
    const reply = { version: 1 as const, from: "gateway" as const, hash, offset, total };
    publish(device, { topic: "blob-data", message: { ...reply, bytes: text } });
    return null;
  }

  /** Takes a chunk that a device sends; resolves once it is written. */
  async onData(device: Hex, message: Message<"blob-data">): Promise<Refusal | null> {
    if (message.from !== "device") return null;
    const { hash, offset, total } = message;
    const waiting = this.#pulls.get(keyOf(device, hash, total));
    if (!waiting) return refuse("blob_unexpected");
    return await waiting.pull.take({ offset, total, bytes: Buffer.from(message.bytes, "base64") });
  }
}

function keyOf(device: Hex, hash: Hex, total: number): string {
  return `${device} ${hash} ${total}`;
}

function late(): Refusal {
  return refuse("blob_unknown", "the bytes did not come in time");
}

/** What the promise gives, unless the signal comes first. */
async function orLate(done: Promise<Refusal | null>, signal: AbortSignal): Promise<Refusal | null> {
  const stop = Promise.withResolvers<Refusal>();
  const abort = () => stop.resolve(late());
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([done, stop.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
