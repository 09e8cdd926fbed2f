/** Every connection that ends by our doing is refused exactly once; nobody else notices. */
import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import { NonceMemory } from "../../../src/link/broker/nonce-memory.ts";
import { VirtualClock } from "../serial/virtual-clock.ts";
import {
  CONNACK,
  connectPacket,
  DISCONNECT,
  dial,
  dialIn,
  goodConnect,
  PINGREQ,
  PINGRESP,
  PUBACK,
  packet,
  publishPacket,
  rawClient,
  subscribePacket,
} from "./raw-client.ts";
import { connectReady, makeDevice, type Stand, startStand } from "./stand.ts";

describe("a connection that speaks no MQTT 3.1.1", () => {
  const old = { clientId: "c", username: "u", password: "p" };

  it.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["a TLS hello", Buffer.from("16030100050100000100", "hex")],
    ["an MQTT packet of type 0", packet(0x00, Buffer.alloc(4))],
    ["an MQTT packet of type 15", packet(0xf0, Buffer.alloc(4))],
    ["CONNACK", packet(0x20, Buffer.of(0, 0))],
    ["PINGREQ before CONNECT", PINGREQ],
    ["SUBSCRIBE before CONNECT", subscribePacket(["#"])],
    ["PUBLISH before CONNECT", publishPacket("t", "x")],
    ["DISCONNECT before CONNECT", DISCONNECT],
    ["a CONNECT cut short", packet(0x10, connectPacket(old).subarray(2, 12))],
    ["a CONNECT of another protocol", packet(0x10, Buffer.from("\0\x04HTTP\x04\x02\0\0\0\0"))],
    ["a CONNECT of version 7", packet(0x10, Buffer.from("\0\x04MQTT\x07\x02\0\0\0\0"))],
    ["a CONNECT with the reserved flag", packet(0x10, Buffer.from("\0\x04MQTT\x04\x03\0\0\0\0"))],
  ])("but %s ends as bad_packet, once", async (_, bytes) => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const stranger = await dial(stand.broker);
    stranger.send(bytes);
    expect(await stranger.next()).toBeNull();
    expect(stand.happened).toMatchObject([
      { refusal: { refused: "bad_packet" }, at: { device: null, session: null, topic: "" } },
    ]);
    await connectReady(stand.broker, robot);
  });

  it.each([
    ["3.1", "\0\x06MQIsdp\x03\x02\0\0\0\x01c"],
    ["3.1 by the new name", "\0\x04MQTT\x03\x02\0\0\0\x01c"],
    ["5", "\0\x04MQTT\x05\x02\0\0\0\0\x01c"],
  ])("but MQTT %s is told so, and ends as bad_packet, once", async (_, body) => {
    const stand = await startStand();
    const stranger = await dial(stand.broker);
    stranger.send(packet(0x10, Buffer.from(body)));
    expect(await stranger.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 1) });
    expect(await stranger.next()).toBeNull();
    expect(stand.refused()).toEqual(["bad_packet"]);
  });

  it.each([
    ["a second CONNECT", packet(0x10, Buffer.from("\0\x04MQTT\x04\x02\0\0\0\x01c"))],
    ["SUBACK", packet(0x90, Buffer.of(0, 1, 0))],
    ["PINGRESP", packet(0xd0, Buffer.alloc(0))],
    ["QoS 3", packet(0x36, Buffer.from("\0\x01t\0\x01"))],
    ["SUBSCRIBE without flags", packet(0x80, Buffer.from("\0\x01\0\x01#\0"))],
    ["SUBSCRIBE to nothing", packet(0x82, Buffer.of(0, 1))],
    ["AUTH", packet(0xf0, Buffer.alloc(0))],
  ])("in a session but %s ends it as bad_packet, once", async (_, bytes) => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const good = await connectReady(stand.broker, robot, "good");
    const client = await dialIn(stand.broker, robot);
    client.send(bytes, PINGREQ, bytes);
    expect(await client.next()).toBeNull();
    await stand.until((happened) => happened.at(-1)?.what === "gone");
    expect(stand.happened.slice(1)).toMatchObject([
      { refusal: { refused: "bad_packet" }, at: { device: robot.address, topic: "" } },
      { what: "gone" },
    ]);
    await good.publishAsync(robot.topic("cancel"), "alive", { qos: 1 });
  });
});

describe("a connection that wants too much", () => {
  it.each([
    [
      "a thousand packets before the answer to CONNECT",
      () => Array.from({ length: 1_100 }, () => PINGREQ),
      { admit: () => new Promise<null>(() => {}) },
    ],
    ["65 filters at once", () => [subscribePacket(Array.from({ length: 65 }, (_, i) => `f${i}`))], {}],
    [
      "101 half-open messages of QoS 2",
      (topic: string) =>
        Array.from({ length: 101 }, (_, i) => publishPacket(topic, "{}", { qos: 2, id: i + 1 })),
      {},
    ],
  ])("as %s, ends as too_many, once", async (_, hostile, callbacks) => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot], callbacks });
    const client = await dial(stand.broker);
    client.send(await goodConnect(robot), ...hostile(robot.topic("state")));
    let last = await client.next();
    while (last !== null) last = await client.next();
    expect(stand.refused()).toEqual(["too_many"]);
  });

  it("as more than its address may have, is closed, and others are not", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot], limits: { connectionsPerAddress: 2 } });
    const kept = await dialIn(stand.broker, robot);
    await dialIn(stand.broker, robot, { clientId: robot.clientId("other") });
    expect(await (await dial(stand.broker)).next()).toBeNull();
    const [ours, theirs] = duplexPair();
    stand.broker.attach(ours, "/dev/ttyACM0");
    const board = rawClient(theirs);
    board.send(await goodConnect(robot, { clientId: robot.clientId("board") }));
    expect(await board.types(1)).toEqual([CONNACK]);
    expect(stand.refused()).toEqual(["too_many"]);
    kept.stream.destroy();
    await stand.until((happened) => happened.at(-1)?.what === "gone");
    await dialIn(stand.broker, robot);
  });

  it("as another slot than its device has, is refused with 3; its own may be taken over", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot], limits: { slotsPerDevice: 2 } });
    for (const slot of ["a", "b"]) await dialIn(stand.broker, robot, { clientId: robot.clientId(slot) });
    const third = await dial(stand.broker);
    third.send(await goodConnect(robot, { clientId: robot.clientId("c") }));
    expect(await third.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 3) });
    expect(stand.happened).toMatchObject([
      { refusal: { refused: "too_many" }, at: { device: robot.address, session: null } },
    ]);
    await dialIn(stand.broker, robot, { clientId: robot.clientId("a") });
    expect(stand.broker.sessions().map(({ slot }) => slot)).toEqual(["b", "a"]);
  });
});

describe("connections that come too often", () => {
  it("from one address wait, and are refused where they would wait too long", async () => {
    const robot = makeDevice();
    const clock = new VirtualClock();
    clock.offsetMs = Date.now();
    const limits = { addressConnectRate: 1, addressConnectBurst: 1, connectTimeoutMs: 2_000 };
    const stand = await startStand({ devices: [robot], clock, limits });
    const [first, second] = [await dial(stand.broker), await dial(stand.broker)];
    first.send(await goodConnect(robot, { clientId: robot.clientId("a") }));
    second.send(await goodConnect(robot, { clientId: robot.clientId("b") }));
    expect(await first.types(1)).toEqual([CONNACK]);
    await dial(stand.broker);
    expect(await (await dial(stand.broker)).next()).toBeNull();
    expect(stand.refused()).toEqual(["too_many"]);
    expect(stand.broker.sessions().map(({ slot }) => slot)).toEqual(["a"]);
    await clock.run(1_000);
    expect(await second.types(1)).toEqual([CONNACK]);
    expect(stand.broker.figures.delayed).toBe(2);
  });

  it("from one device wait, whatever its address, and strangers in its name cost it nothing", async () => {
    const [robot, thief] = [makeDevice(), makeDevice()];
    const clock = new VirtualClock();
    clock.offsetMs = Date.now();
    const limits = { deviceConnectRate: 1, deviceConnectBurst: 1, connectTimeoutMs: 1_500 };
    let admitted = Promise.withResolvers<void>();
    const admit = () => {
      admitted.resolve();
      return robot.name;
    };
    const stand = await startStand({ clock, limits, callbacks: { admit } });
    for (let i = 0; i < 3; i++) {
      const liar = await dial(stand.broker);
      liar.send(await goodConnect(robot, { password: await thief.tokenFor(robot.clientId()) }));
      expect(await liar.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 4) });
    }
    await dialIn(stand.broker, robot, { clientId: robot.clientId("a") });
    const second = await dial(stand.broker);
    admitted = Promise.withResolvers();
    second.send(await goodConnect(robot, { clientId: robot.clientId("b") }));
    await admitted.promise;
    const third = await dial(stand.broker);
    third.send(await goodConnect(robot, { clientId: robot.clientId("c") }));
    expect(await third.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 3) });
    await clock.run(1_000);
    expect(await second.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 0) });
    expect(stand.refused()).toEqual(["bad_token", "bad_token", "bad_token", "too_many"]);
  });

  it("open no session for a device that has left the roster while it waited", async () => {
    const robot = makeDevice();
    const clock = new VirtualClock();
    clock.offsetMs = Date.now();
    let asked = 0;
    const second = Promise.withResolvers<void>();
    const admit = () => {
      asked++;
      if (asked === 2) second.resolve();
      return asked < 3 ? robot.name : null;
    };
    const limits = { deviceConnectRate: 1, deviceConnectBurst: 1 };
    const stand = await startStand({ clock, limits, callbacks: { admit } });
    const first = await dialIn(stand.broker, robot, { clientId: robot.clientId("a") });
    const late = await dial(stand.broker);
    late.send(await goodConnect(robot, { clientId: robot.clientId("b") }));
    await second.promise;
    first.send(PINGREQ);
    await first.types(1);
    await clock.run(1_001);
    expect(await late.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 5) });
    expect(stand.refused()).toEqual(["unknown_device"]);
    expect(stand.broker.sessions().map(({ slot }) => slot)).toEqual(["a"]);
  });
});

describe("a connection that says nothing", () => {
  it("ends as no_connect after the timeout, once", async () => {
    const clock = new VirtualClock();
    const stand = await startStand({ clock });
    const silent = await dial(stand.broker);
    silent.send(Buffer.of(0x10));
    await stand.until(() => true);
    const over = silent.next();
    await clock.runUntil(() => stand.refused().length > 0, 5_000);
    expect(await over).toBeNull();
    expect(stand.happened).toMatchObject([{ refusal: { refused: "no_connect" }, at: { device: null } }]);
  });

  it("and leaves by itself is refused by nobody", async () => {
    const stand = await startStand();
    const [ours, theirs] = duplexPair();
    stand.broker.attach(ours, "/dev/ttyACM0");
    const closed = new Promise((resolve) => ours.once("close", resolve));
    theirs.destroy();
    ours.destroy(new Error("the cable was pulled"));
    await closed;
    expect(stand.happened).toEqual([]);
    expect(stand.broker.figures.connections).toBe(0);
  });
});

describe("messages that come too fast", () => {
  it("are all taken, in their order and no faster than the rate, and answered then", async () => {
    const robot = makeDevice();
    const clock = new VirtualClock();
    clock.offsetMs = Date.now();
    const limits = { deviceMessageRate: 10, deviceMessageBurst: 5 };
    const stand = await startStand({ devices: [robot], clock, limits });
    const client = await dialIn(stand.broker, robot);
    for (let id = 1; id <= 10; id++) client.send(publishPacket(robot.topic("cancel"), String(id), { id }));
    expect(await client.types(5)).toEqual(Array.from({ length: 5 }, () => PUBACK));
    client.send(PINGREQ);
    await stand.until((happened) => happened.length === 10 || stand.broker.figures.delayed > 0);
    const pong = client.types(6);
    const from = clock.elapsedMs;
    await clock.runUntil(() => stand.happened.length === 10 && stand.broker.figures.delayed > 0, 60_000);
    await clock.run(2_000);
    expect((await pong).at(-1)).toBe(PINGRESP);
    expect(clock.elapsedMs - from).toBeGreaterThan(0);
    const texts = stand.happened.map((h) => (h.what === "publish" ? h.payload : ""));
    expect(texts).toEqual(Array.from({ length: 10 }, (_, i) => String(i + 1)));
  });

  it("without end, end the session as too_many, once", async () => {
    const [robot, other] = [makeDevice(), makeDevice({ manufacturer: "acme", serialNumber: "r-2" })];
    const limits = { deviceMessageRate: 1_000, deviceMessageBurst: 10, floodMs: 300 };
    const stand = await startStand({ devices: [robot, other], limits });
    const good = await connectReady(stand.broker, other);
    const client = await dialIn(stand.broker, robot);
    const flood = Buffer.concat(
      Array.from({ length: 200 }, () => publishPacket(robot.topic("state"), "x".repeat(500), { qos: 0 })),
    );
    const pour = () => {
      while (!client.stream.destroyed && client.stream.write(flood));
    };
    client.stream.on("drain", pour);
    pour();
    await stand.until((happened) => happened.at(-1)?.what === "gone");
    expect(stand.refused()).toEqual(["too_many"]);
    await good.publishAsync(other.topic("cancel"), "alive", { qos: 1 });
  });
});

describe("admission that takes its time", () => {
  it("opens one session for two rivals for an id, and both had good tokens", async () => {
    const robot = makeDevice();
    const { promise: enrolled, resolve: enrol } = Promise.withResolvers<typeof robot.name>();
    const stand = await startStand({ callbacks: { admit: () => enrolled } });
    const rivals = [await dial(stand.broker), await dial(stand.broker)];
    for (const rival of rivals) rival.send(await goodConnect(robot), subscribePacket([robot.all]));
    enrol(robot.name);
    await stand.until((happened) => happened.filter(({ what }) => what === "ready").length === 1);
    await stand.until((happened) => happened.some(({ what }) => what === "gone"));
    expect(stand.broker.sessions()).toHaveLength(1);
    expect(stand.refused()).toEqual([]);
  });

  it("lets one token in once, however many bring it at the same time", async () => {
    const robot = makeDevice();
    const { promise: enrolled, resolve: enrol } = Promise.withResolvers<typeof robot.name>();
    const stand = await startStand({ callbacks: { admit: () => enrolled } });
    const password = await robot.tokenFor(robot.clientId());
    const thieves = await Promise.all([1, 2, 3].map(() => dial(stand.broker)));
    for (const thief of thieves) thief.send(await goodConnect(robot, { password }));
    enrol(robot.name);
    await stand.until(() => stand.refused().length === 2);
    expect(stand.refused()).toEqual(["token_replayed", "token_replayed"]);
    expect(stand.broker.sessions()).toHaveLength(1);
  });

  it.each([
    [
      "its device is dropped",
      (stand: Stand, device: ReturnType<typeof makeDevice>) => stand.broker.drop(device.address),
    ],
    ["the broker stops", (stand: Stand) => void stand.broker.stop()],
  ])("opens no session if %s meanwhile", async (_, interrupt) => {
    const robot = makeDevice();
    const asked = Promise.withResolvers<void>();
    const { promise: enrolled, resolve: enrol } = Promise.withResolvers<typeof robot.name>();
    const admit = () => {
      asked.resolve();
      return enrolled;
    };
    const stand = await startStand({ callbacks: { admit } });
    const client = await dial(stand.broker);
    client.send(await goodConnect(robot), subscribePacket([robot.all]));
    await asked.promise;
    interrupt(stand, robot);
    enrol(robot.name);
    expect(await client.next()).toBeNull();
    expect(stand.broker.sessions()).toEqual([]);
    expect(stand.happened).toEqual([]);
  });

  it("that fails ends the connection and is refused by nobody", async () => {
    const robot = makeDevice();
    const admit = () => Promise.reject(new Fault("disk_failed", "no room"));
    const stand = await startStand({ callbacks: { admit } });
    const client = await dial(stand.broker);
    client.send(await goodConnect(robot));
    expect(await client.next()).toBeNull();
    expect(stand.happened).toEqual([]);
  });

  it("may wait for longer than a CONNECT may take", async () => {
    const robot = makeDevice();
    const clock = new VirtualClock();
    clock.offsetMs = Date.now();
    const asked = Promise.withResolvers<void>();
    const { promise: enrolled, resolve: enrol } = Promise.withResolvers<typeof robot.name>();
    const admit = () => {
      asked.resolve();
      return enrolled;
    };
    const stand = await startStand({ clock, callbacks: { admit } });
    const client = await dial(stand.broker);
    client.send(await goodConnect(robot));
    await asked.promise;
    await clock.run(60_000);
    enrol(robot.name);
    expect(await client.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 0) });
  });
});

describe("two brokers of one gateway", () => {
  it("take a token once, together", async () => {
    const robot = makeDevice();
    const nonces = new NonceMemory(16);
    const stands = [
      await startStand({ devices: [robot], nonces }),
      await startStand({ devices: [robot], nonces }),
    ];
    const password = await robot.tokenFor(robot.clientId());
    const codes: (number | undefined)[] = [];
    for (const { broker } of stands) {
      const client = await dial(broker);
      client.send(await goodConnect(robot, { password }));
      codes.push((await client.next())?.body[1]);
    }
    expect(codes).toEqual([0, 4]);
  });
});
