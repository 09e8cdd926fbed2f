/** Bytes in memory that are not a blob yet, and bytes in memory being read. */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import type { Draft, Reading } from "./medium.ts";
import type { Read } from "./slices.ts";

/**
 * A draft of `total` bytes in memory.
 *
 * @param keep - makes them the blob of this name; they do not change any more
 */
export function memoryDraft(
  total: number,
  keep: (hash: Hex, whole: Uint8Array, at: Instant) => Promise<void>,
): Draft {
  const whole = new Uint8Array(total);
  return {
    write: (offset, bytes) => {
      whole.set(bytes, offset);
      return Promise.resolve();
    },
    read: readOf(whole),
    flush: () => Promise.resolve(),
    keep: (hash, at) => keep(hash, whole, at),
    discard: () => Promise.resolve(),
  };
}

/** Reads from bytes in memory; null where there are none. */
export function memoryReading(bytes: Uint8Array | null): Reading | null {
  return bytes === null ? null : { read: readOf(bytes), close: () => Promise.resolve() };
}

function readOf(bytes: Uint8Array): Read {
  return (into, offset) => {
    if (offset + into.length > bytes.length) return Promise.resolve(false);
    into.set(bytes.subarray(offset, offset + into.length));
    return Promise.resolve(true);
  };
}
