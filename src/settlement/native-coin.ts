/** What a chain is called, and the coin that its gas costs. */
import { LOCAL_CHAIN, TOKENS } from "./token-registry.ts";

/** Coins of chains whose own is not ether, by chain id. */
const COINS: ReadonlyMap<number, string> = new Map([
  [14, "FLR"],
  [30, "RBTC"],
  [56, "BNB"],
  [137, "POL"],
  [143, "MON"],
  [196, "OKB"],
  [988, "USDT0"],
  [999, "HYPE"],
  [1_030, "CFX"],
  [1_329, "SEI"],
  [5_000, "MNT"],
  [9_745, "XPL"],
  [42_220, "CELO"],
  [43_114, "AVAX"],
  [80_094, "BERA"],
]);

/** `"Arbitrum"`; `"chain 5"` where no name is known. */
export function chainName(chainId: number): string {
  if (chainId === LOCAL_CHAIN) return "local chain";
  return TOKENS.find((row) => row.chainId === chainId)?.chain ?? `chain ${chainId}`;
}

/** `"ETH"` unless the chain is known to have another coin. */
export function nativeCoin(chainId: number): string {
  return COINS.get(chainId) ?? "ETH";
}
