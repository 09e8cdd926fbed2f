/** Content-addressed bytes: task firmware, inputs and outputs, each named by its SHA-256. */
import type { Hex } from "../base/bytes.ts";
import type { Refusal } from "../base/refusal.ts";
import { sha256 } from "../kernels/digest.ts";
import { MAX_BYTE_COUNT } from "../protocol/message.ts";

/** Largest blob, bytes: the most that a message can name, and so the longest output that is not `bad-output`. */
export const MAX_BLOB = MAX_BYTE_COUNT;

/** The name of a blob: SHA-256 (FIPS 180-4), 32 bytes, lower case. */
export function hashBlob(bytes: Uint8Array): Hex {
  return sha256(bytes);
}

export type BlobRange = {
  /** Bytes of the whole blob. */
  readonly total: number;
  readonly bytes: Uint8Array;
};

/** A blob that a task names, and on whose account it is kept. */
export type Use = {
  readonly hash: Hex;
  /** Whoever owns the device that handed it over. */
  readonly owner: string;
};

/** A blob on its way in. What has come of it counts on the quota, and is gone after a restart. */
export interface Incoming {
  /**
   * Writes bytes at their place: in any order, several at a time, and again. Makes room as far as they reach, in steps of
   * a transfer's window; where there is none it refuses as {@link BlobStore.begin} does, and writes nothing. After its end
   * this does nothing.
   *
   * @throws {@link Fault} `disk_full`, `disk_failed`
   */
  write(offset: number, bytes: Uint8Array): Promise<Refusal | null>;
  /**
   * Keeps the blob, on the disk when this resolves; `hash_mismatch` when what was written is not what it is named for,
   * and then nothing is left of it. Ends it either way.
   *
   * @throws {@link Fault} `disk_full`, `disk_failed`, and nothing is left of it
   */
  finish(): Promise<Refusal | null>;
  /** Gives it up; after its end this does nothing. */
  discard(): Promise<void>;
}

/**
 * Where blobs are kept: within a quota of bytes in all, and another one for each owner.
 *
 * A blob that a task holds stays. Once nobody holds it, it stays for as long as the retention says, or until its room is
 * needed: the ones whose last use is the longest ago go first, its owner's own where the owner's quota is short. One used
 * in the last ten minutes does not go for the bytes of another owner, as long as its own has no more than its quota. Who
 * holds what does not outlive the process and is told anew after a start; when a blob was last used does, to within a
 * 64th of the retention, and what has left stays away, both but for the last seconds before a process is killed.
 *
 * Every method throws {@link Fault} `disk_failed` when the machine fails, and `disk_full` when it has no room.
 */
export interface BlobStore {
  /** Bytes of a blob that is here; null when it is not. */
  sizeOf(hash: Hex): number | null;
  /** The bytes, which hash to `hash`; null when they are not there. */
  get(hash: Hex): Promise<Uint8Array | null>;
  /**
   * Bytes `offset` to `offset + length` of a blob, fewer at its end and none beyond it, and how many it has in all;
   * null when it is not there.
   *
   * Reads that range alone. That the blob hashes to `hash` is checked when it is first asked for, not each time.
   */
  chunk(hash: Hex, offset: number, length: number): Promise<BlobRange | null>;
  /**
   * Keeps a copy on the owner's account and returns its hash; the bytes may not change meanwhile. Refuses as {@link begin}
   * does.
   */
  put(bytes: Uint8Array, owner: string): Promise<Hex | Refusal>;
  /**
   * Begins a blob of `total` bytes that comes piece by piece, also one that is here already. Refuses `blob_quota` when
   * there is no room for it on the owner's account, and `too_large` when there is none in all: for good when it is larger
   * than the quota, else until tasks end. Sets nothing aside: room is made as its bytes come ({@link Incoming.write}), so
   * that what is only announced drives nothing out and is in nobody's way.
   */
  begin(hash: Hex, total: number, owner: string): Promise<Incoming | Refusal>;
  /** Counts a blob that is here on an owner as well; refuses `blob_quota`, and `blob_unknown` when it is not here. */
  assign(use: Use): Promise<Refusal | null>;
  /**
   * From now on `holder` holds these and no others, those included that are yet to come. What an owner's tasks hold does not
   * leave to make room on its account; it counts there once its device has handed it over ({@link begin}, {@link assign}).
   */
  hold(holder: string, uses: readonly Use[]): void;
  /** The holder holds nothing any more: the retention of what nobody else holds begins. */
  release(holder: string): void;
  /** From now on drops what has outlived its retention; everybody who holds something has told so by then. */
  startSweep(): void;
  /** Ends the sweep, gives up what is on its way, and resolves when nothing is being changed any more. */
  close(): Promise<void>;
  /** Bytes kept, and those that have come of what is on its way, rounded up to a transfer's window. */
  readonly size: number;
}
