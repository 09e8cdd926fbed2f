/**
 * BIP340 Schnorr signatures, one at a time. Variable time: for public values alone. Not re-entrant.
 */
import { compareWords, wordsFromBytes } from "../bytes";
import * as order from "../field/order";
import { ELEMENT } from "../field/p29";
import { sha256, sha256Final, sha256Init, sha256Update } from "../hash/sha256";
import { elementFromBytes, liftX } from "./affine-point";
import { doubleScalar } from "./double-scalar";
import { hasX, yIsOdd } from "./jacobian";

/** "BIP0340/challenge" */
const TAG: usize = memory.data<u8>(
  [0x42, 0x49, 0x50, 0x30, 0x33, 0x34, 0x30, 0x2f, 0x63, 0x68, 0x61, 0x6c, 0x6c, 0x65, 0x6e, 0x67, 0x65],
);
const TAG_BYTES: u32 = 17;

/** The hash after its 64-byte prefix, SHA-256(tag) twice; {@link prepareChallenge} sets it. */
const PREFIXED: usize = memory.data(112, 16);
const STATE: usize = memory.data(112, 16);
const HASH: usize = memory.data(32, 16);

const R: usize = memory.data(40, 16);
const S: usize = memory.data(32, 16);
const E: usize = memory.data(32, 16);
const SCALAR: usize = memory.data(72, 16);
const KEY: usize = memory.data(80, 16);
const SUM: usize = memory.data(128, 16);

/** Hashes the tag of the challenge, once before the first verification. */
export function prepareChallenge(): void {
  sha256(TAG, TAG_BYTES, HASH);
  sha256Init(PREFIXED);
  sha256Update(PREFIXED, HASH, 32);
  sha256Update(PREFIXED, HASH, 32);
}

/** E = -hash(r || key || message) mod n */
function opposedChallenge(signature: usize, key: usize, message: usize, length: u32): void {
  memory.copy(STATE, PREFIXED, 112);
  sha256Update(STATE, signature, 32);
  sha256Update(STATE, key, 32);
  sha256Update(STATE, message, length);
  sha256Final(STATE, HASH);
  wordsFromBytes(E, HASH);
  order.fromWords(SCALAR, E);
  order.negate(SCALAR, SCALAR);
  order.toWords(E, SCALAR);
}

/**
 * Verify(pk, m, sig) of BIP340, for a message of any length.
 *
 * @param key 32 bytes: x of the key, whose y is even
 * @param signature 64 bytes: x of R, and s
 * @returns 1 valid | 0 not
 */
export function schnorrVerify(key: usize, message: usize, length: u32, signature: usize): i32 {
  if (!elementFromBytes(KEY, key) || !liftX(KEY, false) || !elementFromBytes(R, signature)) return 0;
  wordsFromBytes(S, signature + 32);
  if (compareWords(S, order.N) >= 0) return 0;
  opposedChallenge(signature, key, message, length);
  doubleScalar(SUM, S, E, KEY, KEY + ELEMENT);
  return hasX(SUM, R) && !yIsOdd(SUM) ? 1 : 0;
}
