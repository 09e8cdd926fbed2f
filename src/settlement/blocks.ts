/** Blocks and views of one node: what everything else that is read from it stands on. */
import { numberToHex } from "viem/utils";
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { hash32 } from "../protocol/scalar.ts";
import type { Block, Call } from "./chain.ts";
import { quantity, type RpcNode, type RpcRefusal } from "./rpc-node.ts";

/** A block's own number, or one of the marks that a node keeps. */
type BlockAt = bigint | "latest" | "finalized";

/** How a call names the state it is about: EIP-1898 by hash, otherwise by number or mark. */
type StateAt = BlockAt | { readonly blockHash: Hex };

const blockShape = z
  .object({ number: quantity, hash: hash32, timestamp: quantity, baseFeePerGas: quantity.optional() })
  .nullable();

const bytesShape = z
  .string()
  .regex(/^0x([0-9a-fA-F]{2})*$/)
  .transform((text) => text as Hex);

/** A block with what gas costs in it; null on chains that have no such thing. */
export type PricedBlock = Block & { readonly baseFee: bigint | null };

/** Codes of nodes that say a contract reverted: geth, anvil and most others; Nethermind. */
const REVERTED: ReadonlySet<number> = new Set([3, -32_015]);

/** Whether it was the contract that said no, and not the node. */
function isRevert({ code, message }: RpcRefusal): boolean {
  return REVERTED.has(code) || /\brevert/i.test(message);
}

/** @returns null when the node has no such block (yet) */
export async function findBlock(node: RpcNode, at: BlockAt): Promise<PricedBlock | null> {
  const method = "eth_getBlockByNumber";
  const found = await node.read(method, [typeof at === "bigint" ? numberToHex(at) : at, false], blockShape);
  if (!found) return null;
  const { number, hash, timestamp, baseFeePerGas } = found;
  if (typeof at === "bigint" && at !== number) throw node.trouble(`answers ${method} with another block`);
  if (at === "latest") node.sawHead(number);
  return { number, hash, time: Number(timestamp), baseFee: baseFeePerGas ?? null };
}

/** @throws {@link Fault} `chain_unreachable` when the node has no such block (yet) */
export async function readBlock(node: RpcNode, at: BlockAt): Promise<PricedBlock> {
  const found = await findBlock(node, at);
  if (found) return found;
  const message = `node ${node.name} has no block ${at}`;
  throw new Fault("chain_unreachable", message, { facts: { node: node.name } });
}

/** @returns the answer; `0x` where there is no contract, null when it reverts */
export async function callAt(node: RpcNode, { to, data }: Call, at: StateAt): Promise<Hex | null> {
  const { result, refusal } = await node.ask("eth_call", [{ to, data }, stateName(at)]);
  if (!refusal) return node.shaped("eth_call", result, bytesShape);
  if (isRevert(refusal)) return null;
  throw node.refused("eth_call", refusal);
}

/**
 * Reads a view in exactly this block, which a chain that reorganizes meanwhile cannot exchange for another one.
 *
 * @throws {@link Fault} `chain_reorganized` when the node reads by number only and the block has gone
 */
export async function callInBlock(node: RpcNode, { to, data }: Call, block: Block): Promise<Hex | null> {
  const named = { blockHash: block.hash, requireCanonical: true };
  const { result, refusal } = await node.ask("eth_call", [{ to, data }, named]);
  if (!refusal) return node.shaped("eth_call", result, bytesShape);
  if (isRevert(refusal)) return null;
  // no EIP-1898 here, or the block has just gone
  const answer = await callAt(node, { to, data }, block.number);
  const { hash } = await readBlock(node, block.number);
  if (hash === block.hash) return answer;
  throw new Fault(
    "chain_reorganized",
    `block ${block.number} was exchanged while node ${node.name} read it`,
    {
      facts: { node: node.name, block: block.number, was: block.hash, is: hash },
    },
  );
}

function stateName(at: StateAt): unknown {
  return typeof at === "bigint" ? numberToHex(at) : at;
}
