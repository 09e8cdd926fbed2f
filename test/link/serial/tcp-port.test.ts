/** A serial server that does not answer, or says nothing more: nobody but a timer tells. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { expect, it, onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import type { Fault } from "../../../src/base/fault.ts";
import type { OpenPort } from "../../../src/link/serial/open-port.ts";
import { keepPortOpen } from "../../../src/link/serial/port.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { Feed } from "./feed.ts";

/** Each timer in a fiftieth of its time. */
const HASTY: Clock = { ...systemClock, after: (ms, then) => systemClock.after(ms / 50, then) };

function keep(port: number) {
  const ports = new Feed<OpenPort>();
  const faults = new Feed<Fault>();
  const bytes = new Feed<Buffer>();
  const close = keepPortOpen({
    ...{ path: `tcp://127.0.0.1:${port}`, baud: 115_200, clock: HASTY, statistics: emptyStatistics() },
    onOpen: (opened) => {
      opened.onBytes((some) => bytes.push(Buffer.from(some)));
      ports.push(opened);
    },
    onLost: (fault) => faults.push(fault),
  });
  onTestFinished(close);
  return { ports, faults, bytes };
}

async function server(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const listening = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    onSocket(socket);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    listening.close();
  });
  await once(listening, "listening");
  return (listening.address() as AddressInfo).port;
}

/** A server with room for two, which never takes anybody in: to a third one it does not answer. */
async function fullServer(): Promise<number> {
  const program = `
    const { workerData, parentPort } = require("node:worker_threads");
    const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(workerData, 0, 0));
    });`;
  const worker = new Worker(program, { eval: true, workerData: new Int32Array(new SharedArrayBuffer(4)) });
  onTestFinished(() => void worker.terminate());
  const [port] = (await once(worker, "message")) as [number];
  for (let count = 0; count < 4; count++) {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    onTestFinished(() => void socket.destroy());
  }
  return port;
}

it("a server that does not answer is tried again, and not for minutes", async () => {
  const { faults } = keep(await fullServer());
  await faults.until((all) => all.length >= 3);
  expect(faults.all[0]).toMatchObject({ code: "link_lost" });
  expect(faults.all[0]?.message).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+ does not answer$/);
});

it("a server from which nothing comes any more is called again: the way to it may be cut", async () => {
  const port = await server((socket) => void socket.write("x"));
  const { ports, faults } = keep(port);
  await ports.until((all) => all.length === 3);
  expect(faults.all[0]).toMatchObject({ code: "link_lost" });
  expect(faults.all[0]?.message).toMatch(/^nothing comes from tcp:\/\/127\.0\.0\.1:\d+ any more$/);
});

it("a server from which nothing has come yet is left alone: its board may be off", async () => {
  let speak = () => {};
  const port = await server((socket) => {
    speak = () => void socket.write("x");
  });
  const { ports, faults, bytes } = keep(port);
  await ports.until((all) => all.length === 1);
  // Three times as long as it is waited for somebody who has spoken.
  await new Promise<void>((resolve) => void HASTY.after(15_000, resolve));
  expect(faults.all).toEqual([]);
  speak();
  await bytes.until((all) => all.length === 1);
  expect(ports.all.length).toBe(1);
});

it.each([
  ["its greeting", [0xff, 0xfb, 0x03, 0xff, 0xfd, 0x03, 0xff, 0xfb, 0x01], true],
  ["bytes that are none", [0xff, 0xff, 0x03, 0xff, 0xfb, 0x03], false],
  ["a frame's end", [0xff, 0xfb, 0x03, 0x00], false],
])("a server with telnet is known by %s", async (_name, greeting, isTelnet) => {
  const port = await server((socket) => void socket.write(Buffer.from(greeting)));
  const { faults, bytes } = keep(port);
  await (isTelnet ? faults.until((all) => all.length > 0) : bytes.until((all) => all.length > 0));
  if (isTelnet) expect(faults.all[0]?.message).toMatch(/ speaks telnet, .* "accepter: tcp,PORT"$/);
  else expect(faults.all).toEqual([]);
});
