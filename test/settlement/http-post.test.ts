import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { post } from "../../src/settlement/http-post.ts";

/** Answers each connection's first request alone: whatever comes on it again ends it without a word. */
async function forgetfulServer() {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    let requests = 0;
    socket.on("error", () => undefined);
    socket.on("data", () => {
      requests += 1;
      if (requests === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
      else socket.resetAndDestroy();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

it("asks again on a new connection where one that was kept open is closed", async () => {
  const { url, connections } = await forgetfulServer();
  const { signal } = new AbortController();
  const ask = () => post({ url, headers: {}, body: "{}", most: 1_000, signal });
  expect(await ask()).toEqual({ status: 200, text: "{}" });
  expect(await ask()).toEqual({ status: 200, text: "{}" });
  expect(connections).toHaveLength(2);
});

it("reads no answer that is longer than was said", async () => {
  const { url } = await forgetfulServer();
  const { signal } = new AbortController();
  const asked = post({ url, headers: {}, body: "{}", most: 1, signal });
  await expect(asked).rejects.toMatchObject({ code: "chain_unreachable" });
});
