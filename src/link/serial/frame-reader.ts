/**
 * A byte stream to frames. Boot logs, noise and torn frames are counted and skipped; at most one frame's
 * worth of bytes is kept.
 */
import { decodeFrame, type Frame, stuffedFrameBytes } from "./frame.ts";
import type { LinkStatistics } from "./statistics.ts";

type ReaderCounts = Pick<LinkStatistics, "framesReceived" | "badFrames" | "discardedBytes">;

export class FrameReader {
  readonly #counts: ReaderCounts;
  readonly #run: Uint8Array;
  /** Bytes since the last zero; beyond the buffer they are counted and not kept. */
  #runBytes = 0;

  /** @param mtu - largest payload expected, in bytes; a longer run between two zeros is not a frame */
  constructor(mtu: number, counts: ReaderCounts) {
    this.#run = new Uint8Array(stuffedFrameBytes(mtu));
    this.#counts = counts;
  }

  /** What `chunk` completed, in order: a frame, or `undefined` where a broken one stood. */
  push(chunk: Uint8Array): (Frame | undefined)[] {
    const found: (Frame | undefined)[] = [];
    for (let from = 0; from < chunk.length; ) {
      const zeroAt = chunk.indexOf(0, from);
      this.#keep(chunk.subarray(from, zeroAt === -1 ? chunk.length : zeroAt));
      if (zeroAt === -1) break;
      if (this.#runBytes > 0) found.push(this.#finish());
      from = zeroAt + 1;
    }
    return found;
  }

  #keep(bytes: Uint8Array): void {
    const room = this.#run.length - this.#runBytes;
    if (room > 0) this.#run.set(bytes.subarray(0, room), this.#runBytes);
    this.#runBytes += bytes.length;
  }

  #finish(): Frame | undefined {
    const byteCount = this.#runBytes;
    this.#runBytes = 0;
    const frame = byteCount > this.#run.length ? undefined : decodeFrame(this.#run.subarray(0, byteCount));
    if (frame === undefined) {
      this.#counts.badFrames++;
      this.#counts.discardedBytes += byteCount;
    } else {
      this.#counts.framesReceived++;
    }
    return frame;
  }
}
