/**
 * Moving a blob in chunks. The receiver pulls: it asks for a few chunks at a time, takes them in any order, asks again
 * for what was lost, and believes nothing until the whole hashes to the name it asked for.
 *
 * Pure, and holds no bytes: the caller sends the requests, writes what came, and calls {@link askAgain} after a lost link
 * or a timeout. A chunk that is not written yet fills its place in the window, so that a slow disk slows the sender down.
 */
import type { Hex } from "../base/bytes.ts";
import { type Refusal, refuse } from "../base/refusal.ts";

/** Largest chunk, bytes: what `blob-get` may ask for. */
export const MAX_CHUNK = 32_768;

/** Most chunks asked for and not yet written, unless told. */
const WINDOW = 4;

/** Most bytes under way of one blob, unless told. */
export const WINDOW_BYTES = WINDOW * MAX_CHUNK;

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
  readonly total: number;
  readonly window: number;
  readonly chunkBytes: number;
  /** Offsets asked for and not yet there. */
  readonly asked: Set<number>;
  /** Offsets to ask for once more. */
  readonly lost: Set<number>;
  /** Offsets that came and are not yet written. */
  readonly writing: Set<number>;
  /** From here on nothing was ever asked for. */
  next: number;
}

export interface PullOptions {
  /** Bytes of the blob. */
  readonly total: number;
  /** Chunks under way at a time; 4 unless told. */
  readonly window?: number;
  /** `1..MAX_CHUNK`; MAX_CHUNK unless told. */
  readonly chunkBytes?: number;
}

/** Begins to pull `hash`. */
export function beginPull(hash: Hex, options: PullOptions): Pull {
  const { total, window = WINDOW, chunkBytes = MAX_CHUNK } = options;
  return { hash, total, window, chunkBytes, asked: new Set(), lost: new Set(), writing: new Set(), next: 0 };
}

/** The requests to send now, none when the window is full. They count as asked. */
export function nextRequests(pull: Pull): ChunkRequest[] {
  const requests: ChunkRequest[] = [];
  while (pull.asked.size + pull.writing.size < pull.window) {
    const offset = nextOffset(pull);
    if (offset === null) break;
    pull.asked.add(offset);
    // an empty blob has one chunk to ask for, of one byte at least
    requests.push({ hash: pull.hash, offset, length: Math.max(lengthAt(pull, offset), 1) });
  }
  return requests;
}

function nextOffset(pull: Pull): number | null {
  for (const offset of pull.lost) {
    pull.lost.delete(offset);
    return offset;
  }
  if (pull.next > 0 && pull.next >= pull.total) return null;
  const offset = pull.next;
  pull.next += pull.chunkBytes;
  return offset;
}

function lengthAt({ total, chunkBytes }: Pull, offset: number): number {
  return Math.min(chunkBytes, total - offset);
}

/** Takes requests without an answer as lost, so that {@link nextRequests} gives them once more. */
export function askAgain(pull: Pull): void {
  for (const offset of pull.asked) pull.lost.add(offset);
  pull.asked.clear();
}

/**
 * Takes a chunk that came for this pull's hash. `new` bytes are to be written, and {@link written} is to be told. Those
 * that came `before` are taken quietly: the broker may deliver twice, and a request that was repeated may be answered
 * twice.
 *
 * Refuses `blob_unexpected`: never asked for, of another length than asked, or of another total; the pull goes on.
 */
export function takeChunk(pull: Pull, { offset, total, bytes }: Chunk): "new" | "before" | Refusal {
  const wasAsked = offset >= 0 && offset < pull.next && offset % pull.chunkBytes === 0;
  if (!wasAsked || total !== pull.total || bytes.length !== lengthAt(pull, offset)) {
    return refuse("blob_unexpected");
  }
  if (!pull.asked.delete(offset) && !pull.lost.delete(offset)) return "before";
  pull.writing.add(offset);
  return "new";
}

/** The chunk at `offset` is written. True when all of the blob is. */
export function written(pull: Pull, offset: number): boolean {
  pull.writing.delete(offset);
  return pull.next >= pull.total && pull.writing.size + pull.asked.size + pull.lost.size === 0;
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
