/** Verifying one signature after another, and sums of multiples, by the packages that programs would otherwise take. */
import { interleavedMSMUnsafe, pippenger } from "@noble/curves/abstract/curve.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { verify as nobleVerify } from "@noble/secp256k1";
import { verify as tinyVerify } from "tiny-secp256k1";
import { loadAddon } from "./native.ts";
import { type Contender, contender } from "./rounds.ts";
import type { Signed, terms } from "./signatures.ts";

export const TINY = "tiny-secp256k1";
export const TINY_COMPRESSED = "tiny-secp256k1, keys of 33 bytes";
export const NOBLE = "@noble/secp256k1";
export const ADDON = "secp256k1, native addon";
export const LIBRARY = "libsecp256k1 of Debian, in C";
export const CURVES = "@noble/curves";

/** Each is given the form of key that it is fastest with, 65 bytes; the first also what it is mostly given, 33. */
export function verifyPeers(signed: readonly Signed[]): Contender[] {
  const addon = loadAddon();
  return [
    inTurn(TINY, signed, ({ key, digest, signature }) => tinyVerify(digest, key, signature)),
    inTurn(TINY_COMPRESSED, signed, ({ compressed, digest, signature }) =>
      tinyVerify(digest, compressed, signature),
    ),
    inTurn(NOBLE, signed, ({ key, digest, signature }) =>
      nobleVerify(signature, digest, key, { prehash: false }),
    ),
    ...(addon
      ? [inTurn(ADDON, signed, ({ key, digest, signature }) => addon.ecdsaVerify(signature, digest, key))]
      : []),
  ];
}

/** Checks the next of the signatures each time. */
function inTurn(name: string, signed: readonly Signed[], holds: (one: Signed) => boolean): Contender {
  let at = 0;
  return contender(name, 1, () => {
    const one = signed[at++ % signed.length];
    if (!(one && holds(one))) throw new Error(`${name} refuses a good signature`);
  });
}

/** Both ways that the package has: which is faster depends on how many terms there are. */
export function sumPeers({ points, factors }: ReturnType<typeof terms>): Contender[] {
  const { Point } = secp256k1;
  return [
    contender(`${CURVES} pippenger`, 1, () => void pippenger(Point, points, factors)),
    contender(`${CURVES} interleaved`, 1, () => void interleavedMSMUnsafe(Point, points, 4)(factors)),
  ];
}

/** 64 bytes: x, y. */
export function sumOf({ points, factors }: ReturnType<typeof terms>): Uint8Array {
  return pippenger(secp256k1.Point, points, factors).toBytes(false).subarray(1);
}
