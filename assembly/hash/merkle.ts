/**
 * Merkle trees over leaves of 32 bytes, with Keccak-256 or SHA-256.
 *
 * The shape is that of RFC 9162 (section 2.1.1): of n > 1 leaves the largest power of two below n go to the left.
 * That is the same as pairing level by level, where a last node without a partner rises unchanged. A node is
 * hash(left ‖ right), 64 bytes without the RFC's prefix, so that it costs one permutation, or one block and a
 * constant one. What the prefix is for is done once, at the end: the root is hash(top ‖ n), with n as 32 bytes, most
 * significant first. So a root commits to the count of leaves, the count fixes the shape, and the shape tells leaves
 * from nodes: two lists of leaves have one root only where the hash itself collides. The top of a single leaf is that
 * leaf, the top of no leaf is 32 zero bytes.
 *
 * Leaves stand in proofs as they are: digests, or 32 bytes that nobody minds to show. All functions of this file share
 * their scratch.
 */
import { keccakNodes } from "./keccak-nodes";
import { sha256Nodes } from "./sha256-nodes";

/** Bytes of a leaf, of a node and of a root. */
export const NODE: usize = 32;
/** An algorithm as callers name it; any other number is SHA-256. */
const KECCAK: i32 = 0;

/** Two nodes side by side, to be hashed. */
const PAIR: usize = memory.data(64, 16);
/** The node that a path has reached. */
const REACHED: usize = memory.data(32, 16);

/** Digests of `count` nodes; the output may begin where the input begins, or before it. */
export function hashNodes(algorithm: i32, input: usize, output: usize, count: i32): void {
  if (algorithm == KECCAK) keccakNodes(input, output, count);
  else sha256Nodes(input, output, count);
}

/** Copies 32 bytes. */
@inline
export function copyNode(to: usize, from: usize): void {
  memory.copy(to, from, NODE);
}

/** One node, from two that lie apart; the output may be one of them. */
export function hashTwo(algorithm: i32, left: usize, right: usize, output: usize): void {
  copyNode(PAIR, left);
  copyNode(PAIR + NODE, right);
  hashNodes(algorithm, PAIR, output, 1);
}

/** The root of a tree of `count` leaves: binds the count to its top. */
export function bindCount(algorithm: i32, top: usize, count: u32, root: usize): void {
  copyNode(PAIR, top);
  memory.fill(PAIR + NODE, 0, NODE);
  store<u32>(PAIR, bswap<u32>(count), 2 * NODE - 4);
  hashNodes(algorithm, PAIR, root, 1);
}

/** Hashes one level to the next, which may begin where it begins; returns how many nodes the next has. */
function nextLevel(algorithm: i32, level: usize, count: u32, next: usize): u32 {
  const pairs = count >> 1;
  hashNodes(algorithm, level, next, pairs);
  if (count & 1) copyNode(next + NODE * pairs, level + 2 * NODE * pairs);
  return pairs + (count & 1);
}

/** Bytes of the workspace that {@link merkleRoot} and `frontierAppend` need for `count` leaves. */
export function merkleWorkspace(count: u32): u32 {
  return <u32>NODE * ((count >> 1) + 1);
}

/**
 * The root of `count` leaves that lie one after another, to 32 bytes at `root`.
 *
 * @param algorithm - 0 for Keccak-256, 1 for SHA-256
 * @param workspace - {@link merkleWorkspace} bytes; may be the leaves' own place, which is then overwritten
 */
export function merkleRoot(algorithm: i32, leaves: usize, count: u32, root: usize, workspace: usize): void {
  if (count == 0) memory.fill(workspace, 0, NODE);
  else if (count == 1) copyNode(workspace, leaves);
  let level = leaves;
  for (let width = count; width > 1; level = workspace) width = nextLevel(algorithm, level, width, workspace);
  bindCount(algorithm, workspace, count, root);
}

/** Bytes of a whole tree of `count` leaves: its leaves, then every level above them, the top last. */
export function merkleTreeBytes(count: u32): u32 {
  let nodes = count;
  for (let width = count; width > 1; nodes += width) width = (width >> 1) + (width & 1);
  return <u32>NODE * nodes;
}

/**
 * Computes every level above the `count` leaves that begin at `tree`, {@link merkleTreeBytes} in all, and the root, to
 * 32 bytes at `root`. A proof is then the partners of the nodes on a leaf's way up.
 */
export function merkleLevels(algorithm: i32, tree: usize, count: u32, root: usize): void {
  memory.fill(REACHED, 0, NODE);
  let level = tree;
  for (let width = count; width > 1; ) {
    const next = level + NODE * width;
    width = nextLevel(algorithm, level, width, next);
    level = next;
  }
  if (count > 0) copyNode(REACHED, level);
  bindCount(algorithm, REACHED, count, root);
}

/**
 * Whether a path proves that, of the `count` leaves that `root` commits to, number `index` is `leaf`.
 *
 * Everything is checked: the index is below the count, the path has exactly the nodes that index and count ask for,
 * and the count is the one in the root. Source: RFC 9162 section 2.1.3.2.
 *
 * @param length - how many nodes of 32 bytes the path has
 * @returns 1 or 0
 */
export function merkleVerify(
  algorithm: i32,
  root: usize,
  count: u32,
  index: u32,
  leaf: usize,
  path: usize,
  length: u32,
): i32 {
  if (index >= count) return 0;
  copyNode(REACHED, leaf);
  let used: u32 = 0;
  for (let last = count - 1; last > 0; last >>= 1, index >>= 1) {
    const isRight = (index & 1) == 1;
    // The last node of a level without a partner rises unchanged.
    if (!isRight && index == last) continue;
    if (used == length) return 0;
    const partner = path + NODE * used++;
    if (isRight) hashTwo(algorithm, partner, REACHED, REACHED);
    else hashTwo(algorithm, REACHED, partner, REACHED);
  }
  if (used != length) return 0;
  bindCount(algorithm, REACHED, count, REACHED);
  return i32(memory.compare(REACHED, root, NODE) == 0);
}
