/** Clients that take their time: each is let go after a few seconds, and others are served meanwhile. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, logIn } from "../../../operator/web/ask.ts";
import { openStand, type Stand } from "../../../operator/web/stand.ts";

let stand: Stand;
let cookie: string;
let csrf: string;

beforeAll(async () => {
  stand = await openStand();
  ({ cookie, csrf } = await logIn(stand));
});

afterAll(() => stand.close());

/** Says `first`, then a letter every half second; gives the milliseconds until it was let go, and what it was told. */
async function trickle(first: string, letter: string): Promise<{ ms: number; told: string }> {
  const began = performance.now();
  const socket = connect(stand.web.port, "127.0.0.1");
  let told = "";
  socket
    .on("error", () => undefined)
    .on("data", (bytes) => {
      told += bytes.toString();
    });
  socket.write(first);
  const dripping = setInterval(() => socket.write(letter), 500);
  await once(socket, "close");
  clearInterval(dripping);
  return { ms: performance.now() - began, told };
}

it("a head, a body or a word that does not come ends the connection within its time", async () => {
  const host = `127.0.0.1:${stand.web.port}`;
  const post = `POST /api/v1/halt HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nx-hirewire-csrf: ${csrf}\r\n`;
  const body = `${post}Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n{`;
  const ends = [trickle("", ""), trickle(`GET / HTTP/1.1\r\nHost: ${host}\r\nX-`, "a"), trickle(body, " ")];
  expect((await ask(stand.url, "/healthz")).status).toBe(200);
  const [nothing, head, slow] = await Promise.all(ends);
  for (const [ended, most] of [
    [nothing, 12_500],
    [head, 7_500],
    [slow, 12_500],
  ] as const) {
    expect(ended?.ms).toBeLessThan(most);
    expect(ended?.told).not.toContain(" 200 ");
  }
  expect(head?.told).toMatch(/^HTTP\/1\.1 408 /);
  expect(stand.stub.questions).toEqual([]);
  expect((await ask(stand.url, "/healthz")).status).toBe(200);
  expect(stand.faults).toEqual([]);
});
