import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { duplexPair } from "node:stream";
import { promisify } from "node:util";
import { MqttClient } from "mqtt";
import { describe, expect, it, onTestFinished } from "vitest";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import {
  CONNACK,
  dial,
  dialIn,
  goodConnect,
  PUBACK,
  publishPacket,
  rawClient,
  SUBACK,
  subscribePacket,
} from "./raw-client.ts";
import {
  connect,
  connectReady,
  LOOPBACK,
  makeDevice,
  market,
  next,
  openClient,
  startStand,
} from "./stand.ts";

const silent = {
  admit: () => null,
  onPublish: () => Promise.resolve(),
  onReady: () => {},
  onGone: () => {},
  onRefused: () => {},
};

describe("an attached stream", () => {
  it("is served like a TCP connection", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const [ours, theirs] = duplexPair();
    stand.broker.attach(ours, "/dev/ttyACM0");
    const clientId = robot.clientId();
    const client = new MqttClient(() => theirs, {
      protocolVersion: 4,
      reconnectPeriod: 0,
      clientId,
      username: robot.address,
      password: await robot.tokenFor(clientId),
    });
    onTestFinished(() => void client.end(true));
    await next(client, "connect");
    await client.subscribeAsync(robot.all, { qos: 1 });
    await client.publishAsync(robot.topic("offer"), "{}", { qos: 1 });
    const arrived = next(client, "message");
    stand.broker.publish(robot.name, "blob-data", "x".repeat(65_536));
    const [, payload] = await arrived;
    expect(payload).toHaveLength(65_536);
    theirs.destroy();
    ours.destroy();
    await stand.until((happened) => happened.at(-1)?.what === "gone");
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "publish", "gone"]);
  });

  it("may have been written to before", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const [ours, theirs] = duplexPair();
    const board = rawClient(theirs);
    board.send(await goodConnect(robot));
    await once(ours, "readable");
    board.send(subscribePacket([robot.all]));
    stand.broker.attach(ours, "/dev/ttyACM0");
    expect(await board.types(2)).toEqual([CONNACK, SUBACK]);
  });

  it("is guarded, and its refusals name it", async () => {
    const stand = await startStand();
    for (const early of [true, false]) {
      const [ours, theirs] = duplexPair();
      if (early) {
        theirs.write(Buffer.alloc(40, 0xff));
        await once(ours, "readable");
      }
      const closed = once(ours, "close");
      stand.broker.attach(ours, "/dev/ttyUSB7");
      if (!early) {
        theirs.write(Buffer.alloc(40, 0xff));
        theirs.write(Buffer.alloc(40, 0xff));
      }
      await closed;
    }
    const at = { device: null, session: null, topic: "", origin: "/dev/ttyUSB7" };
    expect(stand.happened).toMatchObject([
      { refusal: { refused: "too_large" }, at },
      { refusal: { refused: "too_large" }, at },
    ]);
  });
});

describe("connections", () => {
  it("beyond the limit are closed at once and counted", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot], limits: { connections: 2 } });
    const kept = await dialIn(stand.broker, robot);
    const idle = await dialIn(stand.broker, robot, { clientId: robot.clientId("idle") });
    const [ours] = duplexPair();
    stand.broker.attach(ours, "/dev/ttyACM0");
    expect(ours.destroyed).toBe(true);
    expect(await (await dial(stand.broker)).next()).toBeNull();
    expect(stand.refused()).toEqual(["too_many", "too_many"]);
    idle.stream.destroy();
    kept.send(publishPacket(robot.topic("cancel"), "{}"));
    expect(await kept.types(1)).toEqual([PUBACK]);
  });

  it.each([
    ["for longer than the drain timeout", { drainTimeoutMs: 100, queuedBytes: 2 ** 40 }],
    ["until too much waits for it", { queuedBytes: 500_000 }],
  ])("of a device that does not read %s are closed, and others hear on", async (_, limits) => {
    const [frozen, healthy] = [makeDevice(), makeDevice({ manufacturer: "acme", serialNumber: "r-2" })];
    const stand = await startStand({ devices: [frozen, healthy], limits });
    const stuck = await dialIn(stand.broker, frozen);
    stuck.send(subscribePacket([frozen.all]));
    await stand.until((happened) => happened.some(({ what }) => what === "ready"));
    stuck.stream.pause();
    const client = await connectReady(stand.broker, healthy);
    const payload = "x".repeat(60_000);
    const gone = () => stand.happened.some(({ what }) => what === "gone");
    for (let sent = 0; sent < 400; sent++) {
      const arrived = next(client, "message");
      if (!gone()) stand.broker.publish(frozen.name, "blob-data", payload);
      stand.broker.publish(healthy.name, "ack", "{}");
      await arrived;
    }
    await stand.until(gone);
    expect(stand.refused()).toEqual(["too_slow"]);
    expect(stand.broker.sessions().map(({ device }) => device)).toEqual([healthy.address]);
  });
});

describe("startEmbeddedBroker", () => {
  it("listens on 127.0.0.1 unless told otherwise, and says where", async () => {
    const { broker } = await startStand();
    expect(broker.port).toBeGreaterThan(0);
    const elsewhere = startEmbeddedBroker({
      listen: [{ ...LOOPBACK, host: "192.0.2.1" }],
      market,
      clock: systemClock,
      boot: instant(0),
      callbacks: silent,
    });
    await expect(elsewhere).rejects.toMatchObject({ code: "port_busy" });
  });

  it("throws port_busy when the port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const starting = startEmbeddedBroker({
      listen: [LOOPBACK, { ...LOOPBACK, port }],
      market,
      clock: systemClock,
      boot: instant(0),
      callbacks: silent,
    });
    await expect(starting).rejects.toMatchObject({ code: "port_busy", facts: { host: "127.0.0.1", port } });
  });
});

describe("stop", () => {
  it("ends every session, reports no wills, frees the port and may be asked twice", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const will = {
      topic: robot.topic("connection"),
      payload: Buffer.from("broken"),
      qos: 1,
      retain: true,
    } as const;
    const client = await connect(await openClient(stand.broker, robot, { will }));
    const idle = await dial(stand.broker);
    const [ours, theirs] = duplexPair();
    stand.broker.attach(ours, "/dev/ttyACM0");
    theirs.resume();
    const closed = next(client, "close");
    await Promise.all([stand.broker.stop(), stand.broker.stop()]);
    await closed;
    expect(await idle.next()).toBeNull();
    expect(ours.destroyed).toBe(true);
    expect(stand.broker.sessions()).toEqual([]);
    expect(stand.happened.map(({ what }) => what)).toEqual(["gone"]);
    const heir = createServer().listen(stand.broker.port, "127.0.0.1");
    await once(heir, "listening");
    heir.close();
  });

  it("leaves a broker that takes no streams and drops what is published", async () => {
    const stand = await startStand();
    await stand.broker.stop();
    const [ours] = duplexPair();
    stand.broker.attach(ours, "/dev/ttyACM0");
    expect(ours.destroyed).toBe(true);
    stand.broker.publish({ manufacturer: "acme", serialNumber: "r-1" }, "ack", "{}");
    expect(stand.happened).toEqual([]);
  });

  it("lets the process exit by itself", async () => {
    const source = new URL("../../../src/", import.meta.url);
    const program = `
      import { connect } from "node:net";
      import { once } from "node:events";
      import { systemClock, instant } from "${source}base/clock.ts";
      import { startEmbeddedBroker } from "${source}link/broker/embedded-broker.ts";
      const nothing = () => {};
      const start = (port) => startEmbeddedBroker({
        listen: [{ scheme: "mqtt", host: "127.0.0.1", port }], market: {}, clock: systemClock, boot: instant(0),
        callbacks: { admit: () => null, onPublish: async () => {}, onReady: nothing, onGone: nothing, onRefused: nothing },
      });
      const broker = await start(0);
      await start(broker.port).catch((fault) => console.log(fault.code));
      await once(connect(broker.port, "127.0.0.1"), "connect");
      await broker.stop();
      console.log("stopped");
    `;
    const run = promisify(execFile);
    const args = ["--input-type=module-typescript", "--no-warnings", "-e", program];
    const { stdout } = await run(process.execPath, args, { timeout: 10_000 });
    expect(stdout).toBe("port_busy\nstopped\n");
  });
});
