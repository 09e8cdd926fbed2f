/** The child's replies cut out of its output. It has run hostile code, so nothing it says is believed before it is judged. */
import { REPLY_HEAD, type ReplyHead, readReplyHead, type Slab, slabOf } from "../frames.ts";

/** Whoever waits for replies. */
export type Receiver = {
  /** Judges a head before there is room for its body. */
  readonly accepts: (head: ReplyHead) => boolean;
  /** Gets what was accepted, in order. The body is its own. */
  readonly take: (head: ReplyHead, body: Uint8Array) => void;
};

export class ReplyReader {
  readonly #receiver: Receiver;
  /** A head that came in parts. */
  readonly #parts = slabOf(new Uint8Array(REPLY_HEAD));
  #partBytes = 0;
  /** An accepted head whose body is not complete, and what there is of it. */
  #head: ReplyHead | null = null;
  #body = new Uint8Array();
  #bodyBytes = 0;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  /** Reads on; false when this is not what a child of ours says, after which nothing more may be read. */
  push(chunk: Uint8Array): boolean {
    const slab = slabOf(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    let at = this.#continueBody(slab.bytes);
    while (at < chunk.length) {
      const isWhole = this.#partBytes === 0 && at + REPLY_HEAD <= chunk.length;
      const next = isWhole ? at + REPLY_HEAD : this.#continueHead(slab.bytes, at);
      if (!isWhole && this.#partBytes < REPLY_HEAD) return true;
      const head = isWhole ? readReplyHead(slab, at) : readReplyHead(this.#parts, 0);
      this.#partBytes = 0;
      if (head === null || !this.#receiver.accepts(head)) return false;
      at = this.#beginBody(head, slab, next);
    }
    return true;
  }

  #continueHead(bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + REPLY_HEAD - this.#partBytes);
    this.#parts.bytes.set(part, this.#partBytes);
    this.#partBytes += part.length;
    return at + part.length;
  }

  #beginBody(head: ReplyHead, { bytes }: Slab, at: number): number {
    const end = at + head.length;
    if (end <= bytes.length) {
      this.#receiver.take(head, bytes.slice(at, end));
      return end;
    }
    this.#head = head;
    this.#body = new Uint8Array(head.length);
    this.#body.set(bytes.subarray(at));
    this.#bodyBytes = bytes.length - at;
    return bytes.length;
  }

  #continueBody(bytes: Uint8Array): number {
    const head = this.#head;
    if (head === null) return 0;
    const part = bytes.subarray(0, head.length - this.#bodyBytes);
    this.#body.set(part, this.#bodyBytes);
    this.#bodyBytes += part.length;
    if (this.#bodyBytes === head.length) {
      const body = this.#body;
      this.#head = null;
      this.#body = new Uint8Array();
      this.#receiver.take(head, body);
    }
    return part.length;
  }
}
