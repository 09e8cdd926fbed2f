/** The page's port: HTTP or HTTPS, with limits for those who are slow, and an end within a second. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { WebAddress } from "./address.ts";

const LIMITS = {
  noDelay: true,
  /** Milliseconds for the head of a request, and for all of it. */
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
} as const;

/** Of a TLS handshake, milliseconds. */
const HANDSHAKE_MS = 5_000;

/** Connections at a time: a browser has six. */
const MAX_SOCKETS = 512;

/** How long what is being answered may go on at the end, milliseconds. */
const GRACE_MS = 500;

export type WebListener = { readonly port: number; readonly close: () => Promise<void> };

/**
 * Listens, and has requests answered by `listener`.
 *
 * @throws {@link Fault} `port_busy`
 */
export async function openWebListener(
  at: WebAddress,
  listener: RequestListener,
  clock: Pick<Clock, "after">,
): Promise<WebListener> {
  const server = serverOf(at, listener);
  server.maxConnections = MAX_SOCKETS;
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  const port = await listen(server, at);
  // an accept that failed costs that connection alone
  server.on("error", () => {});
  return { port, close: () => close(server, open, clock) };
}

function serverOf({ tls }: WebAddress, listener: RequestListener): Server {
  if (!tls) return createServer(LIMITS, listener);
  return createSecureServer({ ...LIMITS, ...tls, handshakeTimeout: HANDSHAKE_MS }, listener);
}

async function listen(server: Server, { host, port }: WebAddress): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const why = `cannot listen on ${host}:${port} for the operator's page: ${reasonOf(cause)}`;
      reject(new Fault("port_busy", why, { cause, facts: { host, port } }));
    });
    server.listen({ port, host }, resolve);
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}

async function close(server: Server, open: ReadonlySet<Socket>, clock: Pick<Clock, "after">): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cancel = clock.after(GRACE_MS, () => {
    for (const socket of open) socket.destroy();
  });
  await closed;
  cancel();
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "unknown";
  return "code" in cause && cause.code === "EADDRINUSE" ? "another program listens there" : cause.message;
}
