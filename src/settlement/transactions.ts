/**
 * Transactions: what they cost, how they are made, handed to the nodes, and what became of them.
 *
 * Nothing here retries or waits. A node that answers "no" to a transaction is `transaction_failed`, and the contract's
 * own error is decoded into the message.
 */
import { decodeErrorResult, keccak256, numberToHex } from "viem/utils";
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { address, hash32 } from "../protocol/scalar.ts";
import { readBlock } from "./blocks.ts";
import {
  type Call,
  type Prepared,
  type PrepareOptions,
  type Receipt,
  type Signer,
  TOKEN_ABI,
  VAULT_ABI,
} from "./chain.ts";
import { type Answer, disagreement, type Rpc } from "./rpc.ts";
import { quantity, type RpcNode, type RpcRefusal } from "./rpc-node.ts";

/** EIP-7825: no transaction may have a higher gas limit. */
const GAS_CAP = 2n ** 24n;

export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

const receiptShape = z
  .object({
    transactionHash: hash32,
    status: z.enum(["0x0", "0x1"]),
    blockNumber: quantity,
    blockHash: hash32,
    gasUsed: quantity,
    effectiveGasPrice: quantity,
  })
  .nullable();

const sentShape = z
  .object({
    hash: hash32,
    from: address,
    to: address.nullable(),
    input: z.string().regex(/^0x([0-9a-fA-F]{2})*$/),
    gas: quantity,
  })
  .nullable();

/**
 * The next nonce, behind what is mined or behind what waits as well.
 *
 * Of several nodes, what two have reached: one above it would leave a gap, and one node could keep everything from being
 * mined by naming one.
 */
export async function nonceOf(rpc: Rpc, account: Hex, at: "latest" | "pending"): Promise<number> {
  const question = (node: RpcNode) => node.read("eth_getTransactionCount", [account, at], quantity);
  const counts = inOrder(await rpc.every(question));
  return Number(counts.at(-2) ?? counts[0]);
}

/**
 * What gas costs, by the node in the middle: one that names a fee above every cap would keep claims from being sent.
 *
 * @throws {@link Fault} `chain_mismatch` when the chain has no base fee (EIP-1559)
 */
export async function feesNow(rpc: Rpc): Promise<Fees> {
  const answers = await rpc.every(async (node) => {
    const { baseFee } = await readBlock(node, "latest");
    if (baseFee === null) {
      throw new Fault("chain_mismatch", "the chain has no base fee: transactions of EIP-1559 cannot be sent");
    }
    return { baseFee, tip: await suggestedTip(node, baseFee) };
  });
  const baseFee = upperMiddle(answers.map(({ node, value }) => ({ node, value: value.baseFee })));
  // what is offered as a tip is paid, where the base fee is only a limit: of two, the smaller one
  const tips = inOrder(answers.map(({ node, value }) => ({ node, value: value.tip })));
  const tip = tips[(tips.length - 1) >> 1] ?? 0n;
  // the next block's base fee is at most an eighth higher
  return { maxFeePerGas: (baseFee * 6n) / 5n + tip, maxPriorityFeePerGas: tip };
}

/** The value in the middle; of an even number, the higher one of the two. */
function upperMiddle(answers: readonly Answer<bigint>[]): bigint {
  return inOrder(answers)[answers.length >> 1] ?? 0n;
}

function inOrder(answers: readonly Answer<bigint>[]): bigint[] {
  return answers.map(({ value }) => value).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

async function suggestedTip(node: RpcNode, baseFee: bigint): Promise<bigint> {
  const { result, refusal } = await node.ask("eth_maxPriorityFeePerGas", []);
  if (!refusal) return node.shaped("eth_maxPriorityFeePerGas", result, quantity);
  // a node without this method still knows a price that works, base fee included
  const price = await node.read("eth_gasPrice", [], quantity);
  return price > baseFee ? price - baseFee : 0n;
}

/**
 * Builds and signs; sends nothing.
 *
 * @throws {@link Fault} `transaction_failed` when the call would revert now
 */
export async function prepare(
  rpc: Rpc,
  chainId: number,
  signer: Signer,
  call: Call,
  options: PrepareOptions,
): Promise<Prepared> {
  const from = signer.address.toLowerCase() as Hex;
  const earlier = options.replaces;
  const [market, gas, nonce] = await Promise.all([
    feesNow(rpc),
    options.gas ?? estimate(rpc, from, call),
    options.nonce ?? earlier?.nonce ?? nonceOf(rpc, from, "pending"),
  ]);
  const fees = {
    maxFeePerGas: outbid(market.maxFeePerGas, earlier?.maxFeePerGas),
    maxPriorityFeePerGas: outbid(market.maxPriorityFeePerGas, earlier?.maxPriorityFeePerGas),
  };
  const raw = await signer.signTransaction({ type: "eip1559", chainId, nonce, ...call, gas, ...fees });
  return { raw, hash: keccak256(raw), nonce, ...fees };
}

/** A node replaces a waiting transaction when both fees rise by a tenth; an eighth leaves room for rounding. */
function outbid(market: bigint, earlier: bigint | undefined): bigint {
  const least = earlier === undefined ? 0n : (earlier * 9n) / 8n + 1n;
  return market > least ? market : least;
}

/**
 * The estimate of the node in the middle and a fifth more: the state may change before the transaction is mined.
 *
 * @throws {@link Fault} `transaction_failed` when more nodes say that the call reverts than that it does not
 */
async function estimate(rpc: Rpc, from: Hex, call: Call): Promise<bigint> {
  const answers = await rpc.every(async (node) => {
    // not the pending block: what waits there may be the very transaction that this one replaces
    const params = [{ from, to: call.to, data: call.data }, "latest"];
    const { result, refusal } = await node.ask("eth_estimateGas", params);
    return refusal ?? node.shaped("eth_estimateGas", result, quantity);
  });
  const estimates = answers.flatMap(({ node, value }) => (typeof value === "bigint" ? { node, value } : []));
  const refusals = answers.flatMap(({ value }) => (typeof value === "bigint" ? [] : value));
  const [refusal] = refusals;
  if (refusal && refusals.length > estimates.length) {
    throw failed(`the call to ${call.to} would fail: ${reason(refusal)}`);
  }
  const gas = (upperMiddle(estimates) * 6n) / 5n;
  return gas < GAS_CAP ? gas : GAS_CAP;
}

/**
 * Hands a signed transaction to all nodes at once; resolves as soon as one has it.
 *
 * @throws {@link Fault} `transaction_failed` when none takes it and one refused it, `chain_unreachable` when none answers
 */
export async function broadcast(rpc: Rpc, raw: Hex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const told = rpc.all(async (node) => {
    const refused = await hand(node, raw);
    if (refused === null) resolve();
    return refused;
  });
  // the slow ones may take their time: nobody waits for them once one has it
  told.then((answers) => {
    const refused = answers.find(({ value }) => value !== null);
    if (refused?.value) reject(refused.value);
  }, reject);
  await promise;
}

/** @returns why the node does not take it */
async function hand(node: RpcNode, raw: Hex): Promise<Fault | null> {
  const { refusal } = await node.ask("eth_sendRawTransaction", [raw]);
  if (!refusal) return null;
  const hash = keccak256(raw);
  // nodes word "I have it already" in many ways; whether they do is a plain question
  if (await node.read("eth_getTransactionByHash", [hash], sentShape)) return null;
  return failed(`node ${node.name} refuses transaction ${hash}: ${reason(refusal)}`);
}

/**
 * What two nodes, if there are two, say of a mined transaction.
 *
 * @param confirmed - the newest block that counts
 * @throws {@link Fault} `rpc_disagrees` about a block that counts: in newer ones honest nodes may differ for a while
 */
export async function receiptOf(
  rpc: Rpc,
  hash: Hex,
  confirmed: () => Promise<bigint>,
): Promise<Receipt | null> {
  const poll = await rpc.poll((node) => ownReceipt(node, hash), digest);
  if (poll.kind === "agreed") return poll.value;
  if (poll.kind === "silent") return null;
  const last = await confirmed();
  if (poll.answers.every(({ value }) => value !== null && value.block > last)) return null;
  throw disagreement(poll.answers, `the receipt of transaction ${hash}`);
}

function digest(receipt: Receipt | null): string | null {
  return receipt && [receipt.blockHash, receipt.status, receipt.gasUsed, receipt.gasPrice].join();
}

async function ownReceipt(node: RpcNode, hash: Hex): Promise<Receipt | null> {
  const method = "eth_getTransactionReceipt";
  const found = await node.read(method, [hash], receiptShape);
  if (!found) return null;
  if (found.transactionHash !== hash) throw node.trouble(`answers ${method} with another transaction's`);
  return {
    status: found.status === "0x1" ? "success" : "reverted",
    block: found.blockNumber,
    blockHash: found.blockHash,
    gasUsed: found.gasUsed,
    gasPrice: found.effectiveGasPrice,
  };
}

/** Why a transaction did not do what it was sent for; null when it succeeded or waits. */
export async function failureOf(rpc: Rpc, hash: Hex): Promise<string | null> {
  const fates = await rpc.every((node) => fate(node, hash));
  // one that lags, or threw it out of its pool, must not make a living transaction a lost one
  const known = fates.find(({ value }) => value !== undefined);
  return known?.value === undefined ? "the node does not know it" : known.value;
}

/** @returns undefined when the node does not know the transaction */
async function fate(node: RpcNode, hash: Hex): Promise<string | null | undefined> {
  const sent = await node.read("eth_getTransactionByHash", [hash], sentShape);
  if (!sent) return undefined;
  const found = await ownReceipt(node, hash);
  if (found?.status !== "reverted") return null;
  // a receipt has no reason: run the call again on the state just before its block
  const { from, to, input, gas } = sent;
  const call = { from, to, data: input, gas: numberToHex(gas) };
  const { refusal } = await node.ask("eth_call", [call, numberToHex(found.block - 1n)]);
  return refusal ? reason(refusal) : "it reverted in its block and would not have one block before";
}

/** The contract's error as it would be written in Solidity, or else the node's words. */
function reason({ data, message }: RpcRefusal): string {
  if (data === null) return message;
  if (data === "0x") return "reverted without a reason";
  try {
    const { errorName, args } = decodeErrorResult({ abi: [...VAULT_ABI, ...TOKEN_ABI], data });
    return `${errorName}(${(args ?? []).join(", ")})`;
  } catch {
    return `reverted with ${data.slice(0, 10)}`;
  }
}

function failed(message: string): Fault {
  return new Fault("transaction_failed", message);
}
