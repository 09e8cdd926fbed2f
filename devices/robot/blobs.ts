/**
 * The device's bytes: those the gateway may pull from it, and those it pulls from the gateway.
 *
 * Whoever lacks the bytes asks. What we are asked for must be held; what we asked for must hash to its name.
 */
import type { Hex } from "../../src/base/bytes.ts";
import type { Clock } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { isRefusal, refuse } from "../../src/base/refusal.ts";
import type { BlobStore } from "../../src/blob/blob.ts";
import { memoryStore } from "../../src/blob/memory-store.ts";
import { hashInSlices } from "../../src/blob/slices.ts";
import {
  askAgain,
  beginPull,
  chunkOf,
  nextRequests,
  type Pull,
  takeChunk,
  written,
} from "../../src/blob/transfer.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { Events } from "./events.ts";
import type { Publish } from "./outbox.ts";

export type BlobsOptions = {
  readonly publish: Publish;
  readonly clock: Clock;
  readonly events: Events;
  /** Bytes per chunk that we ask for, `1..32_768`. */
  readonly chunkBytes: number;
};

/** Bytes that the gateway may pull. */
type Held = {
  readonly bytes: Uint8Array;
  uses: number;
  /** So far from the start has it pulled, at any time since they are held. */
  pulled: number;
  readonly watchers: Set<() => void>;
};

type Inbound = {
  readonly pull: Pull;
  /** What came, each chunk at its place. */
  readonly bytes: Uint8Array;
  readonly done: PromiseWithResolvers<Uint8Array>;
  waiters: number;
  /** Bytes that have come, whichever. */
  came: number;
  readonly watchers: Set<(came: number) => void>;
  /** Times in a row that nothing came. */
  silences: number;
  unwatch: () => void;
};

/** Milliseconds without a chunk after which the missing ones are asked for again. */
const QUIET_MS = 5_000;
/** Silences in a row, on a link that is up, after which the bytes count as not to be had. */
const MOST_SILENCES = 12;
/** Pulled task firmware kept for the next award that names it. */
const CACHE_BYTES = 67_108_864;

export class Blobs {
  readonly #options: BlobsOptions;
  readonly #held = new Map<Hex, Held>();
  #heldBytes = 0;
  readonly #inbound = new Map<Hex, Inbound>();
  readonly #cache: BlobStore = memoryStore(CACHE_BYTES);
  #isStopped: boolean = false;

  constructor(options: BlobsOptions) {
    this.#options = options;
  }

  /**
   * Holds a copy, which is made at once, for the gateway to pull, until as many {@link release}s; resolves to its SHA-256.
   * The gateway can have what is held, and nothing else.
   *
   * @param most - bytes that may be held in all; no limit unless told
   * @throws {@link Fault} `queue_full` when they would be more
   */
  async keep(bytes: Uint8Array, most = Number.POSITIVE_INFINITY): Promise<Hex> {
    const copy = new Uint8Array(bytes);
    const hash = await hashInSlices(copy);
    const held = this.#held.get(hash);
    if (held) {
      held.uses++;
      return hash;
    }
    const total = this.#heldBytes + copy.length;
    if (total > most) {
      const facts = { held: this.#heldBytes, most };
      throw new Fault("queue_full", "too many bytes are held for the gateway", { facts });
    }
    this.#heldBytes = total;
    this.#held.set(hash, { bytes: copy, uses: 1, pulled: 0, watchers: new Set() });
    return hash;
  }

  release(hash: Hex): void {
    const held = this.#held.get(hash);
    if (!held || --held.uses > 0) return;
    this.#held.delete(hash);
    this.#heldBytes -= held.bytes.length;
  }

  /** How far from their start the gateway has pulled these bytes, since they are held. */
  pulledOf(hash: Hex): number {
    return this.#held.get(hash)?.pulled ?? 0;
  }

  /** Tells of each chunk that takes the gateway further, until the returned function is called. */
  watch(hash: Hex, told: () => void): () => void {
    const watchers = this.#held.get(hash)?.watchers;
    watchers?.add(told);
    return () => {
      watchers?.delete(told);
    };
  }

  /**
   * The bytes of this name, pulled from the gateway unless they are here. Several who want the same bytes share
   * one pull.
   *
   * @param total - the size that came with the name, bytes
   * @param came - told how many bytes are here whenever there are more
   * @throws {@link Fault} `blob_missing` when they do not come or hash to something else, `link_lost` when the
   * robot is closed; `signal.reason` when aborted
   */
  async fetch(
    hash: Hex,
    total: number,
    signal?: AbortSignal,
    came: (bytes: number) => void = () => {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const here = this.#held.get(hash)?.bytes.slice() ?? (await this.#cache.get(hash));
    if (here) {
      came(here.length);
      return here;
    }
    const inbound = this.#inbound.get(hash) ?? this.#begin(hash, total);
    inbound.waiters++;
    inbound.watchers.add(came);
    try {
      return await orAborted(inbound.done.promise, signal);
    } finally {
      inbound.watchers.delete(came);
      inbound.waiters--;
      if (inbound.waiters === 0) this.#forget(inbound);
    }
  }

  /** As {@link fetch}, and remembers the bytes for the next time: for task firmware. */
  async fetchFirmware(
    hash: Hex,
    total: number,
    signal: AbortSignal,
    came?: (bytes: number) => void,
  ): Promise<Uint8Array> {
    const bytes = await this.fetch(hash, total, signal, came);
    await this.#cache.put(bytes, "task firmware");
    return bytes;
  }

  /** The gateway wants a chunk. */
  asked(get: Message<"blob-get">): void {
    const held = this.#held.get(get.hash);
    const chunk = held && chunkOf(held.bytes, get);
    if (!chunk || isRefusal(chunk)) {
      this.#options.events.emit({
        kind: "ignored",
        topic: "blob-get",
        reason: chunk?.refused ?? "blob_unknown",
      });
      return;
    }
    const { offset, total, bytes } = chunk;
    const text = Buffer.from(bytes).toString("base64");
    const { hash } = get;
    this.#options.publish("blob-data", { version: 1, from: "device", hash, offset, total, bytes: text });
    if (offset + bytes.length <= held.pulled) return;
    held.pulled = offset + bytes.length;
    for (const told of held.watchers) told();
  }

  /** A chunk came. */
  heard({ hash, offset, total, bytes }: Message<"blob-data">): void {
    const inbound = this.#inbound.get(hash);
    const chunk = { offset, total, bytes: Buffer.from(bytes, "base64") };
    const step = inbound ? takeChunk(inbound.pull, chunk) : refuse("blob_unexpected");
    if (!inbound || isRefusal(step)) {
      this.#options.events.emit({ kind: "ignored", topic: "blob-data", reason: "blob_unexpected" });
      return;
    }
    if (step === "before") return;
    inbound.silences = 0;
    inbound.bytes.set(chunk.bytes, offset);
    inbound.came += chunk.bytes.length;
    for (const told of inbound.watchers) told(inbound.came);
    if (written(inbound.pull, offset)) void this.#complete(inbound);
    else this.#ask(inbound);
  }

  async #complete(inbound: Inbound): Promise<void> {
    inbound.unwatch();
    const hash = await hashInSlices(inbound.bytes);
    if (hash !== inbound.pull.hash) {
      this.#fail(inbound, "the gateway's bytes are not what it named", "hash_mismatch");
      return;
    }
    this.#forget(inbound);
    inbound.done.resolve(inbound.bytes);
  }

  /** A session has begun: asks again for all that is missing. */
  repeat(): void {
    for (const inbound of this.#inbound.values()) {
      askAgain(inbound.pull);
      this.#ask(inbound);
    }
  }

  /** Ends every pull. */
  stop(): void {
    this.#isStopped = true;
    for (const inbound of [...this.#inbound.values()]) {
      this.#forget(inbound);
      inbound.done.reject(new Fault("link_lost", "the robot was closed"));
    }
  }

  #begin(hash: Hex, total: number): Inbound {
    if (this.#isStopped) throw new Fault("link_lost", "the robot was closed");
    const pull = beginPull(hash, { total, chunkBytes: this.#options.chunkBytes });
    const done = Promise.withResolvers<Uint8Array>();
    // Those who wait have gone when a pull is dropped: nobody is left to hear of it.
    done.promise.catch(() => {});
    const bytes = new Uint8Array(total);
    const rest = { watchers: new Set<(came: number) => void>(), unwatch: () => {} };
    const inbound: Inbound = { pull, bytes, done, waiters: 0, came: 0, silences: 0, ...rest };
    this.#inbound.set(hash, inbound);
    this.#ask(inbound);
    return inbound;
  }

  #ask(inbound: Inbound): void {
    const { publish, clock } = this.#options;
    inbound.unwatch();
    let isSent = true;
    for (const request of nextRequests(inbound.pull)) {
      isSent = publish("blob-get", { version: 1, from: "device", ...request }) && isSent;
    }
    if (isSent) inbound.unwatch = clock.after(QUIET_MS, () => this.#silent(inbound));
  }

  #silent(inbound: Inbound): void {
    inbound.silences++;
    if (inbound.silences >= MOST_SILENCES) {
      this.#fail(inbound, "the gateway does not send the bytes", "blob_unknown");
    } else {
      askAgain(inbound.pull);
      this.#ask(inbound);
    }
  }

  #fail(inbound: Inbound, message: string, code: string): void {
    this.#forget(inbound);
    inbound.done.reject(new Fault("blob_missing", message, { facts: { code, hash: inbound.pull.hash } }));
  }

  #forget(inbound: Inbound): void {
    inbound.unwatch();
    if (this.#inbound.get(inbound.pull.hash) === inbound) this.#inbound.delete(inbound.pull.hash);
  }
}

/** What the promise gives, unless the signal comes first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
