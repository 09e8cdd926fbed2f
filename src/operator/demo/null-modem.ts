/** Two ends of one serial cable: a pty pair by socat where it is installed, else two TCP connections joined. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { access } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";

export type NullModem = {
  readonly how: "pty pair (socat)" | "TCP";
  /** Serial paths of both ends. */
  readonly ends: readonly [string, string];
  readonly stop: () => Promise<void>;
};

/** Ends socat when our end of the pipe closes, however we end. */
const TIED_TO_PIPE = '(cat <&3; kill $$) >/dev/null 2>&1 & exec "$@" 3<&-';

/**
 * Lays a cable that lasts until its `stop`; socat ends with this process even when that is killed.
 *
 * @param folder - where the pty links `tty-gateway` and `tty-board` are made
 */
export async function layCable(folder: string): Promise<NullModem> {
  const hasSocat = spawnSync("socat", ["-V"], { stdio: "ignore" }).status === 0;
  return hasSocat ? await ptyPair(folder) : await tcpPair();
}

async function ptyPair(folder: string): Promise<NullModem> {
  const ends = [join(folder, "tty-gateway"), join(folder, "tty-board")] as const;
  const appeared = allAppear(folder, ends);
  const ptys = ends.map((path) => `pty,raw,echo=0,link=${path}`);
  const child = spawn("/bin/sh", ["-c", TIED_TO_PIPE, "sh", "socat", ...ptys], {
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const ended = once(child, "exit");
  await Promise.race([appeared, ended]);
  const stop = async () => {
    child.stdio[3]?.destroy();
    await ended;
  };
  return { how: "pty pair (socat)", ends, stop };
}

async function allAppear(folder: string, paths: readonly string[]): Promise<void> {
  const watcher = watch(folder);
  try {
    for (const path of paths) {
      while (!(await exists(path))) await once(watcher, "change");
    }
  } finally {
    watcher.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function tcpPair(): Promise<NullModem> {
  const here: Socket[] = [];
  const there: Socket[] = [];
  const first = await listen((socket) => joinTo(socket, here, there));
  const second = await listen((socket) => joinTo(socket, there, here));
  const ends = [`tcp://127.0.0.1:${first.port}`, `tcp://127.0.0.1:${second.port}`] as const;
  const stop = async () => {
    for (const socket of [...here, ...there]) socket.destroy();
    await Promise.all([first.close(), second.close()]);
  };
  return { how: "TCP", ends, stop };
}

/** What one side writes goes to whoever is connected on the other; like a cable, it is lost if nobody is. */
function joinTo(socket: Socket, side: Socket[], other: readonly Socket[]): void {
  side.push(socket);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes) => {
    for (const peer of other) if (!peer.destroyed) peer.write(bytes);
  });
  socket.once("close", () => side.splice(side.indexOf(socket), 1));
}

async function listen(
  accept: (socket: Socket) => void,
): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer(accept).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.close();
    await once(server, "close");
  };
  return { port: (server.address() as AddressInfo).port, close };
}
