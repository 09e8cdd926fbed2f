import { createHash } from "node:crypto";
import fc from "fast-check";
import { keccak256 as keccakOfViem } from "viem/utils";
import { describe, expect, it } from "vitest";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { compileEntry, TARGETS, type Target } from "./compile.ts";

type Exports = {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
} & Record<"keccakStateBytes" | "sha256StateBytes", () => number> &
  Record<"keccakInit" | "sha256Init", (state: number) => void> &
  Record<"keccakUpdate" | "sha256Update", (state: number, input: number, length: number) => void> &
  Record<"keccakFinal" | "sha256Final", (state: number, digest: number) => void> &
  Record<"keccak256" | "sha256", (input: number, length: number, digest: number) => void> &
  Record<"keccakNodes" | "sha256Nodes", (input: number, output: number, count: number) => void> &
  Record<"chooseKeccakNodes" | "chooseSha256Nodes", (ways: number) => void>;

const ENTRY = `export * from "./hash/exports";
export function heapBase(): usize { return __heap_base; }`;

async function load(target: Target): Promise<Exports> {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(await compileEntry(ENTRY, target)), {});
  const loaded = exports as unknown as Exports;
  loaded.memory.grow(40);
  return loaded;
}

const modules = await Promise.all(TARGETS.map(async (target) => [target, await load(target)] as const));

/** One hash under one name, whichever it is. */
const hashesOf = (exports: Exports) => [
  {
    name: "keccak-256",
    block: 136,
    ways: [1, 2],
    expected: (input: Uint8Array) => keccakOfViem(input),
    once: exports.keccak256,
    stateBytes: exports.keccakStateBytes,
    init: exports.keccakInit,
    update: exports.keccakUpdate,
    final: exports.keccakFinal,
    nodes: exports.keccakNodes,
    choose: exports.chooseKeccakNodes,
  },
  {
    name: "SHA-256",
    block: 64,
    ways: [1, 4],
    expected: (input: Uint8Array): Hex => `0x${createHash("sha256").update(input).digest("hex")}`,
    once: exports.sha256,
    stateBytes: exports.sha256StateBytes,
    init: exports.sha256Init,
    update: exports.sha256Update,
    final: exports.sha256Final,
    nodes: exports.sha256Nodes,
    choose: exports.chooseSha256Nodes,
  },
];

const cases = modules.flatMap(([target, exports]) =>
  hashesOf(exports).map((hash) => ({ ...hash, target, exports })),
);

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Bytes that differ from place to place, with every value. */
const sample = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 167 + (i >> 8) * 13 + 5) & 0xff);

const MILLION = utf8("a".repeat(1_000_000));

// SHA-256: FIPS 180-2 appendix B and NIST's examples. Keccak: the submission's KAT (256 bits), and the code hash of an
// account without code, which is the digest of nothing; the million is checked against viem too.
const KNOWN = {
  "SHA-256": [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
    [
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ],
    [MILLION, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
  ],
  "keccak-256": [
    ["", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"],
    ["abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"],
    [Uint8Array.of(0xcc), "eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a"],
    [Uint8Array.of(0x41, 0xfb), "a8eaceda4d47b3281a795ad9e1ea2122b407baf9aabcb9e18b5717b7873537d2"],
    [MILLION, "fadae6b49f129bbb812be8407b7b2894f34aecf6dbd1f9b0f0c7e9853098fc96"],
  ],
} as Readonly<Record<string, readonly (readonly [string | Uint8Array, string])[]>>;

describe.each(cases)("$name in $target", (hash) => {
  const { memory } = hash.exports;
  const base = (hash.exports.heapBase() + 15) & ~15;
  const [state, out, input] = [base, base + 512, base + 1024];
  const put = (bytes: Uint8Array, at = input) => new Uint8Array(memory.buffer).set(bytes, at);
  const get = (at: number, length = 32) => new Uint8Array(memory.buffer).slice(at, at + length);

  const once = (bytes: Uint8Array) => {
    put(bytes);
    hash.once(input, bytes.length, out);
    return toHex(get(out));
  };
  const streamed = (bytes: Uint8Array, cuts: readonly number[]) => {
    put(bytes);
    hash.init(state);
    [...cuts, bytes.length].reduce((from, to) => {
      hash.update(state, input + from, to - from);
      return to;
    }, 0);
    hash.final(state, out);
    return toHex(get(out));
  };

  it("gives the known answers", () => {
    const known = KNOWN[hash.name] ?? [];
    expect(known).toHaveLength(5);
    for (const [message, digest] of known) {
      const bytes = typeof message === "string" ? utf8(message) : message;
      expect(hash.expected(bytes)).toBe(`0x${digest}`);
      expect(once(bytes)).toBe(`0x${digest}`);
      expect(streamed(bytes, [])).toBe(`0x${digest}`);
    }
  });

  it("agrees with another implementation at every length from 0 to 300", () => {
    for (let length = 0; length <= 300; length++) {
      const bytes = sample(length);
      expect(once(bytes), `${length} bytes`).toBe(hash.expected(bytes));
    }
  });

  it("gives one digest wherever a stream is cut", () => {
    for (const length of [0, 1, hash.block - 1, hash.block, hash.block + 1, 2 * hash.block, 300]) {
      const bytes = sample(length);
      const whole = once(bytes);
      for (let cut = 0; cut <= length; cut++) {
        expect(streamed(bytes, [cut]), `${length} bytes cut at ${cut}`).toBe(whole);
      }
    }
  });

  it("gives one digest however many pieces a stream comes in, empty ones too", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 3 * hash.block }), { maxLength: 12 });
    fc.assert(
      fc.property(lengths, (pieces) => {
        const total = pieces.reduce((sum, length) => sum + length, 0);
        const cuts = pieces.map((_, i) => pieces.slice(0, i).reduce((sum, length) => sum + length, 0));
        const bytes = sample(total);
        expect(streamed(bytes, cuts)).toBe(hash.expected(bytes));
      }),
      { numRuns: 60 },
    );
  });

  it("keeps streams apart, whatever else is hashed meanwhile", () => {
    const [first, second] = [sample(500), sample(900).reverse()];
    const other = state + hash.stateBytes();
    expect(other).toBeLessThanOrEqual(out);
    put(first);
    put(second, input + 1000);
    hash.init(state);
    hash.init(other);
    for (let i = 0; i < 100; i++) {
      hash.update(state, input + 5 * i, 5);
      hash.update(other, input + 1000 + 9 * i, 9);
      hash.once(input, i, out);
      hash.nodes(input, out, 1);
    }
    hash.final(state, out);
    hash.final(other, out + 32);
    expect(toHex(get(out))).toBe(hash.expected(first));
    expect(toHex(get(out + 32))).toBe(hash.expected(second));
  });

  it("writes 32 bytes, and takes any address", () => {
    const bytes = sample(333);
    for (const shift of [0, 1, 7]) {
      put(new Uint8Array(64).fill(0xa5), out);
      put(bytes, input + shift);
      hash.once(input + shift, bytes.length, out + 8 + shift);
      expect(toHex(get(out + 8 + shift))).toBe(hash.expected(bytes));
      expect(get(out, 8 + shift).every((byte) => byte === 0xa5)).toBe(true);
      expect(get(out + 40 + shift, 24 - shift).every((byte) => byte === 0xa5)).toBe(true);
      expect(toHex(get(input + shift, 333))).toBe(toHex(bytes));
    }
  });

  describe.each(hash.ways)("nodes, %i at a time", (ways) => {
    const nodes = Array.from({ length: 34 }, (_, i) => sample(64).map((byte) => byte ^ (i * 7)));
    const digests = (at: number, count: number) =>
      Array.from({ length: count }, (_, i) => toHex(get(at + 32 * i)));

    it("are hashed as one by one, whatever their number", () => {
      hash.choose(ways);
      for (let count = 0; count <= 33; count++) {
        const at = input + 4096;
        put(new Uint8Array(32 * 34).fill(0x5a), at);
        nodes.forEach((node, i) => {
          put(node, input + 64 * i);
        });
        hash.nodes(input, at, count);
        expect(digests(at, count)).toEqual(nodes.slice(0, count).map(hash.expected));
        expect(get(at + 32 * count, 32).every((byte) => byte === 0x5a)).toBe(true);
      }
    });

    it("may overwrite what they were made of, from its beginning or from before it", () => {
      hash.choose(ways);
      for (const before of [0, 1, 32, 64]) {
        nodes.forEach((node, i) => {
          put(node, input + 64 * i);
        });
        hash.nodes(input, input - before, 33);
        expect(digests(input - before, 33)).toEqual(nodes.slice(0, 33).map(hash.expected));
      }
    });
  });
});
