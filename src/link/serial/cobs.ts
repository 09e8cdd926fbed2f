/**
 * Consistent Overhead Byte Stuffing: any bytes, rewritten so that none of them is zero.
 *
 * A zero on the line can then only mean "end of frame", so a reader that joins late or loses a byte is
 * back in step at the next zero. Each block is one code byte followed by `code - 1` bytes copied as they
 * are; a code below 0xff stands for a zero after its block, except at the very end.
 * Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999.
 */

const LONGEST_BLOCK = 254;

/** Most bytes that {@link encodeCobs} makes of `byteCount` bytes: one more for each 254 begun, at least one. */
export function cobsCapacity(byteCount: number): number {
  return byteCount + Math.max(1, Math.ceil(byteCount / LONGEST_BLOCK));
}

/** The stuffed bytes, without a delimiter; at most {@link cobsCapacity} of them and none zero. */
export function encodeCobs(plain: Uint8Array): Uint8Array {
  const stuffed = new Uint8Array(cobsCapacity(plain.length) + 1);
  let codeAt = 0;
  let write = 1;
  for (let read = 0; read < plain.length; read++) {
    const byte = plain[read] ?? 0;
    if (byte !== 0) stuffed[write++] = byte;
    const isFull = write - codeAt > LONGEST_BLOCK;
    if (byte === 0 || (isFull && read + 1 < plain.length)) {
      stuffed[codeAt] = byte === 0 ? write - codeAt : LONGEST_BLOCK + 1;
      codeAt = write++;
    }
  }
  stuffed[codeAt] = write - codeAt;
  return stuffed.subarray(0, write);
}

/** The plain bytes, or `undefined` where the input holds a zero, is empty, or ends inside a block. */
export function decodeCobs(stuffed: Uint8Array): Uint8Array | undefined {
  if (stuffed.length === 0 || stuffed.includes(0)) return undefined;
  const plain = new Uint8Array(stuffed.length);
  let write = 0;
  for (let read = 0; read < stuffed.length; ) {
    const code = stuffed[read] ?? 0;
    const end = read + code;
    if (end > stuffed.length) return undefined;
    plain.set(stuffed.subarray(read + 1, end), write);
    write += code - 1;
    read = end;
    if (code <= LONGEST_BLOCK && read < stuffed.length) plain[write++] = 0;
  }
  return plain.subarray(0, write);
}
