/** A queue that is held: nothing new is signed, nothing goes to the chain, and all of it goes on afterwards. */
import { expect, it } from "vitest";
import { isFault } from "../../src/base/fault.ts";
import { BUMP_MS, callNumber, QueueNode, until } from "./queue-node.ts";

const ALL = new Set(["new", "waiting"] as const);

function sent(node: QueueNode) {
  const outcome: { value?: unknown; fault?: unknown } = {};
  void node.queue.send("fund", callNumber(0), 1).then(
    (value) => {
      outcome.value = value;
    },
    (fault: unknown) => {
      outcome.fault = fault;
    },
  );
  return { outcome, isOver: () => outcome.value !== undefined || outcome.fault !== undefined };
}

it("signs nothing new", async () => {
  const node = new QueueNode();
  node.held = ALL;
  const one = sent(node);
  await until(node, one.isOver);
  expect(isFault(one.outcome.fault, "usage")).toBe(true);
  expect(node.facts).toEqual([]);
  node.held = new Set();
  const two = sent(node);
  await until(node, two.isOver);
  expect(two.outcome.value).toMatchObject({ succeeded: true });
});

it("signs nothing that was being prepared when it was held", async () => {
  const node = new QueueNode();
  const { prepare } = node.chain.port;
  node.chain.port.prepare = async (...args) => {
    const prepared = await prepare(...args);
    node.held = ALL;
    return prepared;
  };
  node.restart();
  const one = sent(node);
  await until(node, one.isOver);
  expect(isFault(one.outcome.fault, "usage")).toBe(true);
  expect(node.prepared()).toEqual([]);
});

it("does not hand over what it has journalled, until it may", async () => {
  const node = new QueueNode();
  node.crashAt = "after journal";
  const one = sent(node);
  await until(node, one.isOver);
  expect(node.prepared()).toHaveLength(1);
  node.held = ALL;
  node.restart();
  const resumed = node.queue.resume();
  for (let turn = 0; turn < 10; turn++) {
    await node.clock.advance(BUMP_MS);
    node.chain.mine();
  }
  expect([node.chain.effects(), node.prepared().length]).toEqual([[], 1]);
  node.held = new Set();
  let isOver = false;
  void resumed.then(() => {
    isOver = true;
  });
  await until(node, () => isOver);
  expect(node.chain.effects()).toEqual([callNumber(0).data]);
  // the time that it was held is no reason to offer more
  expect(node.prepared()).toHaveLength(1);
});

it("sees to its end what is on its way, and offers no more for it", async () => {
  const node = new QueueNode();
  const one = sent(node);
  await node.clock.advance(100);
  node.held = ALL;
  await node.clock.advance(5 * BUMP_MS);
  expect(node.prepared()).toHaveLength(1);
  await until(node, one.isOver);
  expect(one.outcome.value).toMatchObject({ succeeded: true });
  expect(node.broken).toEqual([]);
});
