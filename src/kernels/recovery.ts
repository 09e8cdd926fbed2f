/** Who signed: a public key from a signature and its digest. */
import { type Hex, toHex } from "../base/bytes.ts";
import type { Instance } from "./instance.ts";

/** A public key, 64 bytes x ‖ y, and its account: the last 20 bytes of its keccak-256, in lower case. */
export type Recovered = { readonly account: Hex; readonly point: Uint8Array };

/**
 * Recovers from what lies in the instance's cells `signature` and `digest`.
 *
 * @param parity - 0 or 1: v - 27
 * @returns null when r or s is out of 1..n-1, s is high, no point has x = r, or the key would be infinity
 */
export function recoverKey({ exports, memory, cells }: Instance, parity: number): Recovered | null {
  if (exports.recoverOne(cells.signature, cells.digest, parity, cells.key) !== 1) return null;
  exports.keccak256(cells.key, 64, cells.out);
  return { account: toHex(memory.read(cells.out + 12, 20)), point: memory.read(cells.key, 64) };
}
