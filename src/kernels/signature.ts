/**
 * ECDSA on secp256k1 with recovery, as `ecrecover` sees it.
 *
 * A signature is 65 bytes: r (32, big endian), s (32, big endian, low half), v (27 or 28).
 * Source: SEC 1 v2.0 section 4.1; EIP-2 for low s; the yellow paper's appendix F for v.
 */
import * as secp from "@noble/secp256k1";
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { keccak256 } from "./digest.ts";

/**
 * Signs a 32-byte digest (RFC 6979 nonce, so the same digest gives the same signature).
 *
 * @param key - 32 bytes, in `1..n-1`
 */
export async function signDigest(digest: Hex, key: Uint8Array): Promise<Hex> {
  const signed = await secp.signAsync(fromHex(digest), key, {
    prehash: false,
    lowS: true,
    format: "recovered",
  });
  const signature = new Uint8Array(65);
  signature.set(signed.subarray(1));
  signature[64] = 27 + (signed[0] ?? 0);
  return toHex(signature);
}

/**
 * The address whose key signed the digest, or null when no key can have: r or s out of range, high s,
 * v neither 27 nor 28, or a point that is not on the curve.
 */
export function recoverAddress(digest: Hex, signature: Hex): Hex | null {
  const bytes = fromHex(signature);
  const v = bytes[64];
  if (bytes.length !== 65 || (v !== 27 && v !== 28)) return null;
  const recovered = new Uint8Array(65);
  recovered[0] = v - 27;
  recovered.set(bytes.subarray(0, 64), 1);
  try {
    const parsed = secp.Signature.fromBytes(recovered, "recovered");
    if (parsed.hasHighS()) return null;
    return addressOf(secp.recoverPublicKey(recovered, fromHex(digest), { prehash: false }));
  } catch {
    return null;
  }
}

/** The account of a private key: the last 20 bytes of keccak-256 of its public point, lower case. */
export function addressOfKey(key: Uint8Array): Hex {
  if (!secp.utils.isValidSecretKey(key)) throw new Fault("key_file", "not a secp256k1 private key");
  return addressOf(secp.getPublicKey(key, false));
}

/** A fresh private key from the platform's random source. */
export function randomKey(): Uint8Array {
  return secp.utils.randomSecretKey();
}

function addressOf(publicKey: Uint8Array): Hex {
  const point = secp.Point.fromBytes(publicKey).toBytes(false);
  return `0x${keccak256(point.subarray(1)).slice(-40)}`;
}
