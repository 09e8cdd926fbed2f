import { createHash } from "node:crypto";
import fc from "fast-check";
import { keccak256 as keccakOfViem } from "viem/utils";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import type { HashAlgorithm } from "../../src/kernels/digest.ts";
import {
  MerkleFrontier,
  type MerkleProof,
  MerkleTree,
  merkleRoot,
  provesLeaf,
} from "../../src/kernels/merkle.ts";

const HASHES = {
  keccak256: (input: Uint8Array) => keccakOfViem(input, "bytes"),
  sha256: (input: Uint8Array) => new Uint8Array(createHash("sha256").update(input).digest()),
} satisfies Record<HashAlgorithm, (input: Uint8Array) => Uint8Array>;

const join = (parts: readonly Uint8Array[]) => {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => {
    joined.set(part, at);
    return at + part.length;
  }, 0);
  return joined;
};

/** The definition, without levels: the largest power of two below n goes to the left. */
function topOf(hash: HashAlgorithm, leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (!first) return new Uint8Array(32);
  if (leaves.length === 1) return first;
  let left = 1;
  while (2 * left < leaves.length) left *= 2;
  return HASHES[hash](join([topOf(hash, leaves.slice(0, left)), topOf(hash, leaves.slice(left))]));
}

function rootOf(hash: HashAlgorithm, leaves: readonly Uint8Array[]): Uint8Array {
  const count = fromHex(leaves.length.toString(16).padStart(64, "0"));
  return HASHES[hash](join([topOf(hash, leaves), count]));
}

const leaf = (i: number) => HASHES.sha256(Uint8Array.of(i & 0xff, i >> 8));
const LEAVES = Array.from({ length: 141 }, (_, i) => leaf(i));
const listOf = (count: number) => join(LEAVES.slice(0, count));
const leafAt = (index: number) => LEAVES[index] ?? new Uint8Array(32);
const nodesOf = (path: Uint8Array) =>
  Array.from({ length: path.length / 32 }, (_, i) => path.slice(32 * i, 32 * i + 32));

describe.each(["keccak256", "sha256"] as const)("a tree of %s", (hash) => {
  const proves = (root: Uint8Array, shown: Uint8Array, proof: MerkleProof) =>
    provesLeaf(hash, root, shown, proof);

  it("has the root that the definition gives, for 0 to 70 leaves and some more", () => {
    for (const count of [...Array(71).keys(), 127, 128, 129, 141]) {
      const expected = toHex(rootOf(hash, LEAVES.slice(0, count)));
      expect(toHex(merkleRoot(hash, listOf(count))), `${count} leaves`).toBe(expected);
      expect(toHex(new MerkleTree(hash, listOf(count)).root), `${count} leaves`).toBe(expected);
    }
  });

  it("of one leaf is that leaf and the count 1, of none 32 zero bytes and the count 0", () => {
    const one = HASHES[hash](join([leaf(0), new Uint8Array(31), Uint8Array.of(1)]));
    expect(toHex(merkleRoot(hash, leaf(0)))).toBe(toHex(one));
    expect(toHex(merkleRoot(hash, new Uint8Array()))).toBe(toHex(HASHES[hash](new Uint8Array(64))));
  });

  it("proves each of its leaves, and none of them at another place", () => {
    for (let count = 1; count <= 40; count++) {
      const tree = new MerkleTree(hash, listOf(count));
      for (let index = 0; index < count; index++) {
        const proof = tree.proof(index);
        expect(proof).toMatchObject({ index, count });
        const places = [...Array(count + 1).keys()];
        const elsewhere = places.filter((at) => proves(tree.root, leafAt(index), { ...proof, index: at }));
        const others = places.filter((at) => proves(tree.root, leafAt(at), proof));
        expect([elsewhere, others], `leaf ${index} of ${count}`).toEqual([[index], [index]]);
      }
    }
  });

  it("proves nothing for another count of leaves", () => {
    for (let count = 1; count <= 20; count++) {
      const tree = new MerkleTree(hash, listOf(count));
      for (let index = 0; index < count; index++) {
        const proof = tree.proof(index);
        const counts = [...Array(70).keys(), 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
        const shown = counts.filter((other) => proves(tree.root, leafAt(index), { ...proof, count: other }));
        expect(shown, `leaf ${index} of ${count}`).toEqual([count]);
      }
    }
  });

  it("takes no node for a leaf", () => {
    const forged: MerkleProof[] = [];
    let tried = 0;
    for (const count of [2, 3, 4, 5, 8, 13]) {
      const tree = new MerkleTree(hash, listOf(count));
      for (let index = 0; index < count; index++) {
        const nodes = nodesOf(tree.proof(index).path);
        let node: Uint8Array = leafAt(index);
        let place = index;
        for (let width = count; width > 1; place >>= 1, width = Math.ceil(width / 2)) {
          const partner = (place ^ 1) < width ? nodes.shift() : undefined;
          if (!partner) continue;
          node = HASHES[hash](join((place & 1) === 1 ? [partner, node] : [node, partner]));
          // Whatever place and count the forger says, the rest of a true path does not lead from a node to the root.
          for (let said = 1; said <= 2 * count; said++) {
            for (let at = 0; at < said; at++) {
              const proof = { index: at, count: said, path: join(nodes) };
              if (proves(tree.root, node, proof)) forged.push(proof);
              tried++;
            }
          }
        }
      }
    }
    expect(forged).toEqual([]);
    expect(tried).toBeGreaterThan(10_000);
  });

  it("has another root than the list of its own nodes, and than the list with its last leaf twice", () => {
    const lists = new Set<string>();
    const roots = new Set<string>();
    const note = (list: Uint8Array) => {
      lists.add(toHex(list));
      roots.add(toHex(merkleRoot(hash, list)));
    };
    for (let count = 2; count <= 33; count++) {
      const list = listOf(count);
      const pairs = Array.from({ length: count >> 1 }, (_, i) => list.slice(64 * i, 64 * i + 64));
      const odd = (count & 1) === 1 ? [leafAt(count - 1)] : [];
      note(list);
      note(join([list, leafAt(count - 1)]));
      note(join([...pairs.map(HASHES[hash]), ...odd]));
      note(topOf(hash, LEAVES.slice(0, count)));
      note(merkleRoot(hash, list));
    }
    expect(lists.size).toBeGreaterThan(150);
    expect(roots.size).toBe(lists.size);
  });

  it("takes no path that is too short or too long", () => {
    for (const count of [1, 2, 3, 6, 7, 32, 33]) {
      const tree = new MerkleTree(hash, listOf(count));
      for (let index = 0; index < count; index++) {
        const proof = tree.proof(index);
        const nodes = nodesOf(proof.path);
        const wrong = [
          ...nodes.map((_, i) => join(nodes.filter((_, other) => other !== i))),
          join([...nodes, new Uint8Array(32)]),
          join([...nodes, leafAt(index)]),
          join([...nodes, tree.root]),
          join([...nodes, ...Array<Uint8Array>(40).fill(tree.root)]),
          join([proof.path, Uint8Array.of(0)]),
          proof.path.subarray(1),
        ].filter((path) => toHex(path) !== toHex(proof.path));
        expect(wrong.length).toBeGreaterThan(4);
        for (const path of wrong) {
          expect(proves(tree.root, leafAt(index), { ...proof, path })).toBe(false);
        }
      }
    }
  });

  it("proves nothing with one bit wrong, in root, leaf or path", () => {
    const place = fc.integer({ min: 1, max: 100 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        index: fc.integer({ min: 0, max: count - 1 }),
        bit: fc.nat(),
      }),
    );
    fc.assert(
      fc.property(place, ({ count, index, bit }) => {
        const tree = new MerkleTree(hash, listOf(count));
        const proof = tree.proof(index);
        const all = join([tree.root, leafAt(index), proof.path]);
        const parts = () => [all.subarray(0, 32), all.subarray(32, 64), all.subarray(64)] as const;
        const judge = ([root, shown, path]: ReturnType<typeof parts>) =>
          proves(root, shown, { ...proof, path });
        expect(judge(parts())).toBe(true);
        const at = bit % (8 * all.length);
        all[at >> 3] = (all[at >> 3] ?? 0) ^ (1 << (at & 7));
        expect(judge(parts())).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it("answers false to what is no proof at all", () => {
    const tree = new MerkleTree(hash, listOf(5));
    const proof = tree.proof(2);
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 32, 2 ** 32 + 2, Number.POSITIVE_INFINITY]) {
      expect(proves(tree.root, leafAt(2), { ...proof, index: bad })).toBe(false);
      expect(proves(tree.root, leafAt(2), { ...proof, count: bad })).toBe(false);
    }
    expect(proves(tree.root.slice(1), leafAt(2), proof)).toBe(false);
    expect(proves(join([tree.root, Uint8Array.of(0)]), leafAt(2), proof)).toBe(false);
    expect(proves(tree.root, leafAt(2).slice(1), proof)).toBe(false);
    expect(proves(tree.root, join([leafAt(2), leafAt(3)]), proof)).toBe(false);
    const nothing = merkleRoot(hash, new Uint8Array());
    expect(proves(nothing, new Uint8Array(32), { index: 0, count: 0, path: new Uint8Array() })).toBe(false);
    expect(proves(nothing, new Uint8Array(32), { index: 0, count: 1, path: new Uint8Array() })).toBe(false);
  });

  it("refuses a list that is not whole leaves, and a proof of a leaf that it has not", () => {
    const usage = expect.objectContaining({ code: "usage" });
    expect(() => merkleRoot(hash, new Uint8Array(33))).toThrow(usage);
    expect(() => new MerkleTree(hash, new Uint8Array(31))).toThrow(usage);
    expect(() => new MerkleFrontier(hash).append(new Uint8Array(1))).toThrow(usage);
    const tree = new MerkleTree(hash, listOf(3));
    for (const index of [-1, 3, 0.5, Number.NaN]) expect(() => tree.proof(index)).toThrow(usage);
    expect(() => new MerkleTree(hash, new Uint8Array()).proof(0)).toThrow(usage);
  });

  it("grows leaf by leaf to the same root", () => {
    const frontier = new MerkleFrontier(hash);
    for (let count = 0; count <= 70; count++) {
      expect(frontier.count).toBe(count);
      expect(toHex(frontier.root()), `${count} leaves`).toBe(toHex(merkleRoot(hash, listOf(count))));
      frontier.append(leafAt(count));
    }
  });

  it("grows to the same root and the same bytes however the leaves come, also across a save", () => {
    const pieces = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.boolean()), { maxLength: 7 });
    fc.assert(
      fc.property(pieces, (lengths) => {
        let frontier = new MerkleFrontier(hash);
        let count = 0;
        for (const [length, isSaved] of lengths) {
          const end = Math.min(count + length, LEAVES.length);
          frontier.append(join(LEAVES.slice(count, end)));
          count = end;
          if (isSaved) frontier = new MerkleFrontier(hash, frontier.save());
          expect(frontier.count).toBe(count);
          expect(toHex(frontier.root())).toBe(toHex(merkleRoot(hash, listOf(count))));
        }
        const atOnce = new MerkleFrontier(hash);
        atOnce.append(listOf(count));
        expect(toHex(frontier.save())).toBe(toHex(atOnce.save()));
      }),
      { numRuns: 80 },
    );
  });

  it("does not grow beyond 2^32 - 1 leaves, and is as it was when it is told to", () => {
    const full = new MerkleFrontier(hash).save();
    new DataView(full.buffer).setUint32(0, 2 ** 32 - 2, true);
    const frontier = new MerkleFrontier(hash, full);
    const before = toHex(frontier.save());
    const usage = expect.objectContaining({ code: "usage" });
    expect(() => frontier.append(listOf(2))).toThrow(usage);
    expect(toHex(frontier.save())).toBe(before);
    frontier.append(leaf(0));
    expect(frontier.count).toBe(2 ** 32 - 1);
    expect(() => frontier.append(leaf(1))).toThrow(usage);
    expect(() => new MerkleFrontier(hash, full.slice(1))).toThrow(
      expect.objectContaining({ code: "file_format" }),
    );
  });

  it("gives copies: nobody can change a tree through what it gave", () => {
    const tree = new MerkleTree(hash, listOf(6));
    const [root, first] = [toHex(tree.root), toHex(tree.proof(1).path)];
    tree.root.fill(0);
    tree.proof(1).path.fill(0);
    expect([toHex(tree.root), toHex(tree.proof(1).path)]).toEqual([root, first]);
    const frontier = new MerkleFrontier(hash);
    frontier.append(listOf(6));
    frontier.save().fill(0);
    expect(toHex(frontier.root())).toBe(root);
  });
});

// The same bytes on every machine and for good: written once by the recursive definition above.
describe("fixed roots", () => {
  it.each([
    ["keccak256", 0, "0xad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5"],
    ["keccak256", 5, "0x074c4d717cbe18509b95917fc5050b9a6a53822386b7ce5302a58671d6e35e9c"],
    ["sha256", 0, "0xf5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"],
    ["sha256", 5, "0x39c1a1fa425e16002b806d60964c268ff726b369d5d02bf57a3ad198b05079fb"],
  ] as const)("of %s over %i leaves", (hash, count, root) => {
    expect(toHex(merkleRoot(hash, listOf(count)))).toBe(root);
  });
});
