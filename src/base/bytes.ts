/** Bytes as text and back. Works in a browser: no Buffer. */
import { Fault } from "./fault.ts";

/** `0x`-prefixed lower-case hexadecimal. */
export type Hex = `0x${string}`;

/** `0x` and two lower-case digits a byte, the first byte first; no bytes give `0x`. */
export function toHex(bytes: Uint8Array): Hex {
  let text = "0x";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text as Hex;
}

/** @throws {@link Fault} `file_format` when the text is not whole bytes of hexadecimal */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.startsWith("0x") ? hex.slice(2) : hex;
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) {
    throw new Fault("file_format", `expected whole bytes of hexadecimal, got ${hex.length} characters`);
  }
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
