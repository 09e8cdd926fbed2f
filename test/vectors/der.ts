/** ECDSA signatures as r and s: the strict DER of X.690 and the fixed length of IEEE P1363. */

export type Pair = { readonly r: bigint; readonly s: bigint };

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** One element of this tag and what follows it, or null unless its length is definite and as short as it can be. */
function element(tag: number, bytes: Uint8Array): { body: Uint8Array; rest: Uint8Array } | null {
  const [found, first = 0xff] = bytes;
  if (found !== tag || first === 0x80 || first > 0x84) return null;
  const size = first < 0x80 ? 0 : first & 0x7f;
  const long = bytes.subarray(2, 2 + size);
  if (long.length !== size || (size > 0 && long[0] === 0)) return null;
  const length = size === 0 ? first : long.reduce((sum, byte) => sum * 256 + byte, 0);
  if (size > 0 && length < 0x80) return null;
  const body = bytes.subarray(2 + size, 2 + size + length);
  return body.length === length ? { body, rest: bytes.subarray(2 + size + length) } : null;
}

/** A non-negative integer in as few bytes as it takes, or null. */
function integer(bytes: Uint8Array): { value: bigint; rest: Uint8Array } | null {
  const found = element(INTEGER, bytes);
  if (!found) return null;
  const [first, second = 0] = found.body;
  if (first === undefined || first >= 0x80) return null;
  if (first === 0 && found.body.length > 1 && second < 0x80) return null;
  return { value: BigInt(`0x${Buffer.from(found.body).toString("hex")}`), rest: found.rest };
}

/** `SEQUENCE { INTEGER r, INTEGER s }` and nothing else, or null; neither is bounded from above. */
export function fromDer(bytes: Uint8Array): Pair | null {
  const sequence = element(SEQUENCE, bytes);
  if (!sequence || sequence.rest.length > 0) return null;
  const r = integer(sequence.body);
  const s = r && integer(r.rest);
  return r && s && s.rest.length === 0 ? { r: r.value, s: s.value } : null;
}

/** r ‖ s of 32 bytes each, or null. */
export function fromP1363(bytes: Uint8Array): Pair | null {
  if (bytes.length !== 64) return null;
  const hex = Buffer.from(bytes).toString("hex");
  return { r: BigInt(`0x${hex.slice(0, 64)}`), s: BigInt(`0x${hex.slice(64)}`) };
}
