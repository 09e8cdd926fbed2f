/**
 * What a token says of itself, compared with what is known of it.
 *
 * Tokens change while one trades in them: their owners rename them, which changes what holders sign, set fees, exchange
 * their code. So a token is read at the start, and compared with that reading before every claim.
 */
import { encodeFunctionData, hexToBigInt, hexToString, parseAbi, size, slice } from "viem/utils";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { Call, Chain } from "./chain.ts";
import { domainSeparator } from "./domain.ts";
import { LOCAL_CHAIN, type TokenKind, type TokenRow, tokenRow, tokenTrap } from "./token-registry.ts";

/** What of a {@link Chain} a token is read through. */
export type TokenChain = Pick<Chain, "chainId" | "view">;

/** The transfer fee of Tether's contract of 2017. */
export interface TokenFee {
  /** Hundredths of a percent. */
  readonly basisPoints: bigint;
  /** Of one transfer, atomic units. */
  readonly maximum: bigint;
}

export interface TokenProfile {
  readonly chainId: number;
  readonly token: Hex;
  /** What it is by the registry; null when it is not in it, which an operator must be told. */
  readonly kind: TokenKind | null;
  readonly decimals: number;
  /** By which holders sign (EIP-712); null when they cannot. */
  readonly domain: { readonly name: string; readonly version: string } | null;
  /** Whether it takes EIP-3009 authorizations. */
  readonly eip3009: boolean;
  /** Whether it takes EIP-2612 permits. */
  readonly permit: boolean;
  /** Null when it has no such thing; zero when it takes none at present. */
  readonly fee: TokenFee | null;
  /** Whether transfers are refused at present: claims go on, withdrawals wait. Null when it cannot be paused. */
  readonly paused: boolean | null;
}

const NOBODY: Hex = `0x${"00".repeat(20)}`;
const NO_NONCE: Hex = `0x${"00".repeat(32)}`;

/** No amount of a token with more fits the vault's 96 bits in a useful way. */
const MOST_DECIMALS = 24;

/** Contracts that do not tell their version use the first, or OpenZeppelin's. */
const VERSIONS = ["1", "2"] as const;

const VIEWS = parseAbi([
  "function decimals() view returns (uint8)",
  "function name() view returns (string)",
  "function version() view returns (string)",
  "function DOMAIN_SEPARATOR() view returns (bytes32)",
  "function authorizationState(address,bytes32) view returns (bool)",
  "function nonces(address) view returns (uint256)",
  "function basisPointsRate() view returns (uint256)",
  "function maximumFee() view returns (uint256)",
  "function paused() view returns (bool)",
]);

/** What is asked, in this order. */
const QUESTIONS: readonly Hex[] = [
  encodeFunctionData({ abi: VIEWS, functionName: "decimals" }),
  encodeFunctionData({ abi: VIEWS, functionName: "name" }),
  encodeFunctionData({ abi: VIEWS, functionName: "version" }),
  encodeFunctionData({ abi: VIEWS, functionName: "DOMAIN_SEPARATOR" }),
  encodeFunctionData({ abi: VIEWS, functionName: "authorizationState", args: [NOBODY, NO_NONCE] }),
  encodeFunctionData({ abi: VIEWS, functionName: "nonces", args: [NOBODY] }),
  encodeFunctionData({ abi: VIEWS, functionName: "basisPointsRate" }),
  encodeFunctionData({ abi: VIEWS, functionName: "maximumFee" }),
  encodeFunctionData({ abi: VIEWS, functionName: "paused" }),
];

/**
 * Reads a token and compares it with the registry.
 *
 * A token that the registry does not know is taken as it is, with `kind` null. Any token of a local chain is play money.
 *
 * @throws {@link Fault} `token_mismatch`, which names the field, what was expected and what was found: at an address that
 *   is known to be something else, when the chain contradicts the registry, or when the token contradicts itself;
 *   `chain_unreachable`
 */
export async function checkToken(chain: TokenChain, token: Hex): Promise<TokenProfile> {
  const { chainId } = chain;
  const trap = tokenTrap(chainId, token);
  if (trap) throw mismatch(chainId, token, "address", "USDT", trap.what);
  const known = tokenRow(chainId, token);
  const profile = await probe(chain, token, known);
  if (known) compareWithRow(profile, known);
  return profile;
}

/**
 * Reads a token again.
 *
 * @returns what is true at present; only `paused` may differ
 * @throws {@link Fault} `token_mismatch` when it is not the token any more that was checked; `chain_unreachable`
 */
export async function recheckToken(chain: TokenChain, before: TokenProfile): Promise<TokenProfile> {
  const { token } = before;
  const now = await probe(chain, token, tokenRow(chain.chainId, token));
  const compare = (field: string, was: unknown, is: unknown) => {
    if (was !== is) throw mismatch(chain.chainId, token, field, String(was), String(is));
  };
  compare("decimals", before.decimals, now.decimals);
  compare("domain name", before.domain?.name, now.domain?.name);
  compare("domain version", before.domain?.version, now.domain?.version);
  compare("EIP-3009", before.eip3009, now.eip3009);
  compare("permit", before.permit, now.permit);
  compare("fee in basis points", before.fee?.basisPoints, now.fee?.basisPoints);
  compare("largest fee", before.fee?.maximum, now.fee?.maximum);
  return now;
}

async function probe(chain: TokenChain, token: Hex, known: TokenRow | null): Promise<TokenProfile> {
  const { chainId } = chain;
  const calls: Call[] = QUESTIONS.map((question) => ({ to: token, data: question }));
  const [decimals, name, version, separator, state, nonce, rate, most, paused] = await chain.view(calls);
  const places = wordOf(decimals);
  if (places === null || places > MOST_DECIMALS) {
    const found = places === null ? "no answer" : String(places);
    throw mismatch(chainId, token, "decimals", String(known?.decimals ?? `0..${MOST_DECIMALS}`), found);
  }
  const place = { chainId, token };
  const domain = domainOf(place, wordOf(separator), textOf(name), textOf(version), known);
  const [basisPoints, maximum] = [wordOf(rate), wordOf(most)];
  return {
    ...place,
    kind: chainId === LOCAL_CHAIN ? "play" : (known?.kind ?? null),
    decimals: Number(places),
    domain,
    // whoever cannot name the domain cannot sign for it either
    eip3009: domain !== null && flagOf(state) !== null,
    permit: domain !== null && wordOf(nonce) !== null,
    fee: basisPoints === null || maximum === null ? null : { basisPoints, maximum },
    paused: flagOf(paused),
  };
}

/**
 * The domain that gives the separator which the token says; null when it says none.
 *
 * @throws {@link Fault} `token_mismatch` when no name and version give it: a signature would be void
 */
function domainOf(
  { chainId, token }: { chainId: number; token: Hex },
  separator: bigint | null,
  name: string | null,
  version: string | null,
  known: TokenRow | null,
): TokenProfile["domain"] {
  if (separator === null) return null;
  const versions = version === null ? VERSIONS : [version];
  for (const each of versions) {
    const domain = { name: name ?? "", version: each };
    const computed = domainSeparator({ ...domain, chainId, verifyingContract: token });
    if (hexToBigInt(computed) === separator) return domain;
  }
  // bridges make tokens with domains of their own kind; nobody signs for those, they are approved
  if (known?.kind === "bridged" || known?.kind === "pegged") return null;
  const expected = `that of ${JSON.stringify(name)} version ${versions.join(" or ")}`;
  throw mismatch(
    chainId,
    token,
    "DOMAIN_SEPARATOR",
    expected,
    `0x${separator.toString(16).padStart(64, "0")}`,
  );
}

function compareWithRow(
  { chainId, token, decimals, domain, eip3009, fee }: TokenProfile,
  known: TokenRow,
): void {
  const compare = (field: string, expected: unknown, found: unknown) => {
    if (expected !== found) throw mismatch(chainId, token, field, String(expected), String(found));
  };
  compare("decimals", known.decimals, decimals);
  if (known.domain) {
    compare("domain name", known.domain.name, domain?.name);
    compare("domain version", known.domain.version, domain?.version);
    compare("EIP-3009", true, eip3009);
  }
  if (known.kind === "legacy") compare("fee settings", true, fee !== null);
}

/** An answer of one word; null for anything else, such as what a fallback function says. */
function wordOf(answer: Hex | null | undefined): bigint | null {
  return answer && size(answer) === 32 ? hexToBigInt(answer) : null;
}

function flagOf(answer: Hex | null | undefined): boolean | null {
  const found = wordOf(answer);
  return found === null || found > 1n ? null : found === 1n;
}

/** A string as the ABI writes it, or one of 32 bytes as early tokens do; null for anything else. */
function textOf(answer: Hex | null | undefined): string | null {
  if (!answer) return null;
  if (size(answer) === 32) return hexToString(answer, { size: 32 }).replace(/\0+$/, "");
  if (size(answer) < 64 || hexToBigInt(slice(answer, 0, 32)) !== 32n) return null;
  const length = hexToBigInt(slice(answer, 32, 64));
  if (length === 0n) return "";
  return BigInt(size(answer) - 64) < length ? null : hexToString(slice(answer, 64, 64 + Number(length)));
}

function mismatch(chainId: number, token: Hex, field: string, expected: string, found: string): Fault {
  const message = `token ${token} on chain ${chainId}: expected ${field} ${expected}, found ${found}`;
  return new Fault("token_mismatch", message, { facts: { chainId, token, field, expected, found } });
}
