/**
 * A {@link Chain} behind a JSON-RPC URL, through viem.
 *
 * Nothing here retries or waits. A node that cannot be asked is `chain_unreachable`; a node that answers "no" to
 * a transaction is `transaction_failed`, and the contract's own error is decoded into the message.
 */
import {
  BaseError,
  createPublicClient,
  decodeErrorResult,
  decodeFunctionResult,
  domainSeparator,
  encodeFunctionData,
  hexToBigInt,
  hexToNumber,
  http,
  keccak256,
  numberToHex,
  type PublicClient,
  RpcRequestError,
} from "viem";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { type Amount, amount, MAX_AMOUNT } from "../base/money.ts";
import {
  type Call,
  type Chain,
  type LaneKey,
  type LaneOnChain,
  type Prepared,
  type PrepareOptions,
  type Receipt,
  type Signer,
  TOKEN_ABI,
  VAULT_ABI,
} from "./chain.ts";

export interface EvmChainOptions {
  /** JSON-RPC over HTTP. */
  readonly url: string;
  /** What the node must say it is. */
  readonly chainId: number;
  /** A LaneVault. */
  readonly vault: Hex;
  /** When a block counts as confirmed: the newest one has 1, or the chain's own `finalized` mark. Default 1. */
  readonly confirmations?: number | "finalized";
  /** How long one request may take. Default 10,000. */
  readonly timeoutMs?: number;
}

/** EIP-7825: no transaction may have a higher gas limit. */
const GAS_CAP = 2n ** 24n;

/** JSON-RPC codes (EIP-1474) that say "not now": resource unavailable, limit exceeded, and the HTTP habit. */
const BUSY: ReadonlySet<number> = new Set([-32002, -32005, -32007, 429]);

type Block = Hex | "latest" | "finalized";

/**
 * Opens a chain and checks that it is the right one.
 *
 * @throws {@link Fault} `chain_mismatch` when the chain id differs, or when the contract at `vault` is not a
 *   LaneVault of this chain (its EIP-712 domain differs); `chain_unreachable`
 */
export async function openEvmChain(options: EvmChainOptions): Promise<Chain> {
  const { chainId } = options;
  const vault = lower(options.vault);
  const confirmations = options.confirmations ?? 1;
  const client = createPublicClient({
    transport: http(options.url, { retryCount: 0, timeout: options.timeoutMs ?? 10_000 }),
  });
  const found = await asked(client.getChainId());
  if (found !== chainId) {
    throw new Fault("chain_mismatch", `expected chain ${chainId}, the node is on ${found}`, {
      facts: { expected: chainId, found },
    });
  }
  const domain = { name: "LaneVault", version: "1", chainId, verifyingContract: vault };
  if ((await read(client, vault, "DOMAIN_SEPARATOR", [])) !== domainSeparator({ domain })) {
    throw new Fault("chain_mismatch", `the contract at ${vault} is not a LaneVault of chain ${chainId}`);
  }
  const challengeSeconds = Number(await read(client, vault, "challenge", []));
  const balance = async (to: Hex, name: string, args: readonly Hex[]) =>
    capped(await read(client, to, name, args));
  return {
    chainId,
    vault,
    challengeSeconds,
    head: () => head(client, "latest"),
    lanes: async (keys, at = "confirmed") => {
      const block = await readable(client, at === "head" ? 1 : confirmations);
      return { block, lanes: await readLanes(client, vault, keys, block) };
    },
    vaultBalance: (account, token) => balance(vault, "vault", [account, token]),
    tokenBalance: (account, token) => balance(token, "balanceOf", [account]),
    allowance: (account, token) => balance(token, "allowance", [account, vault]),
    gasBalance: (account) => asked(client.getBalance({ address: account })),
    decimals: async (token) => Number(await read(client, token, "decimals", [])),
    prepare: (signer, call, prepareOptions) => prepare(client, chainId, signer, call, prepareOptions ?? {}),
    broadcast: (raw) => broadcast(client, raw),
    receipt: (hash) => receipt(client, hash),
    failure: (hash) => failure(client, hash),
  };
}

async function head(client: PublicClient, block: Block): Promise<{ number: bigint; time: number }> {
  const found = await asked(client.request({ method: "eth_getBlockByNumber", params: [block, false] }));
  if (!found?.number) throw new Fault("chain_unreachable", `the node has no ${block} block`);
  return { number: hexToBigInt(found.number), time: hexToNumber(found.timestamp) };
}

/** The newest block that has `confirmations`; the first block of a chain that is shorter. */
async function readable(client: PublicClient, confirmations: number | "finalized"): Promise<bigint> {
  if (confirmations === "finalized") return (await head(client, "finalized")).number;
  const block = (await head(client, "latest")).number - BigInt(confirmations - 1);
  return block < 0n ? 0n : block;
}

async function readLanes(
  client: PublicClient,
  vault: Hex,
  keys: readonly LaneKey[],
  block: bigint,
): Promise<LaneOnChain[]> {
  const packed = keys.map((key) => key.payer.slice(2) + key.payee.slice(2) + key.token.slice(2)).join("");
  const data = encodeFunctionData({ abi: VAULT_ABI, functionName: "lanes", args: [`0x${packed}`] });
  const answer = await ethCall(client, { to: vault, data }, numberToHex(block));
  // before the vault's own block there is nothing at its address, and no lane
  if (answer === "0x") return keys.map(() => laneFromWord(0n));
  if (answer === null) throw new Fault("impossible", "a lane key is not three addresses of 20 bytes");
  const words = decodeFunctionResult({
    abi: VAULT_ABI,
    functionName: "lanes",
    data: answer,
  }) as readonly bigint[];
  return words.map(laneFromWord);
}

/** settled: bits 0..95, deposit: 96..191, closeAt: 192..231, epoch: 232..255. */
function laneFromWord(word: bigint): LaneOnChain {
  return {
    settled: amount(BigInt.asUintN(96, word)),
    deposit: amount(BigInt.asUintN(96, word >> 96n)),
    closeAt: Number(BigInt.asUintN(40, word >> 192n)),
    epoch: Number(word >> 232n),
  };
}

async function prepare(
  client: PublicClient,
  chainId: number,
  signer: Signer,
  call: Call,
  options: PrepareOptions,
): Promise<Prepared> {
  const from = lower(signer.address);
  const earlier = options.replaces;
  const nonce = options.nonce ?? earlier?.nonce;
  const [market, gas, next] = await Promise.all([
    asked(client.estimateFeesPerGas()),
    options.gas ?? estimate(client, from, call),
    nonce ?? asked(client.getTransactionCount({ address: from, blockTag: "pending" })),
  ]);
  const fees = {
    maxFeePerGas: outbid(market.maxFeePerGas, earlier?.maxFeePerGas),
    maxPriorityFeePerGas: outbid(market.maxPriorityFeePerGas, earlier?.maxPriorityFeePerGas),
  };
  const raw = await signer.signTransaction({ type: "eip1559", chainId, nonce: next, ...call, gas, ...fees });
  return { raw, hash: keccak256(raw), nonce: next, ...fees };
}

/** A node replaces a waiting transaction when both fees rise by a tenth; an eighth leaves room for rounding. */
function outbid(market: bigint, earlier: bigint | undefined): bigint {
  const least = earlier === undefined ? 0n : (earlier * 9n) / 8n + 1n;
  return market > least ? market : least;
}

/** The node's estimate and a fifth more: the state may change before the transaction is mined. */
async function estimate(client: PublicClient, from: Hex, call: Call): Promise<bigint> {
  try {
    const answer = await client.request({
      method: "eth_estimateGas",
      // not the pending block: what waits there may be the very transaction that this one replaces
      params: [{ from, to: call.to, data: call.data }, "latest"],
    });
    const gas = (hexToBigInt(answer) * 6n) / 5n;
    return gas < GAS_CAP ? gas : GAS_CAP;
  } catch (cause) {
    const no = refusal(cause);
    if (no === null) throw unreachable(cause);
    throw failed(`the call to ${call.to} would fail: ${reason(no)}`, cause);
  }
}

async function broadcast(client: PublicClient, raw: Hex): Promise<void> {
  const hash = keccak256(raw);
  try {
    await client.request({ method: "eth_sendRawTransaction", params: [raw] });
  } catch (cause) {
    const no = refusal(cause);
    if (no === null) throw unreachable(cause);
    // nodes word "I have it already" in many ways; whether they do is a plain question
    if (await asked(client.request({ method: "eth_getTransactionByHash", params: [hash] }))) return;
    throw failed(`the node refused transaction ${hash}: ${reason(no)}`, cause);
  }
}

async function receipt(client: PublicClient, hash: Hex): Promise<Receipt | null> {
  const found = await asked(client.request({ method: "eth_getTransactionReceipt", params: [hash] }));
  if (!found) return null;
  return {
    status: found.status === "0x1" ? "success" : "reverted",
    block: hexToBigInt(found.blockNumber),
    gasUsed: hexToBigInt(found.gasUsed),
    gasPrice: hexToBigInt(found.effectiveGasPrice),
  };
}

async function failure(client: PublicClient, hash: Hex): Promise<string | null> {
  const sent = await asked(client.request({ method: "eth_getTransactionByHash", params: [hash] }));
  if (!sent) return "the node does not know it";
  const found = await receipt(client, hash);
  if (found?.status !== "reverted") return null;
  try {
    // a receipt has no reason: run the call again on the state just before its block
    await client.request({
      method: "eth_call",
      params: [
        { from: sent.from, to: sent.to, data: sent.input, gas: sent.gas },
        numberToHex(found.block - 1n),
      ],
    });
    return "it reverted in its block and would not have one block before";
  } catch (cause) {
    const no = refusal(cause);
    if (no === null) throw unreachable(cause);
    return reason(no);
  }
}

/** Reads a view of the vault or of a token at the newest block. */
async function read(
  client: PublicClient,
  to: Hex,
  functionName: string,
  args: readonly Hex[],
): Promise<unknown> {
  const abi = [...VAULT_ABI, ...TOKEN_ABI];
  const data = encodeFunctionData({ abi, functionName, args });
  const answer = await ethCall(client, { to, data }, "latest");
  try {
    return decodeFunctionResult({ abi, functionName, data: answer ?? "0x" });
  } catch (cause) {
    throw mismatch(`the contract at ${to} does not answer ${functionName}() as it should`, cause);
  }
}

/** @returns the answer; `0x` where there is no contract, null when it reverts */
async function ethCall(client: PublicClient, call: Call, block: Block): Promise<Hex | null> {
  try {
    return await client.request({ method: "eth_call", params: [{ to: call.to, data: call.data }, block] });
  } catch (cause) {
    if (refusal(cause)?.code !== REVERTED) throw unreachable(cause);
    return null;
  }
}

/** What geth and anvil answer when the contract itself said no. */
const REVERTED = 3;

/** The node's own "no", or null when it did not answer or was busy. */
function refusal(cause: unknown): RpcRequestError | null {
  if (!(cause instanceof BaseError)) return null;
  const found = cause.walk((error) => error instanceof RpcRequestError);
  return found instanceof RpcRequestError && !BUSY.has(found.code) ? found : null;
}

/** The contract's error as it would be written in Solidity, or else the node's words. */
function reason(no: RpcRequestError): string {
  const { data } = no;
  if (typeof data !== "string" || !data.startsWith("0x")) return no.details;
  if (data === "0x") return "reverted without a reason";
  try {
    const { errorName, args } = decodeErrorResult({ abi: [...VAULT_ABI, ...TOKEN_ABI], data: data as Hex });
    return `${errorName}(${(args ?? []).join(", ")})`;
  } catch {
    return `reverted with ${data.slice(0, 10)}`;
  }
}

/** Awaits a question that a healthy node always answers. */
async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw unreachable(cause);
  }
}

function mismatch(message: string, cause: unknown): Fault {
  return new Fault("chain_mismatch", message, { cause });
}

function failed(message: string, cause: unknown): Fault {
  return new Fault("transaction_failed", message, { cause });
}

function unreachable(cause: unknown): Fault {
  const words = cause instanceof BaseError ? cause.shortMessage : String(cause);
  return new Fault("chain_unreachable", `the chain's node does not answer: ${words}`, { cause });
}

function capped(value: unknown): Amount {
  const count = BigInt(value as bigint);
  return amount(count < MAX_AMOUNT ? count : MAX_AMOUNT);
}

function lower(address: Hex): Hex {
  return address.toLowerCase() as Hex;
}
