/** Blobs in memory: for devices and for tests. */
import type { Hex } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import type { BlobStore } from "./blob.ts";
import type { Draft, Medium, Reading } from "./medium.ts";
import { ShelfStore, type StoreOptions } from "./shelf-store.ts";
import type { Read } from "./slices.ts";

/**
 * A store of at most `quota` bytes; what each owner may have of them, and how long, has no other limit unless told. What
 * is put and got is copied, so no caller can change what a hash names.
 */
export function memoryStore(quota: number, options: Partial<StoreOptions> = {}): BlobStore {
  const limits = { quota, ownerQuota: Number.POSITIVE_INFINITY, retentionMs: Number.POSITIVE_INFINITY };
  return new ShelfStore(memory(), [], {
    ...limits,
    clock: systemClock,
    onFault: () => undefined,
    ...options,
  });
}

function memory(): Medium {
  const blobs = new Map<Hex, Uint8Array>();
  return {
    draft: (total) => Promise.resolve(draftOf(blobs, new Uint8Array(total))),
    open: (hash) => Promise.resolve(readingOf(blobs.get(hash))),
    remove: (hash) => {
      blobs.delete(hash);
      return Promise.resolve();
    },
    touch: () => Promise.resolve(),
  };
}

function draftOf(blobs: Map<Hex, Uint8Array>, whole: Uint8Array): Draft {
  return {
    write: (offset, bytes) => {
      whole.set(bytes, offset);
      return Promise.resolve();
    },
    read: readOf(whole),
    flush: () => Promise.resolve(),
    keep: (hash) => {
      blobs.set(hash, whole);
      return Promise.resolve();
    },
    discard: () => Promise.resolve(),
  };
}

function readingOf(bytes: Uint8Array | undefined): Reading | null {
  return bytes === undefined ? null : { read: readOf(bytes), close: () => Promise.resolve() };
}

function readOf(bytes: Uint8Array): Read {
  return (into, offset) => {
    if (offset + into.length > bytes.length) return Promise.resolve(false);
    into.set(bytes.subarray(offset, offset + into.length));
    return Promise.resolve(true);
  };
}
