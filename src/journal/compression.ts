/** Texts of entries as few bytes: zstd (RFC 8878), with text that stands before as its dictionary. */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/** Bytes of text before a piece that it is compressed with. */
const WINDOW = 16_384;

/** Bytes in which texts stand one after another, so that few of them are copied twice. */
const SLAB = 4 * WINDOW;

/** More than any piece is as text: what claims to be longer is a bomb, or torn. */
const MAX_TEXT = 2 ** 25;

/** The end of all texts since a beginning, with which the next one is compressed. */
export class Dictionary {
  readonly #slab = new Uint8Array(SLAB);
  #end = 0;

  get bytes(): Uint8Array {
    return this.#slab.subarray(Math.max(0, this.#end - WINDOW), this.#end);
  }

  add(text: Uint8Array): void {
    const newest = text.subarray(-WINDOW);
    if (this.#end + newest.length > SLAB) {
      this.#slab.copyWithin(0, this.#end - WINDOW, this.#end);
      this.#end = WINDOW;
    }
    this.#slab.set(newest, this.#end);
    this.#end += newest.length;
  }

  /** Nothing stands before what comes next. */
  clear(): void {
    this.#end = 0;
  }
}

/**
 * Compresses a text, and adds it to the dictionary.
 *
 * @param dictionary - null for a text that is to need no other
 * @param level - 1 (fast) to 19 (small)
 */
export function compress(text: Uint8Array, dictionary: Dictionary | null, level: number): Uint8Array {
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  const bytes = zstdCompressSync(text, { ...given(dictionary), pledgedSrcSize: text.length, params });
  dictionary?.add(text);
  return bytes;
}

/**
 * The lines of the text again; adds the text to the dictionary.
 *
 * @param dictionary - of the very texts that it was compressed with
 * @throws Error when they are not what {@link compress} gave, or more than {@link MAX_TEXT} of text
 */
export function decompress(bytes: Uint8Array, dictionary: Dictionary | null): string[] {
  const length = contentLength(bytes);
  if (length > MAX_TEXT) throw new RangeError(`it claims to be of ${length} bytes`);
  // one piece of memory for all of it; the byte more tells that nothing follows
  const chunkSize = Math.max(length + 1, LEAST_CHUNK);
  const unpacked = zstdDecompressSync(bytes, { ...given(dictionary), chunkSize, maxOutputLength: MAX_TEXT });
  dictionary?.add(unpacked);
  const lines = linesOf(unpacked);
  giveBack(unpacked);
  return lines;
}

/** Each a string of its own: parts of one long string would keep all of it in memory. */
function linesOf(text: Buffer): string[] {
  const lines: string[] = [];
  for (let from = 0; ; ) {
    const end = text.indexOf(NEWLINE, from);
    lines.push(text.toString("utf8", from, end === -1 ? text.length : end));
    if (end === -1) return lines;
    from = end + 1;
  }
}

const NEWLINE = 10;

/** Whoever walks a journal would otherwise hold tens of megabytes that nobody needs until they are collected. */
function giveBack({ buffer }: Uint8Array): void {
  const isShared = buffer.byteLength <= Buffer.poolSize;
  if (!isShared && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Of `node:zlib`. */
const LEAST_CHUNK = 64;

/** How a frame begins, RFC 8878, 3.1.1. */
const FRAME_MAGIC = 0xfd2fb528;

/** How many bytes the name of a dictionary takes in a header, by two bits. */
const DICTIONARY_ID = [0, 1, 2, 4];

/** The length of the text that a frame names in its header, RFC 8878, 3.1.1.1. */
function contentLength(bytes: Uint8Array): number {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (frame.length < 14 || frame.readUInt32LE(0) !== FRAME_MAGIC) throw new RangeError("it is no frame");
  const descriptor = frame.readUInt8(4);
  const isSingle = (descriptor & 0x20) !== 0;
  const at = 5 + (isSingle ? 0 : 1) + (DICTIONARY_ID[descriptor & 3] ?? 0);
  const size = descriptor >> 6;
  if (size === 3) return Number(frame.readBigUInt64LE(at));
  if (size === 2) return frame.readUInt32LE(at);
  if (size === 1) return frame.readUInt16LE(at) + 256;
  if (isSingle) return frame.readUInt8(at);
  throw new RangeError("it does not say how long it is");
}

function given(dictionary: Dictionary | null) {
  const bytes = dictionary?.bytes;
  return bytes && bytes.length > 0 ? { dictionary: bytes } : {};
}
