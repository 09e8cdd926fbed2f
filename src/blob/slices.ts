/**
 * Hashing in slices: whoever hashes a large blob lets everything else go on in between.
 *
 * A slice of 1 MiB takes SHA-256 about a millisecond with the processor's instructions for it, and seven without.
 */
import { createHash } from "node:crypto";
import type { Hex } from "../base/bytes.ts";

const SLICE = 1_048_576;

/** Fills `into` with the bytes from `offset` on; false when there are not as many. */
export type Read = (into: Uint8Array, offset: number) => Promise<boolean>;

/** The SHA-256 of bytes that may not change meanwhile. */
export async function hashInSlices(bytes: Uint8Array): Promise<Hex> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < bytes.length; offset += SLICE) {
    if (offset > 0) await new Promise<void>((next) => setImmediate(next));
    hash.update(bytes.subarray(offset, offset + SLICE));
  }
  return `0x${hash.digest("hex")}`;
}

/**
 * The SHA-256 of `total` bytes that are read slice by slice; null when there are not as many.
 *
 * @param into - of `total` bytes: gets them all. Without it no more than a slice is in memory
 */
export async function hashOfRead(read: Read, total: number, into?: Uint8Array): Promise<Hex | null> {
  const hash = createHash("sha256");
  const slice = into ?? new Uint8Array(Math.min(SLICE, total));
  for (let offset = 0; offset < total; offset += SLICE) {
    const from = into ? offset : 0;
    const part = slice.subarray(from, from + Math.min(SLICE, total - offset));
    if (!(await read(part, offset))) return null;
    hash.update(part);
  }
  return `0x${hash.digest("hex")}`;
}
