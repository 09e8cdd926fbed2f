/** A key that signs, wherever it is kept: in memory, in a file opened by `main.ts`, or in hardware. */
import type { Hex } from "../base/bytes.ts";
import { addressOfKey, signDigest } from "../kernels/signature.ts";

export interface Signer {
  /** The account that the signatures recover to. */
  readonly address: Hex;
  /** Signs a 32-byte digest; the same digest must give the same signature (RFC 6979). */
  sign(digest: Hex): Promise<Hex>;
}

/** @throws {@link Fault} `key_file` when the 32 bytes are no private key */
export function keySigner(key: Uint8Array): Signer {
  return { address: addressOfKey(key), sign: (digest) => signDigest(digest, key) };
}
