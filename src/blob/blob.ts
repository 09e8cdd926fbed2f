/** Content-addressed bytes: task firmware, inputs and outputs, each named by its SHA-256. */
import type { Hex } from "../base/bytes.ts";
import type { Refusal } from "../base/refusal.ts";
import { sha256 } from "../kernels/digest.ts";

/** The name of a blob: SHA-256 (FIPS 180-4), 32 bytes, lower case. */
export function hashBlob(bytes: Uint8Array): Hex {
  return sha256(bytes);
}

export interface BlobRange {
  /** Bytes of the whole blob. */
  readonly total: number;
  readonly bytes: Uint8Array;
}

/**
 * Where blobs are kept, within a quota of bytes.
 *
 * To make room, the blobs put longest ago go first; pinned ones stay.
 */
export interface BlobStore {
  has(hash: Hex): Promise<boolean>;
  /** The bytes, which hash to `hash`; null when they are not there. */
  get(hash: Hex): Promise<Uint8Array | null>;
  /**
   * Bytes `offset` to `offset + length` of a blob, fewer at its end and none beyond it, and how many it has in all;
   * null when it is not there.
   *
   * Reads that range alone. That the blob hashes to `hash` is checked when it is first asked for, not each time.
   */
  chunk(hash: Hex, offset: number, length: number): Promise<BlobRange | null>;
  /** Keeps a copy and returns its hash; refuses `too_large` when the quota less what is pinned has no room for it. */
  put(bytes: Uint8Array): Promise<Hex | Refusal>;
  /** Keeps a blob from eviction; false when it is not there. Pins do not outlive the process. */
  pin(hash: Hex): boolean;
  unpin(hash: Hex): void;
  /** Bytes kept. */
  readonly size: number;
}
