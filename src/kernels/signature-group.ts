/** Many claims of the form "this account signed this digest", in columns that a thread can hand to another. */
import type { Hex } from "../base/bytes.ts";

/** Whether `by`, in lower case, signed `digest` with `signature`. */
export type SignatureCheck = { readonly digest: Hex; readonly signature: Hex; readonly by: Hex };

/** In the column of parities: nobody can have made this, as it is no signature of 65 bytes with v 27 or 28. */
export const MALFORMED = 255;

export type SignatureGroup = {
  readonly count: number;
  /** 64 bytes each: r ‖ s. */
  readonly signatures: Uint8Array<ArrayBuffer>;
  /** One byte each: v - 27, or {@link MALFORMED}. */
  readonly parities: Uint8Array<ArrayBuffer>;
  /** 32 bytes each. */
  readonly digests: Uint8Array<ArrayBuffer>;
  /** Whose signature each shall be: an index into `accounts`. */
  readonly signers: Uint32Array<ArrayBuffer>;
  readonly accounts: readonly Hex[];
};

/** Reads texts to columns. */
export function groupOf(checks: readonly SignatureCheck[]): SignatureGroup {
  const count = checks.length;
  const [signatures, digests] = [new Uint8Array(64 * count), new Uint8Array(32 * count)];
  const [parities, signers] = [new Uint8Array(count), new Uint32Array(count)];
  const accounts = new Map<Hex, number>();
  for (const [at, { digest, signature, by }] of checks.entries()) {
    const account = accounts.get(by) ?? accounts.size;
    accounts.set(by, account);
    signers[at] = account;
    const isRead = readHex(digest, digests, 32 * at, 32) && readSignature(signature, signatures, 64 * at);
    parities[at] = isRead ? parityIn(signature) : MALFORMED;
  }
  return { count, signatures, parities, digests, signers, accounts: [...accounts.keys()] };
}

/** A part of a group, with all accounts. */
export function partOf(group: SignatureGroup, indices: readonly number[]): SignatureGroup {
  const count = indices.length;
  const [signatures, digests] = [new Uint8Array(64 * count), new Uint8Array(32 * count)];
  const [parities, signers] = [new Uint8Array(count), new Uint32Array(count)];
  for (const [to, from] of indices.entries()) {
    signatures.set(group.signatures.subarray(64 * from, 64 * from + 64), 64 * to);
    digests.set(group.digests.subarray(32 * from, 32 * from + 32), 32 * to);
    parities[to] = group.parities[from] ?? MALFORMED;
    signers[to] = group.signers[from] ?? 0;
  }
  return { count, signatures, parities, digests, signers, accounts: group.accounts };
}

/** Reads r ‖ s of a signature of 65 bytes; the rest of it is {@link parityIn}'s. */
export function readSignature(signature: string, into: Uint8Array, at: number): boolean {
  const start = digitsAt(signature);
  return signature.length === start + 130 && readDigits(signature, start, into, at, 64);
}

/** v - 27 of a signature of 65 bytes, or {@link MALFORMED}. */
export function parityIn(signature: string): number {
  const v = Number.parseInt(signature.slice(-2), 16);
  return v === 27 || v === 28 ? v - 27 : MALFORMED;
}

/** Whether text is exactly `length` bytes of hexadecimal, with or without its prefix; writes them. */
export function readHex(text: string, into: Uint8Array, at: number, length: number): boolean {
  const start = digitsAt(text);
  return text.length === start + 2 * length && readDigits(text, start, into, at, length);
}

function readDigits(text: string, start: number, into: Uint8Array, at: number, length: number): boolean {
  let seen = 0;
  for (let i = 0; i < length; i++) {
    const high = digit(text.charCodeAt(start + 2 * i));
    const low = digit(text.charCodeAt(start + 2 * i + 1));
    seen |= high | low;
    into[at + i] = (high << 4) | low;
  }
  return seen < NO_DIGIT;
}

const digitsAt = (text: string) => (text.startsWith("0x") ? 2 : 0);

const NO_DIGIT = 16;

const DIGITS = new Uint8Array(128).fill(NO_DIGIT);
for (let value = 0; value < 16; value++) {
  const text = value.toString(16);
  DIGITS[text.charCodeAt(0)] = value;
  DIGITS[text.toUpperCase().charCodeAt(0)] = value;
}

const digit = (code: number) => DIGITS[code] ?? NO_DIGIT;
