import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { startIsolated } from "../../../src/firmware/executor/isolation.ts";
import { Executor } from "../../../src/firmware/executor.ts";

let server: Server;
let connections = 0;

beforeAll(async () => {
  server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  server.close();
});

describe("an isolated program", () => {
  it("has no files, no children, no threads, no environment and, in a namespace of its own, no network", async () => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const { isolation, process } = await startIsolated(new URL("../network.ts", import.meta.url));
    process.stdin.end(`${address.port}`);
    const [said, words] = await Promise.all([text(process.stdout), text(process.stderr)]);
    expect(words).toBe("");
    const denied = "ERR_ACCESS_DENIED";
    expect(JSON.parse(said)).toMatchObject({
      ...{ read: denied, write: denied, spawn: denied, thread: denied, environment: [] },
      ...(isolation === "network namespace" ? { interfaces: [] } : {}),
    });
    if (isolation !== "network namespace") return;
    expect(JSON.parse(said)).toMatchObject({ connect: expect.stringMatching(/^E(NETUNREACH|CONNREFUSED)$/) });
    expect(JSON.parse(said)).toMatchObject({ resolve: expect.stringMatching(/^E(AI_AGAIN|NOTFOUND)$/) });
    expect(connections).toBe(0);
  });

  it.runIf(process.platform === "linux")("is what the executor runs, and it says how", async () => {
    const executor = new Executor({ clock: systemClock });
    expect(executor.isolation).toBeNull();
    await executor.start();
    const own = readlinkSync("/proc/self/ns/net");
    const theirs = executor.pids.map((pid) => readlinkSync(`/proc/${pid}/ns/net`));
    expect(theirs.every((each) => (each === own) === (executor.isolation === "permission model"))).toBe(true);
    await executor.stop();
  });
});
