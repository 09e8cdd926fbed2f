/** What the contracts of blob stores have in common: four blobs, a clock that stands still, and ways to bring a blob. */
import { isRefusal } from "../../src/base/refusal.ts";
import { type BlobStore, hashBlob, type Incoming } from "../../src/blob/blob.ts";
import type { StoreOptions } from "../../src/blob/shelf-store.ts";
import type { ManualClock } from "../devices/robot/manual-clock.ts";

export const DAY = 86_400_000;
export const a = Uint8Array.of(1, 2, 3, 4);
export const b = Uint8Array.of(5, 6, 7, 8);
export const c = Uint8Array.of(9, 10, 11, 12);
export const d = Uint8Array.of(13, 14, 15, 16);
export const A = hashBlob(a);
export const B = hashBlob(b);
export const C = hashBlob(c);
export const D = hashBlob(d);

export type Made = { readonly store: BlobStore; readonly clock: ManualClock; readonly faults: unknown[] };
/** An empty store within these limits; with plenty of room, and a day's retention, unless told. */
export type Make = (limits?: Partial<StoreOptions>) => Promise<Made>;

/** Which of the four it has. */
export function kept(store: BlobStore): string {
  return [A, B, C, D].map((hash, at) => (store.sizeOf(hash) === null ? "" : "abcd"[at])).join("");
}

/** A blob of which nothing has come yet. */
export async function begun(store: BlobStore, bytes: Uint8Array, owner = "anna"): Promise<Incoming> {
  const incoming = await store.begin(hashBlob(bytes), bytes.length, owner);
  if (isRefusal(incoming)) throw new Error(incoming.refused);
  return incoming;
}

/** Has the blob brought by a device of this owner. */
export async function bring(store: BlobStore, bytes: Uint8Array, owner: string) {
  const incoming = await store.begin(hashBlob(bytes), bytes.length, owner);
  if (isRefusal(incoming)) return incoming;
  await incoming.write(0, bytes);
  return await incoming.finish();
}
