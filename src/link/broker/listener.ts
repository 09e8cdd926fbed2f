/** Where devices reach a broker: plain TCP, TLS, and WebSocket for browsers, each giving one byte stream a device. */
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTls } from "node:tls";
import { createWebSocketStream, WebSocketServer } from "ws";
import { Fault } from "../../base/fault.ts";

/** `ws` and `wss` carry MQTT in binary messages, subprotocol `mqtt` (MQTT 3.1.1, section 6). */
export const SCHEMES = ["mqtt", "mqtts", "ws", "wss"] as const;

export type Scheme = (typeof SCHEMES)[number];

/** A certificate with its chain, and its key: PEM text. */
export type Certificate = { readonly cert: string; readonly key: string };

export type ListenAt = {
  readonly scheme: Scheme;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Of `ws` and `wss`; any unless told. */
  readonly path?: string;
  /** `mqtts` and `wss` need it. */
  readonly tls?: Certificate;
};

export type Listener = {
  /** With the port that was given. */
  readonly url: string;
  readonly port: number;
  /** Accepts nobody from now on and ends all that is open; resolves once the port is free. */
  close(): Promise<void>;
};

/** For a TLS handshake or an HTTP upgrade, milliseconds: before it ends there is no stream that could be watched. */
const HANDSHAKE_MS = 5_000;
/** Connections at a time whose handshakes may be under way: the oldest gives way, as theirs end within a second. */
const HANDSHAKES = 1_024;
/** Those and streams at a time: far above what a broker admits. */
const MAX_SOCKETS = 20_000;
/** Connections that wait to be accepted: a fleet comes at once after a power cut, and who is dropped tries only later. */
const BACKLOG = 8_192;
/** Longest WebSocket message, bytes: `ws` gathers it whole. A packet of ours has at most 70,000. */
const MAX_MESSAGE = 131_072;
/** Pieces of one WebSocket message, by its sender and on the way: each costs a hundred bytes, and may have one. */
const MAX_PIECES = { maxFragments: 64, maxBufferedChunks: 4_096 } as const;

/**
 * Accepts devices at one address.
 *
 * @param onStream - called with each stream and the peer's address; whoever takes it sees to its errors and its end
 * @throws {@link Fault} `port_busy` when the port cannot be listened on; `config_syntax` when the scheme asks for a
 * certificate and there is none, or it cannot be used
 */
export async function openListener(
  at: ListenAt,
  onStream: (stream: Duplex, origin: string) => void,
): Promise<Listener> {
  const open = new Set<Socket>();
  /** By the peer's address and port, oldest first: TLS makes another socket of one. */
  const shaking = new Map<string, Socket>();
  const server = serverOf(at, (stream, socket) => {
    shaking.delete(peerOf(socket));
    onStream(stream, originOf(socket));
  });
  server.maxConnections = MAX_SOCKETS;
  server.on("connection", (socket: Socket) => {
    const peer = peerOf(socket);
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      if (shaking.get(peer) === socket) shaking.delete(peer);
    });
    if (at.scheme === "mqtt") return;
    shaking.set(peer, socket);
    const [oldest] = shaking.size > HANDSHAKES ? shaking.values() : [];
    oldest?.destroy();
  });
  const port = await listen(server, at);
  // An accept that failed, for want of a descriptor say, costs that connection alone.
  server.on("error", () => {});
  const host = at.host.includes(":") ? `[${at.host}]` : at.host;
  return {
    url: `${at.scheme}://${host}:${port}${at.path ?? ""}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Told of each stream, and of the socket that carries it. */
type OnStream = (stream: Duplex, socket: Socket) => void;

function serverOf(at: ListenAt, onStream: OnStream): Server {
  const taken = (socket: Socket) => onStream(socket, socket);
  switch (at.scheme) {
    case "mqtt":
      return createTcp({ noDelay: true }, taken);
    case "mqtts":
      return withCertificate(at, (tls) =>
        createTls({ ...tls, noDelay: true, handshakeTimeout: HANDSHAKE_MS }, taken),
      );
    case "ws":
      return upgrading(createHttp(HTTP_LIMITS), at, onStream);
    case "wss":
      return withCertificate(at, (tls) =>
        upgrading(createHttps({ ...HTTP_LIMITS, ...tls, handshakeTimeout: HANDSHAKE_MS }), at, onStream),
      );
  }
}

const HTTP_LIMITS = {
  noDelay: true,
  headersTimeout: HANDSHAKE_MS,
  requestTimeout: HANDSHAKE_MS,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
} as const;

function withCertificate({ scheme, tls }: ListenAt, open: (tls: Certificate) => Server): Server {
  if (!tls) throw new Fault("config_syntax", `${scheme}:// needs a certificate and its key`);
  try {
    return open(tls);
  } catch (cause) {
    throw new Fault("config_syntax", `the certificate or its key cannot be used: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

function upgrading(server: ReturnType<typeof createHttp>, { path }: ListenAt, onStream: OnStream): Server {
  const upgrades = new WebSocketServer({
    noServer: true,
    ...(path !== undefined && path !== "" && { path }),
    maxPayload: MAX_MESSAGE,
    ...MAX_PIECES,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: (offered) => (offered.has("mqtt") ? "mqtt" : false),
  });
  upgrades.on("wsClientError", (_error, socket) => socket.destroy());
  server.on("upgrade", (request, socket, head) => {
    upgrades.handleUpgrade(request, socket, head, (opened) => {
      onStream(createWebSocketStream(opened, { allowHalfOpen: false }), request.socket);
    });
  });
  server.on("request", (_request, response) => {
    response.writeHead(426, { Connection: "close", Upgrade: "websocket" });
    response.end("MQTT over WebSocket is spoken here\n");
  });
  return server;
}

/** The peer's address; a socket that is closed already has none. */
function originOf(socket: Socket): string {
  return socket.remoteAddress ?? "gone";
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function listen(server: Server, { host, port }: ListenAt): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const why = `cannot listen on ${host}:${port}: ${reasonOf(cause)}`;
      reject(new Fault("port_busy", why, { cause, facts: { host, port } }));
    });
    server.listen({ port, host, backlog: BACKLOG }, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "unknown";
  return "code" in cause && cause.code === "EADDRINUSE" ? "another program listens there" : cause.message;
}
