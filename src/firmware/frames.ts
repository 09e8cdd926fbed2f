/**
 * Frames between the executor and its child: a JSON header and the bytes that go with it.
 *
 *   0        4  header length h, 1..65_536, little endian
 *   4        4  body length b, 0..MAX_BODY, little endian
 *   8        h  header: JSON, UTF-8
 *   8 + h    b  body
 *
 * Imports nothing, because the executor's child may read nothing else.
 */

const HEAD = 8;
const MAX_HEADER = 65_536;
/** Most bytes of one body: a module, and an input and an output that fill its memory. */
export const MAX_BODY = 129 * 2 ** 20;

export interface Frame {
  readonly header: unknown;
  readonly body: Uint8Array;
}

/** The chunks of one frame, to be written in order; the parts are joined into its body. */
export function frameChunks(header: object, parts: readonly Uint8Array[]): Uint8Array[] {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(HEAD + text.length);
  const view = new DataView(head.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(
    4,
    parts.reduce((sum, part) => sum + part.length, 0),
    true,
  );
  head.set(text, HEAD);
  return [head, ...parts.filter((part) => part.length > 0)];
}

/** A byte stream cut into frames. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #length = 0;
  #wanted = HEAD;

  /** The frames that `chunk` completes; null when the stream is not frames, after which nothing more is read. */
  push(chunk: Uint8Array): Frame[] | null {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const frames: Frame[] = [];
    while (this.#length >= this.#wanted) {
      const bytes = this.#join();
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const headerLength = view.getUint32(0, true);
      const bodyLength = view.getUint32(4, true);
      if (headerLength === 0 || headerLength > MAX_HEADER || bodyLength > MAX_BODY) return null;
      const end = HEAD + headerLength + bodyLength;
      if (bytes.length < end) {
        this.#wanted = end;
        break;
      }
      const header = parse(bytes.subarray(HEAD, HEAD + headerLength));
      if (header === undefined) return null;
      frames.push({ header, body: bytes.subarray(HEAD + headerLength, end) });
      this.#chunks = bytes.length > end ? [bytes.subarray(end)] : [];
      this.#length = bytes.length - end;
      this.#wanted = HEAD;
    }
    return frames;
  }

  #join(): Uint8Array {
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) return first;
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [joined];
    return joined;
  }
}

function parse(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch {
    return undefined;
  }
}
