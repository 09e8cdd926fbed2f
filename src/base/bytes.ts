/** Bytes as text and back. Works in a browser: no Buffer. */
import { Fault } from "./fault.ts";

/** `0x`-prefixed lower-case hexadecimal. */
export type Hex = `0x${string}`;

/** Two digits of each byte. */
const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Value of each character code below 128 as a digit, either case; -1 for no digit. */
const VALUES = Int8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? -1 : digit;
});

/** `0x` and two lower-case digits a byte, the first byte first; no bytes give `0x`. */
export function toHex(bytes: Uint8Array): Hex {
  let text = "0x";
  for (const byte of bytes) text += DIGITS[byte];
  return text as Hex;
}

/** @throws {@link Fault} `file_format` when the text is not whole bytes of hexadecimal */
export function fromHex(hex: string): Uint8Array {
  const from = hex.startsWith("0x") ? 2 : 0;
  const bytes = new Uint8Array((hex.length - from) >> 1);
  let sound = hex.length % 2 === 0;
  for (let at = 0; at < bytes.length && sound; at++) {
    const high = VALUES[hex.charCodeAt(from + 2 * at)] ?? -1;
    const low = VALUES[hex.charCodeAt(from + 2 * at + 1)] ?? -1;
    sound = high >= 0 && low >= 0;
    bytes[at] = (high << 4) | low;
  }
  if (sound) return bytes;
  throw new Fault("file_format", `expected whole bytes of hexadecimal, got ${hex.length - from} characters`);
}
