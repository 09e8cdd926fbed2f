/**
 * Merkle trees over 32-byte leaves, with either hash: roots, proofs, and trees that grow.
 *
 * The shape is that of RFC 9162 (section 2.1.1), a node is hash(left ‖ right), and a root is hash(top ‖ count), with
 * the count as 32 bytes, most significant first; the top of one leaf is that leaf, of none 32 zero bytes. A root so
 * commits to the whole list: how many leaves, which, and in which order. What is no leaf cannot be shown as one, because
 * count and index say how long a path is. What the list is of, whoever signs a root must say. Leaves stand in proofs as
 * they are. A list is given as the bytes of its leaves, one after another, at most 2^24 of them.
 */
import { Fault } from "../base/fault.ts";
import type { HashAlgorithm } from "./digest.ts";
import type { Instance } from "./instance.ts";
import { kernels } from "./kernels.ts";

/** As the kernels number them. */
const ALGORITHMS = { keccak256: 0, sha256: 1 } as const satisfies Record<HashAlgorithm, number>;

/** Bytes of a leaf, of a node and of a root. */
const NODE = 32;
/** No path is longer. */
const MOST_PATH = 32;
const MOST_LEAVES = 2 ** 24;

/** What shows that a leaf is in a tree, to whoever has the root. */
export interface MerkleProof {
  /** Which leaf, from 0. */
  readonly index: number;
  /** How many leaves the tree has. */
  readonly count: number;
  /** The partners on the leaf's way up, 32 bytes each, the lowest first. */
  readonly path: Uint8Array;
}

/** The root of a list of leaves: 32 bytes. */
export function merkleRoot(hash: HashAlgorithm, leaves: Uint8Array): Uint8Array {
  const count = countOf(leaves);
  const { exports, memory } = kernels();
  const workspace = Math.max(leaves.length, exports.merkleWorkspace(count));
  const root = memory.scratch(NODE + workspace);
  // The leaves may be overwritten: they are a copy.
  const at = root + NODE;
  memory.write(at, leaves);
  exports.merkleRoot(ALGORITHMS[hash], at, count, root, at);
  return memory.read(root, NODE);
}

/** A whole tree, for proofs: twice as many bytes as its leaves. */
export class MerkleTree {
  readonly count: number;
  readonly #root: Uint8Array;
  /** The leaves, then every level above them. */
  readonly #levels: Uint8Array;

  constructor(hash: HashAlgorithm, leaves: Uint8Array) {
    this.count = countOf(leaves);
    const { exports, memory } = kernels();
    const bytes = exports.merkleTreeBytes(this.count);
    const root = memory.scratch(NODE + bytes);
    const tree = root + NODE;
    memory.write(tree, leaves);
    exports.merkleLevels(ALGORITHMS[hash], tree, this.count, root);
    this.#root = memory.read(root, NODE);
    this.#levels = memory.read(tree, bytes);
  }

  /** 32 bytes. */
  get root(): Uint8Array {
    return this.#root.slice();
  }

  /** @param index - 0..count - 1 */
  proof(index: number): MerkleProof {
    const { count } = this;
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw new Fault("usage", "no such leaf", { facts: { index, count } });
    }
    const path = new Uint8Array(NODE * MOST_PATH);
    let length = 0;
    let level = 0;
    for (let width = count, place = index; width > 1; width = Math.ceil(width / 2), place >>= 1) {
      const partner = place ^ 1;
      if (partner < width) {
        const at = level + NODE * partner;
        path.set(this.#levels.subarray(at, at + NODE), length);
        length += NODE;
      }
      level += NODE * width;
    }
    return { index, count, path: path.slice(0, length) };
  }
}

/**
 * Whether a proof shows that `root` commits to `count` leaves, of which number `index` is `leaf`. All but the root may
 * come from another party: what has not the length or the range that it should is false.
 */
export function provesLeaf(
  hash: HashAlgorithm,
  root: Uint8Array,
  leaf: Uint8Array,
  { index, count, path }: MerkleProof,
): boolean {
  if (root.length !== NODE || leaf.length !== NODE || !isCount(index) || !isCount(count)) return false;
  if (path.length % NODE !== 0 || path.length > NODE * MOST_PATH) return false;
  const { exports, memory } = kernels();
  const at = memory.scratch(2 * NODE + path.length);
  memory.write(at, root);
  memory.write(at + NODE, leaf);
  memory.write(at + 2 * NODE, path);
  const length = path.length / NODE;
  const algorithm = ALGORITHMS[hash];
  return exports.merkleVerify(algorithm, at, count, index, at + NODE, at + 2 * NODE, length) === 1;
}

/**
 * A tree that grows and keeps no leaves, only the roots of its complete subtrees. Its root is that of all leaves so far
 * as {@link merkleRoot} computes it.
 */
export class MerkleFrontier {
  readonly #hash: HashAlgorithm;
  /** As `assembly/hash/frontier.ts` lays it out. */
  #saved: Uint8Array;

  /** @param saved - what {@link MerkleFrontier.save} returned; without it the tree is empty */
  constructor(hash: HashAlgorithm, saved?: Uint8Array) {
    const length = kernels().exports.frontierBytes();
    if (saved && saved.length !== length) {
      throw new Fault("file_format", `a frontier has ${length} bytes`, { facts: { length: saved.length } });
    }
    this.#hash = hash;
    this.#saved = saved?.slice() ?? new Uint8Array(length);
  }

  /** Leaves so far: 0..2^32 - 1. */
  get count(): number {
    return new DataView(this.#saved.buffer).getUint32(0, true);
  }

  /** Adds leaves at the end. */
  append(leaves: Uint8Array): void {
    const count = countOf(leaves);
    const instance = kernels();
    const { exports, memory } = instance;
    const at = this.#load(instance, Math.max(leaves.length, exports.merkleWorkspace(count)));
    const list = at + this.#saved.length;
    memory.write(list, leaves);
    if (exports.frontierAppend(ALGORITHMS[this.#hash], at, list, count, list) !== 1) {
      throw new Fault("usage", "a tree has at most 2^32 - 1 leaves", { facts: { count: this.count } });
    }
    this.#saved = memory.read(at, this.#saved.length);
  }

  /** The root of all leaves so far: 32 bytes. */
  root(): Uint8Array {
    const instance = kernels();
    const at = this.#load(instance, NODE);
    const root = at + this.#saved.length;
    instance.exports.frontierRoot(ALGORITHMS[this.#hash], at, root);
    return instance.memory.read(root, NODE);
  }

  /** Its bytes: the same for the same leaves, however they came. */
  save(): Uint8Array {
    return this.#saved.slice();
  }

  /** Puts this into scratch, with room for more behind it; returns the address. */
  #load({ memory }: Instance, more: number): number {
    const at = memory.scratch(this.#saved.length + more);
    memory.write(at, this.#saved);
    return at;
  }
}

const isCount = (value: number) => Number.isInteger(value) && value >= 0 && value < 2 ** 32;

function countOf(leaves: Uint8Array): number {
  const count = leaves.length / NODE;
  if (Number.isInteger(count) && count <= MOST_LEAVES) return count;
  throw new Fault("usage", "leaves have 32 bytes each, and are at most 2^24", {
    facts: { length: leaves.length },
  });
}
