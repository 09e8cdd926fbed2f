/** Requests written out: small ones together in one chunk, so that one write to the pipe carries many. */
import { REQUEST_HEAD, type RequestHead, slabOf, writeRequestHead } from "../frames.ts";

/** Larger bodies are chunks of their own, not copied. */
const COPIED_BYTES = 16 * 1024;

export class Pack {
  readonly #capacity: number;
  readonly #chunks: Uint8Array[] = [];
  #slab = slabOf(new Uint8Array());
  /** Of the buffer, what is in `#chunks`, and what is written. */
  #cut = 0;
  #length = 0;

  /** `capacity`: bytes of a chunk of small requests. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The bodies in the order of the frame; those that are large must not change until the chunks are written. */
  add(head: RequestHead, bodies: readonly Uint8Array[]): void {
    this.#need(REQUEST_HEAD);
    writeRequestHead(this.#slab, this.#length, head);
    this.#length += REQUEST_HEAD;
    for (const body of bodies) if (body.length > 0) this.#put(body);
  }

  /** All chunks, in order. */
  finish(): readonly Uint8Array[] {
    this.#close();
    return this.#chunks;
  }

  #put(body: Uint8Array): void {
    if (body.length > COPIED_BYTES) {
      this.#close();
      this.#chunks.push(body);
      return;
    }
    this.#need(body.length);
    this.#slab.bytes.set(body, this.#length);
    this.#length += body.length;
  }

  #need(bytes: number): void {
    if (this.#length + bytes <= this.#slab.bytes.length) return;
    this.#close();
    this.#slab = slabOf(new Uint8Array(Math.max(bytes, this.#capacity)));
    this.#cut = 0;
    this.#length = 0;
  }

  #close(): void {
    if (this.#length > this.#cut) this.#chunks.push(this.#slab.bytes.subarray(this.#cut, this.#length));
    this.#cut = this.#length;
  }
}
