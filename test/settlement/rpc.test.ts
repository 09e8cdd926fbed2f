import { beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../src/base/fault.ts";
import { Rpc } from "../../src/settlement/rpc.ts";
import { quantity, RpcNode } from "../../src/settlement/rpc-node.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";
import { type FakeNode, startFakeNode } from "./fake-node.ts";

const fault = (code: string, message = /(?:)/) =>
  expect.objectContaining({ name: "Fault", code, message: expect.stringMatching(message) });

describe("Rpc", () => {
  let fakes: FakeNode[];
  let clock: ManualClock;
  let told: Fault[];

  beforeEach(async () => {
    fakes = await Promise.all([1, 2, 3, 4].map(() => startFakeNode(null, 7)));
    clock = new ManualClock();
    told = [];
    return async () => {
      for (const { stop } of fakes) await stop();
    };
  });

  const nodes = (count: number) =>
    fakes
      .slice(0, count)
      .map(({ url }) => new RpcNode({ url, chainId: 7, clock, timeoutMs: 1_000, restMs: 30_000 }));
  const open = (count: number) => new Rpc(nodes(count), (each) => told.push(each));
  /** What each node says for the number of its newest block; null for HTTP 503. */
  const say = (...numbers: (string | null)[]) => {
    for (const [index, number] of numbers.entries()) {
      const fake = fakes[index] as FakeNode;
      fake.answer = (method) => {
        if (number === null) return { status: 503, text: "" };
        return method === "eth_chainId" ? undefined : { result: number };
      };
    }
  };
  const number = (node: RpcNode) => node.read("eth_blockNumber", [], quantity);
  const asked = () => fakes.map((fake) => fake.asked.filter((each) => each === "eth_blockNumber").length);

  it("asks the first node as long as it answers", async () => {
    const rpc = open(3);
    say("0x1", "0x2", "0x3");
    expect(await rpc.first(number)).toBe(1n);
    expect(await rpc.first(number)).toBe(1n);
    expect(asked()).toEqual([2, 0, 0, 0]);
  });

  it("passes over one that is out of order, and asks it first again after its rest", async () => {
    const rpc = open(2);
    say(null, "0x2");
    expect(await rpc.first(number)).toBe(2n);
    say("0x1", "0x2");
    expect(await rpc.first(number)).toBe(2n);
    clock.advance(30_000);
    expect(await rpc.first(number)).toBe(1n);
  });

  it("comes back to resting nodes when no other answers", async () => {
    const rpc = open(2);
    say(null, "0x2");
    expect(await rpc.first(number)).toBe(2n);
    say("0x1", null);
    expect(await rpc.first(number)).toBe(1n);
  });

  it("waits for a silent node once, for its time", async () => {
    const rpc = open(2);
    say("0x1", "0x2");
    await rpc.all(number);
    (fakes[0] as FakeNode).answer = () => "silence";
    const request = fakes[0]?.nextRequest();
    const asking = rpc.first(number);
    await request;
    expect(asked()).toEqual([2, 1, 0, 0]);
    clock.advance(1_000);
    expect(await asking).toBe(2n);
    expect(await rpc.first(number)).toBe(2n);
    expect(asked()).toEqual([2, 3, 0, 0]);
  });

  it("says what is wrong with each when none answers, or the worst of it", async () => {
    say(null, null);
    const names = fakes.slice(0, 2).map(({ name }) => name);
    await expect(open(2).first(number)).rejects.toThrow(
      fault("chain_unreachable", new RegExp(`${names[0]} says HTTP 503; node ${names[1]} says HTTP 503`)),
    );
    (fakes[1] as FakeNode).answer = () => ({ result: "0x8" });
    await expect(open(2).first(number)).rejects.toThrow(fault("chain_mismatch", /expected chain 7/));
  });

  it("throws what is no node's trouble at once", async () => {
    const rpc = open(2);
    say("0x1", "0x2");
    const failed = new Fault("transaction_failed", "no");
    let times = 0;
    const question = (): Promise<never> => {
      times++;
      return Promise.reject(failed);
    };
    await expect(rpc.first(question)).rejects.toBe(failed);
    expect(times).toBe(1);
  });

  it("asks every node that is not resting, in their order", async () => {
    const rpc = open(3);
    say("0x1", null, "0x3");
    expect((await rpc.every(number)).map(({ value }) => value)).toEqual([1n, 3n]);
    say("0x1", "0x2", "0x3");
    expect((await rpc.every(number)).map(({ value }) => value)).toEqual([1n, 3n]);
    expect((await rpc.all(number)).map(({ value }) => value)).toEqual([1n, 2n, 3n]);
    expect((await rpc.every(number)).map(({ value }) => value)).toEqual([1n, 2n, 3n]);
  });

  describe("agreement", () => {
    const agreed = (rpc: Rpc) => rpc.agreed(number, String, "the block");

    it("is not asked for with one node", async () => {
      say("0x5");
      expect(await agreed(open(1))).toBe(5n);
    });

    it("needs two, and a third one is asked only when one of them fails", async () => {
      say("0x5", "0x5", "0x6");
      expect(await agreed(open(3))).toBe(5n);
      expect(asked()).toEqual([1, 1, 0, 0]);
      say("0x6", null, "0x6");
      expect(await agreed(open(3))).toBe(6n);
    });

    it("believes nothing when two differ, and names them", async () => {
      say("0x5", "0x6");
      const [one, other] = fakes.map(({ name }) => name);
      await expect(agreed(open(2))).rejects.toThrow(
        expect.objectContaining({ code: "rpc_disagrees", facts: { one, other } }),
      );
    });

    it("believes nothing when all three differ", async () => {
      say("0x5", "0x6", "0x7");
      await expect(agreed(open(3))).rejects.toThrow(fault("rpc_disagrees"));
    });

    it("believes nothing when two stand against two", async () => {
      say("0x5", "0x6", "0x5", "0x6");
      await expect(agreed(open(4))).rejects.toThrow(fault("rpc_disagrees"));
      expect(told).toEqual([]);
    });

    it("lets two outvote a third, tells of it, and lets that one rest", async () => {
      const rpc = open(3);
      say("0x6", "0x5", "0x5");
      expect(await agreed(rpc)).toBe(5n);
      expect(told).toEqual([fault("rpc_disagrees", new RegExp(`nodes ${fakes[0]?.name} and`))]);
      expect((await rpc.every(number)).map(({ value }) => value)).toEqual([5n, 5n]);
    });

    it("believes nothing when only one of several answers", async () => {
      say("0x5", null);
      const only = new RegExp(`only ${fakes[0]?.name} answers`);
      await expect(agreed(open(2))).rejects.toThrow(fault("chain_unreachable", only));
      say("0x5", null, null);
      await expect(agreed(open(3))).rejects.toThrow(fault("chain_unreachable", only));
    });

    it("does not take having nothing to say for a contradiction", async () => {
      const digest = (value: bigint) => (value === 0n ? null : String(value));
      const poll = async (...numbers: string[]) => {
        say(...numbers);
        return await open(numbers.length).poll(number, digest);
      };
      expect(await poll("0x0", "0x0")).toMatchObject({ kind: "silent" });
      expect(await poll("0x0", "0x5")).toMatchObject({ kind: "silent" });
      expect(await poll("0x0", "0x5", "0x5")).toEqual({ kind: "agreed", value: 5n });
      expect(await poll("0x0", "0x5", "0x6")).toMatchObject({ kind: "differ", answers: { length: 2 } });
      expect(told).toEqual([]);
    });
  });

  it("takes no node twice, however it is written, and at least one", () => {
    const [one] = nodes(1) as [RpcNode];
    expect(() => new Rpc([])).toThrow(fault("config_syntax"));
    expect(() => new Rpc([one, ...nodes(1)])).toThrow(fault("config_syntax", new RegExp(one.name)));
  });
});
