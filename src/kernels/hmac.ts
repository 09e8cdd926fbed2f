/** HMAC-SHA-256, as browsers and devices need it too: without `node:`. */
import { fromHex } from "../base/bytes.ts";
import { sha256 } from "./digest.ts";

/** Bytes that SHA-256 takes at a time; a key is filled up to as many. */
const BLOCK = 64;

/**
 * HMAC-SHA-256 of one message, 32 bytes. No step of it is taken or left out by what key and message say.
 * Source: RFC 2104 section 2.
 *
 * @param key - of any length; one of more than 64 bytes counts as its hash
 * @param parts - the message, in pieces that stand one after another
 */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const filled = new Uint8Array(BLOCK);
  filled.set(key.length > BLOCK ? fromHex(sha256(key)) : key);
  const inner = sha256(joined([filled.map((byte) => byte ^ 0x36), ...parts]));
  return fromHex(sha256(joined([filled.map((byte) => byte ^ 0x5c), fromHex(inner)])));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
