/** Blobs in memory: for devices and for tests. */
import type { Hex } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import type { BlobStore } from "./blob.ts";
import { memoryDraft, memoryReading } from "./draft.ts";
import type { Medium } from "./medium.ts";
import { ShelfStore, type StoreOptions } from "./shelf-store.ts";

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
  const done = () => Promise.resolve();
  return {
    draft: (total) =>
      Promise.resolve(
        memoryDraft(total, (hash, whole) => {
          blobs.set(hash, whole);
          return Promise.resolve();
        }),
      ),
    open: (hash) => Promise.resolve(memoryReading(blobs.get(hash) ?? null)),
    remove: (hash) => {
      blobs.delete(hash);
      return Promise.resolve();
    },
    touch: done,
    hurry: () => undefined,
    close: done,
  };
}
