import { describe, expect, it } from "vitest";
import { keccak256 } from "../../src/kernels/digest.ts";

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
