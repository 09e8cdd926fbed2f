/** The queue on a chain that does what a script says, under a clock that stands still. */
import { describe, expect, it } from "vitest";
import { isFault } from "../../src/base/fault.ts";
import { BUMP_MS, CAP, callNumber, QueueNode, until } from "./queue-node.ts";

/** The first call, sent; what comes of it. */
function sent(node: QueueNode, number = 0) {
  const outcome: { value?: unknown; fault?: unknown } = {};
  const promise = node.queue.send("fund", callNumber(number), 1).then(
    (value) => {
      outcome.value = value;
    },
    (fault: unknown) => {
      outcome.fault = fault;
    },
  );
  return { outcome, promise, isOver: () => outcome.value !== undefined || outcome.fault !== undefined };
}

describe("a transaction", () => {
  it("is journalled, sent, and over when its block is confirmed", async () => {
    const node = new QueueNode();
    const one = sent(node);
    await node.clock.advance(100);
    expect(node.prepared()).toMatchObject([{ nonce: 0, purpose: "fund", replaces: null, rows: 1 }]);
    node.chain.mine();
    await node.clock.advance(2_000);
    expect(one.isOver()).toBe(false);
    expect([...node.queue.mined]).toEqual([[node.prepared()[0]?.transaction, 2n]]);
    node.chain.mine();
    await node.clock.advance(2_000);
    expect(node.queue.mined.size).toBe(0);
    expect(one.outcome.value).toMatchObject({ succeeded: true, block: 2n, gasCost: 5_000_000n });
    expect(node.facts.map(({ kind }) => kind)).toEqual(["transactionPrepared", "transactionMined"]);
    expect(node.state.transactions.size).toBe(0);
    expect(node.broken).toEqual([]);
  });

  it("waits until the one before it is over", async () => {
    const node = new QueueNode();
    const all = [sent(node, 0), sent(node, 1), sent(node, 2)];
    await node.clock.advance(5_000);
    expect(node.prepared()).toHaveLength(1);
    await until(node, () => all.every((each) => each.isOver()));
    expect(node.prepared().map(({ nonce }) => nonce)).toEqual([0, 1, 2]);
    expect(node.chain.effects()).toEqual([0, 1, 2].map((number) => callNumber(number).data));
  });

  it("that reverts is told, and recorded as not succeeded", async () => {
    const node = new QueueNode();
    node.chain.reverting = callNumber(0).data;
    const one = sent(node);
    await until(node, one.isOver);
    expect(isFault(one.outcome.fault, "transaction_failed")).toBe(true);
    expect(node.facts.at(-1)).toMatchObject({ kind: "transactionMined", succeeded: false });
  });

  it("is sent again as it is when a reorganization takes it off the chain", async () => {
    const node = new QueueNode();
    const one = sent(node);
    await node.clock.advance(100);
    node.chain.mine();
    await node.clock.advance(1_000);
    node.chain.reorganize(1, true);
    expect(node.chain.effects()).toEqual([]);
    await until(node, one.isOver);
    expect(node.prepared()).toHaveLength(1);
    expect(node.chain.effects()).toEqual([callNumber(0).data]);
  });

  it("is sent again as it is when the pool has dropped it", async () => {
    const node = new QueueNode();
    const one = sent(node);
    await node.clock.advance(100);
    node.chain.pool.clear();
    await node.clock.advance(BUMP_MS / 2);
    expect(node.chain.pool.size).toBe(1);
    await until(node, one.isOver);
    expect(node.prepared()).toHaveLength(1);
  });

  it("offers an eighth more when it has waited too long, and is found by its old hash too", async () => {
    const node = new QueueNode();
    const one = sent(node);
    await node.clock.advance(100);
    const [original] = [...node.chain.pool];
    await node.clock.advance(2 * BUMP_MS + 1_000);
    const fees = node.prepared().map(({ maxFeePerGas }) => maxFeePerGas);
    expect(fees).toEqual([120n, 136n, 154n]);
    const hashes = node.prepared().map(({ transaction }) => transaction);
    expect(node.prepared().map(({ replaces }) => replaces)).toEqual([null, hashes[0], hashes[1]]);
    expect(new Set(node.prepared().map(({ nonce }) => nonce))).toEqual(new Set([0]));
    // a miner had kept the first one
    node.chain.pool.clear();
    if (original) node.chain.pool.set(...original);
    await until(node, one.isOver);
    expect(one.outcome.value).toMatchObject({ transaction: hashes[0] });
    expect(node.state.transactions.size).toBe(0);
    expect(node.chain.effects()).toEqual([callNumber(0).data]);
  });

  it("says once that its fee is at the cap, and goes on waiting", async () => {
    const node = new QueueNode();
    const one = sent(node);
    await node.clock.advance(100);
    node.chain.baseFee = 10n * CAP;
    for (let turn = 0; turn < 60; turn++) {
      node.chain.mine();
      await node.clock.advance(BUMP_MS / 2);
    }
    expect(node.codes()).toEqual(["transaction_stuck"]);
    expect(node.prepared().every(({ maxFeePerGas }) => maxFeePerGas <= CAP)).toBe(true);
    node.chain.pool.clear();
    await node.clock.advance(BUMP_MS);
    expect(node.chain.pool.size).toBe(1);
    node.chain.baseFee = 100n;
    await until(node, one.isOver);
    expect(node.chain.effects()).toEqual([callNumber(0).data]);
  });

  it("is not signed at all while gas costs more than the cap", async () => {
    const node = new QueueNode();
    node.chain.baseFee = CAP;
    const one = sent(node);
    await node.clock.advance(1_000);
    expect(isFault(one.outcome.fault, "transaction_stuck")).toBe(true);
    expect(node.facts).toEqual([]);
  });

  it("is not bumped while the account cannot pay for it, which is told once", async () => {
    const node = new QueueNode();
    node.chain.funds = 1n;
    const one = sent(node);
    await node.clock.advance(5 * BUMP_MS);
    expect(node.codes()).toEqual(["gas_low"]);
    expect(node.prepared()).toHaveLength(1);
    node.chain.funds = 10n ** 18n;
    await until(node, one.isOver);
    expect(node.chain.effects()).toEqual([callNumber(0).data]);
  });

  it("is dropped when another process has used its nonce, once that is certain", async () => {
    const node = new QueueNode();
    node.chain.confirmations = 3;
    const one = sent(node);
    await node.clock.advance(100);
    await node.chain.foreign(0);
    node.chain.mine();
    await node.clock.advance(20_000);
    expect(one.isOver()).toBe(false);
    await until(node, one.isOver);
    expect(isFault(one.outcome.fault, "key_in_use")).toBe(true);
    expect(node.facts.at(-1)).toMatchObject({ kind: "transactionDropped" });
    const two = sent(node, 1);
    await until(node, two.isOver);
    expect(node.prepared().map(({ nonce }) => nonce)).toEqual([0, 1]);
  });

  it("is not given up for a nonce that a reorganization frees again", async () => {
    const node = new QueueNode();
    node.chain.confirmations = 3;
    const one = sent(node);
    await node.clock.advance(100);
    await node.chain.foreign(0);
    node.chain.mine();
    await node.clock.advance(20_000);
    node.chain.reorganize(1, true);
    await until(node, one.isOver);
    expect(one.outcome.value).toBeDefined();
    expect(node.chain.effects()).toEqual([callNumber(0).data]);
  });

  it("is not over because a receipt says so: the block has to be on the chain", async () => {
    const node = new QueueNode();
    const one = sent(node);
    await node.clock.advance(100);
    node.chain.isLying = true;
    await node.clock.advance(5_000);
    expect(one.isOver()).toBe(false);
    // even when the nonce is used, by another one
    await node.chain.foreign(0);
    node.chain.mine();
    await until(node, one.isOver);
    expect(isFault(one.outcome.fault, "key_in_use")).toBe(true);
  });

  it("lets an unknown transaction of the key go first, and outbids it when it stays", async () => {
    const node = new QueueNode();
    await node.chain.foreign(0);
    const one = sent(node);
    await node.clock.advance(1_000);
    expect(node.facts).toEqual([]);
    node.chain.mine();
    await until(node, one.isOver);
    expect(node.prepared().map(({ nonce }) => nonce)).toEqual([1]);
    await node.chain.foreign(2);
    node.chain.baseFee = 10n ** 10n;
    const two = sent(node, 1);
    await node.clock.advance(BUMP_MS + 5_000);
    expect(node.codes()).toContain("key_in_use");
    expect(isFault(two.outcome.fault, "transaction_stuck")).toBe(true);
  });

  it("fills its nonce with the same bytes when it was confirmed and a deep reorganization drops it", async () => {
    const node = new QueueNode();
    const one = sent(node);
    await until(node, one.isOver);
    node.chain.reorganize(3, true);
    expect(node.chain.effects()).toEqual([]);
    const two = sent(node, 1);
    await until(node, two.isOver);
    expect(node.chain.effects()).toEqual([callNumber(0).data, callNumber(1).data]);
    expect(node.broken).toEqual([]);
  });

  it("behind a gap that nobody remembers waits, fills it with an empty call, and has its effect once", async () => {
    const node = new QueueNode();
    const first = sent(node);
    await until(node, first.isOver);
    sent(node, 1);
    await node.clock.advance(100);
    // both are gone, and so is the memory of the first
    node.chain.reorganize(3, true);
    node.chain.pool.clear();
    node.restart();
    let isOver = false;
    void node.queue.resume().then(() => {
      isOver = true;
    });
    await until(node, () => isOver);
    expect(node.chain.effects()).toEqual(["0x", callNumber(1).data]);
    expect(node.state.transactions.size).toBe(0);
  });

  it("is finished by the next call after an outage", async () => {
    const node = new QueueNode();
    const one = sent(node);
    await node.clock.advance(100);
    node.chain.isDown = true;
    await node.clock.advance(2_000);
    expect(isFault(one.outcome.fault, "chain_unreachable")).toBe(true);
    node.chain.isDown = false;
    const two = sent(node, 1);
    await until(node, two.isOver);
    expect(node.chain.effects()).toEqual([callNumber(0).data, callNumber(1).data]);
    expect(node.prepared()).toHaveLength(2);
    expect(node.facts.filter(({ kind }) => kind === "transactionMined")).toHaveLength(2);
    expect(node.state.transactions.size).toBe(0);
  });
});
