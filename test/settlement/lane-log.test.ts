import { type Abi, encodeAbiParameters, encodeEventTopics } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { VAULT_ABI } from "../../src/settlement/chain.ts";
import { LaneLog } from "../../src/settlement/lane-log.ts";
import { RpcNode } from "../../src/settlement/rpc-node.ts";
import { type FakeNode, type Reply, startFakeNode } from "./fake-node.ts";

type Filter = {
  readonly fromBlock: string;
  readonly toBlock: string;
  readonly topics: readonly (string | string[] | null)[];
};

const VAULT: Hex = `0x${"aa".repeat(20)}`;
const key = {
  payer: `0x${"01".repeat(20)}` as Hex,
  payee: `0x${"02".repeat(20)}` as Hex,
  token: `0x${"03".repeat(20)}` as Hex,
};
const HEAD = 25_000n;
const CLOSED = 24_500n;

const hex = (count: bigint) => `0x${count.toString(16)}`;

/** An event as a node gives it. */
function log(block: bigint, eventName: string, words: readonly bigint[], rows?: readonly Hex[]) {
  const { payer, payee, token } = key;
  const args = rows ? { payee, token } : { payer, payee, token };
  const types = words.map(() => ({ type: "uint256" }));
  const data = rows
    ? encodeAbiParameters([{ type: "uint256" }, { type: "bytes32[]" }], [words[0] ?? 0n, rows])
    : encodeAbiParameters(types, words);
  const topics = encodeEventTopics({ abi: VAULT_ABI as Abi, eventName, args } as never);
  return { address: VAULT, topics, data, blockNumber: hex(block), logIndex: "0x0" };
}

/** A lane that was claimed early, and closed 24,000 blocks later. */
const LOGS = [
  log(100n, "LaneFunded", [100n, 100n << 96n]),
  log(200n, "Claimed", [42n], [`${key.payer}${"2a".padStart(24, "0")}`]),
  log(CLOSED, "LaneClosed", [0n, 58n, 1n << 232n]),
  log(CLOSED + 1n, "LaneFunded", [7n, (7n << 96n) | (1n << 232n)]),
  log(CLOSED + 2n, "CloseRequested", [(7n << 96n) | (9_999n << 192n) | (1n << 232n)]),
];

describe("LaneLog", () => {
  let fake: FakeNode;
  let node: RpcNode;
  let spans: { readonly from: bigint; readonly to: bigint }[];
  const vault = new LaneLog(VAULT);

  beforeAll(async () => {
    fake = await startFakeNode(null, 7);
  });
  beforeEach(() => {
    node = new RpcNode({ url: fake.url, chainId: 7, clock: systemClock, timeoutMs: 5_000, restMs: 1 });
    spans = [];
    answer(() => undefined);
  });
  afterAll(() => fake.stop());

  /** Serves the logs, except where `refuse` has something else to say of a range. */
  const answer = (refuse: (blocks: bigint) => Reply | undefined) => {
    fake.answer = (method, [first]) => {
      if (method === "eth_getBlockByNumber") {
        const number = first === "latest" ? hex(HEAD) : first;
        return { result: { number, hash: `0x${"11".repeat(32)}`, timestamp: "0x1" } };
      }
      if (method !== "eth_getLogs") return undefined;
      const { fromBlock, toBlock, topics } = first as Filter;
      const [from, to] = [BigInt(fromBlock), BigInt(toBlock)];
      const refused = refuse(to - from + 1n);
      if (refused) return refused;
      spans.push({ from, to });
      const isWithin = ({ blockNumber }: { blockNumber: string }) =>
        BigInt(blockNumber) >= from && BigInt(blockNumber) <= to;
      const isAsked = (each: (typeof LOGS)[number]) =>
        topics.every((topic, index) => topic === null || [topic].flat().includes(String(each.topics[index])));
      return { result: LOGS.filter((each) => isWithin(each) && isAsked(each)) };
    };
  };
  const blocks = () => spans.map(({ from, to }) => to - from + 1n);
  const refuse = (code: number, message: string): Reply => ({ error: { code, message } });

  it("reads ranges of 10,000 blocks, without a gap", async () => {
    const found = await vault.closeRequests(node, { from: 0n, to: HEAD });
    expect(found).toEqual([{ ...key, closeAt: 9_999, block: CLOSED + 2n }]);
    expect(spans).toEqual([
      { from: 0n, to: 9_999n },
      { from: 10_000n, to: 19_999n },
      { from: 20_000n, to: HEAD },
    ]);
  });

  it("asks for no block that is not there yet", async () => {
    expect(await vault.closeRequests(node, { from: 24_000n, to: 10n ** 9n })).toHaveLength(1);
    expect(spans).toEqual([{ from: 24_000n, to: HEAD }]);
    expect(await vault.closeRequests(node, { from: HEAD + 1n, to: 10n ** 9n })).toEqual([]);
  });

  it.each([
    ["refuses wide ranges", -32_602, "exceed maximum block range: 900"],
    ["finds the results too many", -32_005, "query returned more than 10000 results"],
    ["says nothing in particular", -32_000, "no"],
  ])("narrows its ranges for a node that %s", async (_, code, message) => {
    answer((count) => (count > 900n ? refuse(code, message) : undefined));
    expect(await vault.closeRequests(node, { from: 0n, to: HEAD })).toHaveLength(1);
    expect(Math.max(...blocks().map(Number))).toBeLessThanOrEqual(900);
    expect(spans[0]?.from).toBe(0n);
    expect(spans.at(-1)?.to).toBe(HEAD);
    for (const [index, { from }] of spans.slice(1).entries())
      expect(from).toBe((spans[index]?.to ?? 0n) + 1n);
  });

  it("widens them again behind a crowded place", async () => {
    let isCrowded = true;
    answer((count) => {
      if (isCrowded && count > 1n) return refuse(-32_005, "too many results");
      isCrowded = false;
      return undefined;
    });
    await vault.closeRequests(node, { from: 0n, to: HEAD });
    expect(blocks().slice(0, 5)).toEqual([1n, 2n, 4n, 8n, 16n]);
    expect(blocks().length).toBeLessThan(20);
  });

  it("gives up when not even one block is answered", async () => {
    answer(() => refuse(-32_000, "the index is being built"));
    await expect(vault.closeRequests(node, { from: 0n, to: HEAD })).rejects.toThrow(
      expect.objectContaining({
        code: "chain_unreachable",
        message: expect.stringMatching(/the index is being built/),
      }),
    );
  });

  it("looks back as far as it takes to know what an epoch had settled", async () => {
    const ends = [{ epoch: 0, settled: 42n, block: CLOSED }];
    expect(await vault.ends(node, key, { from: 150n, to: HEAD })).toEqual(ends);
    expect(Math.min(...spans.map(({ from }) => Number(from)))).toBe(150);
    spans = [];
    expect(await vault.ends(node, key, { from: CLOSED, to: HEAD })).toEqual(ends);
    const oldest = spans.reduce((least, { from }) => (from < least ? from : least), HEAD);
    expect(oldest).toBeLessThanOrEqual(200n);
    expect(await vault.ends(node, key, { from: CLOSED + 1n, to: HEAD })).toEqual([]);
  });

  it("takes nothing for settled when the lane has no past", async () => {
    const stranger = { ...key, payer: `0x${"09".repeat(20)}` as Hex };
    expect(await vault.ends(node, stranger, { from: 0n, to: HEAD })).toEqual([]);
    expect(await vault.lanesOf(node, stranger.payer, 0n)).toEqual([]);
  });

  it("finds an account's lanes, once for each event", async () => {
    expect(await vault.lanesOf(node, key.payee, CLOSED)).toEqual([key, key, key]);
    expect(await vault.lanesOf(node, key.payer, CLOSED + 1n)).toEqual([key, key]);
  });
});
