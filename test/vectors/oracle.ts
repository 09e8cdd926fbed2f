/** What @noble/curves says of a signature, by the rule that its parity stands for. */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { integer, lift, N } from "./arithmetic.ts";
import type { Signed } from "./build.ts";

const isPoint = (key: Uint8Array) => {
  const y = integer(key.subarray(32));
  return lift(integer(key.subarray(0, 32)), Number(y & 1n)) === y;
};

/** With a parity whether recovery, of a low s only, gives the key; without one whether plain ECDSA verifies. */
export function holdsByNoble({ signature, digest, key, parity }: Signed): boolean {
  if (!isPoint(key)) return false;
  const r = integer(signature.subarray(0, 32));
  const s = integer(signature.subarray(32));
  if (r === 0n || r >= N || s === 0n || s >= N) return false;
  if (parity === 2) {
    const point = Uint8Array.of(4, ...key);
    return secp256k1.verify(signature, digest, point, { prehash: false, lowS: false });
  }
  if (s > N / 2n) return false;
  try {
    const found = new secp256k1.Signature(r, s, parity).recoverPublicKey(digest);
    return Buffer.from(found.toBytes(false).subarray(1)).equals(key);
  } catch {
    // noble throws where no point has this x and where the key would be infinity
    return false;
  }
}
