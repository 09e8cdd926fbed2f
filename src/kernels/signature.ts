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
import { curveKernels } from "./kernels.ts";
import { recoverKey } from "./recovery.ts";
import {
  groupOf,
  MALFORMED,
  parityIn,
  readHex,
  readSignature,
  type SignatureCheck,
  type SignatureGroup,
} from "./signature-group.ts";
import { Verifier } from "./verifier.ts";

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
 * The address whose key signed the digest, or null when no key can have: r or s out of range, high s, v neither 27 nor
 * 28, a point that is not on the curve, or a digest that is not 32 bytes.
 *
 * @throws {@link Fault} `file_format` when the signature is not whole bytes of hexadecimal
 */
export function recoverAddress(digest: Hex, signature: Hex): Hex | null {
  const instance = curveKernels();
  const { bytes } = instance.memory;
  const parity = parityIn(signature);
  if (!readSignature(signature, bytes, instance.cells.signature) || parity === MALFORMED) {
    fromHex(signature);
    return null;
  }
  if (!readHex(digest, bytes, instance.cells.digest, 32)) return null;
  return recoverKey(instance, parity)?.account ?? null;
}

/**
 * Whether each digest was signed by the account named, exactly as `recoverAddress(digest, signature) === by`, but
 * faster: an account's key is remembered once it has signed, and many signatures are judged together. What is not
 * hexadecimal is signed by nobody.
 */
export function checkSigners(checks: readonly SignatureCheck[]): readonly boolean[] {
  const verdicts = judgeGroup(groupOf(checks));
  return checks.map((_, at) => (((verdicts[at >> 3] ?? 0) >> (at & 7)) & 1) === 1);
}

/** {@link checkSigners} for one. */
export function isSignedBy(by: Hex, digest: Hex, signature: Hex): boolean {
  return checkSigners([{ by, digest, signature }])[0] === true;
}

/**
 * {@link isSignedBy} for whoever need not be a customer: a key that is known is used, an unknown one is recovered and
 * not remembered. Strangers, who make keys at no cost, can so push nobody else's key out of this thread's memory.
 */
export function isSignedByGuest(by: Hex, digest: Hex, signature: Hex): boolean {
  return verifier().judgeGuests(groupOf([{ by, digest, signature }]))[0] === 1;
}

/** {@link checkSigners} for columns: the bitmap of `Verifier.judge`. */
export function judgeGroup(group: SignatureGroup): Uint8Array {
  return verifier().judge(group);
}

let current: Verifier | null = null;

/** This thread's memory of keys. Another choice of kernels begins with an empty one. */
function verifier(): Verifier {
  const instance = curveKernels();
  if (current?.instance !== instance) current = new Verifier(instance);
  return current;
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
