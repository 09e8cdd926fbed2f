import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { BROKER_LIMITS } from "../../../src/link/broker/limits.ts";
import {
  connectPacket,
  goodConnect,
  PUBACK,
  packet,
  publishPacket,
  rawClient,
  SUBACK,
  subscribePacket,
  UNSUBACK,
} from "../../link/broker/raw-client.ts";
import type { Device } from "../../link/broker/stand.ts";
import { dialHub, enter, type Hub, makeDevices, startCompanion, startHub } from "./fleet.ts";
import type { HubFigures, HubOptions } from "./orders.ts";

const MB = 2 ** 20;
/** A PUBLISH or CONNECT that says that 256 MB follow: the longest remaining length there is. */
const announcing = (type: number) => Buffer.of(type, 0xff, 0xff, 0xff, 0x7f);
const DEEP = Array.from({ length: 101 }, (_, at) => `l${at}`).join("/");

type Scene = {
  hub: Hub;
  robot: Device;
  /** The figures before the strangers came. */
  before: HubFigures;
  /** That an honest device was served all the time, memory is back and exactly these refusals were counted. */
  end(refused: Readonly<Record<string, number>>, sessions?: number): Promise<void>;
};

/** A hub, one device for the test to be and an honest one at work. */
async function scene(limits: HubOptions["limits"] = {}): Promise<Scene> {
  const [robot, honest] = makeDevices(2);
  if (!robot || !honest) throw new Error("no devices");
  const hub = await startHub([robot, honest], { limits });
  const companion = await startCompanion(hub, honest);
  // A session that has come and gone has paged in the code that the test will run.
  const first = await enter(hub.port, robot, { clientId: robot.clientId("first") });
  first.send(publishPacket(robot.topic("cancel"), "{}"), subscribePacket([robot.all]));
  await first.types(2);
  first.stream.destroy();
  const before = await hub.until(({ sessions }) => sessions === 1);
  return {
    ...{ hub, robot, before },
    async end(refused, sessions = 1) {
      const { trips, longest } = await companion.figures();
      for (let now = trips; now < trips + 5; now = (await companion.figures()).trips) await hub.figures();
      const { isConnected } = await companion.figures();
      const sum = (counts: Readonly<Record<string, number>>) =>
        Object.values(counts).reduce((all, one) => all + one, 0);
      const settled = await hub.until(
        (now) =>
          now.sessions === sessions && sum(now.refused) >= sum(refused) && now.heap - before.heap < 2 * MB,
      );
      expect(isConnected).toBe(true);
      expect(settled.crashes).toEqual([]);
      expect(settled.refused).toEqual(refused);
      expect(longest).toBeLessThan(1_000);
    },
  };
}

/** Writes so many bytes, or as many as are taken before the end; resolves to how many. */
async function flood(socket: Socket, bytes: number): Promise<number> {
  const chunk = Buffer.alloc(65_536);
  let sent = 0;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  while (sent < bytes && !socket.destroyed) {
    sent += chunk.length;
    if (!socket.write(chunk)) await Promise.race([once(socket, "drain").catch(() => null), closed]);
  }
  return sent;
}

const ended = (socket: Socket) =>
  new Promise<void>((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve()).resume();
  });

describe("failure 4: a stranger announces 256 MB and sends them", () => {
  it("before CONNECT: is closed at its fifth byte, and the broker grows by less than 5 MB", async () => {
    const { hub, before, end } = await scene();
    for (let round = 0; round < 10; round++) {
      const socket = await dialHub(hub.port);
      socket.write(announcing(0x10));
      const sent = await flood(socket, 256 * MB);
      // What the kernel's buffers took before the end came through.
      expect(sent).toBeLessThan(16 * MB);
    }
    const { peak } = await hub.figures();
    expect(peak - before.rss).toBeLessThan(5 * MB);
    await end({ too_large: 10 });
  });

  it("in a session: the same", async () => {
    const { hub, robot, before, end } = await scene();
    const { stream } = await enter(hub.port, robot);
    stream.write(announcing(0x32));
    expect(await flood(stream as Socket, 256 * MB)).toBeLessThan(16 * MB);
    const { peak } = await hub.figures();
    expect(peak - before.rss).toBeLessThan(5 * MB);
    await end({ too_large: 1 });
  });
});

describe("failure 4: a stranger that takes its time", () => {
  it("over its fixed header, its CONNECT, or its first byte, is closed after connectTimeoutMs", async () => {
    const { hub, robot, end } = await scene({ connectTimeoutMs: 1_000 });
    const connect = await goodConnect(robot);
    const drips = [Buffer.of(0x10, 0x80, 0x80, 0x80), connect, Buffer.alloc(0)];
    const began = performance.now();
    const lives = drips.map(async (bytes) => {
      const socket = await dialHub(hub.port);
      let at = 0;
      const drip = setInterval(() => {
        if (at < bytes.length) socket.write(bytes.subarray(at, ++at));
      }, 100);
      await ended(socket);
      clearInterval(drip);
      return performance.now() - began;
    });
    for (const life of await Promise.all(lives)) {
      expect(life).toBeGreaterThan(900);
      expect(life).toBeLessThan(3_000);
    }
    await end({ no_connect: 3 });
  });
});

/** As many half-open connections as both processes have descriptors for. */
const OPEN_FILES = Number(
  /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? 1_024,
);
const HALF_OPEN = Math.min(10_000, OPEN_FILES - 500);
const scaled = HALF_OPEN < 10_000 ? ` (not 10,000: this machine allows ${OPEN_FILES} open files)` : "";

async function openMany(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let at = 0; at < count; at += 100) {
    sockets.push(
      ...(await Promise.all(Array.from({ length: Math.min(100, count - at) }, () => dialHub(port)))),
    );
  }
  return sockets;
}

describe(`failure 4: ${HALF_OPEN} connections that say nothing${scaled}`, () => {
  it("from one address: all but its share are closed at once, and the rest at the connect timeout", async () => {
    const { hub, end } = await scene({ connectTimeoutMs: 4_000 });
    const sockets = await openMany(hub.port, HALF_OPEN);
    await Promise.all(sockets.map(ended));
    const { refused } = await hub.figures();
    expect(refused["no_connect"]).toBeLessThanOrEqual(BROKER_LIMITS.connectionsPerAddress);
    await end({
      too_many: HALF_OPEN - BROKER_LIMITS.connectionsPerAddress,
      no_connect: BROKER_LIMITS.connectionsPerAddress,
    });
  });

  it("where that many may be: all stand, cost at most 50 KB each, and all of it comes back", async () => {
    const limits = {
      ...{ connections: 20_000, connectionsPerAddress: 20_000, connectTimeoutMs: 600_000 },
      ...{ addressConnectBurst: 20_000, addressConnectRate: 20_000 },
    };
    const { hub, robot, before, end } = await scene(limits);
    const sockets = await openMany(hub.port, HALF_OPEN);
    const { rss, refused } = await hub.figures();
    expect(refused).toEqual({});
    expect((rss - before.rss) / HALF_OPEN).toBeLessThan(50_000);
    const client = await enter(hub.port, robot);
    client.send(publishPacket(robot.topic("cancel"), "{}"));
    expect(await client.types(1)).toEqual([PUBACK]);
    client.stream.destroy();
    for (const socket of sockets) socket.resetAndDestroy();
    await end({});
  });
});

describe("failure 4: names that other brokers have died of", () => {
  it("a topic of 101 levels is refused wherever one may stand", async () => {
    const { hub, robot, end } = await scene();
    const client = await enter(hub.port, robot);
    client.send(publishPacket(DEEP, "{}"));
    expect(await client.types(1)).toEqual([PUBACK]);
    client.send(subscribePacket([DEEP]));
    expect(await client.next()).toEqual({ type: SUBACK, body: Buffer.of(0, 1, 0x80) });
    client.send(packet(0xa2, subscribePacket([DEEP]).subarray(3, -1)));
    expect(await client.types(1)).toEqual([UNSUBACK]);
    client.stream.destroy();
    const other = rawClient(await dialHub(hub.port));
    other.send(await goodConnect(robot, { will: { topic: DEEP, payload: "gone" } }));
    expect((await other.next())?.body[1]).toBe(5);
    await end({ wrong_topic: 2 });
  });

  it("a client id that every object has a property of opens nothing, whatever its token", async () => {
    const { hub, robot, end } = await scene();
    const clientIds = ["constructor", "__proto__", "hasOwnProperty", "toString", "__defineGetter__"];
    for (const clientId of [...clientIds, ...clientIds]) {
      const client = rawClient(await dialHub(hub.port));
      client.send(await goodConnect(robot, { clientId }));
      expect((await client.next())?.body[1]).toBe(4);
      expect(await client.next()).toBeNull();
      const nameless = rawClient(await dialHub(hub.port));
      nameless.send(connectPacket({ clientId, username: clientId, password: clientId }));
      expect((await nameless.next())?.body[1]).toBe(4);
    }
    await end({ bad_token: 4 * clientIds.length });
  });

  it("$SYS, $share and everybody's topics can be neither said nor heard", async () => {
    const { hub, robot, end } = await scene();
    const client = await enter(hub.port, robot);
    const filters = [
      "$SYS/#",
      "$SYS/+/new/clients",
      "$share/g/#",
      `$share/g/${robot.all}`,
      "#",
      "+/#",
      "hirewire/v1/+/+/+",
    ];
    client.send(subscribePacket(filters));
    expect(await client.next()).toEqual({ type: SUBACK, body: Buffer.of(0, 1, ...filters.map(() => 0x80)) });
    const topics = [
      "$SYS/broker/new/clients",
      "$SYS/x/disconnect/clients",
      "$share/g/x",
      "constructor",
      "__proto__/x",
    ];
    for (const [at, topic] of topics.entries()) {
      client.send(publishPacket(topic, robot.clientId(), { id: at + 1 }));
      expect(await client.next()).toEqual({ type: PUBACK, body: Buffer.of(0, at + 1) });
    }
    client.send(packet(0xa2, Buffer.from([0, 9, 0, 1, 0x23])));
    expect(await client.types(1)).toEqual([UNSUBACK]);
    client.stream.destroy();
    await end({ wrong_topic: topics.length });
  });
});

describe("failure 4: a session that breaks the rules", () => {
  it("with 65,535 messages at QoS 2 left half open ends, once", async () => {
    const { hub, robot, end } = await scene();
    const { stream } = await enter(hub.port, robot);
    const closed = ended(stream as Socket);
    for (let id = 1; id <= 65_535 && !stream.destroyed; id += 5) {
      const five = [0, 1, 2, 3, 4].map((more) =>
        publishPacket(robot.topic("state"), "{}", { qos: 2, id: id + more }),
      );
      stream.write(Buffer.concat(five));
    }
    await closed;
    await end({ too_many: 1 });
  });

  it("with a second CONNECT ends, once", async () => {
    const { hub, robot, end } = await scene();
    const client = await enter(hub.port, robot);
    client.send(await goodConnect(robot));
    expect(await client.next()).toBeNull();
    const hasty = rawClient(await dialHub(hub.port));
    hasty.send(await goodConnect(robot), await goodConnect(robot));
    while ((await hasty.next()) !== null);
    await end({ bad_packet: 2 });
  });
});
