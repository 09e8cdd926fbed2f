import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { createWebSocketStream, WebSocket } from "ws";
import { isFault } from "../../../src/base/fault.ts";
import { type ListenAt, openListener, type Scheme } from "../../../src/link/broker/listener.ts";
import { hasOpenssl, makeCertificate } from "./certificate.ts";

const why = hasOpenssl ? "" : " (skipped: openssl not installed)";
const tls = hasOpenssl ? makeCertificate() : { cert: "", key: "" };
const at = { host: "127.0.0.1", port: 0 };

/** A listener that gives everybody their own bytes back. */
async function openEcho(where: ListenAt) {
  const origins: string[] = [];
  const listener = await openListener(where, (stream, origin) => {
    origins.push(origin);
    stream.on("error", () => {});
    stream.pipe(stream);
  });
  onTestFinished(() => listener.close());
  return { listener, origins };
}

function dial(scheme: Scheme, port: number): Duplex {
  switch (scheme) {
    case "mqtt":
      return connect(port, "127.0.0.1");
    case "mqtts":
      return connectTls({ port, host: "127.0.0.1", ca: tls.cert });
    case "ws":
      return createWebSocketStream(new WebSocket(`ws://127.0.0.1:${port}`, "mqtt"));
    case "wss":
      return createWebSocketStream(new WebSocket(`wss://127.0.0.1:${port}`, "mqtt", { ca: tls.cert }));
  }
}

async function readAll(stream: Duplex, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let read = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    read += chunk.length;
    if (read >= length) break;
  }
  return Buffer.concat(chunks);
}

describe.each([
  ["mqtt", false],
  ["mqtts", true],
  ["ws", false],
  ["wss", true],
] as const)("openListener, %s", (scheme, needsTls) => {
  const where = { scheme, ...at, ...(needsTls && { tls }) };

  it.skipIf(needsTls && !hasOpenssl)(
    `carries bytes both ways and tells the peer's address${why}`,
    async () => {
      const { listener, origins } = await openEcho(where);
      const stream = dial(scheme, listener.port);
      const sent = Buffer.alloc(300_000, "hirewire ");
      stream.write(sent.subarray(0, 70_000));
      stream.write(sent.subarray(70_000, 140_000));
      stream.write(sent.subarray(140_000, 210_000));
      stream.write(sent.subarray(210_000));
      expect((await readAll(stream, sent.length)).equals(sent)).toBe(true);
      expect(origins).toEqual(["127.0.0.1"]);
      expect(listener.url).toBe(`${scheme}://127.0.0.1:${listener.port}`);
    },
  );

  it.skipIf(needsTls && !hasOpenssl)(`frees the port at once, whoever is connected${why}`, async () => {
    const { listener } = await openEcho(where);
    const silent = connect(listener.port, "127.0.0.1").on("error", () => {});
    await once(silent, "connect");
    await listener.close();
    const again = await openListener({ ...where, port: listener.port }, () => {});
    await again.close();
  });
});

describe("openListener", () => {
  it("says which port is busy", async () => {
    const { listener } = await openEcho({ scheme: "mqtt", ...at });
    const taken = openListener({ scheme: "ws", ...at, port: listener.port }, () => {});
    await expect(taken).rejects.toSatisfy((error) => isFault(error, "port_busy"));
  });

  it.each([undefined, { cert: "no", key: "certificate" }])("does not listen with %s for TLS", async (bad) => {
    const opened = openListener({ scheme: "mqtts", ...at, ...(bad && { tls: bad }) }, () => {});
    await expect(opened).rejects.toSatisfy((error) => isFault(error, "config_syntax"));
  });

  it("answers a browser that only asks for a page", async () => {
    const { listener } = await openEcho({ scheme: "ws", ...at });
    const asked = request({ port: listener.port, host: "127.0.0.1" }).end();
    const [response] = await once(asked, "response");
    response.resume();
    expect(response.statusCode).toBe(426);
  });

  it("takes WebSockets on its own path alone, and no longer messages than a packet needs", async () => {
    const { listener, origins } = await openEcho({ scheme: "ws", ...at, path: "/mqtt" });
    const lost = new WebSocket(`ws://127.0.0.1:${listener.port}/other`, "mqtt");
    const [error] = await once(lost, "error");
    expect(error).toBeInstanceOf(Error);
    const long = new WebSocket(`ws://127.0.0.1:${listener.port}/mqtt`, "mqtt");
    await once(long, "open");
    long.send(Buffer.alloc(200_000));
    const [code] = await once(long, "close");
    expect({ code, origins }).toEqual({ code: 1009, origins: ["127.0.0.1"] });
  });

  it("takes a WebSocket message in a few pieces, and none in many", async () => {
    const { listener } = await openEcho({ scheme: "ws", ...at });
    const closed = async (pieces: number) => {
      const socket = new WebSocket(`ws://127.0.0.1:${listener.port}`, "mqtt");
      await once(socket, "open");
      const over = Promise.race([once(socket, "close"), once(socket, "message")]);
      for (let i = 1; i <= pieces; i++) socket.send("x", { binary: true, fin: i === pieces });
      const [first] = await over;
      socket.terminate();
      return first;
    };
    expect(String(await closed(10))).toBe("xxxxxxxxxx");
    expect(await closed(100)).toBe(1008);
  });

  it("lets in a device beside any number of handshakes that are never finished", async () => {
    const { listener, origins } = await openEcho({ scheme: "ws", ...at });
    const silent = Array.from({ length: 1_024 }, () => connect(listener.port, "127.0.0.1"));
    onTestFinished(() => {
      for (const socket of silent) socket.destroy();
    });
    await Promise.all(
      silent.map((socket) =>
        once(
          socket.on("error", () => {}),
          "connect",
        ),
      ),
    );
    const first = once(silent[0] as Duplex, "close");
    const device = new WebSocket(`ws://127.0.0.1:${listener.port}`, "mqtt");
    await once(device, "open");
    await first;
    expect(origins).toHaveLength(1);
    device.terminate();
  });
});
