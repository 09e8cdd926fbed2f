/** Where a store puts bytes: a folder, or memory. It knows nothing of hashes and quotas. */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import type { Read } from "./slices.ts";

/** Bytes that are not a blob yet. */
export interface Draft {
  write(offset: number, bytes: Uint8Array): Promise<void>;
  readonly read: Read;
  /** All that was written is on the disk when this resolves. */
  flush(): Promise<void>;
  /** Makes them, flushed, the blob of this name, for good when it resolves. Ends the draft, done or not. */
  keep(hash: Hex, at: Instant): Promise<void>;
  discard(): Promise<void>;
}

/** A blob being read; it may be removed meanwhile. */
export interface Reading {
  readonly read: Read;
  close(): Promise<void>;
}

/**
 * Each method throws {@link Fault} `disk_full` or `disk_failed`, and what it was about is then as before. What is asked
 * for one name is asked one after the other.
 */
export interface Medium {
  draft(total: number): Promise<Draft>;
  /** Null when there is no such blob. */
  open(hash: Hex): Promise<Reading | null>;
  /** Removes a blob, or nothing where there is none. */
  remove(hash: Hex): Promise<void>;
  /** Remembers when a blob was last used. */
  touch(hash: Hex, at: Instant): Promise<void>;
  /** From now on nothing is kept waiting so that more can be written at once. */
  hurry(): void;
  /** Writes what still waits, and ends. */
  close(): Promise<void>;
}
