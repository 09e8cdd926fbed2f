/** Hashes of many nodes, 64 bytes each, by the packages that programs would otherwise take. */
import { hash } from "node:crypto";
import { hashInto } from "@chainsafe/as-sha256";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { createKeccak } from "hash-wasm";

/** Hashes nodes that lie one after another to as many hashes of 32 bytes. */
export type HashNodes = (nodes: Uint8Array, out: Uint8Array) => void;

const NODE = 64;
const HASH = 32;

/** Each by its name. */
type Peers = Readonly<Record<string, HashNodes>>;

export async function keccakPeers(): Promise<Peers> {
  const keccak = await createKeccak(256);
  return {
    "hash-wasm": oneByOne((node) => keccak.init().update(node).digest("binary")),
    "@noble/hashes": oneByOne(keccak_256),
    // The same permutation with the padding of FIPS 202: node:crypto has no other.
    "node:crypto sha3-256": oneByOne((node) => hash("sha3-256", node, "buffer")),
  };
}

export function sha256Peers(): Peers {
  return {
    "@chainsafe/as-sha256": hashInto,
    "@noble/hashes": oneByOne(sha256),
    "node:crypto": oneByOne((node) => hash("sha256", node, "buffer")),
  };
}

function oneByOne(digest: (node: Uint8Array) => Uint8Array): HashNodes {
  return (nodes, out) => {
    for (let at = 0; at * NODE < nodes.length; at++) {
      out.set(digest(nodes.subarray(at * NODE, (at + 1) * NODE)), at * HASH);
    }
  };
}

/**
 * What a program composes of such a hash to have a Merkle root as the kernels define it: pairs, level by level, a last
 * node without a partner rises, and at the end the count of leaves is hashed in. The hashes may come to lie over the
 * nodes they are of.
 */
export function composeRoot(hashNodes: HashNodes): (leaves: Uint8Array) => Uint8Array {
  return (leaves) => {
    const level = leaves.slice();
    let width = leaves.length / HASH;
    while (width > 1) {
      const pairs = Math.floor(width / 2);
      hashNodes(level.subarray(0, pairs * NODE), level);
      if (width % 2 === 1) level.copyWithin(pairs * HASH, pairs * NODE, pairs * NODE + HASH);
      width = Math.ceil(width / 2);
    }
    const last = new Uint8Array(NODE);
    last.set(level.subarray(0, HASH));
    new DataView(last.buffer).setUint32(NODE - 4, leaves.length / HASH);
    const root = new Uint8Array(HASH);
    hashNodes(last, root);
    return root;
  };
}
