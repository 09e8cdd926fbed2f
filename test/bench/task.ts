/**
 * Paid tasks per second, end to end: one requester, four providers, a firmware that gives back its input.
 *
 * The peer carries the same number of QoS 1 messages through a bare aedes, publisher to subscriber, and does
 * nothing else: what the transport alone would allow.
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Aedes } from "aedes";
import { connectAsync, type MqttClient } from "mqtt";
import { amount } from "../../src/base/money.ts";
import { hashBlob } from "../../src/blob/blob.ts";
import { taskModule } from "../firmware/module.ts";
import { PRICE, WholeMarket } from "../stories/whole-market.ts";
import type { Figure } from "./main.ts";

const ROUNDS = 5;
const TASKS = 40;
/** Tasks of the requester, and messages of the peer, that are under way at a time. */
const PARALLEL = 16;
const PROVIDERS = ["first", "second", "third", "fourth"] as const;

export async function taskSuite(): Promise<Figure[]> {
  const market = await WholeMarket.open((config) => {
    config.market.bid_window_ms = 50;
    config.market.check_rate = 0;
    // One process holds both sides here: a busy moment must not look like a provider that is gone.
    config.market.accept_ms = 30_000;
  }, PROVIDERS);
  const ours: number[] = [];
  const bare: number[] = [];
  try {
    const executor = await market.executor();
    for (const [at, name] of PROVIDERS.entries()) {
      // Each could take all: a bidder that is full by the time it wins would decline.
      await market.provider(name, 500n + BigInt(at), executor, PARALLEL);
    }
    // by default a device has no more under way than ten offers are worth
    const creditLimit = amount(4n * PRICE * BigInt(PARALLEL));
    const buyer = await market.robot("buyer", false, { creditLimit });
    const firmware = taskModule({ memory: [1, 4] });
    market.trusted.add(hashBlob(firmware));
    let number = 0;
    const hire = async () => {
      const input = new TextEncoder().encode(`task ${number++}`);
      const terms = { maxPrice: PRICE, checkBudget: amount(0n), deadlineMs: 600_000 };
      const answer = await buyer.hire({ firmware, input, fuelLimit: 10_000, ...terms });
      if (answer.state !== "paid") throw new Error(`a task ended ${answer.state}: ${answer.reason}`);
    };
    await inParallel(TASKS, hire);
    for (let round = 0; round < ROUNDS; round++) {
      const before = market.gateway.traffic;
      const seconds = await timed(() => inParallel(TASKS, hire));
      const after = market.gateway.traffic;
      ours.push(TASKS / seconds);
      const messages = after.heard + after.said - before.heard - before.said;
      bare.push(TASKS / (await timeBareBroker(messages)));
    }
  } finally {
    await market.close();
  }
  const [value, peerValue] = [median(ours), median(bare)];
  const ratio = median(ours.map((rate, at) => rate / (bare[at] ?? rate)));
  return [
    {
      ...{ suite: "task", metric: "paid tasks end to end", value: rounded(value), unit: "1/s" },
      ...{ peer: "bare aedes, the same number of QoS 1 messages", peerValue: rounded(peerValue) },
      ...{ ratio: rounded(ratio), goal: null, ok: true },
    },
  ];
}

async function timeBareBroker(messages: number): Promise<number> {
  const broker = await Aedes.createBroker({ concurrency: 0 });
  const server = createServer(broker.handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { protocolVersion: 4, reconnectPeriod: 0 } as const;
  const [publisher, subscriber] = await Promise.all([connectAsync(url, options), connectAsync(url, options)]);
  await subscriber.subscribeAsync("bench", { qos: 1 });
  const all = arrivals(subscriber, messages);
  const payload = Buffer.alloc(512, "x");
  const seconds = await timed(async () => {
    await inParallel(messages, () => publisher.publishAsync("bench", payload, { qos: 1 }));
    await all;
  });
  await Promise.all([publisher.endAsync(), subscriber.endAsync()]);
  broker.close();
  server.close();
  return seconds;
}

function arrivals(client: MqttClient, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    client.on("message", () => {
      if (--left === 0) resolve();
    });
  });
}

async function inParallel(count: number, work: () => Promise<unknown>): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
