/** BIP 340 signatures: Schnorr on secp256k1 with keys of x alone. */
import { STAGING } from "./instance.ts";
import { curveKernels } from "./kernels.ts";

/**
 * Whether a signature holds.
 *
 * @param key - 32 bytes: x, the point with even y
 * @param message - at most 16,384 bytes
 * @param signature - 64 bytes: x of R, then s
 * @returns false as well for a key or signature of another length
 */
export function verifySchnorr(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64 || message.length > STAGING) return false;
  const { exports, memory, cells } = curveKernels();
  memory.write(cells.key, key);
  memory.write(cells.signature, signature);
  memory.write(cells.staging, message);
  return exports.schnorrVerify(cells.key, cells.staging, message.length, cells.signature) === 1;
}
