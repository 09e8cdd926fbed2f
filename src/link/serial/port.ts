/**
 * Opens a serial path and keeps it open: `/dev/...` by the `serialport` package, or `tcp://host:port` for a
 * serial server such as ser2net. A device that is unplugged, or a server that goes away, is an event; the path
 * is tried again after 25 ms, then after twice as long each time, up to a second.
 */
import { once } from "node:events";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import type { SerialPort } from "serialport";
import type { Clock } from "../../base/clock.ts";
import { Fault, isFault } from "../../base/fault.ts";
import type { BytePort } from "./reliable.ts";

const FIRST_WAIT_MS = 25;
const LAST_WAIT_MS = 1_000;
/** An open path that lasts this long starts the waits over. */
const STEADY_MS = 1_000;
/** How long closing waits for bytes already written. */
const FLUSH_MS = 200;
/** Bytes that may wait in a stuck port; more are dropped, as a line may. */
const MAX_PENDING_BYTES = 65_536;
/** Idle time before TCP asks whether the server still lives; it gives up ten seconds later. */
const TCP_PROBE_MS = 5_000;

/** An open path. */
interface OpenPath extends BytePort {
  /** Lets go of it; resolves when nothing is held any more. Once only. */
  close(): Promise<void>;
}

/** Opens once; `onLost` is called at least once when the path has gone by itself. */
type Opener = (onLost: (cause?: unknown) => void, signal: AbortSignal) => Promise<OpenPath>;

export interface PortOptions {
  /** `/dev/...`, or `tcp://host:port`. */
  path: string;
  /** Bits per second; the server decides it for TCP. */
  baud: number;
  clock: Clock;
  /** The path is open. The callee sets the byte listener at once. */
  onOpen(port: BytePort): void;
  /** The open path is gone (`link_lost`), or an attempt failed: `link_lost`, `port_busy`, or `usage` for no device. */
  onLost(fault: Fault): void;
}

/**
 * Starts opening, and opens again until the returned function is called, which resolves when nothing is held.
 *
 * @throws {@link Fault} `usage` for a TCP path without host or port
 */
export function keepPortOpen(options: PortOptions): () => Promise<void> {
  const { path, clock } = options;
  const opener = path.startsWith("tcp:") ? tcpOpener(options) : deviceOpener(options);
  const stopping = new AbortController();

  const run = async () => {
    let waitMs = FIRST_WAIT_MS;
    while (!stopping.signal.aborted) {
      const startedAt = clock.now();
      await useOnce(opener, options, stopping.signal);
      if (clock.now() - startedAt >= STEADY_MS) waitMs = FIRST_WAIT_MS;
      await clock.sleep(waitMs, stopping.signal).catch(() => {});
      waitMs = Math.min(2 * waitMs, LAST_WAIT_MS);
    }
  };
  const stopped = run();
  return () => {
    stopping.abort();
    return stopped;
  };
}

/** One life of the path, from opening to letting go of it. */
async function useOnce(opener: Opener, options: PortOptions, signal: AbortSignal): Promise<void> {
  const { path } = options;
  const gone = Promise.withResolvers<unknown>();
  const onAbort = () => gone.resolve(undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const port = await opener(gone.resolve, signal);
    try {
      if (signal.aborted) return;
      options.onOpen(port);
      options.onLost(lostFault(path, await gone.promise));
    } finally {
      await port.close();
    }
  } catch (error) {
    if (!signal.aborted) options.onLost(isFault(error) ? error : lostFault(path, error));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function lostFault(path: string, cause: unknown): Fault {
  return new Fault("link_lost", `${path} is not there`, { cause, facts: { path } });
}

function deviceOpener({ path, baud, clock }: PortOptions): Opener {
  return async (onLost) => {
    const { SerialPort } = await import("serialport");
    // hupcl would drop DTR at every close, which resets most boards.
    const device = new SerialPort({ path, baudRate: baud, hupcl: false, autoOpen: false });
    const cause = await new Promise<Error | null>((resolve) => device.open(resolve));
    if (cause !== null) throw await openFault(path, cause);
    device.on("error", onLost);
    device.on("close", onLost);
    return {
      write: (bytes) => {
        if (device.isOpen && device.writableLength <= MAX_PENDING_BYTES) device.write(bytes);
      },
      onBytes: (listener) => {
        device.on("data", listener);
      },
      close: () => closeDevice(device, clock),
    };
  };
}

/** Destroying a SerialPort leaves the device open and locked; only `close` lets go of it, also after a destroy. */
async function closeDevice(device: SerialPort, clock: Clock): Promise<void> {
  if (device.isOpen && device.writableLength > 0) {
    const flushed = new AbortController();
    device.end(() => flushed.abort());
    await clock.sleep(FLUSH_MS, flushed.signal).catch(() => {});
  }
  if (device.isOpen) await new Promise((resolve) => device.close(resolve));
  else if (device.closing) await once(device, "close").catch(() => {});
}

/** The package reports every failure to open as text, so the file system is asked what is wrong. */
async function openFault(path: string, cause: Error): Promise<Fault> {
  const facts = { path };
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return lostFault(path, cause);
  if (!found.isCharacterDevice())
    return new Fault("usage", `${path} is not a serial device`, { cause, facts });
  const isPermitted = await access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  const reason = isPermitted ? "is held by another program" : "may not be opened by this user";
  return new Fault("port_busy", `${path} ${reason}`, { cause, facts: { ...facts, isPermitted } });
}

function tcpOpener({ path, clock }: PortOptions): Opener {
  const url = URL.parse(path);
  const host = url?.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url?.port);
  if (!host || !port) throw new Fault("usage", `expected tcp://host:port, got ${path}`);
  return async (onLost, signal) => {
    const socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_PROBE_MS,
    });
    try {
      await once(socket, "connect", { signal });
    } catch (error) {
      socket.destroy();
      throw error;
    }
    socket.on("error", onLost);
    socket.on("close", onLost);
    return {
      write: (bytes) => {
        if (socket.writable && socket.writableLength <= MAX_PENDING_BYTES) socket.write(bytes);
      },
      onBytes: (listener) => {
        socket.on("data", listener);
      },
      close: () => closeSocket(socket, clock),
    };
  };
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
