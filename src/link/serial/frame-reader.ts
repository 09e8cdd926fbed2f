/**
 * A byte stream to frames. Boot logs, noise and torn frames are counted and skipped; at most one frame's
 * worth of bytes is kept.
 */
import { crc32 } from "node:zlib";
import { decodeCobs } from "./cobs.ts";
import { decodeFrame, type Frame, stuffedFrameBytes } from "./frame.ts";
import type { DiscardedBytes, LinkStatistics } from "./statistics.ts";

type ReaderCounts = Pick<
  LinkStatistics,
  "bytesReceived" | "delimiterBytes" | "frameBytes" | "discarded" | "framesReceived" | "badFrames"
>;

/** Checked bytes and the check itself: what zlib calls the residue of a CRC-32 followed by its own value. */
const RESIDUE = 0x2144df1c;

export class FrameReader {
  readonly #counts: ReaderCounts;
  readonly #run: Uint8Array;
  /** Bytes since the last zero, if they may become a frame. */
  #runBytes = 0;
  /** Whether more have come since than any frame has: the rest of them is counted and not kept. */
  #isTooLong: boolean = false;
  #isSynced: boolean = false;

  /** @param mtu - largest payload expected, in bytes; a longer run between two zeros is not a frame */
  constructor(mtu: number, counts: ReaderCounts) {
    this.#run = new Uint8Array(stuffedFrameBytes(mtu));
    this.#counts = counts;
  }

  /** Bytes of the frame that has begun, counted as nothing yet. */
  get pendingBytes(): number {
    return this.#runBytes;
  }

  /** What `chunk` completed, in order: a frame, or `undefined` where a broken one stood. */
  push(chunk: Uint8Array): (Frame | undefined)[] {
    const found: (Frame | undefined)[] = [];
    this.#counts.bytesReceived += chunk.length;
    for (let from = 0; from < chunk.length; ) {
      const zeroAt = chunk.indexOf(0, from);
      this.#keep(chunk.subarray(from, zeroAt === -1 ? chunk.length : zeroAt));
      if (zeroAt === -1) break;
      this.#counts.delimiterBytes++;
      if (this.#runBytes > 0 || this.#isTooLong) found.push(this.#finish());
      from = zeroAt + 1;
    }
    return found;
  }

  /** Gives up the frame that has begun. */
  close(): void {
    this.#counts.discarded.unfinished += this.#runBytes;
    this.#runBytes = 0;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#runBytes + bytes.length > this.#run.length) this.#isTooLong = true;
    if (this.#isTooLong) {
      this.#discard("tooLong", this.#runBytes + bytes.length);
      this.#runBytes = 0;
      return;
    }
    this.#run.set(bytes, this.#runBytes);
    this.#runBytes += bytes.length;
  }

  #finish(): Frame | undefined {
    const run = this.#run.subarray(0, this.#runBytes);
    this.#runBytes = 0;
    const frame = this.#isTooLong ? undefined : decodeFrame(run);
    if (frame === undefined) {
      this.#counts.badFrames++;
      if (!this.#isTooLong) this.#discard(causeOf(run), run.length);
    } else {
      this.#isSynced = true;
      this.#counts.framesReceived++;
      this.#counts.frameBytes += run.length;
    }
    this.#isTooLong = false;
    return frame;
  }

  #discard(cause: keyof DiscardedBytes, byteCount: number): void {
    this.#counts.discarded[this.#isSynced ? cause : "beforeSync"] += byteCount;
  }
}

/** What is wrong with a run that is no frame. */
function causeOf(run: Uint8Array): keyof DiscardedBytes {
  const plain = decodeCobs(run);
  if (plain === undefined || stuffedFrameBytes(0) > run.length) return "badStuffing";
  return crc32(plain) === RESIDUE ? "unknownType" : "badCheck";
}
