/** Blobs in memory: for devices and for tests. */
import type { Hex } from "../base/bytes.ts";
import { isRefusal } from "../base/refusal.ts";
import { type BlobStore, hashBlob } from "./blob.ts";
import { add, emptyShelf, remove, roomFor } from "./shelf.ts";

/** A store of at most `quota` bytes. What is put and got is copied, so no caller can change what a hash names. */
export function memoryStore(quota: number): BlobStore {
  const shelf = emptyShelf(quota);
  const blobs = new Map<Hex, Uint8Array>();
  return {
    has: (hash) => Promise.resolve(blobs.has(hash)),
    get: (hash) => Promise.resolve(blobs.get(hash)?.slice() ?? null),
    chunk: (hash, offset, length) => {
      const blob = blobs.get(hash);
      if (!blob) return Promise.resolve(null);
      return Promise.resolve({ total: blob.length, bytes: blob.slice(offset, offset + length) });
    },
    put: (bytes) => {
      const hash = hashBlob(bytes);
      if (blobs.has(hash)) return Promise.resolve(hash);
      const leaving = roomFor(shelf, bytes.length);
      if (isRefusal(leaving)) return Promise.resolve(leaving);
      for (const old of leaving) {
        blobs.delete(old);
        remove(shelf, old);
      }
      blobs.set(hash, new Uint8Array(bytes));
      add(shelf, hash, bytes.length);
      return Promise.resolve(hash);
    },
    pin: (hash) => {
      if (!blobs.has(hash)) return false;
      shelf.pinned.add(hash);
      return true;
    },
    unpin: (hash) => {
      shelf.pinned.delete(hash);
    },
    get size() {
      return shelf.size;
    },
  };
}
