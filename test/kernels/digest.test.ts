import { createHash } from "node:crypto";
import { keccak_256 } from "@noble/hashes/sha3.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/base/bytes.ts";
import { HashStream, hashNodes, keccak256, sha256 } from "../../src/kernels/digest.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

// The first two are in the Keccak submission's test vectors (KeccakKAT, 256 bits); the rest are well-known in Ethereum:
// the code hash of an account without code, the empty trie's root, and two selectors.
describe("keccak-256", () => {
  it.each([
    ["", "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"],
    ["abc", "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"],
    ["testing", "0x5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02"],
  ])("of %j is %s", (text, digest) => {
    expect(keccak256(utf8(text))).toBe(digest);
  });

  it("is Ethereum's, not FIPS 202's", () => {
    expect(keccak256(Uint8Array.of(0x80))).toBe(
      "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    );
    expect(keccak256(utf8("transfer(address,uint256)")).slice(0, 10)).toBe("0xa9059cbb");
    expect(keccak256(utf8("Transfer(address,address,uint256)"))).toBe(
      "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
    );
  });

  it("takes inputs around its block of 136 bytes", () => {
    const digests = [135, 136, 137, 271, 272, 273].map((length) => keccak256(new Uint8Array(length)));
    expect(new Set(digests).size).toBe(digests.length);
    for (const digest of digests) expect(digest).toMatch(/^0x[0-9a-f]{64}$/);
  });
});

describe("the hashes", () => {
  const anyBytes = fc.uint8Array({ maxLength: 700 });

  it("are those of noble and of OpenSSL, in one piece or in many, side by side", () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 5 }), anyBytes, (pieces, other) => {
        const whole = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
        const keccak = toHex(keccak_256(whole));
        const sha = toHex(createHash("sha256").update(whole).digest());
        expect([keccak256(whole), sha256(whole)]).toEqual([keccak, sha]);
        expect(new HashStream("sha256").update(whole).digest()).toBe(sha);
        const streams = [new HashStream("keccak256"), new HashStream("sha256"), new HashStream("keccak256")];
        for (const piece of pieces) {
          streams[0]?.update(piece);
          streams[1]?.update(piece);
          streams[2]?.update(other);
        }
        expect([streams[0]?.digest(), streams[1]?.digest()]).toEqual([keccak, sha]);
      }),
    );
  });

  it("are the same above the piece that fits at once", () => {
    const long = Uint8Array.from({ length: 100_000 }, (_, at) => at * at);
    for (const length of [16_383, 16_384, 16_385, 32_768, 100_000]) {
      const bytes = long.subarray(0, length);
      expect(keccak256(bytes)).toBe(toHex(keccak_256(bytes)));
      expect(new HashStream("sha256").update(bytes).digest()).toBe(sha256(bytes));
    }
  });

  it("may go on after a digest was asked for", () => {
    const stream = new HashStream("sha256").update(utf8("a"));
    expect(stream.digest()).toBe(sha256(utf8("a")));
    expect(stream.update(utf8("bc")).digest()).toBe(sha256(utf8("abc")));
  });

  it.each(["keccak256", "sha256"] as const)("of nodes by %s are those of each", (algorithm) => {
    const one = algorithm === "keccak256" ? keccak256 : sha256;
    for (const count of [0, 1, 2, 3, 4, 5, 8, 33, 1_000]) {
      const nodes = Uint8Array.from({ length: 64 * count }, (_, at) => at ^ (at >> 5));
      const expected = Array.from({ length: count }, (_, at) =>
        one(nodes.subarray(64 * at, 64 * at + 64)).slice(2),
      );
      expect(toHex(hashNodes(algorithm, nodes))).toBe(`0x${expected.join("")}`);
    }
    expect(() => hashNodes(algorithm, new Uint8Array(63))).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });
});
