/** Checks signatures with @noble/secp256k1, as the gateway does with its kernels: one after another, by recovery. */
import { Point, recoverPublicKey, Signature } from "@noble/secp256k1";
import { keccak256 } from "viem/utils";
import { fromHex, type Hex } from "../../src/base/bytes.ts";
import type { CheckSigners } from "../../src/exchange/signers.ts";

export const checkWithNoble: CheckSigners = (checks) =>
  Promise.resolve(checks.map(({ by, digest, signature }) => signerOf(digest, signature) === by));

function signerOf(digest: Hex, signature: Hex): Hex | null {
  const bytes = fromHex(signature);
  const v = bytes[64];
  if (bytes.length !== 65 || (v !== 27 && v !== 28)) return null;
  const recovered = new Uint8Array([v - 27, ...bytes.subarray(0, 64)]);
  try {
    if (Signature.fromBytes(recovered, "recovered").hasHighS()) return null;
    const key = Point.fromBytes(recoverPublicKey(recovered, fromHex(digest), { prehash: false }));
    return `0x${keccak256(key.toBytes(false).subarray(1)).slice(-40)}`;
  } catch {
    return null;
  }
}
