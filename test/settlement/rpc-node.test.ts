import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Clock } from "../../src/base/clock.ts";
import { quantity, RpcNode } from "../../src/settlement/rpc-node.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";
import { type FakeNode, type Reply, startFakeNode } from "./fake-node.ts";

const fault = (code: string, message = /(?:)/) =>
  expect.objectContaining({ name: "Fault", code, message: expect.stringMatching(message) });

describe("RpcNode", () => {
  let fake: FakeNode;
  let clock: ManualClock;
  const stops: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    fake = await startFakeNode(null, 7);
    stops.push(fake.stop);
    clock = new ManualClock();
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  const open = (over: Partial<ConstructorParameters<typeof RpcNode>[0]> = {}) =>
    new RpcNode({ url: fake.url, chainId: 7, clock, timeoutMs: 1_000, restMs: 30_000, ...over });
  const says = (reply: Reply) => {
    fake.answer = (method) => (method === "eth_chainId" ? undefined : reply);
  };

  it("gives the answer, or the node's own no", async () => {
    const node = open();
    says({ result: "0x10" });
    expect(await node.read("eth_blockNumber", [], quantity)).toBe(16n);
    says({ error: { code: -32_000, message: "nonce\n too low", data: "0xAB" } });
    expect(await node.ask("eth_sendRawTransaction", ["0x"])).toEqual({
      refusal: { code: -32_000, message: "nonce too low", data: "0xAB" },
    });
    await expect(node.read("eth_blockNumber", [], quantity)).rejects.toThrow(
      fault("chain_unreachable", new RegExp(`${fake.name} refuses eth_blockNumber: nonce too low`)),
    );
    expect(node.isResting()).toBe(false);
  });

  it.each<[string, Reply, RegExp]>([
    ["HTTP 503", { status: 503, text: "{}" }, /HTTP 503/],
    ["HTTP 429 with a JSON-RPC error", { status: 429, text: '{"error":{"code":1,"message":"x"}}' }, /429/],
    ["a login page", { status: 200, text: "<html>" }, /JSON-RPC/],
    ["HTTP 403", { status: 403, text: "<html>" }, /HTTP 403/],
    ["a rate limit", { error: { code: -32_005, message: "request rate exceeded" } }, /rate exceeded/],
    ["a broken database", { error: { code: -32_603, message: "oops" } }, /oops/],
    [
      "an answer to another question",
      { status: 200, text: '{"jsonrpc":"2.0","id":99,"result":"0x1"}' },
      /JSON-RPC/,
    ],
    ["no result", { status: 200, text: '{"jsonrpc":"2.0","id":2}' }, /JSON-RPC/],
    ["a number that is none", { result: "12" }, /wrong shape/],
    ["an object instead", { result: { number: "0x1" } }, /wrong shape/],
    ["null", { result: null }, /wrong shape/],
  ])("cannot use a node that says %s, and lets it rest", async (_, reply, words) => {
    const node = open();
    says(reply);
    await expect(node.read("eth_blockNumber", [], quantity)).rejects.toThrow(
      fault("chain_unreachable", words),
    );
    expect(node.isResting()).toBe(true);
    clock.advance(29_999);
    expect(node.isResting()).toBe(true);
    clock.advance(1);
    expect(node.isResting()).toBe(false);
  });

  it("takes a limit of size and a revert for answers, whatever their code", async () => {
    const node = open();
    for (const [code, message] of [
      [-32_005, "query returned more than 10000 results"],
      [-32_603, "VM Exception: execution reverted"],
      [-32_005, "exceed maximum block range: 5000"],
    ] as const) {
      says({ error: { code, message } });
      expect(await node.ask("eth_getLogs", [])).toEqual({ refusal: { code, message, data: null } });
    }
  });

  it("waits for the time allowed and no longer, answer included", async () => {
    const node = open();
    await node.identify();
    says("silence");
    const request = fake.nextRequest();
    const asking = node.ask("eth_blockNumber", []);
    await request;
    clock.advance(1_000);
    await expect(asking).rejects.toThrow(fault("chain_unreachable", /silent for 1000 ms/));
    expect(node.isResting()).toBe(true);
  });

  it("leaves no timer behind, whatever the answer", async () => {
    let timers = 0;
    const counting: Clock = {
      now: clock.now,
      sleep: clock.sleep,
      after: (ms, then) => {
        timers++;
        const cancel = clock.after(ms, then);
        return () => {
          timers--;
          cancel();
        };
      },
    };
    const node = open({ clock: counting });
    for (const reply of [{ result: "0x1" }, { status: 503, text: "" }, { status: 200, text: "<" }]) {
      says(reply);
      await node.ask("eth_blockNumber", []).catch(() => {});
    }
    expect(fake.asked.length).toBeGreaterThan(3);
    expect(timers).toBe(0);
  });

  it("cannot reach a node that is not there", async () => {
    const node = open({ url: "http://127.0.0.1:1/secret-key" });
    await expect(node.ask("eth_blockNumber", [])).rejects.toThrow(
      fault("chain_unreachable", /^node 127\.0\.0\.1:1 cannot be reached$/),
    );
  });

  it("sends what stands before the @ as credentials, and never says them or the path", async () => {
    const node = open({ url: `${fake.url.replace("//", "//us%3Aer:pa%40ss@")}/v2/key-1234?token=abc` });
    await node.identify();
    expect(fake.credentials).toEqual([`Basic ${btoa("us:er:pa@ss")}`]);
    expect(node.name).toBe(fake.name);
    says({ status: 500, text: "" });
    const failed = await node.ask("eth_blockNumber", []).catch((error: unknown) => error);
    const shown = JSON.stringify([failed, String(failed), Reflect.get(Object(failed), "facts")]);
    expect(shown).not.toMatch(/key-1234|abc|pa(@|%40)ss/);
    expect(shown).toContain(fake.name);
  });

  it("names default ports, knows its own kind, and takes no other URLs", () => {
    expect(open({ url: "https://rpc.example/x" }).name).toBe("rpc.example:443");
    expect(open({ url: "http://rpc.example" }).name).toBe("rpc.example:80");
    expect(open({ url: "http://a:b@h:1/x#1" }).isSameAs(open({ url: "http://h:1/x" }))).toBe(true);
    expect(open({ url: "http://h:1/x" }).isSameAs(open({ url: "http://h:1/y" }))).toBe(false);
    for (const url of ["ws://h:1", "file:///x", "h:1", ""]) {
      expect(() => open({ url })).toThrow(fault("config_syntax"));
    }
  });

  it("asks for the chain id first and again a minute later, and notices another one", async () => {
    const node = open();
    says({ result: "0x1" });
    await Promise.all([node.ask("eth_gasPrice", []), node.ask("eth_gasPrice", [])]);
    expect(fake.asked).toEqual(["eth_chainId", "eth_gasPrice", "eth_gasPrice"]);
    fake.answer = () => ({ result: "0x8" });
    expect(await node.ask("eth_gasPrice", [])).toEqual({ result: "0x8" });
    clock.advance(60_000);
    await expect(node.ask("eth_gasPrice", [])).rejects.toThrow(
      expect.objectContaining({
        code: "chain_mismatch",
        facts: { node: fake.name, expected: 7, found: 8 },
      }),
    );
    expect(node.isResting()).toBe(true);
  });

  it("lets a head waver and not fall far", () => {
    const node = open();
    for (const number of [1_000n, 990n, 1_001n, 873n]) node.sawHead(number);
    expect(node.isResting()).toBe(false);
    expect(() => node.sawHead(872n)).toThrow(fault("chain_reorganized", /from block 1001 to 872/));
    expect(node.isResting()).toBe(true);
    expect(() => node.sawHead(900n)).not.toThrow();
  });

  it("gives up on an answer without end", async () => {
    const node = open();
    says({ status: 200, text: " ".repeat(33 * 2 ** 20) });
    await expect(node.read("eth_getLogs", [], z.unknown())).rejects.toThrow(
      fault("chain_unreachable", /without end/),
    );
  });
});
