/**
 * Lanes as a chain shows them, by JSON-RPC and nothing else.
 *
 * Two blocks are read: what a payer has put in counts at a confirmed one, for it could be taken away by a reorganization; that it
 * wants out counts at the newest, for nobody gains by doubting that.
 */
import { decodeFunctionResult, encodeFunctionData } from "viem/utils";
import type { Hex } from "../../src/base/bytes.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import { fetchJson } from "./http.ts";
import type { LaneReader, LaneReading } from "./lane-reader.ts";

export type ChainLanesOptions = {
  /** JSON-RPC endpoints of the same chain, asked in this order until one answers; at least one. */
  readonly urls: readonly string[];
  readonly chainId: number;
  readonly vault: Hex;
  /** Blocks until one counts as confirmed, where the newest has 1; or the chain's own `finalized` mark. */
  readonly confirmations: number | "finalized";
  readonly clock?: Clock;
};

const LANE_ABI = [
  {
    type: "function",
    name: "lane",
    stateMutability: "view",
    inputs: [
      { name: "payer", type: "address" },
      { name: "payee", type: "address" },
      { name: "token", type: "address" },
    ],
    outputs: [
      { name: "settled", type: "uint96" },
      { name: "deposited", type: "uint96" },
      { name: "closeAt", type: "uint32" },
      { name: "window", type: "uint8" },
      { name: "epoch", type: "uint24" },
    ],
  },
] as const;

/** Stands for the end of a lane that was closed at once, without a window: long ago. */
const CLOSED = 1;

/**
 * Reads lanes from a chain.
 *
 * @throws {@link Fault} `usage` without a URL, or with a number of confirmations below 1
 */
export function chainLanes(options: ChainLanesOptions): LaneReader {
  const { urls, confirmations } = options;
  if (urls.length === 0) throw new Fault("usage", "at least one JSON-RPC URL is needed");
  if (confirmations !== "finalized" && !(Number.isInteger(confirmations) && confirmations >= 1)) {
    throw new Fault("usage", "confirmations are a whole number from 1, or finalized");
  }
  const nodes = urls.map((url) => new Node(url, options));
  return {
    lane: async (payer, payee, token) => {
      let last: unknown = null;
      for (const node of nodes) {
        try {
          return await node.lane(payer, payee, token);
        } catch (error) {
          last = error;
        }
      }
      throw last;
    },
  };
}

class Node {
  readonly #url: string;
  readonly #options: ChainLanesOptions;
  readonly #clock: Clock;
  /** It has said that it is on the right chain. */
  #isKnown: boolean = false;

  constructor(url: string, options: ChainLanesOptions) {
    this.#url = url;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async lane(payer: Hex, payee: Hex, token: Hex): Promise<LaneReading> {
    await this.#mustBeOurs();
    const block = await this.#confirmed();
    const data = encodeFunctionData({ abi: LANE_ABI, functionName: "lane", args: [payer, payee, token] });
    const at = (tag: string) => this.#call(data, tag);
    const [confirmed, newest] = await Promise.all([at(`0x${block.toString(16)}`), at("latest")]);
    return { ...joined(confirmed, newest), block };
  }

  async #mustBeOurs(): Promise<void> {
    if (this.#isKnown) return;
    const { chainId } = this.#options;
    const found = Number(await this.#ask("eth_chainId", []));
    if (found !== chainId) {
      throw new Fault("chain_mismatch", `expected chain ${chainId}, the node is on ${found}`, {
        facts: { chainId, found },
      });
    }
    this.#isKnown = true;
  }

  async #confirmed(): Promise<bigint> {
    const { confirmations } = this.#options;
    const tag = confirmations === "finalized" ? "finalized" : "latest";
    const head = await this.#ask("eth_getBlockByNumber", [tag, false]);
    const number = Reflect.get(Object(head), "number");
    if (typeof number !== "string" || !/^0x[0-9a-f]+$/.test(number)) throw this.#odd(`no ${tag} block`);
    const back = confirmations === "finalized" ? 0n : BigInt(confirmations - 1);
    return BigInt(number) > back ? BigInt(number) - back : 0n;
  }

  async #call(data: Hex, block: string): Promise<LaneReading> {
    const { vault } = this.#options;
    const result = await this.#ask("eth_call", [{ to: vault, data }, block]);
    if (result === "0x") throw new Fault("chain_mismatch", `no vault at ${vault}`, { facts: { vault } });
    if (typeof result !== "string" || !/^0x[0-9a-f]+$/.test(result)) throw this.#odd("no answer to a call");
    const [settled, deposit, closeAt, window, epoch] = this.#decoded(result as Hex);
    return { epoch, deposit: amount(deposit), settled: amount(settled), closeAt, window };
  }

  #decoded(data: Hex) {
    try {
      return decodeFunctionResult({ abi: LANE_ABI, functionName: "lane", data });
    } catch (cause) {
      const { vault } = this.#options;
      throw new Fault("chain_mismatch", `what is at ${vault} is no LaneVault`, { cause, facts: { vault } });
    }
  }

  async #ask(method: string, params: readonly unknown[]): Promise<unknown> {
    const answer = await fetchJson(this.#clock, this.#url, { jsonrpc: "2.0", id: 1, method, params });
    const { result, error } = Object(answer) as { result?: unknown; error?: { message?: unknown } };
    if (error || result === undefined) throw this.#odd(`${method}: ${String(error?.message ?? "no result")}`);
    return result;
  }

  #odd(what: string): Fault {
    const host = URL.parse(this.#url)?.host ?? "";
    return new Fault("chain_unreachable", `${host}: ${what}`, { facts: { host } });
  }
}

function joined(confirmed: LaneReading, newest: LaneReading): LaneReading {
  // A node behind a balancer may be older than the one that named the confirmed block.
  if (newest.epoch < confirmed.epoch) return confirmed;
  if (newest.epoch > confirmed.epoch) return { ...confirmed, closeAt: confirmed.closeAt || CLOSED };
  const { epoch, closeAt, window } = newest;
  const settled = newest.settled > confirmed.settled ? newest.settled : confirmed.settled;
  return { epoch, deposit: confirmed.deposit, settled, closeAt, window };
}
