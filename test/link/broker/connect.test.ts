import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { instant, systemClock } from "../../../src/base/clock.ts";
import type { Session } from "../../../src/link/broker/broker.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import {
  CONNACK,
  dial,
  dialIn,
  goodConnect,
  PUBLISH,
  rawClient,
  SUBACK,
  subscribePacket,
} from "./raw-client.ts";
import {
  connect,
  connectReady,
  type Happening,
  makeDevice,
  market,
  next,
  openClient,
  refusedConnect,
  startStand,
} from "./stand.ts";

const goneOf = (happened: Happening[]) => happened.filter(({ what }) => what === "gone");

describe("a CONNECT", () => {
  it("with a good token opens a session under the device's enrolled name", async () => {
    const robot = makeDevice();
    const before = systemClock.now();
    const { broker } = await startStand({ devices: [robot] });
    const nonce = `0x${"5a".repeat(32)}` as const;
    const password = await robot.tokenFor(robot.clientId("arm2"), { nonce });
    await connect(await openClient(broker, robot, { slot: "arm2", password }));
    const id = `${robot.address}-arm2`;
    const [session, ...others] = broker.sessions();
    const who = { id, device: robot.address, name: robot.name, slot: "arm2", nonce };
    expect(session).toEqual({ ...who, way: "listener", origin: "127.0.0.1", since: session?.since });
    expect(session?.since).toBeGreaterThanOrEqual(before);
    expect(others).toEqual([]);
  });

  it("that has become a session is told of by its pings", async () => {
    const robot = makeDevice();
    const pinged = Promise.withResolvers<Session>();
    const stand = await startStand({ devices: [robot], callbacks: { onPing: pinged.resolve } });
    const client = await connect(await openClient(stand.broker, robot));
    client.sendPing();
    expect(await pinged.promise).toBe(stand.broker.sessions()[0]);
    expect(stand.happened).toEqual([]);
  });

  it("of a device that is not enrolled is refused with 5", async () => {
    const stranger = makeDevice();
    const stand = await startStand();
    expect(await refusedConnect(await openClient(stand.broker, stranger))).toBe(5);
    expect(stand.happened).toMatchObject([
      { refusal: { refused: "unknown_device" }, at: { device: stranger.address, session: null, topic: "" } },
    ]);
    expect(stand.broker.sessions()).toEqual([]);
  });

  it("with another one's token is refused with 4, and nobody is named", async () => {
    const [robot, thief] = [makeDevice(), makeDevice()];
    const stand = await startStand({ devices: [robot, thief] });
    const password = await thief.tokenFor(robot.clientId());
    expect(await refusedConnect(await openClient(stand.broker, robot, { password }))).toBe(4);
    expect(stand.happened).toMatchObject([{ refusal: { refused: "bad_token" }, at: { device: null } }]);
  });

  it.each<[string, (robot: ReturnType<typeof makeDevice>) => Promise<object>]>([
    ["for another client id", async (robot) => ({ password: await robot.tokenFor(robot.clientId("other")) })],
    [
      "for another gateway",
      async (robot) => {
        const elsewhere: Market = { ...market, gateway: market.vault };
        return { password: await robot.tokenFor(robot.clientId(), { market: elsewhere }) };
      },
    ],
    ["that is none", () => Promise.resolve({ password: "swordfish" })],
    [
      "and an empty slot",
      async (robot) => ({ slot: "", password: await robot.tokenFor(`${robot.address}-`) }),
    ],
    [
      "and a slot of 17 characters",
      async (robot) => ({
        slot: "a".repeat(17),
        password: await robot.tokenFor(robot.clientId("a".repeat(17))),
      }),
    ],
    ["and an upper-case address", (robot) => Promise.resolve({ username: robot.address.toUpperCase() })],
    ["and no username", () => Promise.resolve({ username: "", password: "" })],
  ])("with a token %s is refused with 4", async (_, change) => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    expect(await refusedConnect(await openClient(stand.broker, robot, await change(robot)))).toBe(4);
    expect(stand.refused()).toEqual(["bad_token"]);
  });

  it("with a token from before the gateway's start is refused with 4", async () => {
    const robot = makeDevice();
    const boot = instant(Date.now());
    const stand = await startStand({ devices: [robot], boot });
    const password = await robot.tokenFor(robot.clientId(), { issued: boot - 1 });
    expect(await refusedConnect(await openClient(stand.broker, robot, { password }))).toBe(4);
    expect(stand.refused()).toEqual(["token_expired"]);
  });

  it("with a token that was used already is refused with 4, on the same connection or not", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const password = await robot.tokenFor(robot.clientId());
    const first = await connect(await openClient(stand.broker, robot, { password }));
    expect(await refusedConnect(await openClient(stand.broker, robot, { password }))).toBe(4);
    expect(first.connected).toBe(true);
    await first.endAsync();
    expect(await refusedConnect(await openClient(stand.broker, robot, { password }))).toBe(4);
    expect(stand.refused()).toEqual(["token_replayed", "token_replayed"]);
  });

  it("that was refused for its last will leaves its token good", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const password = await robot.tokenFor(robot.clientId());
    const will = { topic: robot.topic("offer"), payload: Buffer.from("{}"), qos: 1, retain: false } as const;
    expect(await refusedConnect(await openClient(stand.broker, robot, { password, will }))).toBe(5);
    await connect(await openClient(stand.broker, robot, { password }));
    expect(stand.refused()).toEqual(["wrong_topic"]);
  });

  it.each([
    ["a will on another device's connection topic", "hirewire/v1/acme/r-2/connection", 2, "wrong_topic"],
    ["a will on a down-topic", "hirewire/v1/acme/r-1/award", 2, "wrong_topic"],
    ["a will on no topic of ours", "connection", 2, "wrong_topic"],
    ["a will above 512 bytes", "hirewire/v1/acme/r-1/connection", 513, "too_large"],
  ])("with %s is refused with 5", async (_, topic, bytes, code) => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const will = { topic, payload: Buffer.alloc(bytes, "x"), qos: 1, retain: true } as const;
    expect(await refusedConnect(await openClient(stand.broker, robot, { will }))).toBe(5);
    expect(stand.refused()).toEqual([code]);
    expect(stand.broker.sessions()).toEqual([]);
  });

  it("in MQTT 5 is refused by its version", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    expect(await refusedConnect(await openClient(stand.broker, robot, { protocolVersion: 5 }))).toBe(1);
  });

  it.each(["constructor", "__proto__", "toString"])(
    "with the client id %s does no harm",
    async (clientId) => {
      const robot = makeDevice();
      const stand = await startStand({ devices: [robot] });
      expect(await refusedConnect(await openClient(stand.broker, robot, { clientId }))).toBe(4);
      await connectReady(stand.broker, robot);
    },
  );

  it("of the longest names and will fits into what a stranger may send", async () => {
    const robot = makeDevice({ manufacturer: "m".repeat(64), serialNumber: "s".repeat(64) });
    const stand = await startStand({ devices: [robot] });
    const will = { topic: robot.topic("connection"), payload: "x".repeat(512) };
    const issued = Date.now();
    const clientId = robot.clientId("a".repeat(16));
    const password = await robot.tokenFor(clientId, { issued, expires: issued + 600_000 });
    const sent = await goodConnect(robot, { clientId, password, will });
    expect(sent.length).toBeGreaterThan(1_000);
    const client = await dial(stand.broker);
    client.send(sent);
    expect(await client.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 0) });
  });

  it("that never comes ends the connection", async () => {
    const { broker } = await startStand({ limits: { connectTimeoutMs: 50 } });
    const silent = await dial(broker);
    expect(await silent.next()).toBeNull();
  });

  it("that is asked for twice ends the connection", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    client.send(await goodConnect(robot));
    expect(await client.next()).toBeNull();
    await stand.until((happened) => goneOf(happened).length === 1);
  });

  it("with no keep-alive gets the longest one we allow", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot], limits: { keepAlive: 0.05 } });
    const never = await dialIn(stand.broker, robot, { clientId: robot.clientId("a"), keepAlive: 0 });
    const rarely = await dialIn(stand.broker, robot, { clientId: robot.clientId("b"), keepAlive: 65_535 });
    expect(await Promise.all([never.next(), rarely.next()])).toEqual([null, null]);
  });

  it("never resumes a session, whatever it asks", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const away = await openClient(stand.broker, robot, { clean: false });
    await connect(away);
    await away.subscribeAsync(robot.all, { qos: 1 });
    await away.endAsync();
    await stand.until((happened) => goneOf(happened).length === 1);
    stand.broker.publish(robot.name, "ack", "missed");
    const back = await openClient(stand.broker, robot, { clean: false });
    const heard: string[] = [];
    back.on("message", (_topic, payload) => heard.push(payload.toString()));
    back.connect();
    const [connack] = await next(back, "connect");
    expect(connack).toMatchObject({ sessionPresent: false });
    await back.subscribeAsync(robot.all, { qos: 1 });
    const arrived = next(back, "message");
    stand.broker.publish(robot.name, "ack", "heard");
    await arrived;
    expect(heard).toEqual(["heard"]);
  });
});

describe("a CONNECT with a client id in use", () => {
  it("takes over: will and end of the old session come first, then the new one", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const will = {
      topic: robot.topic("connection"),
      payload: Buffer.from("broken"),
      qos: 1,
      retain: true,
    } as const;
    const old = await connect(await openClient(stand.broker, robot, { will }));
    await old.subscribeAsync(robot.all, { qos: 1 });
    const [before] = stand.broker.sessions();
    const closed = next(old, "close");
    const heir = await connectReady(stand.broker, robot);
    await closed;
    const [after, ...others] = stand.broker.sessions();
    expect(others).toEqual([]);
    expect(after).not.toBe(before);
    expect(stand.happened).toEqual([
      { what: "ready", session: before },
      { what: "publish", session: before, topic: "connection", payload: "broken" },
      { what: "gone", session: before },
      { what: "ready", session: after },
    ]);
    const arrived = next(heir, "message");
    stand.broker.publish(robot.name, "ack", "still here");
    await arrived;
  });

  it("keeps that order even if the new one subscribes in the same breath", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    await connectReady(stand.broker, robot);
    const heir = await dial(stand.broker);
    heir.send(await goodConnect(robot), subscribePacket([robot.all]));
    await stand.until((happened) => happened.length === 3);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "gone", "ready"]);
    stand.broker.publish(robot.name, "ack", "{}");
    expect(await heir.types(3)).toEqual([CONNACK, SUBACK, PUBLISH]);
  });

  it("takes over even from one that came while the first was falling", async () => {
    const robot = makeDevice();
    const [first, far] = duplexPair();
    // aedes forgets a connection whose predecessor closes between its own authentication and registration.
    const admit = () => {
      if (stand.broker.sessions().length > 0) first.destroy();
      return robot.name;
    };
    const stand = await startStand({ callbacks: { admit } });
    stand.broker.attach(first, "/dev/ttyACM0");
    const falling = rawClient(far);
    falling.send(await goodConnect(robot), subscribePacket([robot.all]));
    expect(await falling.types(2)).toEqual([CONNACK, SUBACK]);
    const second = await dialIn(stand.broker, robot);
    await dialIn(stand.broker, robot);
    expect(stand.broker.sessions()).toHaveLength(1);
    expect(await second.next()).toBeNull();
  });

  it("leaves exactly one session however many compete", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const rivals = await Promise.all(Array.from({ length: 12 }, () => openClient(stand.broker, robot)));
    const closed = rivals.map((rival) => next(rival, "close"));
    for (const rival of rivals) rival.connect();
    await Promise.race(closed.map((_, i) => Promise.all(closed.filter((__, j) => j !== i))));
    await stand.until((happened) => goneOf(happened).length === 11);
    expect(stand.broker.sessions()).toHaveLength(1);
    const [winner] = rivals.filter((rival) => rival.connected);
    await winner?.publishAsync(robot.topic("cancel"), "mine", { qos: 1 });
    expect(stand.happened.at(-1)).toMatchObject({ what: "publish", session: stand.broker.sessions()[0] });
  });

  it("spares the other slots of the device", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    await connectReady(stand.broker, robot, "a");
    await connectReady(stand.broker, robot, "b");
    await connectReady(stand.broker, robot, "a");
    expect(stand.broker.sessions().map(({ slot }) => slot)).toEqual(["b", "a"]);
  });
});
