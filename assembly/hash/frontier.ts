/**
 * A growing Merkle tree without its leaves: the roots of its complete subtrees, one for each binary digit of its size.
 *
 * Layout, 1,056 bytes: the count of leaves (u32, least byte first), 28 zero bytes, then 32 nodes. Number k is the root
 * of the complete subtree of 2^k leaves where bit k of the count is set, else zero. All bytes zero is the empty tree.
 * The root is always that of `merkleRoot` over all leaves so far: RFC 9162 splits at the same powers of two.
 */
import { NODE, bindCount, copyNode, hashNodes, hashTwo } from "./merkle";

const SUBTREES: usize = 32;
const FRONTIER: u32 = 1056;

/** The node that the fold has reached. */
const FOLDED: usize = memory.data(32, 16);

/** Bytes of a frontier. */
export function frontierBytes(): u32 {
  return FRONTIER;
}

/**
 * Adds `count` leaves that lie one after another.
 *
 * @param workspace - {@link merkleWorkspace} bytes for `count` leaves; may be the leaves' own place
 * @returns 1; 0, and nothing is changed, when there would be more than 2^32 - 1 leaves
 */
export function frontierAppend(
  algorithm: i32,
  frontier: usize,
  leaves: usize,
  count: u32,
  workspace: usize,
): i32 {
  const size = load<u32>(frontier);
  if (count > u32.MAX_VALUE - size) return 0;
  store<u32>(frontier, size + count);
  let from = leaves;
  let subtree = frontier + SUBTREES;
  for (let open = size, width = count; width > 0; open >>= 1, subtree += NODE, from = workspace) {
    let made: usize = 0;
    if (open & 1) {
      // The subtree that waits here takes the first of the new ones.
      hashTwo(algorithm, subtree, from, workspace);
      made = 1;
      from += NODE;
      width--;
    }
    const pairs = width >> 1;
    const to = workspace + NODE * made;
    hashNodes(algorithm, from, to, pairs);
    // The odd one lies beyond all that was written.
    if (width & 1) copyNode(subtree, from + 2 * NODE * pairs);
    else if (made > 0) memory.fill(subtree, 0, NODE);
    width = <u32>made + pairs;
  }
  return 1;
}

/** The root of all leaves so far, to 32 bytes at `root`. */
export function frontierRoot(algorithm: i32, frontier: usize, root: usize): void {
  const size = load<u32>(frontier);
  memory.fill(FOLDED, 0, NODE);
  let isFirst = true;
  for (let rest = size, subtree = frontier + SUBTREES; rest > 0; rest >>= 1, subtree += NODE) {
    if ((rest & 1) == 0) continue;
    if (isFirst) copyNode(FOLDED, subtree);
    else hashTwo(algorithm, subtree, FOLDED, FOLDED);
    isFirst = false;
  }
  bindCount(algorithm, FOLDED, size, root);
}
