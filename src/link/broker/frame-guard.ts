/**
 * Bounds the length of MQTT packets by their fixed header, before a byte of them is buffered.
 *
 * aedes has no limit of its own and keeps all that belongs to a packet that has not ended, even before CONNECT.
 * The fixed header is one byte of type and flags, then the remaining length in one to four bytes of seven bits
 * each, least significant first, the top bit telling that another follows. Source: MQTT 3.1.1 section 2.2.
 */
import type { Duplex } from "node:stream";

const DISCONNECT = 14;
const HEADER_BYTES = 5;

/** Follows packet boundaries through a stream, however it is cut into chunks. */
export class FrameGuard {
  /** Longest packet in bytes, fixed header included. May change between packets. */
  limit: number;
  /** Whether a DISCONNECT came by: the peer leaves on purpose. */
  saidGoodbye: boolean = false;
  #type = 0;
  /** Bytes of the fixed header read so far. */
  #header = 0;
  #length = 0;
  /** Bytes that are still to come of a packet whose header has been read. */
  #body = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** False once a packet is longer than the limit or its length has more than four bytes. Final. */
  accepts(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body > 0) {
        const skipped = Math.min(this.#body, chunk.length - at);
        this.#body -= skipped;
        at += skipped;
      } else if (!this.#acceptsHeader(chunk[at++] ?? 0)) {
        return false;
      }
    }
    return true;
  }

  #acceptsHeader(byte: number): boolean {
    if (this.#header === 0) {
      this.#type = byte >> 4;
      this.#header = 1;
      this.#length = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 128 ** (this.#header - 1);
    this.#header += 1;
    if (this.#header + this.#length > this.limit) return false;
    if (byte >= 0x80) return this.#header < HEADER_BYTES;
    this.#body = this.#length;
    this.#header = 0;
    if (this.#type === DISCONNECT) this.saidGoodbye = true;
    return true;
  }
}

/**
 * Puts a guard before the stream's read buffer. Nothing of a chunk that it does not accept gets through; `refused`,
 * which must destroy the stream, is called once.
 *
 * `push` is hooked because a wrapping Duplex costs about a tenth more processor time per message.
 */
export function guardStream(stream: Duplex, guard: FrameGuard, refused: () => void): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
    if (chunk === null || guard.accepts(chunk)) return push(chunk, encoding);
    if (!stream.destroyed) refused();
    return false;
  };
  // A stream of ours may have been written to before it came here.
  const early: Uint8Array | null = stream.readableLength > 0 ? stream.read() : null;
  if (early === null) return;
  if (guard.accepts(early)) stream.unshift(early);
  else refused();
}
