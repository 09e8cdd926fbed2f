/**
 * The tokens that are USDT, by chain and address; and the addresses that look like one of them and are something else.
 *
 * The same address holds different things on different chains, so that an address alone says nothing. No row was read from
 * a live chain: each names the lists it stands in, and `token-probe.ts` compares it with what the chain says.
 */
import type { Hex } from "../base/bytes.ts";

/**
 * `legacy`: Tether's contract of 2017, with fee, blacklist, pause and no return values. `usdt0`: USDT0. `tether`: a newer
 * contract of Tether's own. `pegged`: backed by somebody else. `bridged`: what a bridge made of it. `tip20`: Tempo's
 * precompile. `play`: worth nothing.
 */
export type TokenKind = "legacy" | "usdt0" | "tether" | "pegged" | "bridged" | "tip20" | "play";

/**
 * Where a row was found: A `@aave-dao/aave-address-book@4.68.1`, U `@uniswap/default-token-list@22.21.0`, S
 * `@sushiswap/default-token-list@43.3.0`, G `@stargatefinance/stg-definitions-v2@6.1.0`, X `@x402/evm@2.27.0`, W
 * `tetherto/wdk-protocol-bridge-usdt0-evm` 8da8fa87 (the chain, not the token), T a public table that cites docs.usdt0.to.
 */
export type TokenSource = "A" | "U" | "S" | "G" | "X" | "W" | "T";

export interface TokenRow {
  readonly chainId: number;
  readonly chain: string;
  /** With the checksum of EIP-55. */
  readonly address: Hex;
  readonly decimals: number;
  readonly kind: TokenKind;
  readonly sources: readonly TokenSource[];
  /** The EIP-712 domain, where a source names it. The token takes EIP-3009 authorizations then. */
  readonly domain?: { readonly name: string; readonly version: string };
}

/** An address to which USDT must not be sent as if it were USDT. */
export interface TokenTrap {
  readonly chainId: number;
  readonly address: Hex;
  /** What is there. */
  readonly what: string;
}

/** anvil's and hardhat's chain: every token on it is play money. */
export const LOCAL_CHAIN = 31_337;

function row(
  chainId: number,
  chain: string,
  address: Hex,
  kind: TokenKind,
  sources: string,
  extra: Partial<Pick<TokenRow, "decimals" | "domain">> = {},
): TokenRow {
  const named = [...sources] as TokenSource[];
  return { chainId, chain, address, decimals: 6, kind, sources: named, ...extra };
}

export const TOKENS: readonly TokenRow[] = [
  row(1, "Ethereum", "0xdAC17F958D2ee523a2206206994597C13D831ec7", "legacy", "AUSG"),
  row(42_161, "Arbitrum", "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9", "usdt0", "AUSTW"),
  row(137, "Polygon", "0xc2132D05D31c914a87C6611C10748AEb04B58e8F", "usdt0", "AUSTW"),
  row(10, "Optimism", "0x01bFF41798a0BcF287b996046Ca68b395DbC1071", "usdt0", "UTW"),
  row(10, "Optimism", "0x94b008aA00579c1307B0EF2c499aD98a8ce58e58", "bridged", "AUS"),
  row(130, "Unichain", "0x9151434b16b9763660705744891fA906F660EcC5", "usdt0", "UTW"),
  row(57_073, "Ink", "0x0200C29006150606B650577BBE7B6248F58470c1", "usdt0", "AUTW"),
  row(9_745, "Plasma", "0xB8CE59FC3717ada4C02eaDF9682A9e934F625ebb", "usdt0", "ATW"),
  // its own coin is USDT0 as well, with 18 decimals
  row(988, "Stable", "0x779Ded0c9e1022225f8E0630b35a9b54bE713736", "usdt0", "XTW", {
    domain: { name: "USDT0", version: "1" },
  }),
  row(2_201, "Stable testnet", "0x78Cf24370174180738C5B8E352B6D14c83a6c9A9", "usdt0", "X", {
    domain: { name: "USDT0", version: "1" },
  }),
  row(14, "Flare", "0xe7cd86e13AC4309349F30B3435a9d337750fC82D", "usdt0", "XTW", {
    domain: { name: "USD₮0", version: "1" },
  }),
  row(143, "Monad", "0xe7cd86e13AC4309349F30B3435a9d337750fC82D", "usdt0", "AUTW"),
  row(4_326, "MegaETH", "0xB8CE59FC3717ada4C02eaDF9682A9e934F625ebb", "usdt0", "ATW"),
  row(5_000, "Mantle", "0x779Ded0c9e1022225f8E0630b35a9b54bE713736", "usdt0", "ATW"),
  row(196, "X Layer", "0x779Ded0c9e1022225f8E0630b35a9b54bE713736", "usdt0", "AUW"),
  row(999, "HyperEVM", "0xB8CE59FC3717ada4C02eaDF9682A9e934F625ebb", "usdt0", "TW"),
  row(80_094, "Berachain", "0x779Ded0c9e1022225f8E0630b35a9b54bE713736", "usdt0", "TW"),
  row(1_329, "Sei", "0x9151434b16b9763660705744891fA906F660EcC5", "usdt0", "TW"),
  row(1_030, "Conflux eSpace", "0xaf37E8B6C9ED7f6318979f56Fc287d76c30847ff", "usdt0", "TW"),
  row(30, "Rootstock", "0x779Ded0c9e1022225f8E0630b35a9b54bE713736", "usdt0", "TW"),
  row(2_818, "Morph", "0xe7cd86e13AC4309349F30B3435a9d337750fC82D", "usdt0", "TW"),
  row(21_000_000, "Corn", "0xB8CE59FC3717ada4C02eaDF9682A9e934F625ebb", "usdt0", "TW"),
  row(4_217, "Tempo", "0x20C00000000000000000000014f22CA97301EB73", "tip20", "UT"),
  row(42_220, "Celo", "0x48065fbBE25f71C9282ddf5e1cD6D6A887483D5e", "tether", "AUX", {
    domain: { name: "Tether USD", version: "1" },
  }),
  row(43_114, "Avalanche", "0x9702230A8Ea53601f5cD2dc00fDBc13d4dF4A8c7", "tether", "AUSG"),
  row(56, "BNB Chain", "0x55d398326f99059fF775485246999027B3197955", "pegged", "AUS", { decimals: 18 }),
  row(59_144, "Linea", "0xA219439258ca9da29E9Cc4cE5596924745e12B93", "bridged", "A"),
  row(534_352, "Scroll", "0xf55BEC9cafDbE8730f096Aa55dad6D22d44099Df", "bridged", "S"),
  row(324, "ZKsync Era", "0x493257fD37EDB34451f62EDf8D2a0C418852bA4C", "bridged", "A"),
  row(100, "Gnosis", "0x4ECaBa5870353805a9F068101A40E0f32ed605C6", "bridged", "S"),
  row(1_868, "Soneium", "0x3A337a6adA9d885b6Ad95ec48F9b75f197b5AE35", "bridged", "AU"),
];

/** Some of them are listed as "USDT0 token" by public software: what is sent there is lost. */
const BRIDGE = "the contract that moves USDT0 between chains, not the token";
const GOLD = "XAUt0, which is gold";
const GOLD_BRIDGE = "the contract that moves XAUt0 (gold) between chains";

function trap(chainId: number, address: Hex, what: string): TokenTrap {
  return { chainId, address, what };
}

/** Gold from `payments.md` 2.3; bridges from W. */
export const TRAPS: readonly TokenTrap[] = [
  trap(143, "0x01bFF41798a0BcF287b996046Ca68b395DbC1071", GOLD),
  trap(42_220, "0xaf37E8B6C9ED7f6318979f56Fc287d76c30847ff", GOLD),
  trap(56, "0x21cAef8A43163Eea865baeE23b9C2E327696A3bf", GOLD),
  trap(143, "0x21cAef8A43163Eea865baeE23b9C2E327696A3bf", GOLD_BRIDGE),
  trap(42_220, "0x21cAef8A43163Eea865baeE23b9C2E327696A3bf", GOLD_BRIDGE),
  trap(1, "0xb9c2321BB7D0Db468f570D10A424d1Cc8EFd696C", GOLD_BRIDGE),
  trap(42_161, "0xf40542a7B66AD7C68C459EE3679635D2fDB6dF39", GOLD_BRIDGE),
  trap(999, "0x4E41cfc3F3B19E29E323D2c36F8f202a1e151dAF", GOLD_BRIDGE),
  trap(57_073, "0xA1bE1572B4beef24f812EfDc58bdc41D56a0dAB2", GOLD_BRIDGE),
  trap(9_745, "0x63aB93cBC9d4ecD9c4947b1A38F458147C08E6F7", GOLD_BRIDGE),
  trap(137, "0x5421Cf4288d8007D3c43AC4246eaFCe5b049e352", GOLD_BRIDGE),
  trap(988, "0xD8479f87686ed263D00Ca7505F86327dbeD4171A", GOLD_BRIDGE),
  trap(43_114, "0x7E7866bc840aFf9f517a49AfDbfC9e7C7Aba9a68", GOLD_BRIDGE),
  trap(1, "0x6C96dE32CEa08842dcc4058c14d3aaAD7Fa41dee", BRIDGE),
  trap(42_161, "0x14E4A1B13bf7F943c8ff7C51fb60FA964A298D92", BRIDGE),
  trap(80_094, "0x3Dc96399109df5ceb2C226664A086140bD0379cB", BRIDGE),
  trap(1_030, "0xC57efa1c7113D98BdA6F9f249471704Ece5dd84A", BRIDGE),
  trap(21_000_000, "0x3f82943338a8a76c35BFA0c1828aA27fd43a34E4", BRIDGE),
  trap(14, "0x567287d2A9829215a37e3B88843d32f9221E7588", BRIDGE),
  trap(999, "0x904861a24F30EC96ea7CFC3bE9EA4B476d237e98", BRIDGE),
  trap(57_073, "0x1cB6De532588fCA4a21B7209DE7C456AF8434A65", BRIDGE),
  trap(5_000, "0xcb768e263FB1C62214E7cab4AA8d036D76dc59CC", BRIDGE),
  trap(4_326, "0x9151434b16b9763660705744891fA906F660EcC5", BRIDGE),
  trap(143, "0x9151434b16b9763660705744891fA906F660EcC5", BRIDGE),
  trap(2_818, "0xcb768e263FB1C62214E7cab4AA8d036D76dc59CC", BRIDGE),
  trap(10, "0xF03b4d9AC1D5d1E7c4cEf54C2A313b9fe051A0aD", BRIDGE),
  trap(9_745, "0x02ca37966753bDdDf11216B73B16C1dE756A7CF9", BRIDGE),
  trap(137, "0x6BA10300f0DC58B7a1e4c0e41f5daBb7D7829e13", BRIDGE),
  trap(30, "0x1a594d5d5d1c426281C1064B07f23F57B2716B61", BRIDGE),
  trap(1_329, "0x56Fe74A2e3b484b921c447357203431a3485CC60", BRIDGE),
  trap(988, "0xedaba024be4d87974d5aB11C6Dd586963CcCB027", BRIDGE),
  trap(130, "0xc07bE8994D035631c36fb4a89C918CeFB2f03EC3", BRIDGE),
  trap(196, "0x94BCCa6bdfd6A61817Ab0E960bFedE4984505554", BRIDGE),
];

/** What is known of a token, in whatever case its address is written. */
export function tokenRow(chainId: number, address: Hex): TokenRow | null {
  return TOKENS.find((each) => isAt(each, chainId, address)) ?? null;
}

/** What else than USDT is known to be at this address. */
export function tokenTrap(chainId: number, address: Hex): TokenTrap | null {
  return TRAPS.find((each) => isAt(each, chainId, address)) ?? null;
}

function isAt(place: { chainId: number; address: Hex }, chainId: number, address: Hex): boolean {
  return place.chainId === chainId && place.address.toLowerCase() === address.toLowerCase();
}
