/** Signatures for tests: who says to have signed what, and whether that is so as @noble/secp256k1 sees it. */
import { keccak_256 } from "@noble/hashes/sha3.js";
import * as secp from "@noble/secp256k1";
import { fromHex, type Hex, toHex } from "../../src/base/bytes.ts";
import type { Instance } from "../../src/kernels/instance.ts";
import { addressOfKey, signDigest } from "../../src/kernels/signature.ts";
import type { SignatureCheck } from "../../src/kernels/signature-group.ts";

/** Order of the curve's group, SEC 2 v2.0 section 2.4.1. */
export const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The signer as @noble/secp256k1 recovers it, with low s and v 27 or 28 only; null for nobody. */
export function recoverByNoble(digest: Hex, signature: Hex): Hex | null {
  const bytes = fromHex(signature);
  const v = bytes[64];
  if (bytes.length !== 65 || (v !== 27 && v !== 28)) return null;
  const recovered = Uint8Array.of(v - 27, ...bytes.subarray(0, 64));
  try {
    if (secp.Signature.fromBytes(recovered, "recovered").hasHighS()) return null;
    const compressed = secp.recoverPublicKey(recovered, fromHex(digest), { prehash: false });
    const point = secp.Point.fromBytes(compressed).toBytes(false);
    return toHex(keccak_256(point.subarray(1)).subarray(12));
  } catch {
    return null;
  }
}

/** The `index`th private key of the tests. */
export const keyOf = (index: number) => keccak_256(new TextEncoder().encode(`key ${index}`));

const digestOf = (index: number) => toHex(keccak_256(new TextEncoder().encode(`message ${index}`)));

/** A right claim of one of the keys. */
export async function rightClaim(index: number, key: number): Promise<SignatureCheck> {
  const digest = digestOf(index);
  return { digest, signature: await signDigest(digest, keyOf(key)), by: addressOfKey(keyOf(key)) };
}

/** `count` right claims of `keys` keys, which take turns. */
export function rightClaims(count: number, keys: number): Promise<readonly SignatureCheck[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => rightClaim(index, index % keys)));
}

const word = (value: bigint) => value.toString(16).padStart(64, "0");

const replaced = (
  { digest, signature, by }: SignatureCheck,
  from: number,
  digits: string,
): SignatureCheck => ({
  digest,
  by,
  signature: `${signature.slice(0, from)}${digits}${signature.slice(from + digits.length)}` as Hex,
});

/** Every way to spoil a claim, by name. */
export const SPOILS: Readonly<Record<string, (claim: SignatureCheck) => SignatureCheck>> = {
  "another digest": (claim) => ({ ...claim, digest: digestOf(-1) }),
  "another account": (claim) => ({ ...claim, by: addressOfKey(keyOf(1_000)) }),
  "the account in upper case": (claim) => ({ ...claim, by: `0x${claim.by.slice(2).toUpperCase()}` }),
  "no account": (claim) => ({ ...claim, by: "0x" }),
  "the other parity": (claim) => replaced(claim, 130, claim.signature.endsWith("b") ? "1c" : "1b"),
  "v of 0": (claim) => replaced(claim, 130, "00"),
  "v of 29": (claim) => replaced(claim, 130, "1d"),
  "another s": (claim) => replaced(claim, 66, word(12_345n)),
  "high s with the parity to it": (claim) => {
    const high = replaced(claim, 66, word(N - BigInt(`0x${claim.signature.slice(66, 130)}`)));
    return replaced(high, 130, claim.signature.endsWith("b") ? "1c" : "1b");
  },
  "s of 0": (claim) => replaced(claim, 66, word(0n)),
  "s of n": (claim) => replaced(claim, 66, word(N)),
  "r of 0": (claim) => replaced(claim, 2, word(0n)),
  "r of n": (claim) => replaced(claim, 2, word(N)),
  "an r that no point has": (claim) => replaced(claim, 2, word(5n)),
  "r of 2^256 - 1": (claim) => replaced(claim, 2, "f".repeat(64)),
  "64 bytes": (claim) => ({ ...claim, signature: claim.signature.slice(0, -2) as Hex }),
  "66 bytes": (claim) => ({ ...claim, signature: `${claim.signature}00` }),
  "no bytes": (claim) => ({ ...claim, signature: "0x" }),
  "a digest of 31 bytes": (claim) => ({ ...claim, digest: claim.digest.slice(0, -2) as Hex }),
};

/** Kernels whose calls are counted. */
const COUNTED = [
  "recoverOne",
  "verifyOne",
  "verifyKnown",
  "verifyComb",
  "verifyBatch",
  "buildKeyTable",
] as const;

type Counted = (typeof COUNTED)[number];

/** Has an instance tell of its calls, from here on: the first argument of each, by kernel, since the last look. */
export function watchCalls(instance: Instance): () => Partial<Record<Counted, number[]>> {
  let calls: Partial<Record<Counted, number[]>> = {};
  const { exports } = instance;
  const watched = COUNTED.map((name) => {
    const kernel: (...args: number[]) => unknown = exports[name];
    const call = (...args: number[]) => {
      calls[name] = [...(calls[name] ?? []), args[0] ?? 0];
      return kernel(...args);
    };
    return [name, call];
  });
  Object.assign(instance, { exports: { ...exports, ...Object.fromEntries(watched) } });
  return () => {
    const seen = calls;
    calls = {};
    return seen;
  };
}
