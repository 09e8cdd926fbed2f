/**
 * A broker in a process of its own, so that its memory can be measured: it answers every message with an `ack` of the
 * same bytes, counts what it refuses, and tells its figures over IPC. `fleet.ts` starts it and asks.
 */
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { instant, systemClock } from "../../../src/base/clock.ts";
import type { Broker, RefusedAt } from "../../../src/link/broker/broker.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import type { HubFigures, HubOptions, Say } from "./orders.ts";

const options = JSON.parse(process.argv[2] ?? "") as HubOptions;
const names = new Map(options.devices.map(({ address, name }) => [address, name]));
const figures = {
  heard: 0,
  ready: 0,
  gone: 0,
  crashes: [] as string[],
  refused: {} as Record<string, number>,
};
/** The refusals that each attached stream has ended with, by its origin, in the order in which they came. */
const endings = new Map<string, string[]>();
let peak = 0;
let said = 0;

const sample = () => {
  peak = Math.max(peak, process.memoryUsage.rss());
};
setInterval(sample, 20).unref();
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (cause: unknown) => figures.crashes.push(String(cause)));
}

function count(code: string, { origin, topic }: RefusedAt): void {
  figures.refused[code] = (figures.refused[code] ?? 0) + 1;
  if (topic === "") endings.get(origin)?.push(code);
}

/** Rejects never: whoever waits for ever waits on a promise that nobody keeps. */
const linger = (ms: number | null) => (ms === null ? new Promise<void>(() => undefined) : sleep(ms));

const broker: Broker = await startEmbeddedBroker({
  listen: [{ scheme: "mqtt", host: "127.0.0.1", port: 0 }],
  ...{ market: options.market, clock: systemClock, boot: instant(0), limits: options.limits ?? {} },
  callbacks: {
    admit: (device) => names.get(device) ?? null,
    async onPublish({ name, device }, topic, payload) {
      figures.heard += 1;
      const text = Buffer.from(payload).toString();
      if (topic === "connection") return;
      if (options.slow?.devices.includes(device)) await linger(options.slow.ms);
      broker.publish(name, "ack", text);
      if (options.copyTo) broker.publish(options.copyTo, "announce", text);
    },
    onReady: ({ name }) => {
      figures.ready += 1;
      if (name.serialNumber === options.greet?.to.serialNumber) say(options.greet);
    },
    onGone: () => {
      figures.gone += 1;
    },
    onRefused: ({ refused }, at) => count(refused, at),
  },
});

/** Serves streams whose origin tells one connection from another, which their address alone does not. */
const side = createServer({ noDelay: true }, (socket) => {
  const origin = String(socket.remotePort);
  if (!endings.has(origin)) endings.set(origin, []);
  broker.attach(socket, origin);
});
await new Promise<void>((resolve) => side.listen(0, "127.0.0.1", resolve));

function say({ to, topic, count: times, bytes, between = 0 }: Say): void {
  for (let at = 0; at < times; at++) {
    broker.publish(to, topic, String(++said).padEnd(bytes, " "));
    for (let taken = 0; taken < between; taken += 4_096) Buffer.allocUnsafe(4_096);
  }
}

function tell(): HubFigures {
  globalThis.gc?.();
  sample();
  const { rss, heapUsed, external } = process.memoryUsage();
  const told = { ...figures, rss, peak, heap: heapUsed + external };
  peak = rss;
  return { ...told, sessions: broker.sessions().length };
}

function sidePort(): number {
  const at = side.address();
  return typeof at === "object" && at !== null ? at.port : 0;
}

process.on("message", ({ id, ask, order }: { id: number; ask: string; order: Say }) => {
  if (ask === "say") say(order);
  const answer = ask === "endings" ? [...endings] : tell();
  if (ask === "endings") endings.clear();
  process.send?.({ id, answer });
});
process.on("disconnect", () => process.exit());
process.send?.({ id: 0, answer: { port: broker.port, sidePort: sidePort() } });
