import { describe, expect, it } from "vitest";
import { TOPICS, type Topic } from "../../../src/protocol/topic.ts";
import {
  dial,
  dialIn,
  goodConnect,
  PUBACK,
  PUBLISH,
  packet,
  publishPacket,
  SUBACK,
  subscribePacket,
  UNSUBACK,
} from "./raw-client.ts";
import { connectReady, makeDevice, next, startStand } from "./stand.ts";

const downTopics = (Object.keys(TOPICS) as Topic[]).filter((topic) => TOPICS[topic].down);

describe("a subscription", () => {
  it("to each of the device's own down-topics is granted, and served", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    for (const topic of downTopics) {
      client.send(subscribePacket([robot.topic(topic)]));
      expect(await client.next()).toEqual({ type: SUBACK, body: Buffer.of(0, 1, 1) });
      stand.broker.publish(robot.name, topic, "{}");
      expect((await client.next())?.body.toString()).toContain(robot.topic(topic));
    }
  });

  it.each([
    ["everything", "#"],
    ["everything of ours", "hirewire/#"],
    ["everything of its own by #", "hirewire/v1/acme/r-1/#"],
    ["all devices", "hirewire/v1/+/+/announce"],
    ["all devices of its maker", "hirewire/v1/acme/+/award"],
    ["another device", "hirewire/v1/acme/r-2/+"],
    ["another device's topic", "hirewire/v1/acme/r-2/award"],
    ["its own up-topic", "hirewire/v1/acme/r-1/offer"],
    ["a topic we do not have", "hirewire/v1/acme/r-1/toString"],
    ["a share", "$share/all/hirewire/v1/acme/r-1/award"],
    ["the broker", "$SYS/#"],
    ["the broker's dump", "consumed"],
    ["a malformed filter", "hirewire/v1/acme/r-1/a+"],
    ["a malformed filter with #", "hirewire/#/acme"],
    ["too many levels", "hirewire/v1/acme/r-1/award/a/b/c/d/e"],
    ["a hundred and one levels", Array.from({ length: 101 }, () => "+").join("/")],
    ["nothing", ""],
  ])("to %s gets 0x80, and the session goes on", async (_, filter) => {
    const robot = makeDevice();
    const stand = await startStand({
      devices: [robot, makeDevice({ manufacturer: "acme", serialNumber: "r-2" })],
    });
    const client = await dialIn(stand.broker, robot);
    client.send(subscribePacket([filter]));
    expect(await client.next()).toEqual({ type: SUBACK, body: Buffer.of(0, 1, 0x80) });
    client.send(publishPacket(robot.topic("cancel"), "{}"));
    expect(await client.types(1)).toEqual([PUBACK]);
    expect(stand.happened.map(({ what }) => what)).toEqual(["publish"]);
  });

  it("to good and bad filters at once gets an answer to each", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    client.send(subscribePacket(["#", robot.topic("award"), "$SYS/#", robot.all]));
    expect(await client.next()).toEqual({ type: SUBACK, body: Buffer.of(0, 1, 0x80, 1, 0x80, 1) });
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready"]);
  });

  it("that overlaps another one brings a message once", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    client.send(subscribePacket([robot.all, robot.topic("award")]));
    await client.next();
    stand.broker.publish(robot.name, "award", "1");
    stand.broker.publish(robot.name, "ack", "2");
    const [first, second] = [await client.next(), await client.next()];
    expect([first?.body.at(-1), second?.body.at(-1)]).toEqual([0x31, 0x32]);
  });

  it("is served at the QoS that was asked for last, the highest of all that match, and no more once it ends", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await connectReady(stand.broker, robot);
    const heard: string[] = [];
    client.on("message", (topic, payload, { qos }) => {
      heard.push(`${topic.slice(topic.lastIndexOf("/") + 1)} ${payload} ${qos}`);
    });
    const say = async (text: string) => {
      const arrived = next(client, "message");
      stand.broker.publish(robot.name, "award", text);
      await arrived;
    };
    await say("one");
    await client.subscribeAsync(robot.all, { qos: 0 });
    await say("none");
    await client.subscribeAsync(robot.topic("award"), { qos: 2 });
    await say("both");
    await client.unsubscribeAsync(robot.all);
    stand.broker.publish(robot.name, "ack", "deaf");
    await say("exact");
    expect(heard).toEqual(["award one 1", "award none 0", "award both 1", "award exact 1"]);
  });

  it("that ends is answered, however malformed the filter", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    client.send(packet(0xa2, Buffer.from([0, 9, 0, 3, ..."a#b".split("").map((c) => c.charCodeAt(0))])));
    expect(await client.next()).toEqual({ type: UNSUBACK, body: Buffer.of(0, 9) });
  });
});

describe("onReady", () => {
  it("comes with the first granted SUBSCRIBE and never again", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await connectReady(stand.broker, robot);
    await client.subscribeAsync(robot.topic("award"), { qos: 1 });
    await client.unsubscribeAsync(robot.all);
    await client.subscribeAsync(robot.all, { qos: 1 });
    expect(stand.happened).toEqual([{ what: "ready", session: stand.broker.sessions()[0] }]);
  });

  it("may publish at once: the message follows the SUBACK", async () => {
    const robot = makeDevice();
    const stand = await startStand({
      devices: [robot],
      callbacks: { onReady: ({ name }) => stand.broker.publish(name, "ack", "terms") },
    });
    const client = await dialIn(stand.broker, robot);
    client.send(subscribePacket([robot.all]));
    expect(await client.types(2)).toEqual([SUBACK, PUBLISH]);
  });

  it("comes for a SUBSCRIBE sent without waiting for the CONNACK", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dial(stand.broker);
    client.send(await goodConnect(robot), subscribePacket([robot.all]));
    await stand.until((happened) => happened.length === 1);
    expect(stand.happened).toMatchObject([{ what: "ready" }]);
  });
});

describe("publish", () => {
  it("reaches every session of the device and no other device", async () => {
    const [robot, other] = [makeDevice(), makeDevice({ manufacturer: "acme", serialNumber: "r-10" })];
    const stand = await startStand({ devices: [robot, other] });
    const [a, b, c] = await Promise.all([
      connectReady(stand.broker, robot, "a"),
      connectReady(stand.broker, robot, "b"),
      connectReady(stand.broker, other),
    ]);
    const heard = Promise.all([a, b, c].map((client) => next(client, "message")));
    stand.broker.publish(robot.name, "award", "for r-1");
    stand.broker.publish(other.name, "award", "for r-10");
    const texts = (await heard).map(([topic, payload]) => `${topic} ${payload}`);
    expect(texts).toEqual([
      `${robot.topic("award")} for r-1`,
      `${robot.topic("award")} for r-1`,
      `${other.topic("award")} for r-10`,
    ]);
  });

  it("goes out at the topic's QoS, not retained", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await connectReady(stand.broker, robot);
    const arrived = next(client, "message");
    stand.broker.publish(robot.name, "award", "{}");
    const [, , received] = await arrived;
    expect(received).toMatchObject({ qos: 1, retain: false, dup: false });
  });

  it("keeps the order of a thousand messages of all sizes", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await connectReady(stand.broker, robot);
    const lengths: number[] = [];
    const all = new Promise<void>((resolve) => {
      client.on("message", (_topic, payload) => {
        if (lengths.push(payload.length) === 1_000) resolve();
      });
    });
    const sent = Array.from({ length: 1_000 }, (_, i) => (i * 37) % 2_000);
    sent.forEach((length, i) => {
      stand.broker.publish(robot.name, i % 2 ? "blob-data" : "ack", "x".repeat(length));
    });
    await all;
    expect(lengths).toEqual(sent);
  });

  it("to a device that is not there is nothing", async () => {
    const stand = await startStand();
    stand.broker.publish({ manufacturer: "acme", serialNumber: "gone" }, "award", "{}");
    expect(stand.happened).toEqual([]);
  });
});
