/**
 * The journal port: an append-only chain of records, the only thing the gateway stores for good.
 *
 * Each entry's hash covers the hash before it, so nothing can be changed, removed or moved without every later hash
 * changing too. Readers get the chain checked: an entry that is not what was written is a fault, never a value.
 */
import type { Hex } from "../base/bytes.ts";
import type { Cause, Fact, JournalRecord } from "../protocol/facts.ts";

/** A record that has no place in the chain yet. `at` is milliseconds since 1970. */
export type Draft = { readonly at: number; readonly cause: Cause; readonly facts: readonly Fact[] };

export type Entry = JournalRecord & {
  /** Hash of the entry before; 32 zero bytes for the first. */
  readonly previous: Hex;
  /** SHA-256 of `text`. */
  readonly hash: Hex;
  /** The stored JSON, `[previous, index, at, cause, facts]`: the record is decoded from it, and the hash is over it. */
  readonly text: string;
};

/** The newest entry; index 0 and 32 zero bytes of an empty journal. */
export type Head = { readonly index: number; readonly hash: Hex };

export type Snapshot = { readonly index: number; readonly bytes: Uint8Array };

export interface Journal {
  head(): Head;
  /**
   * Appends all drafts or none; they are on disk when it returns.
   *
   * @throws {@link Fault} `disk_failed` when nothing was appended, `impossible` for a draft that the schema refuses
   */
  append(drafts: readonly Draft[]): readonly Entry[];
  /**
   * The entries after index `after` (default 0, all), in order, read as they are asked for.
   *
   * @throws {@link Fault} `journal_broken` at the first entry that does not follow the one before it
   */
  entries(after?: number): Iterable<Entry>;
  /** @throws {@link Fault} `journal_broken` when the entry is there but is not what was written */
  entry(index: number): Entry | null;
  /** Keeps the state as of `index` (`0..head`), and the newest other one in case this one rots. */
  saveSnapshot(index: number, bytes: Uint8Array): void;
  /** The newest snapshot whose bytes are still those that were saved. */
  newestSnapshot(): Snapshot | null;
  close(): void;
}
