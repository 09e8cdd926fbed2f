import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aedes } from "aedes";
import { describe, expect, it, onTestFinished } from "vitest";
import { openListener } from "../../../src/link/broker/listener.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { hasOpenssl, makeCertificate } from "./certificate.ts";
import { Board, mosquittoHere, startExternalStand } from "./external-stand.ts";
import { noMosquitto, whySkipped } from "./mosquitto.ts";
import { makeDevice } from "./stand.ts";

describe.skipIf(noMosquitto)(`the external broker under load${whySkipped}`, () => {
  it("holds back a device that is too fast, and ends its session when it goes on, nobody else's", async () => {
    const [robot, other] = [makeDevice(), makeDevice({ manufacturer: "acme", serialNumber: "r-2" })];
    const mosquitto = await mosquittoHere({ config: ["max_inflight_messages 0", "max_queued_messages 0"] });
    const limits = { deviceMessageRate: 20, deviceMessageBurst: 20, underWay: 10 };
    const stand = await startExternalStand(mosquitto.url, [robot, other], { limits });
    const [board, quiet] = [await Board.connect(mosquitto, robot), await Board.connect(mosquitto, other)];
    await board.logIn();
    await quiet.logIn();
    await stand.until((happened) => happened.length === 2);
    await Promise.all(Array.from({ length: 25 }, (_, i) => board.say("offer", `${i}`)));
    await stand.until(() => stand.published().length === 25);
    expect(stand.broker.figures.delayed).toBeGreaterThan(0);
    expect(stand.published()).toEqual(Array.from({ length: 25 }, (_, i) => `offer ${i}`));
    await Promise.all(Array.from({ length: 60 }, (_, i) => board.say("offer", `more ${i}`)));
    await stand.until((happened) => happened.some(({ what }) => what === "gone"));
    expect(stand.refused()[0]).toBe("too_many");
    expect(stand.broker.sessions()).toMatchObject([{ device: other.address }]);
    const said = stand.published().length;
    await quiet.say("cancel", "{}");
    await stand.until(() => stand.published().length > said);
    expect(stand.published().at(-1)).toBe("cancel {}");
  });

  it("answers a flood under names that nobody knows at a bounded rate, and keeps none of them", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere({ config: ["max_inflight_messages 0", "max_queued_messages 0"] });
    const limits = { addressConnectRate: 1, addressConnectBurst: 10 };
    const stand = await startExternalStand(mosquitto.url, [robot], { limits });
    const board = await Board.connect(mosquitto, robot);
    await Promise.all(
      Array.from({ length: 500 }, (_, i) =>
        board.client.publishAsync(`hirewire/v1/flood/n${i}/login`, "{}", { qos: 1 }),
      ),
    );
    await board.logIn();
    await stand.until((happened) => happened.some(({ what }) => what === "ready"));
    const refused = stand.refused();
    expect(refused).toHaveLength(500);
    expect(refused.filter((code) => code === "bad_schema").length).toBeLessThan(20);
    expect(new Set(refused)).toEqual(new Set(["bad_schema", "too_many"]));
  });

  it("reads no further than it has room for, and loses nothing of what waits at the broker", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere({ config: ["max_inflight_messages 0", "max_queued_messages 0"] });
    const gate = Promise.withResolvers<void>();
    let waiting = 0;
    const limits = { deviceMessageBurst: 10_000, underWay: 10_000 };
    const stand = await startExternalStand(mosquitto.url, [robot], {
      limits,
      callbacks: {
        onPublish: () => {
          waiting++;
          return gate.promise;
        },
        ...{ admit: () => null, onReady: () => {}, onGone: () => {}, onRefused: () => {} },
      },
    });
    const board = await Board.connect(mosquitto, robot);
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
    await Promise.all(Array.from({ length: 5_000 }, (_, i) => board.say("offer", `${i}`)));
    await stand.until(() => waiting >= 4_096);
    await board.askForChallenge();
    expect(waiting).toBe(4_096);
    gate.resolve();
    await stand.until(() => waiting === 5_000);
    expect(stand.published()).toEqual(Array.from({ length: 5_000 }, (_, i) => `offer ${i}`));
  });

  it.each([4, 5] as const)(
    "says much at once in its order, to a broker that takes little, MQTT version %i",
    async (version) => {
      const robot = makeDevice();
      const config = ["max_inflight_messages 5", "max_queued_messages 0"];
      const mosquitto = await mosquittoHere({ config });
      const stand = await startExternalStand(mosquitto.url, [robot], { version });
      const board = await Board.connect(mosquitto, robot);
      await board.logIn();
      await stand.until((happened) => happened.length === 1);
      for (let i = 0; i < 3_000; i++) stand.broker.publish(robot.name, "award", `${i}`);
      expect(stand.broker.figures.queuedMessages).toBe(3_000);
      await board.hears("award", 3_000);
      const heard = board.heard.flatMap(({ topic, text }) => (topic === "award" ? text : []));
      expect(heard).toEqual(Array.from({ length: 3_000 }, (_, i) => `${i}`));
      expect(stand.faults).toEqual([]);
      // the broker's PUBACKs come before this on the same connection
      await board.say("cancel", "{}");
      await stand.until(() => stand.published().length === 1);
      expect(stand.broker.figures).toMatchObject({ queuedMessages: 0, queuedBytes: 0 });
    },
  );

  it("gives up a link that brings a packet above 1 MiB, in MQTT 3.1.1, and makes another", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot], { version: 4 });
    const board = await Board.connect(mosquitto, robot);
    await board.say("offer", "x".repeat(1_100_000));
    await board.nth("challenge", 1);
    expect(stand.faults).toMatchObject([{ code: "link_lost" }]);
    expect(stand.refused()).toEqual([]);
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
  });

  it("is not sent such a packet in MQTT 5", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot]);
    const board = await Board.connect(mosquitto, robot);
    await board.logIn();
    await board.say("offer", "x".repeat(1_100_000));
    await board.say("cancel", "{}");
    await stand.until(() => stand.published().length === 1);
    expect(stand.faults).toEqual([]);
    expect(stand.published()).toEqual(["cancel {}"]);
  });
});

describe("the external broker at one that takes five messages at a time", () => {
  it("sends the sixth when one of the first is acknowledged", async () => {
    const fleet = Array.from({ length: 20 }, (_, i) =>
      makeDevice({ manufacturer: "acme", serialNumber: `r-${i}` }),
    );
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const starting = startExternalStand(`mqtt://127.0.0.1:${port}`, fleet);
    const [socket] = (await once(server, "connection")) as [Socket];
    const got: Buffer[] = [];
    socket.on("data", (bytes) => {
      got.push(...packetsIn(bytes));
      socket.emit("packets");
    });
    const packet = async (n: number) => {
      while (got.length < n) await once(socket, "packets");
      return got[n - 1] ?? Buffer.alloc(0);
    };
    await packet(1);
    // CONNACK of MQTT 5: Receive Maximum (0x21) is 5
    socket.write(Buffer.from([0x20, 6, 0, 0, 3, 0x21, 0, 5]));
    const subscribe = await packet(2);
    socket.write(subackOf(subscribe));
    await starting;
    await packet(2 + 5);
    // whatever was sent beyond the five would be here by the answer to these
    socket.write(Buffer.from([0x40, 2, ...idOf(got[2]), 0x40, 2, ...idOf(got[3])]));
    await packet(2 + 7);
    expect(got.slice(2).map((one) => one[0])).toEqual(Array(7).fill(0x32));
  });
});

/** Whole packets of less than 16 KiB in one piece of a stream. */
function packetsIn(bytes: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at + 1] ?? 0;
    const [header, length] = first < 128 ? [2, first] : [3, (first & 127) + 128 * (bytes[at + 2] ?? 0)];
    packets.push(bytes.subarray(at, at + header + length));
    at += header + length;
  }
  return packets;
}

/** SUBACK of MQTT 5 that grants all of a SUBSCRIBE without properties. */
function subackOf(subscribe: Buffer): Buffer {
  const at = (subscribe[1] ?? 0) < 128 ? 2 : 3;
  let filters = 0;
  for (let i = at + 3; i < subscribe.length; i += 2 + subscribe.readUInt16BE(i) + 1) filters++;
  return Buffer.from([0x90, 3 + filters, ...subscribe.subarray(at, at + 2), 0, ...Array(filters).fill(1)]);
}

/** The packet id of a PUBLISH. */
function idOf(publish: Buffer | undefined): number[] {
  if (!publish) return [];
  const at = (publish[1] ?? 0) < 128 ? 2 : 3;
  const topicEnds = at + 2 + publish.readUInt16BE(at);
  return [...publish.subarray(topicEnds, topicEnds + 2)];
}

describe.skipIf(noMosquitto)(`mosquitto's rights as README has them${whySkipped}`, () => {
  it("keep each device to its own topics, and let the gateway serve all", async () => {
    const robot = makeDevice({ manufacturer: "acme", serialNumber: "robot-7" });
    const users = { gateway: "g", "robot-7": "r", "robot-8": "s" };
    const acl = ["user gateway", "topic readwrite hirewire/v1/#", "pattern readwrite hirewire/v1/acme/%u/#"];
    const mosquitto = await mosquittoHere({ users, acl });
    const account = { username: "gateway", password: "g" };
    const stand = await startExternalStand(mosquitto.url, [robot], { account });
    const board = await Board.connect(mosquitto, robot, { username: "robot-7", password: "r" });
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
    const thief = await Board.connect(mosquitto, robot, { username: "robot-8", password: "s" });
    await thief.say("cancel", '{"from":"thief"}');
    await board.say("cancel", '{"from":"robot"}');
    await stand.until(() => stand.published().length === 1);
    expect(stand.published()).toEqual(['cancel {"from":"robot"}']);
    stand.broker.publish(robot.name, "ack", encodeMessage("ack", { version: 1, id: "a", journalIndex: 1 }));
    await board.nth("ack", 1);
    expect(thief.heard).toEqual([]);
  });
});

describe.skipIf(noMosquitto || !hasOpenssl)(`the external broker by TLS${whySkipped}`, () => {
  it("is reached at mqtts, if its certificate is one that was named", async () => {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-tls-"));
    const { cert, key } = makeCertificate();
    const [certfile, keyfile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    writeFileSync(certfile, cert);
    writeFileSync(keyfile, key);
    const mosquitto = await mosquittoHere({ config: [`certfile ${certfile}`, `keyfile ${keyfile}`] });
    rmSync(folder, { recursive: true });
    const robot = makeDevice();
    const url = `mqtts://localhost:${mosquitto.port}`;
    const stand = await startExternalStand(url, [robot], { ca: cert });
    expect(stand.faults).toEqual([]);
    const board = await Board.connect({ url }, robot, { ca: cert });
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
    const stranger = await startExternalStand(url, []);
    expect(stranger.faults).toMatchObject([{ code: "link_lost" }]);
    expect(stranger.broker.figures.connections).toBe(0);
  });
});

describe.skipIf(!hasOpenssl)("the external broker by WebSocket", () => {
  it.each(["ws", "wss"] as const)("is reached at %s", async (scheme) => {
    const tls = makeCertificate();
    const other = await Aedes.createBroker();
    const at = { scheme, host: "127.0.0.1", port: 0, path: "/mqtt", tls } as const;
    const listener = await openListener(at, (stream) => void other.handle(stream));
    onTestFinished(async () => {
      await listener.close();
      await new Promise<void>((closed) => other.close(closed));
    });
    const robot = makeDevice();
    const url = `${scheme}://localhost:${listener.port}/mqtt`;
    const stand = await startExternalStand(url, [robot], { version: 4, ca: tls.cert });
    const board = await Board.connect({ url }, robot, { ca: tls.cert });
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
    expect(stand.happened).toMatchObject([{ what: "ready" }]);
  });
});
