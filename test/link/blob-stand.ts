/** A courier with a clock that stands still, and devices that hold blobs or keep silent. */
import type { Hex } from "../../src/base/bytes.ts";
import type { Refusal } from "../../src/base/refusal.ts";
import { type BlobStore, hashBlob } from "../../src/blob/blob.ts";
import { memoryStore } from "../../src/blob/memory-store.ts";
import { BlobCourier } from "../../src/link/blob-courier.ts";
import type { Message } from "../../src/protocol/message.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";

export type Request = { readonly to: Hex } & Message<"blob-get">;
export type Reply = { readonly to: Hex } & Message<"blob-data">;

/** Bytes that differ from chunk to chunk, so that a chunk in another's place is found out. */
export function bytesOf(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + Math.floor(at / 32_768) + seed) % 251);
}

/** Everything that waits for nothing but promises is done afterwards. */
export function settled(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** A promise's value, or `"pending"` when nothing but the outside world can still end it. */
export async function stateOf<T>(promise: Promise<T>): Promise<T | "pending"> {
  await settled();
  return await Promise.race([promise, Promise.resolve("pending" as const)]);
}

/** The device's answer to a request, out of `bytes`. */
export function chunkFor(request: Request | undefined, bytes: Uint8Array): Message<"blob-data"> {
  if (!request) throw new Error("nothing was asked for");
  const { hash, offset, length } = request;
  const text = Buffer.from(bytes.subarray(offset, offset + length)).toString("base64");
  return { version: 1, from: "device", hash, offset, total: bytes.length, bytes: text };
}

export class BlobStand {
  readonly clock = new ManualClock();
  readonly store: BlobStore;
  readonly courier: BlobCourier;
  /** What no task lets a device read: everybody may read everything, unless told. */
  readonly hidden = new Set<string>();
  /** What devices were asked for, in order. */
  readonly requests: Request[] = [];
  /** What devices were sent. */
  readonly replies: Reply[] = [];
  /** What the courier said to chunks of devices that hold blobs. */
  readonly refusals: Refusal[] = [];
  readonly #held = new Map<string, Uint8Array>();

  /** @param kept - the store, or the quota of one in memory */
  constructor(kept: BlobStore | number = 4_000_000) {
    this.store = typeof kept === "number" ? memoryStore(kept, { clock: this.clock }) : kept;
    this.courier = new BlobCourier({
      store: this.store,
      clock: this.clock,
      publish: (to, outgoing) => {
        if (outgoing.topic === "blob-data") this.replies.push({ to, ...outgoing.message });
        else this.#asked({ to, ...outgoing.message });
      },
      mayRead: (device, hash) => !this.hidden.has(`${device} ${hash}`),
      ownerOf: (device) => `owner of ${device}`,
    });
  }

  /** The device is no party to the blob. */
  hide(device: Hex, hash: Hex): void {
    this.hidden.add(`${device} ${hash}`);
  }

  /** From now on the device answers requests for these bytes; asked for `name`, if that is what it gives out. */
  give(device: Hex, bytes: Uint8Array, name: Hex = hashBlob(bytes)): Hex {
    this.#held.set(`${device} ${name}`, bytes);
    return name;
  }

  /** The requests since the last call. */
  asked(): Request[] {
    return this.requests.splice(0);
  }

  #asked(request: Request): void {
    this.requests.push(request);
    const bytes = this.#held.get(`${request.to} ${request.hash}`);
    if (!bytes) return;
    queueMicrotask(async () => {
      const refusal = await this.courier.onData(request.to, chunkFor(request, bytes));
      if (refusal) this.refusals.push(refusal);
    });
  }
}
