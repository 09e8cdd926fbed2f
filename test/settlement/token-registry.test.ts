import { getAddress } from "viem";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { TOKENS, TRAPS, tokenRow, tokenTrap } from "../../src/settlement/token-registry.ts";

const placeOf = ({ chainId, address }: { chainId: number; address: Hex }) =>
  `${chainId} ${address.toLowerCase()}`;

describe("the token registry", () => {
  it("writes every address with its checksum", () => {
    for (const { address } of [...TOKENS, ...TRAPS]) {
      expect(address).toBe(getAddress(address.toLowerCase()));
    }
  });

  it("has one entry for each place, and none that is both a token and a trap", () => {
    const places = [...TOKENS, ...TRAPS].map(placeOf);
    expect(new Set(places).size).toBe(places.length);
    expect(TOKENS).toHaveLength(31);
  });

  it("names its sources, and believes in a domain only where a source names it", () => {
    for (const { sources, domain, chain } of TOKENS) {
      expect(sources.length, chain).toBeGreaterThan(0);
      expect(new Set(sources).size, chain).toBe(sources.length);
      for (const source of sources) expect("AUSGXWT").toContain(source);
      if (domain) expect(sources, chain).toContain("X");
    }
  });

  it("knows tokens by chain and address, in whatever case", () => {
    const legacy = "0xdac17f958d2ee523a2206206994597c13d831ec7";
    expect(tokenRow(1, legacy)).toMatchObject({ chain: "Ethereum", kind: "legacy", decimals: 6 });
    expect(tokenRow(2, legacy)).toBeNull();
    expect(tokenRow(56, "0x55D398326F99059FF775485246999027B3197955")).toMatchObject({ decimals: 18 });
    for (const { chainId, address, decimals } of TOKENS) {
      expect(tokenRow(chainId, address)).not.toBeNull();
      expect(tokenTrap(chainId, address)).toBeNull();
      expect(decimals).toBe(chainId === 56 ? 18 : 6);
    }
  });

  it.each([
    ["gold on Monad where Optimism has USDT0", 143, "0x01bFF41798a0BcF287b996046Ca68b395DbC1071", 10, /gold/],
    [
      "gold on Celo where Conflux has USDT0",
      42_220,
      "0xaf37E8B6C9ED7f6318979f56Fc287d76c30847ff",
      1_030,
      /gold/,
    ],
    [
      "a bridge on Monad where Sei has USDT0",
      143,
      "0x9151434b16b9763660705744891fA906F660EcC5",
      1_329,
      /between chains/,
    ],
    [
      "a bridge on MegaETH where Unichain has USDT0",
      4_326,
      "0x9151434b16b9763660705744891fA906F660EcC5",
      130,
      /between/,
    ],
  ] as const)("tells %s", (_, chainId, address, tokenChain, what) => {
    expect(tokenTrap(chainId, address.toLowerCase() as Hex)?.what).toMatch(what);
    expect(tokenRow(chainId, address)).toBeNull();
    expect(tokenRow(tokenChain, address)).toMatchObject({ kind: "usdt0" });
    expect(tokenTrap(tokenChain, address)).toBeNull();
  });

  it("refuses gold on BNB Chain, and the bridge that is listed as USDT0 on Ethereum", () => {
    expect(tokenTrap(56, "0x21cAef8A43163Eea865baeE23b9C2E327696A3bf")?.what).toMatch(/gold/);
    expect(tokenTrap(1, "0x6C96dE32CEa08842dcc4058c14d3aaAD7Fa41dee")?.what).toMatch(/not the token/);
  });
});
