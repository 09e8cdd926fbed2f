/**
 * Moving a blob in chunks. The receiver pulls: it asks for a few chunks at a time, takes them in any order, asks again
 * for what was lost, and believes nothing until the whole hashes to the name it asked for.
 *
 * Pure: the caller sends the requests and tells what came, and calls {@link askAgain} after a lost link or a timeout.
 */
import type { Hex } from "../base/bytes.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import { hashBlob } from "./blob.ts";

/** Largest chunk, bytes: what `blob-get` may ask for. */
export const MAX_CHUNK = 32_768;

export interface ChunkRequest {
  readonly hash: Hex;
  /** Bytes from the start of the blob. */
  readonly offset: number;
  /** Bytes wanted, `1..MAX_CHUNK`. */
  readonly length: number;
}

export interface Chunk {
  readonly offset: number;
  /** Bytes of the whole blob. */
  readonly total: number;
  readonly bytes: Uint8Array;
}

/** One blob on its way in. */
export interface Pull {
  readonly hash: Hex;
  /** Most chunks asked for and not yet there. */
  readonly window: number;
  readonly chunkBytes: number;
  readonly maxTotal: number;
  /** What the caller said beforehand. */
  readonly expected: number | null;
  /** Null until the first chunk tells it. */
  total: number | null;
  /** Offsets asked for and not yet there. */
  readonly asked: Set<number>;
  /** Chunks that came, by offset. */
  readonly taken: Map<number, Uint8Array>;
}

export interface PullOptions {
  /** Bytes of the blob, where a message named them: all of the window is then asked for at once. */
  readonly total?: number;
  /** Chunks under way at a time; 4 unless told. */
  readonly window?: number;
  /** `1..MAX_CHUNK`; MAX_CHUNK unless told. */
  readonly chunkBytes?: number;
  /** Most bytes of the blob. */
  readonly maxTotal: number;
}

/** Where a pull stands after a chunk. */
export type PullStep =
  | { readonly state: "more" }
  | { readonly state: "done"; readonly bytes: Uint8Array }
  | Refusal;

const MORE: PullStep = { state: "more" };

/** Begins to pull `hash`. */
export function beginPull(hash: Hex, options: PullOptions): Pull {
  const { total: expected = null, window = 4, chunkBytes = MAX_CHUNK, maxTotal } = options;
  return {
    hash,
    window,
    chunkBytes,
    maxTotal,
    expected,
    total: expected,
    asked: new Set(),
    taken: new Map(),
  };
}

/** The requests to send now, none when the window is full. They count as asked. */
export function nextRequests(pull: Pull): ChunkRequest[] {
  const requests: ChunkRequest[] = [];
  // of a blob whose size is not known, and of an empty one, there is one chunk to ask for
  const end = Math.max(pull.total ?? 1, 1);
  for (let offset = 0; offset < end && pull.asked.size < pull.window; offset += pull.chunkBytes) {
    if (pull.asked.has(offset) || pull.taken.has(offset)) continue;
    pull.asked.add(offset);
    const length =
      pull.total === null ? pull.chunkBytes : Math.max(Math.min(pull.chunkBytes, pull.total - offset), 1);
    requests.push({ hash: pull.hash, offset, length });
  }
  return requests;
}

/** Takes requests without an answer as lost, so that {@link nextRequests} gives them once more. */
export function askAgain(pull: Pull): void {
  pull.asked.clear();
}

/**
 * Takes a chunk that came for this pull's hash.
 *
 * Refuses `too_large` (the blob exceeds `maxTotal`), `blob_unexpected` (not asked for, of another length than asked, or
 * of another total than before; the pull goes on) and `hash_mismatch` (all of it came and is something else; the pull
 * starts over). A chunk that came before is taken quietly: the broker may deliver twice.
 */
export function takeChunk(pull: Pull, chunk: Chunk): PullStep {
  if (pull.taken.has(chunk.offset)) return MORE;
  const total = pull.total ?? chunk.total;
  if (chunk.total > pull.maxTotal) return refuse("too_large", `send blobs of at most ${pull.maxTotal} bytes`);
  const length = Math.min(pull.chunkBytes, total - chunk.offset);
  if (!pull.asked.has(chunk.offset) || chunk.total !== total || chunk.bytes.length !== length) {
    return refuse("blob_unexpected");
  }
  pull.total = total;
  pull.asked.delete(chunk.offset);
  pull.taken.set(chunk.offset, new Uint8Array(chunk.bytes));
  if (pull.taken.size < Math.max(Math.ceil(total / pull.chunkBytes), 1)) return MORE;
  const bytes = joined(pull.taken, total);
  if (hashBlob(bytes) === pull.hash) return { state: "done", bytes };
  pull.total = pull.expected;
  pull.taken.clear();
  pull.asked.clear();
  return refuse("hash_mismatch");
}

function joined(chunks: ReadonlyMap<number, Uint8Array>, total: number): Uint8Array {
  const bytes = new Uint8Array(total);
  for (const [offset, part] of chunks) bytes.set(part, offset);
  return bytes;
}

/** The chunk that answers a request for `bytes`; `blob_unexpected` when it asks beyond their end. */
export function chunkOf(bytes: Uint8Array, { offset, length }: ChunkRequest): Chunk | Refusal {
  const refusal = refuseBeyond(offset, bytes.length);
  if (refusal) return refusal;
  return { offset, total: bytes.length, bytes: bytes.subarray(offset, offset + Math.min(length, MAX_CHUNK)) };
}

/** `blob_unexpected` for an offset at the end of a blob of `total` bytes, or beyond; an empty one has a chunk at 0. */
export function refuseBeyond(offset: number, total: number): Refusal | null {
  if (offset === 0 || offset < total) return null;
  return refuse("blob_unexpected", "ask for bytes within the blob");
}
