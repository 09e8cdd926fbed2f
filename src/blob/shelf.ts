/** Which blobs a store holds, in the order they came, and which of them go to make room. */
import type { Hex } from "../base/bytes.ts";
import { type Refusal, refuse } from "../base/refusal.ts";

export interface Shelf {
  /** Most bytes in all. */
  readonly quota: number;
  /** Bytes of each blob, the oldest first. */
  readonly lengths: Map<Hex, number>;
  readonly pinned: Set<Hex>;
  size: number;
}

/** A shelf for at most `quota` bytes in all. */
export function emptyShelf(quota: number): Shelf {
  return { quota, lengths: new Map(), pinned: new Set(), size: 0 };
}

/** Notes a blob as the newest; one that is here already moves to the end and loses its pin. Makes no room. */
export function add(shelf: Shelf, hash: Hex, length: number): void {
  remove(shelf, hash);
  shelf.lengths.set(hash, length);
  shelf.size += length;
}

/** Strikes a blob and its pin off, and its bytes off the size; one that is not here changes nothing. */
export function remove(shelf: Shelf, hash: Hex): void {
  shelf.size -= shelf.lengths.get(hash) ?? 0;
  shelf.lengths.delete(hash);
  shelf.pinned.delete(hash);
}

/** The blobs to remove so that `length` more bytes fit, oldest first; `too_large` when that cannot be. */
export function roomFor(shelf: Shelf, length: number): Hex[] | Refusal {
  let excess = shelf.size + length - shelf.quota;
  const leaving: Hex[] = [];
  for (const [hash, bytes] of shelf.lengths) {
    if (excess <= 0) break;
    if (shelf.pinned.has(hash)) continue;
    leaving.push(hash);
    excess -= bytes;
  }
  return excess <= 0
    ? leaving
    : refuse("too_large", `send less: this store keeps ${shelf.quota} bytes in all`);
}
