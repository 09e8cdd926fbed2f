/**
 * Exact checks of many signatures by keys whose combs exist: every signature's u1 G + u2 Q is about 58 table
 * points, and one affine tree sums all signatures' points at once. Each signature has its own verdict: there
 * is nothing random, and no signature can change another's.
 *
 * Not re-entrant.
 */
import { compareWords, isOddWords, subWords, wordsFromBytes } from "../bytes";
import * as order from "../field/order";
import { ELEMENT, unpackWords } from "../field/pair";
import { fetchPoints, openTree, sumGroups, sumOf, treeBytes } from "./affine-tree";
import { COMB_EXCLUDED, exceptional, WRAPPED_R } from "./exceptional";
import { invertAll, LINK, openInverses, putInverse, takeInverse } from "./inverses";
import { verifyKnown } from "./known-key";
import { ANY, readSignature } from "./signature";
import {
  GENERATOR_WIDTH,
  GENERATOR_WINDOWS,
  generatorComb,
  KEY_WIDTH,
  KEY_WINDOWS,
  pushMultiples,
} from "./tables";

/** Signatures that share a tree: more would leave the cache, fewer would make its inversions dear. */
const CHUNK: i32 = 64;
/** Below this many the tree's inversions cost more than they save. */
const FEW: i32 = 3;
/** The most references of one signature. */
const REFS: i32 = KEY_WINDOWS + GENERATOR_WINDOWS;

const R: usize = memory.data(32, 16);
const S: usize = memory.data(32, 16);
const WORDS: usize = memory.data(32, 16);
const INVERSE: usize = memory.data(72, 16);
const SCALAR: usize = memory.data(72, 16);

/** The workspace, carved by {@link carve}. */
let starts: usize = 0;
let counts: usize = 0;
let indices: usize = 0;
let refs: usize = 0;
let links: usize = 0;
let tree: usize = 0;

/** The columns of the call. */
let signatures: usize = 0;
let digests: usize = 0;
let parities: usize = 0;
let keys: usize = 0;
let tables: usize = 0;

function carve(at: usize, count: i32): void {
  const list: usize = ((<usize>count << 2) + 15) & ~15;
  starts = at;
  counts = starts + list;
  indices = counts + list;
  refs = indices + list;
  links = refs + <usize>REFS * list;
  tree = links + ((<usize>count * LINK + 15) & ~15);
}

/** Bytes of workspace for {@link verifyMany}. */
export function combWorkspaceBytes(n: i32): usize {
  const count = min(n, CHUNK);
  carve(0, count);
  return tree + treeBytes(count * REFS, count * REFS);
}

/** Puts in s of every signature of a chunk that can be valid, and notes which those are. Returns how many. */
function admit(first: i32, last: i32): i32 {
  let count: usize = 0;
  openInverses(links);
  for (let i = first; i < last; i++) {
    const well = readSignature(R, S, signatures + (<usize>i << 6), <i32>load<u8>(parities + i));
    if (exceptional(COMB_EXCLUDED, !well)) continue;
    putInverse(S);
    store<u32>(indices + (count << 2), i);
    count++;
  }
  return <i32>count;
}

/** Appends the references of 32 bytes / s times a comb's point; {@link INVERSE} is 1 / s. */
function pushQuotient(at: usize, comb: usize, width: i32, bytes: usize): i32 {
  wordsFromBytes(WORDS, bytes);
  order.spreadWords(SCALAR, WORDS);
  order.mul(SCALAR, SCALAR, INVERSE);
  order.plainToWords(WORDS, SCALAR);
  return pushMultiples(at, comb, width, WORDS);
}

/** The references of all admitted signatures: a group each. */
function pushAll(count: i32): void {
  invertAll();
  for (let slot = <usize>count; slot-- != 0; ) {
    takeInverse(INVERSE);
    order.mul(INVERSE, INVERSE, order.PLAIN_ONE);
    const i = <usize>load<u32>(indices + (slot << 2));
    const comb = <usize>load<u32>(tables + (<usize>load<u32>(keys + (i << 2)) << 2));
    const start = <u32>slot * REFS;
    const at = refs + (<usize>start << 2);
    let pushed = pushQuotient(at, generatorComb(), GENERATOR_WIDTH, digests + (i << 5));
    pushed += pushQuotient(at + (<usize>pushed << 2), comb, KEY_WIDTH, signatures + (i << 6));
    fetchPoints(at, pushed);
    store<u32>(starts + (slot << 2), start);
    store<u32>(counts + (slot << 2), pushed);
  }
}

/** Is the sum the point R that the signature tells of? */
function matches(ref: u32, signature: usize, parity: i32): bool {
  if (ref == 0) return false;
  const point = <usize>(ref & ~1);
  wordsFromBytes(R, signature);
  unpackWords(WORDS, point);
  if (parity == ANY) {
    if (exceptional(WRAPPED_R, compareWords(WORDS, order.N) >= 0)) subWords(WORDS, WORDS, order.N);
    return compareWords(WORDS, R) == 0;
  }
  if (compareWords(WORDS, R) != 0) return false;
  unpackWords(WORDS, point + ELEMENT);
  // A sum that is an only table point comes with a sign; no y is 0, so its opposite is of the other parity.
  return i32(isOddWords(WORDS)) == (parity ^ <i32>(ref & 1));
}

function setVerdict(verdicts: usize, i: usize): void {
  const at = verdicts + (i >> 3);
  const bit: i32 = 1 << (<i32>i & 7);
  store<u8>(at, load<u8>(at) | <u8>bit);
}

function verifyChunk(first: i32, last: i32, verdicts: usize): void {
  const count = admit(first, last);
  if (count == 0) return;
  pushAll(count);
  openTree(tree, count * REFS);
  sumGroups(count, starts, counts, refs);
  for (let slot = 0; slot < count; slot++) {
    const i = <usize>load<u32>(indices + (<usize>slot << 2));
    const ref = sumOf(slot, starts, counts, refs);
    if (matches(ref, signatures + (i << 6), <i32>load<u8>(parities + i))) setVerdict(verdicts, i);
  }
}

/**
 * Checks n signatures, each as `verifyKnown` does.
 *
 * @param tableList u32 per key: the address of its comb
 * @param workspace `combWorkspaceBytes(n)`, 16-byte aligned
 * @param verdicts bitmap, bit i of byte i >> 3; the bits from n to the end of its last byte become 0
 */
export function verifyMany(
  n: i32,
  signatureColumn: usize,
  digestColumn: usize,
  parityColumn: usize,
  keyColumn: usize,
  tableList: usize,
  workspace: usize,
  verdicts: usize,
): void {
  signatures = signatureColumn;
  digests = digestColumn;
  parities = parityColumn;
  keys = keyColumn;
  tables = tableList;
  memory.fill(verdicts, 0, <usize>(n + 7) >> 3);
  if (n < FEW) {
    for (let i: usize = 0; i < <usize>n; i++) {
      const comb = <usize>load<u32>(tables + (<usize>load<u32>(keys + (i << 2)) << 2));
      const parity = <i32>load<u8>(parities + i);
      if (verifyKnown(signatures + (i << 6), digests + (i << 5), comb, parity) != 0) setVerdict(verdicts, i);
    }
    return;
  }
  carve(workspace, min(n, CHUNK));
  for (let first = 0; first < n; first += CHUNK) verifyChunk(first, min(n, first + CHUNK), verdicts);
}
