/**
 * Thousands of devices: how long it takes until all are in that come at once, and what memory they hold while idle.
 *
 * Each comes with a signed token and subscribes to a topic of its own. mosquitto and the bare aedes are sent the same
 * CONNECT packets.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Figure } from "../main.ts";
import { type BenchDevice, connectPackets, deviceList, makeDevices, topicsOf } from "./devices.ts";
import { smaller } from "./figures.ts";
import type { Load } from "./load.ts";
import { BrokerProcess } from "./process.ts";

/** How much slower the peer may be that is only shown a part of the crowd. */
const PART = 10;
/** Devices that come and go first, so that a broker's own code is in memory before it is measured. */
const FIRST = 50;
const SETTLE_MS = 1_500;

/** Bytes for each connection, when all have just come and when they have been idle for a while. */
type Crowd = { readonly readySeconds: number; readonly come: number; readonly idle: number };

/**
 * @param count - devices
 * @param idleMs - how long they stay idle: V8 gives back what a storm has left behind after about ten seconds
 */
export async function crowdFigures(
  load: Load,
  folder: string,
  count: number,
  idleMs: number,
): Promise<Figure[]> {
  const devices = makeDevices("s", count);
  const list = load.file("crowd.json", deviceList(devices));
  const ours = await gather(load, await BrokerProcess.node("hub.ts", [list]), devices, idleMs);
  const mosquitto = await gather(load, await BrokerProcess.mosquitto(folder), devices);
  const part = devices.slice(0, count / PART);
  const noble = await gather(load, await BrokerProcess.node("bare.ts", ["60000", "noble"]), part);
  const storm = { metric: `${count} signed CONNECTs at once`, unit: "s", value: ours.readySeconds };
  const memory = { unit: "KB", peer: "mosquitto" };
  const [come, idle] = [ours.come / 1e3, ours.idle / 1e3];
  const peers = [mosquitto.come / 1e3, mosquitto.idle / 1e3] as const;
  return [
    smaller(
      {
        ...{
          ...storm,
          peer: `bare aedes, tokens checked by @noble/secp256k1, ${PART} times that of ${part.length}`,
        },
        peerValue: noble.readySeconds * PART,
      },
      15,
    ),
    smaller({ ...storm, peer: "mosquitto, nothing checked", peerValue: mosquitto.readySeconds }, null),
    smaller(
      { ...memory, metric: `memory of a connection, ${count} just come`, value: come, peerValue: peers[0] },
      null,
    ),
    smaller(
      { ...memory, metric: `memory of an idle connection, ${count}`, value: idle, peerValue: peers[1] },
      50,
    ),
  ];
}

async function gather(
  load: Load,
  broker: BrokerProcess,
  devices: readonly BenchDevice[],
  idleMs = 0,
): Promise<Crowd> {
  try {
    await visit(load, broker, devices.slice(0, FIRST), 0);
    await sleep(SETTLE_MS);
    const before = broker.memory;
    const { readySeconds, come, idle } = await visit(load, broker, devices, idleMs);
    return { readySeconds, come: (come - before) / devices.length, idle: (idle - before) / devices.length };
  } finally {
    await broker.stop();
  }
}

/** All come at once, stay and go. */
async function visit(load: Load, broker: BrokerProcess, devices: readonly BenchDevice[], idleMs: number) {
  const connects = load.file("connects", await connectPackets(devices));
  const { said, leave } = await load.stay<{ readySeconds: number }>({
    ...{ port: broker.port, connects, subscribers: devices.length, idle: true },
    ...{ qos: 1, subscribe: topicsOf("s", "announce") },
  });
  await sleep(SETTLE_MS);
  const come = broker.memory;
  await sleep(idleMs);
  const idle = broker.memory;
  await leave();
  return { ...said, come, idle };
}
