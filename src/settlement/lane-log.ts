/**
 * What the vault's events tell of lanes.
 *
 * Nodes and providers limit how much one question about events may cover, each in its own way and words. A range that is
 * refused is halved until it is answered, down to a single block.
 */
import type { AbiEvent } from "viem";
import { decodeEventLog, encodeEventTopics, numberToHex, pad } from "viem/utils";
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { type Amount, add, amount, ZERO } from "../base/money.ts";
import { address, hash32 } from "../protocol/scalar.ts";
import { readBlock } from "./blocks.ts";
import { type CloseRequest, type LaneEnd, type LaneKey, VAULT_ABI } from "./chain.ts";
import { laneFromWord } from "./lane-reader.ts";
import { quantity, type RpcNode } from "./rpc-node.ts";

/** Blocks that one question covers at first. What most providers allow. */
const RANGE = 10_000n;

/** The events that say the whole lane, and name its payer, payee and token in this order. */
const LANE_EVENTS = ["LaneFunded", "LaneGifted", "CloseRequested", "LaneClosed"] as const;

type Topics = readonly (Hex | readonly Hex[] | null)[];

type Span = { readonly from: bigint; readonly to: bigint };

const logShape = z.object({
  address,
  topics: z.array(hash32).max(4),
  data: z.string().regex(/^0x([0-9a-fA-F]{2})*$/),
  blockNumber: quantity,
  logIndex: quantity,
});

const logsShape = z.array(logShape);

/** One event, in the order of the chain. */
type Told = { readonly block: bigint; readonly index: bigint; readonly event: VaultEvent };

type VaultEvent =
  | { readonly name: "Claimed"; readonly payee: Hex; readonly token: Hex; readonly rows: readonly Hex[] }
  | (LaneKey & {
      readonly name: (typeof LANE_EVENTS)[number];
      readonly word: bigint;
      readonly credited: bigint;
    });

/** Reads what the events of one vault say, from one node at a time. */
export class LaneLog {
  readonly #vault: Hex;

  constructor(vault: Hex) {
    this.#vault = vault;
  }

  /**
   * How the epochs ended that were closed within the span, oldest first.
   *
   * @throws {@link Fault} `chain_unreachable` when the node does not know the span's last block or its events
   */
  async ends(node: RpcNode, key: LaneKey, span: Span): Promise<LaneEnd[]> {
    await readBlock(node, span.to);
    const ends: LaneEnd[] = [];
    let settled: Amount | null = null;
    for (const { block, event } of await this.#history(node, key, span)) {
      if (event.name === "LaneClosed") {
        settled ??= await this.#settledBefore(node, key, span.from);
        const total = add(settled, amount(event.credited));
        ends.push({ epoch: laneFromWord(event.word).epoch - 1, settled: total, block });
      }
      settled = settledAfter(event, key) ?? settled;
    }
    return ends;
  }

  /** The lanes of an account of which anything is told since a block. */
  async lanesOf(node: RpcNode, account: Hex, from: bigint): Promise<LaneKey[]> {
    const { number: to } = await readBlock(node, "latest");
    const signatures = LANE_EVENTS.map(signatureOf);
    const told = [
      ...(await this.#read(node, [signatures, word(account)], { from, to })),
      ...(await this.#read(node, [signatures, null, word(account)], { from, to })),
    ];
    const keys = told.flatMap(({ event }) => (event.name === "Claimed" ? [] : [event]));
    return keys.map(({ payer, payee, token }) => ({ payer, payee, token }));
  }

  async closeRequests(node: RpcNode, span: Span): Promise<CloseRequest[]> {
    const { number: head } = await readBlock(node, "latest");
    // asked for more, some nodes answer with an error
    const known = { from: span.from, to: span.to < head ? span.to : head };
    const told = await this.#read(node, [signatureOf("CloseRequested")], known);
    return told.flatMap(({ block, event }) => {
      if (event.name === "Claimed") return [];
      const { payer, payee, token, word } = event;
      return [{ payer, payee, token, closeAt: laneFromWord(word).closeAt, block }];
    });
  }

  /** Everything that happened to one lane within the span. */
  async #history(node: RpcNode, key: LaneKey, span: Span): Promise<Told[]> {
    const { payer, payee, token } = key;
    const ends = [word(payer), word(payee), word(token)];
    const told = [
      ...(await this.#read(node, [LANE_EVENTS.map(signatureOf), ...ends], span)),
      ...(await this.#read(node, [signatureOf("Claimed"), word(payee), word(token)], span)),
    ];
    return told.filter(({ event }) => settledAfter(event, key) !== null).sort(inOrder);
  }

  /** What was settled in the epoch that was open before a block: the last event before it tells. */
  async #settledBefore(node: RpcNode, key: LaneKey, block: bigint): Promise<Amount> {
    for (let to = block - 1n; to >= 0n; to -= RANGE) {
      const from = to >= RANGE ? to - RANGE + 1n : 0n;
      const last = (await this.#history(node, key, { from, to })).at(-1);
      const settled = last && settledAfter(last.event, key);
      if (settled !== undefined && settled !== null) return settled;
    }
    return ZERO;
  }

  async #read(node: RpcNode, topics: Topics, { from, to }: Span): Promise<Told[]> {
    const told: Told[] = [];
    let size = RANGE;
    for (let start = from; start <= to; ) {
      const end = start + size - 1n < to ? start + size - 1n : to;
      const found = await this.#ask(node, topics, { from: start, to: end });
      if (found) {
        told.push(...found);
        start = end + 1n;
        // one crowded place must not make the rest of the way slow
        size = size * 2n < RANGE ? size * 2n : RANGE;
      } else {
        size = (end - start + 1n) / 2n;
      }
    }
    return told;
  }

  /** @returns null when the node finds that too much at once */
  async #ask(node: RpcNode, topics: Topics, { from, to }: Span): Promise<Told[] | null> {
    const span = { fromBlock: numberToHex(from), toBlock: numberToHex(to) };
    const { result, refusal } = await node.ask("eth_getLogs", [{ address: this.#vault, topics, ...span }]);
    if (refusal && from < to) return null;
    if (refusal) throw node.refused("eth_getLogs", refusal);
    return node.shaped("eth_getLogs", result, logsShape).map((log) => {
      const { blockNumber: block, logIndex: index } = log;
      if (log.address !== this.#vault || block < from || block > to) {
        throw node.trouble("answers eth_getLogs with what was not asked for");
      }
      return { block, index, event: this.#decode(node, log) };
    });
  }

  #decode(node: RpcNode, { topics, data }: z.output<typeof logShape>): VaultEvent {
    try {
      const [signature, ...rest] = topics;
      const found = decodeEventLog({
        abi: VAULT_ABI,
        data: data as Hex,
        topics: [signature ?? "0x", ...rest],
      });
      return lowered({ name: found.eventName, credited: 0n, ...found.args }) as unknown as VaultEvent;
    } catch (cause) {
      throw node.trouble("answers eth_getLogs with what is no event of the vault", cause);
    }
  }
}

/** What is settled in the lane's open epoch after the event; null when it is about other lanes. */
function settledAfter(event: VaultEvent, { payer, payee, token }: LaneKey): Amount | null {
  if (event.payee !== payee || event.token !== token) return null;
  if (event.name === "Claimed") {
    // payer 20 | settled 12; the last row of a lane stands
    const row = event.rows.findLast((each) => each.slice(0, 42) === payer);
    return row === undefined ? null : amount(BigInt(`0x${row.slice(42)}`));
  }
  return event.payer === payer ? laneFromWord(event.word).settled : null;
}

function signatureOf(eventName: string): Hex {
  const abi = VAULT_ABI.filter((item): item is AbiEvent => item.type === "event" && item.name === eventName);
  const [topic] = encodeEventTopics({ abi, eventName });
  return topic as Hex;
}

function word(account: Hex): Hex {
  return pad(account, { size: 32 });
}

/** viem writes addresses with a checksum. */
function lowered(args: Record<string, unknown>): Record<string, unknown> {
  const lower = ([name, value]: [string, unknown]) => {
    const isHex = typeof value === "string" && value.startsWith("0x");
    return [name, isHex ? value.toLowerCase() : value];
  };
  return Object.fromEntries(Object.entries(args).map(lower));
}

function inOrder(a: Told, b: Told): number {
  return Number(a.block - b.block) || Number(a.index - b.index);
}
