import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import { refuse } from "../../../src/base/refusal.ts";
import { TOPICS, type Topic } from "../../../src/protocol/topic.ts";
import {
  DISCONNECT,
  dialIn,
  PINGREQ,
  PINGRESP,
  PUBACK,
  PUBCOMP,
  PUBREC,
  packet,
  publishPacket,
} from "./raw-client.ts";
import { connect, connectReady, makeDevice, next, openClient, startStand } from "./stand.ts";

// A login is for those that have no session yet.
const upTopics = (Object.keys(TOPICS) as Topic[]).filter(
  (topic) => TOPICS[topic].up && topic !== "login" && topic !== "pair",
);

describe("a device's message", () => {
  it("reaches the gateway on every up-topic, as long as the topic allows", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await connect(await openClient(stand.broker, robot));
    const [session] = stand.broker.sessions();
    for (const topic of upTopics) {
      const payload = "x".repeat(TOPICS[topic].limit);
      await client.publishAsync(robot.topic(topic), payload, { qos: 1, retain: TOPICS[topic].retain });
      expect(stand.happened.pop()).toEqual({ what: "publish", session, topic, payload });
    }
    expect(stand.happened).toEqual([]);
  });

  it("of one byte too many is too_large on every up-topic", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await connect(await openClient(stand.broker, robot));
    const [session] = stand.broker.sessions();
    for (const topic of upTopics) {
      await client.publishAsync(robot.topic(topic), Buffer.alloc(TOPICS[topic].limit + 1), { qos: 1 });
      const at = { device: robot.address, session, topic: robot.topic(topic), origin: "127.0.0.1" };
      expect(stand.happened.pop()).toEqual({ what: "refused", refusal: refuse("too_large"), at });
    }
    expect(stand.happened).toEqual([]);
  });

  it.each([
    ["on another device's topic", "hirewire/v1/acme/r-2/offer", false],
    ["on a topic that only goes down", "hirewire/v1/acme/r-1/award", false],
    ["on a topic we do not have", "hirewire/v1/acme/r-1/constructor", false],
    ["under another root", "vda5050/v2/acme/r-1/connection", false],
    ["under another version", "hirewire/v2/acme/r-1/offer", false],
    ["on a level too many", "hirewire/v1/acme/r-1/offer/now", false],
    ["on an empty level", "hirewire/v1//r-1/offer", false],
    ["on $SYS", "$SYS/broker/new/clients", false],
    ["on the broker's own dump", "consumed", false],
    ["on a wildcard", "hirewire/v1/acme/+/offer", false],
    ["on a wildcard for all", "hirewire/#", false],
    ["on a hundred and one levels", Array.from({ length: 101 }, () => "a").join("/"), false],
    ["on its own topic and too many levels below", "hirewire/v1/acme/r-1/offer/a/b/c/d/e", false],
    ["on a topic of 60,000 bytes", "t".repeat(60_000), false],
    ["on no topic", "", false],
    ["retained where that is not allowed", "hirewire/v1/acme/r-1/offer", true],
  ])("%s is refused as wrong_topic, acknowledged, and the session goes on", async (_, topic, retain) => {
    const [robot, other] = [makeDevice(), makeDevice({ manufacturer: "acme", serialNumber: "r-2" })];
    const stand = await startStand({ devices: [robot, other] });
    const client = await dialIn(stand.broker, robot);
    client.send(publishPacket(topic, "{}", { retain, id: 7 }));
    expect(await client.next()).toEqual({ type: PUBACK, body: Buffer.of(0, 7) });
    expect(stand.happened).toMatchObject([
      {
        refusal: { refused: "wrong_topic" },
        at: { device: robot.address, session: { id: robot.clientId() } },
      },
    ]);
    client.send(publishPacket(robot.topic("cancel"), "{}", { id: 8 }));
    expect(await client.next()).toEqual({ type: PUBACK, body: Buffer.of(0, 8) });
  });

  it("is named in its refusal as the device wrote it, at most 200 characters", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    client.send(publishPacket("hirewire/v1/acme/r-9/bid", "{}"), publishPacket("t".repeat(999), "{}"));
    await client.types(2);
    const named = stand.happened.map((h) => (h.what === "refused" ? h.at.topic : ""));
    expect(named).toEqual(["hirewire/v1/acme/r-9/bid", "t".repeat(200)]);
  });

  it("never comes back to the device or to another session of it", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const heard: string[] = [];
    const client = await connectReady(stand.broker, robot, "a");
    const sibling = await connectReady(stand.broker, robot, "b");
    for (const each of [client, sibling]) each.on("message", (topic) => heard.push(topic));
    for (const topic of upTopics) {
      await client.publishAsync(robot.topic(topic), "{}", { qos: 1, retain: TOPICS[topic].retain });
    }
    // A subscription would be sent what is retained; then one message of ours shows that all others would be here.
    await sibling.unsubscribeAsync(robot.all);
    await sibling.subscribeAsync([robot.all, robot.topic("blob-get"), robot.topic("blob-data")], { qos: 1 });
    const last = Promise.all([next(client, "message"), next(sibling, "message")]);
    stand.broker.publish(robot.name, "ack", "{}");
    await last;
    expect(heard).toEqual([robot.topic("ack"), robot.topic("ack")]);
  });

  it("is not acknowledged before the gateway has it", async () => {
    const robot = makeDevice();
    const { promise: stored, resolve: store } = Promise.withResolvers<void>();
    const stand = await startStand({ devices: [robot], callbacks: { onPublish: () => stored } });
    const client = await dialIn(stand.broker, robot);
    client.send(publishPacket(robot.topic("offer"), "{}"), PINGREQ);
    expect(await client.types(1)).toEqual([PINGRESP]);
    expect(stand.happened).toHaveLength(1);
    store();
    expect(await client.types(1)).toEqual([PUBACK]);
  });

  it("is not even read while the gateway is at work on as many as it may be", async () => {
    const robot = makeDevice();
    const stored: (() => void)[] = [];
    const onPublish = () => new Promise<void>((resolve) => stored.push(resolve));
    const stand = await startStand({ devices: [robot], limits: { underWay: 2 }, callbacks: { onPublish } });
    const client = await dialIn(stand.broker, robot);
    // each in a segment of its own
    for (let id = 1; id <= 2; id++) {
      client.send(publishPacket(robot.topic("cancel"), "{}", { id }));
      await stand.until((happened) => happened.length === id);
    }
    const other = await dialIn(stand.broker, robot, { clientId: robot.clientId("b") });
    client.send(publishPacket(robot.topic("cancel"), "{}", { id: 3 }), PINGREQ);
    for (let turns = 0; turns < 3; turns++) {
      other.send(PINGREQ);
      await other.next();
    }
    expect(stored).toHaveLength(2);
    stored.shift()?.();
    await stand.until((happened) => happened.length === 3);
    expect(await client.types(2)).toEqual([PUBACK, PINGRESP]);
  });

  it("is never acknowledged when the gateway fails to take it; the connection ends", async () => {
    const robot = makeDevice();
    const onPublish = () => Promise.reject(new Fault("journal_broken", "disk full"));
    const stand = await startStand({ devices: [robot], callbacks: { onPublish } });
    const client = await dialIn(stand.broker, robot);
    client.send(publishPacket(robot.topic("offer"), "{}"));
    expect(await client.next()).toBeNull();
    await stand.until((happened) => happened.at(-1)?.what === "gone");
  });

  it("at QoS 0 reaches the gateway even if the device leaves at once", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    client.send(publishPacket(robot.topic("state"), "{}", { qos: 0 }), DISCONNECT);
    await stand.until((happened) => happened.length === 2);
    expect(stand.happened.map(({ what }) => what)).toEqual(["publish", "gone"]);
  });

  it("at QoS 2 is served, and a repeated PUBLISH reaches the gateway twice", async () => {
    const robot = makeDevice();
    const { promise: stored, resolve: store } = Promise.withResolvers<void>();
    const stand = await startStand({ devices: [robot], callbacks: { onPublish: () => stored } });
    const client = await dialIn(stand.broker, robot);
    const publish = publishPacket(robot.topic("offer"), "{}", { qos: 2, id: 5 });
    client.send(publish, PINGREQ);
    expect(await client.types(1)).toEqual([PINGRESP]);
    store();
    expect(await client.types(1)).toEqual([PUBREC]);
    client.send(publish);
    expect(await client.types(1)).toEqual([PUBREC]);
    client.send(packet(0x62, Buffer.of(0, 5)));
    expect(await client.types(1)).toEqual([PUBCOMP]);
    expect(stand.happened).toHaveLength(2);
  });

  it("at QoS 2 cannot be left half open without end", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    for (let id = 1; id <= 101; id++) client.send(publishPacket(robot.topic("state"), "{}", { qos: 2, id }));
    await stand.until((happened) => happened.some(({ what }) => what === "gone"));
  });

  it("is answered by a message from within without a deadlock, 300 in flight", async () => {
    const robot = makeDevice();
    const stand = await startStand({
      devices: [robot],
      callbacks: {
        async onPublish(session, _topic, payload) {
          const text = Buffer.from(payload).toString();
          for (let turns = 0; turns < 10; turns++) await nextTurn();
          stand.broker.publish(session.name, "ack", text);
        },
      },
    });
    const client = await connectReady(stand.broker, robot);
    const answers: string[] = [];
    const answered = new Promise<void>((resolve) => {
      client.on("message", (_topic, payload) => {
        if (answers.push(payload.toString()) === 300) resolve();
      });
    });
    const ids = Array.from({ length: 300 }, (_, i) => String(i));
    await Promise.all(ids.map((id) => client.publishAsync(robot.topic("cancel"), id, { qos: 1 })));
    await answered;
    expect(answers).toEqual(ids);
  });
});

describe("a last will", () => {
  const offline = (robot: ReturnType<typeof makeDevice>) => ({
    topic: robot.topic("connection"),
    payload: Buffer.from("broken"),
    qos: 1 as const,
    retain: true,
  });

  it("is the device's connection message when its connection breaks, and comes before the end", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await connect(await openClient(stand.broker, robot, { will: offline(robot) }));
    const [session] = stand.broker.sessions();
    client.stream.destroy();
    await stand.until((happened) => happened.length === 2);
    expect(stand.happened).toEqual([
      { what: "publish", session, topic: "connection", payload: "broken" },
      { what: "gone", session },
    ]);
    expect(stand.broker.sessions()).toEqual([]);
  });

  it("is dropped when the device says goodbye", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await connect(await openClient(stand.broker, robot, { will: offline(robot) }));
    await client.endAsync();
    await stand.until((happened) => happened.length === 1);
    expect(stand.happened).toMatchObject([{ what: "gone" }]);
  });

  it("that the gateway fails to take ends the session all the same", async () => {
    const robot = makeDevice();
    const onPublish = () => Promise.reject(new Fault("journal_broken", "disk full"));
    const stand = await startStand({ devices: [robot], callbacks: { onPublish } });
    const client = await connect(await openClient(stand.broker, robot, { will: offline(robot) }));
    client.stream.destroy();
    await stand.until((happened) => happened.at(-1)?.what === "gone");
  });
});
