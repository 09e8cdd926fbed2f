/** Plain MQTT over a pty that shall be a USB device: a broker on the gateway's end, MQTT clients on the board's. */
import { spawnSync } from "node:child_process";
import { Duplex } from "node:stream";
import { Aedes } from "aedes";
import mqtt from "mqtt";
import { SerialPort } from "serialport";
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { SerialLines } from "../../../src/link/serial/lines.ts";
import { ptyCable } from "./cable.ts";
import { Feed } from "./feed.ts";
import { usbTree } from "./usb-tree.ts";

const NEEDS_SOCAT = spawnSync("socat", ["-V"]).error !== undefined && process.env["CI"] !== "true";

/** A board that speaks before anybody listens is not heard. */
async function opening(lines: SerialLines): Promise<void> {
  while (lines.reports[0]?.state.state !== "open") await new Promise((resolve) => setImmediate(resolve));
}

/** A broker that hears a raw line, and the other end of its cable, open. */
async function stand() {
  const cable = await ptyCable();
  onTestFinished(() => cable.dispose());
  await cable.plug();
  const { ttyFolder, add } = usbTree();
  add(cable.gatewayPath, "2e8a:000a");
  const broker = await Aedes.createBroker({ concurrency: 0 });
  onTestFinished(() => new Promise<void>((resolve) => broker.close(resolve)));
  const heard = new Feed<string>();
  broker.on("publish", (packet, client) => {
    if (client !== null) heard.push(packet.payload.toString());
  });
  const streams = new Feed<Duplex>();
  const lines = new SerialLines({
    entries: [{ path: cable.gatewayPath, baud: 115_200, profile: "raw", usb: ["2e8a:000a"] }],
    ...{ clock: systemClock, ttyFolder, onFault: () => {} },
    onSession: (stream) => {
      streams.push(stream);
      broker.handle(stream);
    },
  });
  onTestFinished(() => lines.close());
  await opening(lines);
  const opened = Promise.withResolvers<void>();
  const port = new SerialPort({ path: cable.boardPath, baudRate: 115_200 }, () => opened.resolve());
  await opened.promise;
  onTestFinished(() =>
    port.isOpen ? new Promise<void>((resolve) => port.close(() => resolve())) : undefined,
  );
  return { cable, add, lines, streams, heard, port };
}

/** The board's program from its start to a reset, at which it says nothing more. */
function program(port: SerialPort) {
  const stream = new Duplex({
    read: () => {},
    write: (bytes, _encoding, done) => void port.write(bytes, () => done()),
  });
  const onData = (bytes: Buffer) => void stream.push(bytes);
  port.on("data", onData);
  const client = new mqtt.MqttClient(() => stream, {
    ...{ clientId: "board", reconnectPeriod: 0, protocolVersion: 4 },
  });
  client.on("error", () => {});
  return {
    client,
    connected: new Promise((resolve) => client.once("connect", resolve)),
    reset: () => {
      port.off("data", onData);
      stream._write = (_bytes, _encoding, done) => done();
    },
  };
}

it.skipIf(NEEDS_SOCAT)(
  "a board that starts anew on the open port gets a fresh session, again and again",
  async () => {
    const { lines, streams, heard, port } = await stand();
    for (let round = 1; round <= 5; round++) {
      port.write("rst:0x1 (POWERON_RESET),boot:0x13\r\n");
      const { client, connected, reset } = program(port);
      await connected;
      await client.publishAsync("up", `from life ${round}`, { qos: 1 });
      reset();
    }
    expect(heard.all).toEqual([1, 2, 3, 4, 5].map((round) => `from life ${round}`));
    expect(streams.all.map(({ destroyed }) => destroyed)).toEqual([true, true, true, true, false]);
    expect(lines.reports[0]).toMatchObject({ usb: "2e8a:000a", state: { state: "session" } });
  },
);

it.skipIf(NEEDS_SOCAT)("a cable that is pulled ends the session, and nothing stays locked", async () => {
  const { cable, add, lines, streams, heard, port } = await stand();
  await program(port).connected;
  const ended = new Promise((resolve) => streams.all[0]?.once("close", resolve));
  await cable.pull();
  await ended;
  await cable.plug();
  // The new terminal may have another name.
  add(cable.gatewayPath, "2e8a:000a");
  const again = new SerialPort({ path: cable.boardPath, baudRate: 115_200, autoOpen: false });
  onTestFinished(() => new Promise<void>((resolve) => again.close(() => resolve())));
  await new Promise((resolve) => again.open(resolve));
  await opening(lines);
  const { client, connected } = program(again);
  await connected;
  await client.publishAsync("up", "back", { qos: 1 });
  expect(heard.all).toEqual(["back"]);
  expect(lines.reports[0]?.statistics.sessions).toBe(2);
});
