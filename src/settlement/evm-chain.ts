/** A {@link Chain} behind the JSON-RPC of one node, or of several that check each other. */
import type { Abi } from "viem";
import { decodeFunctionResult, encodeFunctionData } from "viem/utils";
import type { Hex } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { Fault, isFault } from "../base/fault.ts";
import { type Amount, amount, MAX_AMOUNT } from "../base/money.ts";
import { callAt } from "./blocks.ts";
import { type Call, type Chain, TOKEN_ABI, VAULT_ABI } from "./chain.ts";
import { domainSeparator } from "./domain.ts";
import { LaneLog } from "./lane-log.ts";
import { LaneReader } from "./lane-reader.ts";
import { Rpc } from "./rpc.ts";
import { quantity, RpcNode } from "./rpc-node.ts";
import { broadcast, failureOf, feesNow, nonceOf, prepare, receiptOf } from "./transactions.ts";

export interface EvmChainOptions {
  /**
   * JSON-RPC over HTTP, in the order in which they are asked. With two or more nothing counts as a gain that two do not
   * agree on, so that at least two must run; no two may be the same.
   */
  readonly urls: readonly string[];
  /** What the nodes must say they are. */
  readonly chainId: number;
  /** A LaneVault. */
  readonly vault: Hex;
  /** When a block counts as confirmed: the newest one has 1, or the chain's own `finalized` mark. Default 1. */
  readonly confirmations?: number | "finalized";
  /** How long one request to one node may take. Default 10,000. */
  readonly timeoutMs?: number;
  /** How long a node that was in trouble is asked after all others. Default 30,000. */
  readonly restMs?: number;
  readonly clock?: Clock;
  /** Told when two nodes agree against a third one. */
  readonly onFault?: (fault: Fault) => void;
}

/**
 * Opens a chain and checks that it is the right one.
 *
 * @throws {@link Fault} `chain_mismatch` when the chain id differs, or when the contract at `vault` is not a
 *   LaneVault of this chain (its EIP-712 domain differs); `chain_unreachable`; `config_syntax` when the URLs are none
 */
export async function openEvmChain(options: EvmChainOptions): Promise<Chain> {
  const { chainId, clock = systemClock, timeoutMs = 10_000, restMs = 30_000 } = options;
  const vault = options.vault.toLowerCase() as Hex;
  const nodes = options.urls.map((url) => new RpcNode({ url, chainId, clock, timeoutMs, restMs }));
  const rpc = new Rpc(nodes, options.onFault);
  await mustBeRight(rpc, chainId, vault);
  const lanes = new LaneReader(rpc, vault, options.confirmations ?? 1);
  return {
    chainId,
    vault,
    ...readings(rpc, vault),
    ...histories(rpc, vault, lanes),
    head: () => lanes.head(),
    confirmed: () => lanes.confirmed(),
    blockHash: (number) => lanes.blockHash(number),
    lanes: (keys, at = "confirmed") => lanes.lanes(keys, at),
    nonce: (account, at) => nonceOf(rpc, account, at),
    fees: () => feesNow(rpc),
    prepare: (signer, call, prepareOptions) => prepare(rpc, chainId, signer, call, prepareOptions ?? {}),
    broadcast: (raw) => broadcast(rpc, raw),
    receipt: (hash) => receiptOf(rpc, hash, () => lanes.confirmedNumber()),
    failure: (hash) => failureOf(rpc, hash),
  };
}

async function mustBeRight(rpc: Rpc, chainId: number, vault: Hex): Promise<void> {
  // a node on another chain is a mistake in the settings, even if others would do
  const strangers = await rpc.all(strangerAt);
  for (const { value: fault } of strangers) if (fault) throw fault;
  const domain = { name: "LaneVault", version: "1", chainId, verifyingContract: vault };
  if ((await read(rpc, VAULT_ABI, vault, "DOMAIN_SEPARATOR", [])) !== domainSeparator(domain)) {
    throw new Fault("chain_mismatch", `the contract at ${vault} is not a LaneVault of chain ${chainId}`);
  }
}

/** What is wrong with a node that answers for another chain. */
async function strangerAt(node: RpcNode): Promise<Fault | null> {
  try {
    await node.identify();
    return null;
  } catch (fault) {
    if (isFault(fault, "chain_mismatch")) return fault;
    throw fault;
  }
}

/** What the vault and tokens say of an account at the newest block. */
function readings(rpc: Rpc, vault: Hex) {
  const balance = async (abi: Abi, to: Hex, name: string, args: readonly Hex[]) =>
    capped(await read(rpc, abi, to, name, args));
  return {
    vaultBalance: (account: Hex, token: Hex) => balance(VAULT_ABI, vault, "vault", [account, token]),
    tokenBalance: (account: Hex, token: Hex) => balance(TOKEN_ABI, token, "balanceOf", [account]),
    allowance: (account: Hex, token: Hex) => balance(TOKEN_ABI, token, "allowance", [account, vault]),
    gasBalance: (account: Hex) =>
      rpc.first((node) => node.read("eth_getBalance", [account, "latest"], quantity)),
    ownerOf: async (account: Hex) => {
      const owner = (await read(rpc, VAULT_ABI, vault, "ownerOf", [account])) as Hex;
      return BigInt(owner) === 0n ? null : (owner.toLowerCase() as Hex);
    },
    spendAllowance: async (account: Hex, token: Hex) =>
      (await read(rpc, VAULT_ABI, vault, "allowance", [account, token])) as bigint,
    decimals: async (token: Hex) => Number(await read(rpc, TOKEN_ABI, token, "decimals", [])),
    view: (calls: readonly Call[]) =>
      rpc.first((node) => Promise.all(calls.map((call) => callAt(node, call, "latest")))),
  };
}

/** What the vault's events say. */
function histories(rpc: Rpc, vault: Hex, lanes: LaneReader) {
  const log = new LaneLog(vault);
  const histories: Pick<Chain, "laneEnds" | "lanesOf" | "closeRequests"> = {
    laneEnds: async (key, from) => {
      const span = { from, to: await lanes.confirmedNumber() };
      return await rpc.agreed((node) => log.ends(node, key, span), textOf, "how a lane's epochs ended");
    },
    lanesOf: async (account, from) => union(await rpc.every((node) => log.lanesOf(node, account, from))),
    closeRequests: async (from, to) =>
      union(await rpc.every((node) => log.closeRequests(node, { from, to }))).sort((a, b) =>
        Number(a.block - b.block),
      ),
  };
  return histories;
}

/** Everything that any node said, once. */
function union<T>(answers: readonly { readonly value: readonly T[] }[]): T[] {
  const all = answers.flatMap(({ value }) => value);
  return [...new Map(all.map((each) => [textOf(each), each])).values()];
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each));
}

/** Reads a view of the vault or of a token at the newest block. */
async function read(
  rpc: Rpc,
  abi: Abi,
  to: Hex,
  functionName: string,
  args: readonly Hex[],
): Promise<unknown> {
  const data = encodeFunctionData({ abi, functionName, args });
  return await rpc.first(async (node) => {
    const answer = await callAt(node, { to, data }, "latest");
    try {
      return decodeFunctionResult({ abi, functionName, data: answer ?? "0x" }) as unknown;
    } catch (cause) {
      const message = `the contract at ${to} does not answer ${functionName}() as it should`;
      throw new Fault("chain_mismatch", message, { cause });
    }
  });
}

function capped(value: unknown): Amount {
  const count = BigInt(value as bigint);
  return amount(count < MAX_AMOUNT ? count : MAX_AMOUNT);
}
