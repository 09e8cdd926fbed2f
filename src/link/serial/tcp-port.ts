/** A serial line behind a server such as ser2net: `tcp://host:port`. The server decides the rate. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { FLUSH_MS, type Opener, portOnStream } from "./open-port.ts";
import { type LinkStatistics, SentBytes } from "./statistics.ts";

/** Idle time before TCP asks whether the server still lives; it gives up ten seconds later. */
const TCP_PROBE_MS = 5_000;
/** TCP itself waits for two minutes, and asks ever more rarely. */
const ANSWER_MS = 3_000;
/**
 * A board says something every half second. While bytes are on their way to a server, TCP does not probe it, and sends
 * them again for a quarter of an hour: when a board falls silent, a fresh connection tells whether it is the server.
 */
const SILENCE_MS = 5_000;

/** Whether a serial path names a server. */
export function isTcpPath(path: string): boolean {
  return path.startsWith("tcp:");
}

/** Whether a serial path is a server with host and port, as {@link tcpOpener} wants it. */
export function isTcpUrl(path: string): boolean {
  return isTcpPath(path) && atOf(path) !== null;
}

/** Host and port, an IPv6 address without its brackets; null where one of them is missing. */
function atOf(path: string): { host: string; port: number } | null {
  const url = URL.parse(path);
  const host = url?.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url?.port);
  return host && port ? { host, port } : null;
}

/**
 * Opens a connection to the server.
 *
 * @throws {@link Fault} `usage` for a path without host or port
 */
export function tcpOpener(options: {
  path: string;
  clock: Clock;
  statistics: Pick<LinkStatistics, "bytesSent" | "dropped">;
}): Opener {
  const { path, clock, statistics } = options;
  const at = atOf(path);
  if (at === null) throw new Fault("usage", `expected tcp://host:port, got ${path}`);
  return async (onLost, signal) => {
    const socket = await connected(at, options, signal);
    socket.on("error", onLost);
    socket.on("close", onLost);
    const sent = new SentBytes(statistics);
    const port = portOnStream(socket, { sent, dropped: statistics.dropped }, () => socket.writable);
    let stopWaiting = () => {};
    let isFirst: boolean = true;
    const onSilence = () =>
      onLost(new Fault("link_lost", `nothing comes from ${path} any more`, { facts: { path } }));
    return {
      ...port,
      onBytes: (listener) =>
        port.onBytes((bytes) => {
          if (isFirst && isTelnet(bytes)) onLost(telnetFault(path));
          isFirst = false;
          stopWaiting();
          stopWaiting = clock.after(SILENCE_MS, onSilence);
          listener(bytes);
        }),
      setBaud: null,
      close: async () => {
        await closeSocket(socket, clock);
        stopWaiting();
        sent.end();
      },
    };
  };
}

/** Whether a server greets as telnet does: IAC, WILL to DONT, an option; and again. No board's bytes begin so by chance. */
function isTelnet(bytes: Uint8Array): boolean {
  const isCommand = (at: number) =>
    bytes[at] === 0xff && (bytes[at + 1] ?? 0) >= 0xfb && bytes[at + 1] !== 0xff;
  return isCommand(0) && isCommand(3);
}

function telnetFault(path: string): Fault {
  const text = `${path} speaks telnet, which changes bytes: give the port without it, in ser2net as "accepter: tcp,PORT"`;
  return new Fault("usage", text, { facts: { path } });
}

async function connected(
  at: { host: string; port: number },
  { path, clock }: { path: string; clock: Clock },
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connect({ ...at, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_PROBE_MS });
  const late = new AbortController();
  const stopWaiting = clock.after(ANSWER_MS, () => late.abort());
  try {
    await once(socket, "connect", { signal: AbortSignal.any([signal, late.signal]) });
    return socket;
  } catch (cause) {
    socket.destroy();
    if (!late.signal.aborted) throw cause;
    throw new Fault("link_lost", `${path} does not answer`, { facts: { path } });
  } finally {
    stopWaiting();
  }
}

async function closeSocket(socket: Socket, clock: Clock): Promise<void> {
  if (socket.closed) return;
  const closed = new AbortController();
  socket.once("close", () => closed.abort());
  socket.destroySoon();
  await clock.sleep(FLUSH_MS, closed.signal).then(
    () => socket.destroy(),
    () => {},
  );
}
