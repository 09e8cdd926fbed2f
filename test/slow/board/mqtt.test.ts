/** The board's MQTT client in C, under AddressSanitizer and UBSan, over the link: with scripted brokers and with ours. */
import { describe, expect, it } from "vitest";
import { type Call, CMqtt } from "../../board/c-mqtt.ts";
import { isUnbuildable, whyUnbuildable } from "../../board/host-build.ts";
import { CONNACK, packet, publishing, ScriptedBroker, text, two } from "../../board/scripted-broker.ts";
import { makeDevice, startStand } from "../../link/broker/stand.ts";
import { seededBytes } from "../../link/serial/noisy-line.ts";
import { randomFrom } from "../exchange/random.ts";

const calls = (client: CMqtt) => client.calls.map(({ call }) => call);
const messages = (client: CMqtt) => client.calls.filter((one) => one.call === "message");
const said = (topic: string, payload: Buffer): Call => ({ call: "message", topic, payload });

/** A client with a session and a subscription, and the broker that gave them. */
async function connected(isKind = true) {
  const client = new CMqtt();
  const broker = new ScriptedBroker(client);
  client.boot(7);
  await client.until("link_up");
  client.connect("board", "user", "password");
  await client.until("connected");
  client.subscribe("a/+");
  await client.until("subscribed");
  broker.isKind = isKind;
  return { client, broker };
}

/** Packets that nobody may send to a client with a session, and why. */
const MALFORMED: [why: string, bytes: Buffer][] = [
  ["kind 0", Buffer.of(0, 0)],
  ["kind 15", Buffer.of(0xf0, 0)],
  ["CONNECT", packet(0x10, Buffer.of(0, 0))],
  ["a second CONNACK", CONNACK],
  ["SUBACK for nothing", packet(0x90, two(0x8002), Buffer.of(1))],
  ["PUBACK for nothing", packet(0x40, two(0x8002))],
  ["PUBREC", packet(0x50, two(0x8002))],
  ["DISCONNECT", Buffer.of(0xe0, 0)],
  ["PINGRESP with a body", packet(0xd0, Buffer.of(1))],
  ["PINGRESP with flags", Buffer.of(0xd1, 0)],
  ["a length of five bytes", Buffer.of(0x30, 0x80, 0x80, 0x80, 0x80, 1)],
  ["PUBLISH at QoS 2", packet(0x34, text("a/b"), two(1))],
  ["PUBLISH at QoS 3", packet(0x36, text("a/b"), two(1))],
  ["a duplicate at QoS 0", packet(0x38, text("a/b"))],
  ["PUBLISH without a topic", packet(0x30, two(0), Buffer.from("x"))],
  ["a topic longer than its packet", Buffer.of(0x30, 5, 0, 4, 0x61, 0x62, 0x63)],
  ["a topic that leaves no id", Buffer.of(0x32, 5, 0, 3, 0x61, 0x62, 0x63)],
  ["half an id", Buffer.of(0x32, 6, 0, 3, 0x61, 0x62, 0x63, 1)],
  ["the id 0", packet(0x32, text("a/b"), two(0))],
  ["an empty PUBLISH", Buffer.of(0x30, 0, 0, 3, 0x61, 0x62, 0x63)],
];

describe.skipIf(isUnbuildable)(`the MQTT client in C${whyUnbuildable}`, () => {
  it("says CONNECT, SUBSCRIBE and PUBLISH to the byte", async () => {
    const { client, broker } = await connected();
    client.publish("a/b", "hello", 1);
    await client.until("published");
    client.publish("a/c", "", 0, "source");
    await client.until("published", 2);
    client.publish("a/d", "source", 1, "source");
    await client.until("published", 3);
    expect(broker.packets).toEqual([
      {
        kind: 0x10,
        body: Buffer.concat([
          text("MQTT"),
          Buffer.of(4, 0xc2, 0, 60),
          ...["board", "user", "password"].map(text),
        ]),
      },
      { kind: 0x82, body: Buffer.concat([two(0x8002), text("a/+"), Buffer.of(1)]) },
      { kind: 0x32, body: Buffer.concat([text("a/b"), two(0x8003), Buffer.from("hello")]) },
      { kind: 0x30, body: text("a/c") },
      { kind: 0x32, body: Buffer.concat([text("a/d"), two(0x8005), Buffer.from("source")]) },
    ]);
    expect(calls(client)).toEqual([
      "link_up",
      "connected",
      "subscribed",
      "published",
      "published",
      "published",
    ]);
  });

  it.each([
    ["memory", 0],
    ["memory", 127],
    ["memory", 16_384],
    ["source", 121],
    ["source", 44_000],
    ["source", 100_000],
  ] as const)("publishes from %s %d bytes", async (from, size) => {
    const { client, broker } = await connected();
    const payload = seededBytes(size, size);
    client.publish("a/blob", payload, 1, from);
    await client.until("published");
    const body = broker.heard(0x32)[0] ?? Buffer.alloc(0);
    expect(body.subarray(2 + "a/blob".length + 2).equals(payload)).toBe(true);
  });

  it("takes one publish or subscribe at a time, and none without a session", async () => {
    const { client, broker } = await connected(false);
    client.publish("a/b", "1");
    client.publish("a/b", "2");
    client.subscribe("b/+");
    client.connect("x", "y", "z");
    await client.clock.run(1_000);
    expect(calls(client).slice(3)).toEqual(["refused", "refused", "refused"]);
    expect(broker.heard(0x32)).toHaveLength(1);
    broker.send(packet(0x40, two(0x8003)));
    await client.until("published");
    client.publish("a/b", "3", 0);
    await client.until("published", 2);
    client.restart();
    client.publish("a/b", "4");
    expect(calls(client).slice(-2)).toEqual(["down", "refused"]);
  });

  it("hands over messages however their bytes are split, and acknowledges each at its end", async () => {
    const { client, broker } = await connected(false);
    const { below } = randomFrom(3);
    const sent: Call[] = [];
    for (let id = 1; id <= 200; id++) {
      const topic = `a/${"t".repeat(1 + below(id % 10 === 0 ? 200 : 20))}`;
      const payload = seededBytes(id, id % 7 === 0 ? 0 : below(id % 50 === 0 ? 20_000 : 300));
      const bytes = publishing(topic, payload, id % 3 === 0 ? undefined : id);
      if (id % 5 === 0) bytes[0] = (bytes[0] ?? 0) | 1;
      // One byte at a time, by twos, or all at once.
      for (let at = 0, step = [1, 2, 1_000_000][id % 3] ?? 1; at < Math.min(bytes.length, 400); at += step) {
        broker.send(bytes.subarray(at, at + step >= 400 ? bytes.length : at + step));
      }
      sent.push(said(topic.slice(0, 96), payload));
      await client.clock.runUntil(() => messages(client).length === id);
    }
    await client.clock.run(1_000);
    expect(messages(client)).toEqual(sent);
    const acknowledged = broker.heard(0x40).map((body) => body.readUInt16BE());
    expect(acknowledged).toEqual(Array.from({ length: 200 }, (_, i) => i + 1).filter((id) => id % 3 !== 0));
  });

  it("acknowledges 20 messages that come at once while a publish is held up, then ends a broker that goes on", async () => {
    const { client, broker } = await connected(false);
    broker.stream?.pause();
    client.publish("a/b", seededBytes(1, 60_000), 1);
    await client.clock.run(15_000);
    for (let id = 1; id <= 20; id++) broker.send(publishing("a/x", Buffer.from("x"), id));
    await client.clock.run(1_000);
    expect(messages(client)).toHaveLength(20);
    expect(client.count("down")).toBe(0);
    broker.send(publishing("a/x", Buffer.from("x"), 21));
    await client.until("down");
    await client.until("link_up", 2);
  });

  it("pings when half of the keep-alive has passed", async () => {
    const { client, broker } = await connected();
    await client.clock.run(125_000);
    expect(broker.heard(0xc0)).toHaveLength(4);
    expect(client.count("down")).toBe(0);
  });

  it.each([1, 2, 3, 4, 5])(
    "tells return code %d of CONNACK, and connects no more in that session",
    async (code) => {
      const client = new CMqtt();
      const broker = new ScriptedBroker(client, false);
      client.boot(7);
      await client.until("link_up");
      client.connect("board", "user", "wrong");
      await client.clock.runUntil(() => broker.heard(0x10).length > 0);
      broker.send(Buffer.of(0x20, 2, 0, code));
      await client.until("connected");
      client.subscribe("a/+");
      client.connect("board", "user", "password");
      broker.stream?.end();
      await client.until("link_up", 2);
      expect(client.calls.slice(1)).toEqual([
        { call: "connected", code },
        { call: "refused" },
        { call: "refused" },
        { call: "down" },
        { call: "link_up" },
      ]);
    },
  );

  it.each([
    ["anything before CONNECT", null, CONNACK],
    ["a session that was there", "c", Buffer.of(0x20, 2, 1, 0)],
    ["an unknown return code", "c", Buffer.of(0x20, 2, 0, 6)],
    ["a CONNACK of three bytes", "c", Buffer.of(0x20, 3, 0, 0, 0)],
    ["a message before CONNACK", "c", publishing("a/b", Buffer.from("x"))],
  ])("ends the session of a broker that says %s", async (_why, hasConnected, bytes) => {
    const client = new CMqtt();
    const broker = new ScriptedBroker(client, false);
    client.boot(7);
    await client.clock.runUntil(() => client.count("link_up") > 0 && broker.stream !== null);
    if (hasConnected) client.connect("board", "user", "password");
    if (hasConnected) await client.clock.runUntil(() => broker.heard(0x10).length > 0);
    broker.send(bytes);
    await client.until("down");
    await client.until("link_up", 2);
    expect(client.count("connected")).toBe(0);
  });

  it.each(MALFORMED)("ends the session of a broker that says %s", async (_why, bytes) => {
    const { client, broker } = await connected(false);
    broker.send(bytes);
    await client.until("down");
    await client.until("link_up", 2);
    expect([client.torn, messages(client)]).toEqual([[], []]);
  });

  it("does as much from within callbacks: connects, subscribes, publishes and restarts", async () => {
    const client = new CMqtt();
    const broker = new ScriptedBroker(client);
    client.boot(7);
    client.flags("automatic", "echo", "fickle");
    await client.until("subscribed");
    broker.send(publishing("a/echo", Buffer.from("there and back"), 5));
    await client.until("published");
    expect(broker.heard(0x32)[0]?.toString("latin1")).toContain("there and back");
    // Payloads that begin with X, and topics with Y or Z, end the session from within.
    for (const [topic, payload] of [
      ["a/b", "X marks"],
      ["Y", "why"],
      ["Z", "zero"],
      ["Z", ""],
    ] as const) {
      const downs = client.count("down");
      broker.send(publishing(topic, Buffer.from(payload), 6), publishing("a/late", Buffer.from("never"), 7));
      await client.until("down", downs + 1);
      await client.until("subscribed", downs + 2);
    }
    expect(messages(client).map((one) => one.call === "message" && one.topic)).toEqual(["a/echo", "Y"]);
  });

  it("survives 30,000 packets of which a third is mutated", async () => {
    const client = new CMqtt({ bitErrorRate: 1e-5 });
    const random = randomFrom(4);
    const broker = new ScriptedBroker(client);
    client.boot(7);
    client.flags("automatic", "echo", "fickle");
    for (let turn = 0; turn < 1_500; turn++) {
      await client.clock.runUntil(() => client.isSubscribed, 30_000);
      const packets = Array.from({ length: 20 }, () => {
        const body = seededBytes(random.below(2 ** 31), random.below(60));
        const id = random.chance(0.6) ? 1 + random.below(65_535) : undefined;
        const bytes = publishing(`a/${"z".repeat(1 + random.below(120))}`, body, id);
        if (random.chance(2 / 3)) return bytes;
        const kind = random.below(4);
        if (kind === 0) return bytes.subarray(0, random.below(bytes.length));
        if (kind === 1) bytes[random.below(5)] = random.below(256);
        if (kind === 2) bytes[random.below(bytes.length)] = random.below(256);
        return kind === 3 ? seededBytes(random.below(2 ** 31), 1 + random.below(20)) : bytes;
      });
      broker.send(...packets);
      await client.clock.run(30);
      if (turn % 10 > 0) continue;
      // With the next session all is well again.
      const before = messages(client).length;
      client.restart();
      await client.clock.runUntil(() => client.isSubscribed, 30_000);
      broker.send(publishing("a/fine", Buffer.from("fine"), 9));
      await client.clock.runUntil(() => messages(client).length > before);
      expect(messages(client).at(-1)).toEqual(said("a/fine", Buffer.from("fine")));
    }
    expect(client.count("down")).toBeGreaterThan(1_000);
  });
});

describe.skipIf(isUnbuildable)(`the MQTT client in C at our broker${whyUnbuildable}`, () => {
  it.each([0, 1e-4])(
    "logs in by challenge, subscribes, and publishes both ways, at bit errors of %d",
    async (rate) => {
      const device = makeDevice();
      const stand = await startStand({ devices: [device] });
      const client = new CMqtt({ bitErrorRate: rate });
      client.onStream = (stream) => stand.broker.attach(stream, "serial");
      client.boot(7);
      await client.until("link_up");
      client.connect(device.clientId(), device.address, "challenge");
      await client.until("connected");
      client.subscribe(device.all);
      await client.until("subscribed");
      const login = (token: string | null) =>
        client.publish(
          device.topic("login"),
          JSON.stringify({ version: 1, device: device.address, slot: "main", token }),
        );
      login(null);
      await client.until("message");
      const [challenge] = messages(client);
      const { nonce, time } = JSON.parse(challenge?.call === "message" ? challenge.payload.toString() : "");
      await client.clock.runUntil(() => client.count("published") > 0);
      login(await device.tokenFor(device.clientId(), { nonce, issued: time }));
      await client.clock.runUntil(() => stand.happened.length > 0);
      expect(client.calls.slice(1, 3)).toEqual([
        { call: "connected", code: 0 },
        { call: "subscribed", code: 1 },
      ]);
      const offer = "x".repeat(4_000);
      await client.clock.runUntil(() => client.count("published") > 1);
      client.publish(device.topic("offer"), offer);
      await client.clock.runUntil(() => client.count("published") > 2);
      expect(stand.happened).toMatchObject([
        { what: "ready" },
        { what: "publish", topic: "offer", payload: offer },
      ]);
      const awards = Array.from({ length: 60 }, (_, index) => `${index} ${"y".repeat(5 * index)}`);
      for (const award of awards) stand.broker.publish(device.name, "award", award);
      await client.until("message", 1 + awards.length);
      const heard = messages(client)
        .slice(1)
        .map((one) => one.call === "message" && one.payload.toString());
      expect(heard).toEqual(awards);
      expect(client.count("down")).toBe(0);
    },
  );

  it("hears the code of a refused CONNECT, and its link comes up again", async () => {
    const device = makeDevice();
    const stand = await startStand({ devices: [device] });
    const client = new CMqtt();
    client.onStream = (stream) => stand.broker.attach(stream, "serial");
    client.boot(7);
    await client.until("link_up");
    client.connect(device.clientId(), device.address, "no token");
    await client.until("connected");
    await client.until("link_up", 2);
    expect(client.calls[1]).toEqual({ call: "connected", code: 4 });
  });
});
