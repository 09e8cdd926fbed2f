import { spawnSync } from "node:child_process";
import type { Duplex } from "node:stream";
import { Aedes } from "aedes";
import mqtt from "mqtt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { type LineState, openSerialLine } from "../../../src/link/serial/line.ts";
import { type Cable, ptyCable, tcpCable } from "./cable.ts";
import { Feed } from "./feed.ts";

const MESSAGES = 200;
const NEEDS_SOCAT = spawnSync("socat", ["-V"]).error !== undefined && process.env["CI"] !== "true";

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function line(path: string, role: "gateway" | "board", onStream: (stream: Duplex) => void) {
  const states = new Feed<LineState>();
  const onState = (state: LineState) => states.push(state);
  const opened = openSerialLine({ path, role, clock: systemClock, onSession: onStream, onState });
  closers.push(() => opened.close());
  const reached = (state: LineState["state"]) => states.until((all) => all.at(-1)?.state === state);
  return { ...opened, states, reached };
}

/** A broker on the gateway's line that echoes each message, and an MQTT client on each of the board's streams. */
async function brokerAndBoard(cable: Cable) {
  const broker = await Aedes.createBroker({ concurrency: 0 });
  closers.push(() => new Promise<void>((resolve) => broker.close(resolve)));
  const atBroker = new Feed<string>();
  broker.on("publish", (packet, client) => {
    if (client === null) return;
    atBroker.push(packet.payload.toString());
    const { cmd, qos, dup, retain, payload } = packet;
    broker.publish({ cmd, qos, dup, retain, payload, topic: "down" }, () => {});
  });
  const streams = new Feed<Duplex>();
  const gateway = line(cable.gatewayPath, "gateway", (stream) => {
    streams.push(stream);
    broker.handle(stream);
  });
  const atBoard = new Feed<string>();
  const clients = new Feed<mqtt.MqttClient>();
  const board = line(cable.boardPath, "board", (stream) => {
    const client = new mqtt.MqttClient(() => stream, {
      clientId: "board",
      reconnectPeriod: 0,
      protocolVersion: 4,
    });
    client.on("error", () => {});
    client.on("message", (_topic, payload) => atBoard.push(payload.toString()));
    client.on("connect", () => client.subscribe("down", { qos: 1 }, () => clients.push(client)));
  });
  return { broker, gateway, board, atBroker, atBoard, streams, clients };
}

async function publish(client: mqtt.MqttClient | undefined, texts: string[]): Promise<void> {
  await Promise.all(texts.map((text) => client?.publishAsync("up", text, { qos: 1 })));
}

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${prefix} ${i} ${"x".repeat(i)}`);

describe.each([
  ["a pty pair", ptyCable, NEEDS_SOCAT],
  ["TCP", tcpCable, false],
])("serial line over %s", (_name, makeCable, isMissing) => {
  let cable: Cable;

  beforeEach(async (context) => {
    context.skip(isMissing, "install socat");
    cable = await makeCable();
    closers.push(() => cable.dispose());
  });

  it("carries 200 MQTT messages at QoS 1 and their echoes, each exactly once", async () => {
    await cable.plug();
    const { clients, atBroker, atBoard } = await brokerAndBoard(cable);
    await clients.until((all) => all.length === 1);
    const texts = numbered("message", MESSAGES);
    await publish(clients.all[0], texts);
    await atBoard.until((all) => all.length >= MESSAGES);
    expect(atBroker.all).toEqual(texts);
    expect(atBoard.all).toEqual(texts);
  });

  it("comes back with a fresh stream after the cable was pulled, three times", async () => {
    await cable.plug();
    const { gateway, board, clients, streams, atBroker } = await brokerAndBoard(cable);
    for (let round = 1; round <= 3; round++) {
      await clients.until((all) => all.length === round);
      await publish(clients.all.at(-1), numbered(`round ${round}`, 10));
      await cable.pull();
      await Promise.all([gateway.reached("absent"), board.reached("absent")]);
      expect(streams.all.at(-1)?.destroyed).toBe(true);
      await cable.plug();
    }
    await clients.until((all) => all.length === 4);
    expect(streams.all.length).toBe(4);
    expect(gateway.stats.sessions).toBe(4);
    expect(atBroker.all).toEqual([1, 2, 3].flatMap((round) => numbered(`round ${round}`, 10)));
    const faults = gateway.states.all.map((one) => (one.state === "absent" ? one.fault.code : one.state));
    expect(faults).toContain("link_lost");
  });

  it("waits for a device that is not there yet", async () => {
    const { gateway, clients } = await brokerAndBoard(cable);
    await gateway.reached("absent");
    expect(gateway.states.all[0]).toMatchObject({ state: "absent", fault: { code: "link_lost" } });
    await cable.plug();
    await clients.until((all) => all.length === 1);
  });

  it("begins another session on the same open port when the broker drops the board", async () => {
    await cable.plug();
    const { gateway, clients, streams } = await brokerAndBoard(cable);
    await clients.until((all) => all.length === 1);
    streams.all[0]?.destroy();
    await clients.until((all) => all.length === 2);
    expect(gateway.states.all.map((one) => one.state)).not.toContain("absent");
  });

  it("tells the board when the gateway closes, and releases the path", async () => {
    await cable.plug();
    const { gateway, board, clients } = await brokerAndBoard(cable);
    await clients.until((all) => all.length === 1);
    await gateway.close();
    await board.reached("open");
    const successor = line(cable.gatewayPath, "gateway", () => {});
    await successor.reached("session");
    expect(successor.states.all.map((one) => one.state)).toEqual(["open", "session"]);
  });
});

describe("serial line, what may go wrong at opening", () => {
  it("reports a port that someone else holds as port_busy, and takes it once it is free", async (context) => {
    context.skip(NEEDS_SOCAT, "install socat");
    const cable = await ptyCable();
    closers.push(() => cable.dispose());
    await cable.plug();
    const first = line(cable.gatewayPath, "gateway", () => {});
    await first.reached("open");
    const second = line(cable.gatewayPath, "gateway", () => {});
    await second.reached("absent");
    expect(second.states.all).toMatchObject([{ state: "absent", fault: { code: "port_busy" } }]);
    await first.close();
    await second.reached("open");
  });

  it("reports a path that is no serial device as usage", async () => {
    const file = line(import.meta.filename, "gateway", () => {});
    await file.reached("absent");
    expect(file.states.all).toMatchObject([{ state: "absent", fault: { code: "usage" } }]);
  });

  it.each(["tcp://", "tcp://host", "tcp://:4000", "tcp:4000"])("throws usage for %s", (path) => {
    expect(() => line(path, "gateway", () => {})).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("closes while it is still opening", async () => {
    const waiting = line("/dev/serial-that-is-not-there", "board", () => {});
    await waiting.close();
    expect(waiting.states.all).toEqual([]);
  });
});
