/**
 * An honest device in a process of its own: one round trip after the other, so that whoever disturbs the broker is
 * seen in the time between two answers. `fleet.ts` starts it and asks.
 */
import { connect } from "node:net";
import { MqttClient } from "mqtt";
import { topicOf } from "../../../src/protocol/topic.ts";
import type { CompanionFigures, CompanionOptions } from "./orders.ts";

/** Between an answer and the next question: 40 messages in a second, which any device may send. */
const PAUSE_MS = 25;

const options = JSON.parse(process.argv[2] ?? "") as CompanionOptions;
const { port, from, clientId, username, password, name } = options;
const client = new MqttClient(() => connect({ port, host: "127.0.0.1", localAddress: from, noDelay: true }), {
  ...{ protocolVersion: 4, clean: true, reconnectPeriod: 0, keepalive: 60 },
  ...{ clientId, username, password },
});
client.on("error", () => undefined);
await new Promise((resolve) => client.once("connect", resolve));
await client.subscribeAsync(topicOf(name, "ack"), { qos: 1 });

let trips = 0;
let longest = 0;
let last = performance.now();
const ask = () => client.publish(topicOf(name, "cancel"), `trip ${trips}`, { qos: 1 });
const look = () => {
  longest = Math.max(longest, performance.now() - last);
};
client.on("message", (_topic, payload) => {
  if (payload.toString() !== `trip ${trips}`) return;
  look();
  last = performance.now();
  trips += 1;
  setTimeout(ask, PAUSE_MS);
});
ask();

process.on("message", ({ id }: { id: number }) => {
  look();
  const answer: CompanionFigures = { trips, longest, isConnected: client.connected };
  longest = 0;
  process.send?.({ id, answer });
});
process.on("disconnect", () => process.exit());
process.send?.({ id: 0, answer: null });
