import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { chainLanes } from "../../../devices/robot/chain-lanes.ts";
import { watchtowerLanes } from "../../../devices/robot/watchtower-lanes.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { laneReaderContract } from "../../ports/lane-reader.contract.ts";
import { startWorld, type World } from "../../settlement/world.ts";
import { ManualClock } from "./manual-clock.ts";

const [payer, payee, token]: Hex[] = [`0x${"11".repeat(20)}`, `0x${"22".repeat(20)}`, `0x${"33".repeat(20)}`];
const key = [payer as Hex, payee as Hex, token as Hex] as const;

/** Answers every request with what the script gives for its path, method and body. */
async function serve(
  script: (path: string, body: string) => unknown,
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", async () => {
      const answer = await script(request.url ?? "", body);
      if (typeof answer === "number") response.writeHead(answer).end();
      else response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

const closing = (server: Server) =>
  new Promise<void>((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });

laneReaderContract("lanes by JSON-RPC", ({ local, chainId, vault }) =>
  Promise.resolve({
    reader: chainLanes({ urls: [local.url], chainId, vault, confirmations: 1 }),
    stop: () => Promise.resolve(),
  }),
);

laneReaderContract("lanes by a watchtower", async (world) => {
  const { url, server } = await serve(async (path) => {
    const query = new URL(path, "http://here").searchParams;
    const args = ["payer", "payee", "token"].map((name) => query.get(name));
    const word = (await world.read(world.vault, "lane", args)) as [bigint, bigint, number, number, number];
    const [settled, deposit, closeAt, window, epoch] = word;
    return { epoch, deposit: `${deposit}`, settled: `${settled}`, closeAt, window, block: 1, checkedAt: 2 };
  });
  return { reader: watchtowerLanes(`${url}/`), stop: () => closing(server) };
});

describe("lanes by JSON-RPC, of a chain that moves", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.local.stop());
  const lanesOf = (urls: readonly string[], more: { chainId?: number; vault?: Hex } = {}) =>
    chainLanes({ urls, chainId: world.chainId, vault: world.vault, confirmations: 3, ...more });

  it("count a deposit when it is confirmed, and a closing at once", async () => {
    const [one, other] = world.others;
    if (!one || !other) throw new Error("anvil has too few accounts");
    const read = () => lanesOf([world.local.url]).lane(one.address, other.address, world.token);
    await world.endow([one], 1_000n);
    await world.fund(one, other, 700n);
    expect(await read()).toMatchObject({ deposit: 0n });
    await world.pass(1);
    expect(await read()).toMatchObject({ deposit: 0n });
    await world.pass(1);
    const block = await world.client.getBlockNumber();
    expect(await read()).toMatchObject({ epoch: 0, deposit: 700n, closeAt: 0, block: block - 2n });
    await world.claim(other, [await world.voucher(one, other, 0, 50n)]);
    await world.send(one, world.vault, "requestClose", [one.address, other.address, world.token]);
    expect(await read()).toMatchObject({ deposit: 700n, settled: 50n, closeAt: (await world.now()) + 3_600 });
    await world.pass(3_600);
    await world.send(one, world.vault, "finalizeClose", [one.address, other.address, world.token]);
    // over at the head, where it counts already; the new life is not confirmed
    const over = await read();
    expect(over).toMatchObject({ epoch: 0, closeAt: expect.any(Number) });
    expect(over.closeAt).toBeGreaterThan(0);
    await world.pass(1);
    await world.pass(1);
    expect(await read()).toMatchObject({ epoch: 1, deposit: 0n, closeAt: 0 });
  });

  it("come from the first node that answers", async () => {
    const { url, server } = await serve(() => 503);
    const read = await lanesOf(["http://127.0.0.1:1", url, world.local.url]).lane(...key);
    expect(read).toMatchObject({ epoch: 0, deposit: 0n });
    await closing(server);
    await expect(lanesOf([url]).lane(...key)).rejects.toMatchObject({ code: "chain_unreachable" });
  });

  it("are not read from another chain, nor where there is no vault", async () => {
    const other = lanesOf([world.local.url], { chainId: 1 });
    await expect(other.lane(...key)).rejects.toMatchObject({ code: "chain_mismatch", facts: { chainId: 1 } });
    const empty = lanesOf([world.local.url], { vault: `0x${"77".repeat(20)}` });
    await expect(empty.lane(...key)).rejects.toMatchObject({ code: "chain_mismatch" });
    const token = lanesOf([world.local.url], { vault: world.token });
    await expect(token.lane(...key)).rejects.toMatchObject({ code: "chain_unreachable" });
  });

  it("need a node, and a number of blocks", () => {
    const usage = expect.objectContaining({ code: "usage" });
    expect(() => lanesOf([])).toThrow(usage);
    expect(() =>
      chainLanes({ urls: ["http://h"], chainId: 1, vault: world.vault, confirmations: 0 }),
    ).toThrow(usage);
  });
});

describe("readers of lanes at odd servers", () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await closing(server);
  });
  const at = async (script: (path: string, body: string) => unknown) => {
    const { url, server } = await serve(script);
    servers.push(server);
    return url;
  };
  const word = (...parts: readonly (number | bigint)[]) =>
    `0x${parts.map((part) => part.toString(16).padStart(64, "0")).join("")}`;
  /** A node whose calls are answered by block: `latest`, or a number. */
  const node = (calls: (block: string) => unknown) => (_: string, body: string) => {
    const { method, params } = JSON.parse(body) as { method: string; params: unknown[] };
    if (method === "eth_chainId") return { result: "0x5" };
    if (method === "eth_getBlockByNumber")
      return { result: { number: params[0] === "finalized" ? "0x40" : "0x64" } };
    return { result: calls(String(params[1])) };
  };
  const lanes = (url: string, confirmations: number | "finalized" = 10) =>
    chainLanes({ urls: [url], chainId: 5, vault: key[0], confirmations });

  it("read what is confirmed at the block with that many on top, or at the chain's own mark", async () => {
    const url = await at(node((block) => word(block === "latest" ? 7 : Number(block), 900, 0, 3, 4)));
    expect(await lanes(url).lane(...key)).toMatchObject({ block: 91n, settled: 91n, window: 3, epoch: 4 });
    expect(await lanes(url, "finalized").lane(...key)).toMatchObject({ block: 64n, settled: 64n });
    expect(await lanes(url, 1_000).lane(...key)).toMatchObject({ block: 0n, settled: 7n });
  });

  it("take a node that is behind for what it is", async () => {
    const url = await at(node((block) => (block === "latest" ? word(0, 1, 0, 0, 3) : word(5, 900, 0, 3, 4))));
    expect(await lanes(url).lane(...key)).toMatchObject({ epoch: 4, deposit: 900n, settled: 5n });
  });

  it.each([
    ["an error", node(() => undefined)],
    ["half a word", node(() => "0x1234")],
    ["no hexadecimal", node(() => "lane")],
    ["another shape", node(() => ({}))],
    ["no block", () => ({ result: "0x5" })],
    ["no JSON", () => "<html>"],
    ["nothing", () => null],
  ])("throw no lane but a fault at %s", async (_, script) => {
    const url = await at(script);
    await expect(lanes(url).lane(...key)).rejects.toMatchObject({
      code: expect.stringMatching(/^chain_(unreachable|mismatch)$/),
    });
  });

  it.each([
    ["a number for an amount", { epoch: 0, deposit: 5, settled: "0", closeAt: 0, window: 0 }],
    ["a window that is none", { epoch: 0, deposit: "5", settled: "0", closeAt: 0, window: 4 }],
    ["an error", 500],
    ["no lane", { error: "busy" }],
  ])("take no lane from a watchtower that says %s", async (_, answer) => {
    const url = await at(() => answer);
    await expect(watchtowerLanes(url).lane(...key)).rejects.toMatchObject({ code: "chain_unreachable" });
  });

  it("wait five seconds for an answer and not longer, and tell no access key", async () => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    const url = await at(() => {
      asked.resolve();
      return new Promise(() => {});
    });
    const reading = watchtowerLanes(`${url}/secret`, clock).lane(...key);
    const late = expect(reading).rejects.toMatchObject({
      code: "chain_unreachable",
      message: expect.not.stringContaining("secret"),
    });
    await asked.promise;
    clock.advance(5_000);
    await late;
  });
});
