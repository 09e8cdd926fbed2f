/** Cables between a gateway and a board that a test can pull: a real pty pair, and two TCP ends as ser2net has them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Cable {
  readonly gatewayPath: string;
  readonly boardPath: string;
  /** Connects the two paths; they are the same each time. */
  plug(): Promise<void>;
  /** Takes both away at once, with whatever was under way. */
  pull(): Promise<void>;
  /** Pulls and removes all traces. */
  dispose(): Promise<void>;
}

export async function ptyCable(): Promise<Cable> {
  const folder = await mkdtemp(join(tmpdir(), "serial-"));
  const gatewayPath = join(folder, "gateway");
  const boardPath = join(folder, "board");
  let socat: ChildProcess | undefined;
  const pull = async () => {
    // Names first: once the terminals are gone, another test's may get their numbers.
    for (const path of [gatewayPath, boardPath]) rmSync(path, { force: true });
    if (socat?.exitCode === null && socat.kill("SIGKILL")) await once(socat, "exit");
    socat = undefined;
  };
  return {
    gatewayPath,
    boardPath,
    plug: async () => {
      const ends = [gatewayPath, boardPath].map((path) => `pty,raw,echo=0,link=${path}`);
      const started = spawn("socat", ["-d", "-d", ...ends], { stdio: ["ignore", "ignore", "pipe"] });
      socat = started;
      await once(started, "spawn");
      let log = "";
      for await (const text of started.stderr.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
        log += text;
        if (log.includes("starting data transfer")) break;
      }
      started.stderr.resume();
    },
    pull,
    dispose: async () => {
      await pull();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function tcpCable(): Promise<Cable> {
  const ports: [number, number] = [0, 0];
  let servers: Server[] = [];
  const sockets: [Socket | undefined, Socket | undefined] = [undefined, undefined];
  const listen = async (end: 0 | 1) => {
    const server = createServer((socket) => {
      sockets[end]?.destroy();
      sockets[end] = socket;
      socket.on("error", () => {});
      socket.on("data", (bytes) => sockets[1 - end]?.write(bytes));
    });
    server.listen(ports[end], "127.0.0.1");
    await once(server, "listening");
    ports[end] = (server.address() as AddressInfo).port;
    servers.push(server);
  };
  const plug = async () => {
    await listen(0);
    await listen(1);
  };
  const pull = async () => {
    const closed = servers.map((server) => once(server, "close"));
    for (const server of servers) server.close();
    for (const socket of sockets) socket?.destroy();
    servers = [];
    await Promise.all(closed);
  };
  await plug();
  await pull();
  return {
    gatewayPath: `tcp://127.0.0.1:${ports[0]}`,
    boardPath: `tcp://127.0.0.1:${ports[1]}`,
    plug,
    pull,
    dispose: pull,
  };
}
