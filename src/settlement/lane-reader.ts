/**
 * Lanes as the vault has them, at a block that counts.
 *
 * Gains and losses are read differently. What is believed at "confirmed" was said by two nodes of one and the same block;
 * at "head" the worst that any node says is believed, since acting on it costs a claim's gas and ignoring it a deposit.
 */
import { decodeFunctionResult, encodeFunctionData } from "viem/utils";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { amount } from "../base/money.ts";
import { callInBlock, findBlock, readBlock } from "./blocks.ts";
import { type Block, type LaneKey, type LaneOnChain, VAULT_ABI } from "./chain.ts";
import { disagreement, type Rpc } from "./rpc.ts";
import type { RpcNode } from "./rpc-node.ts";

/** Lanes of one question. Each costs some 3,850 gas to read, and some nodes allow a view 16 million. */
const LANES_AT_ONCE = 4_000;

/** All lanes at one block. */
interface LaneView {
  readonly block: Block;
  readonly lanes: readonly LaneOnChain[];
  /** The same for the same lanes. */
  readonly words: string;
}

export class LaneReader {
  readonly #rpc: Rpc;
  readonly #vault: Hex;
  readonly #confirmations: number | "finalized";

  /** @param confirmations - when a block counts: the newest one has 1, or the chain's own `finalized` mark */
  constructor(rpc: Rpc, vault: Hex, confirmations: number | "finalized") {
    this.#rpc = rpc;
    this.#vault = vault;
    this.#confirmations = confirmations;
  }

  async head(): Promise<Block> {
    return plain(await this.#rpc.first((node) => readBlock(node, "latest")));
  }

  /** @throws {@link Fault} `rpc_disagrees` */
  async confirmed(): Promise<Block> {
    const number = await this.confirmedNumber();
    const question = (node: RpcNode) => readBlock(node, number);
    return plain(await this.#rpc.agreed(question, ({ hash }) => hash, `block ${number}`));
  }

  /** How far the chain counts, as far as two nodes know: the one that is behind decides. */
  async confirmedNumber(): Promise<bigint> {
    const marks = await this.#rpc.some(2, (node) => this.#mark(node));
    return marks.reduce((least, { value }) => (value < least ? value : least), marks[0]?.value ?? 0n);
  }

  /** @throws {@link Fault} `rpc_disagrees`; `chain_unreachable` when only one of the nodes has the block */
  async blockHash(number: bigint): Promise<Hex | null> {
    const question = async (node: RpcNode) => (await findBlock(node, number))?.hash ?? null;
    const poll = await this.#rpc.poll(question, (hash) => hash);
    if (poll.kind === "agreed") return poll.value;
    if (poll.kind === "differ") throw disagreement(poll.answers, `block ${number}`);
    if (poll.answers.every(({ value }) => value === null)) return null;
    throw new Fault("chain_unreachable", `only one node has block ${number}`);
  }

  async lanes(
    keys: readonly LaneKey[],
    at: "confirmed" | "head",
  ): Promise<{ block: bigint; hash: Hex; lanes: LaneOnChain[] }> {
    const { block, lanes } = at === "head" ? await this.#atHead(keys) : await this.#confirmedLanes(keys);
    return { block: block.number, hash: block.hash, lanes: [...lanes] };
  }

  async #confirmedLanes(keys: readonly LaneKey[]): Promise<LaneView> {
    const number = await this.confirmedNumber();
    return await this.#rpc.agreed(
      async (node) => this.#view(node, keys, await readBlock(node, number)),
      ({ block, words }) => block.hash + words,
      `the lanes in block ${number}`,
    );
  }

  async #atHead(keys: readonly LaneKey[]): Promise<LaneView> {
    const question = async (node: RpcNode) => this.#view(node, keys, await readBlock(node, "latest"));
    const views = (await this.#rpc.every(question)).map(({ value }) => value);
    return views.reduce((one, other) => ({
      block: other.block.number > one.block.number ? other.block : one.block,
      lanes: one.lanes.map((lane, index) => worse(lane, other.lanes[index] ?? lane)),
      words: "",
    }));
  }

  async #mark(node: RpcNode): Promise<bigint> {
    if (this.#confirmations === "finalized") return (await readBlock(node, "finalized")).number;
    const mark = (await readBlock(node, "latest")).number - BigInt(this.#confirmations - 1);
    // a chain that is shorter than that counts from its first block
    return mark < 0n ? 0n : mark;
  }

  async #view(node: RpcNode, keys: readonly LaneKey[], block: Block): Promise<LaneView> {
    const parts: Promise<readonly bigint[]>[] = [];
    for (let start = 0; start < keys.length; start += LANES_AT_ONCE) {
      parts.push(this.#words(node, keys.slice(start, start + LANES_AT_ONCE), block));
    }
    const words = (await Promise.all(parts)).flat();
    const lanes = words.map(laneFromWord);
    const isSane = lanes.every(({ settled, deposit }) => settled <= deposit);
    if (!isSane) throw node.trouble("shows a lane with more settled than deposited");
    return { block, lanes, words: words.join() };
  }

  async #words(node: RpcNode, keys: readonly LaneKey[], block: Block): Promise<readonly bigint[]> {
    const packed = keys.map((key) => key.payer.slice(2) + key.payee.slice(2) + key.token.slice(2)).join("");
    const data = encodeFunctionData({ abi: VAULT_ABI, functionName: "lanes", args: [`0x${packed}`] });
    const answer = await callInBlock(node, { to: this.#vault, data }, block);
    // before the vault's own block there is nothing at its address, and no lane
    if (answer === "0x") return keys.map(() => 0n);
    if (answer === null) throw new Fault("impossible", "a lane key is not three addresses of 20 bytes");
    const words = wordsIn(node, answer);
    if (words.length !== keys.length) throw node.trouble("leaves out lanes");
    return words;
  }
}

function wordsIn(node: RpcNode, answer: Hex): readonly bigint[] {
  try {
    const found = decodeFunctionResult({ abi: VAULT_ABI, functionName: "lanes", data: answer });
    return found as readonly bigint[];
  } catch (cause) {
    throw node.trouble("answers for the vault in a wrong shape", cause);
  }
}

/** settled: bits 0..95, deposit: 96..191, closeAt: 192..223, window: 224..231, epoch: 232..255. */
export function laneFromWord(word: bigint): LaneOnChain {
  return {
    settled: amount(BigInt.asUintN(96, word)),
    deposit: amount(BigInt.asUintN(96, word >> 96n)),
    closeAt: Number(BigInt.asUintN(32, word >> 192n)),
    window: Number(BigInt.asUintN(8, word >> 224n)),
    epoch: Number(word >> 232n),
  };
}

/** What the payee must reckon with when two nodes differ on a lane. */
function worse(one: LaneOnChain, other: LaneOnChain): LaneOnChain {
  if (one.epoch !== other.epoch) return one.epoch > other.epoch ? one : other;
  const closes = [one.closeAt, other.closeAt].filter((at) => at !== 0);
  const closeAt = closes.length === 0 ? 0 : Math.min(...closes);
  return { ...(other.deposit < one.deposit ? other : one), closeAt };
}

function plain({ number, hash, time }: Block): Block {
  return { number, hash, time };
}
