/**
 * Many points at once, as JavaScript calls it. All pointers are bytes above `__heap_base`; workspaces, tables
 * and terms are 16-byte aligned.
 */
import { pointFromBytes } from "./affine-point";
import { batchWorkspaceBytes, verifyAll } from "./batch";
import { combWorkspaceBytes, verifyMany } from "./comb";
import { verifyKnown as verifyByComb } from "./known-key";
import { msmWorkspaceBytes, multiply } from "./msm";
import { buildComb, buildGenerator, buildTerms, combBytes, KEY_WIDTH, TERMS } from "./tables";

const KEY: usize = memory.data(80, 16);

/**
 * Makes the generator's tables; to be called once, before all else here.
 *
 * @returns the first address after them
 */
export function initBatch(at: usize): usize {
  return buildGenerator(at);
}

/** Bytes of a key's comb. */
export function keyTableBytes(): usize {
  return combBytes(KEY_WIDTH);
}

/**
 * Makes a key's comb.
 *
 * @param key 64 bytes, x and y
 * @returns 1 | 0 when the key is no point of the curve
 */
export function buildKeyTable(key: usize, table: usize): i32 {
  if (!pointFromBytes(KEY, key)) return 0;
  buildComb(table, KEY_WIDTH, KEY);
  return 1;
}

/** Bytes of a key's terms. */
export function keyTermsBytes(): usize {
  return TERMS;
}

/**
 * Makes a key's terms: Q, lambda Q, 2^64 Q, 2^64 lambda Q.
 *
 * @param key 64 bytes, x and y
 * @returns 1 | 0 when the key is no point of the curve
 */
export function buildKeyTerms(key: usize, terms: usize): i32 {
  if (!pointFromBytes(KEY, key)) return 0;
  buildTerms(terms, KEY);
  return 1;
}

/**
 * One signature by a key whose comb exists.
 *
 * @param signature r and s, 64 bytes
 * @param digest 32 bytes
 * @param parity 0 | 1, v - 27: exactly when recovery gives the key; 2: plain ECDSA (SEC1 4.1.4), any s, also
 *   r + n
 * @returns 1 valid | 0 not
 */
export function verifyKnown(signature: usize, digest: usize, table: usize, parity: i32): i32 {
  return verifyByComb(signature, digest, table, parity);
}

/** Bytes of workspace for {@link verifyComb}. */
export function combWorkspace(n: i32): usize {
  return combWorkspaceBytes(n);
}

/**
 * Many signatures by keys whose combs exist, each with a verdict of its own, exactly as {@link verifyKnown}
 * gives it.
 *
 * @param signatures 64 bytes each
 * @param digests 32 bytes each
 * @param parities 1 byte each: 0 | 1 | 2
 * @param keys u32 each: index into `tables`
 * @param tables u32 per key: the address of its comb
 * @param verdicts bitmap, bit i of byte i >> 3
 */
export function verifyComb(
  n: i32,
  signatures: usize,
  digests: usize,
  parities: usize,
  keys: usize,
  tables: usize,
  workspace: usize,
  verdicts: usize,
): void {
  verifyMany(n, signatures, digests, parities, keys, tables, workspace, verdicts);
}

/** Bytes of workspace for {@link verifyBatch}. */
export function batchWorkspace(n: i32, keyCount: i32): usize {
  return batchWorkspaceBytes(n, keyCount);
}

/**
 * Many signatures with one verdict for all; a batch that holds a signature that is not valid passes with
 * probability at most 2^-128.
 *
 * @param signatures 64 bytes each
 * @param parities 1 byte each, 0 | 1: v - 27; any other is refused
 * @param digests 32 bytes each
 * @param keys u32 each: index into `terms`
 * @param terms u32 per key: the address of its terms
 * @param hints 0, or 32 bytes each: y of R as the sender says
 * @param coefficients 16 bytes each from a cryptographic source, drawn when all of the above was fixed
 * @returns 1 when all are valid | 0 when any is not
 */
export function verifyBatch(
  n: i32,
  signatures: usize,
  parities: usize,
  digests: usize,
  keys: usize,
  keyCount: i32,
  terms: usize,
  hints: usize,
  coefficients: usize,
  workspace: usize,
): i32 {
  const valid = verifyAll(
    n,
    signatures,
    parities,
    digests,
    keys,
    keyCount,
    terms,
    hints,
    coefficients,
    workspace,
  );
  return valid ? 1 : 0;
}

/** Bytes of workspace for {@link msm}. */
export function msmWorkspace(n: i32): usize {
  return msmWorkspaceBytes(n);
}

/**
 * The sum of n scalars times points.
 *
 * @param points 64 bytes each: x and y of a point on the curve, which is not checked, or zeros for infinity
 * @param scalars 32 bytes each, any 256 bits
 * @param out 64 bytes
 * @returns 1 | 0 when the sum is infinity, and `out` is as it was
 */
export function msm(n: i32, points: usize, scalars: usize, out: usize, workspace: usize): i32 {
  return multiply(n, points, scalars, out, workspace) ? 1 : 0;
}
