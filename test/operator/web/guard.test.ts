import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addAccess } from "../../../src/operator/web/access-file.ts";
import { hostGuard } from "../../../src/operator/web/origin-guard.ts";
import { ManualClock } from "../../devices/robot/manual-clock.ts";
import { hasOpenssl, makeCertificate } from "../../link/broker/certificate.ts";
import { ask, type Browser, bearer, codeOf, JSON_TYPE, logIn, post } from "./ask.ts";
import { openStand, type Stand } from "./stand.ts";

const clock = new ManualClock();
let stand: Stand;
let browser: Browser;
let script: { readonly authorization: string };

beforeAll(async () => {
  stand = await openStand({ clock });
  browser = await logIn(stand);
  script = bearer(addAccess(stand.folder, { name: "script", role: "operator", owner: null }, 0));
});

afterAll(() => stand.close());

const told = ({ status, ...rest }: Awaited<ReturnType<typeof ask>>) => [status, codeOf({ status, ...rest })];

describe("what changes something", () => {
  it("needs the session's CSRF text, which a script needs not", async () => {
    const { cookie, csrf } = browser;
    stand.stub.questions.length = 0;
    const other = (await logIn(stand)).csrf;
    for (const wrong of [
      {},
      { "x-hirewire-csrf": "" },
      { "x-hirewire-csrf": other },
      { "x-hirewire-csrf": `${csrf}x` },
    ]) {
      expect(told(await post(stand.url, "/api/v1/halt", {}, { cookie, ...wrong }))).toEqual([403, "csrf"]);
      expect(told(await post(stand.url, "/api/v1/logout", {}, { cookie, ...wrong }))).toEqual([403, "csrf"]);
    }
    expect(stand.stub.questions).toEqual([]);
    expect((await post(stand.url, "/api/v1/halt", {}, { cookie, "x-hirewire-csrf": csrf })).status).toBe(200);
    expect((await post(stand.url, "/api/v1/halt", {}, script)).status).toBe(200);
  });

  it("is JSON, which no form can send", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]) {
      const headers = { ...browser.headers, "content-type": type };
      const answer = await ask(stand.url, "/api/v1/halt", { method: "POST", headers, body: "{}" });
      expect(told(answer)).toEqual([415, "bad_request"]);
    }
    const headers = { ...browser.headers, "content-type": "application/json; charset=utf-8" };
    expect((await ask(stand.url, "/api/v1/halt", { method: "POST", headers, body: "" })).status).toBe(200);
  });

  it("fits its shape, and is told what does not", async () => {
    for (const body of [
      "{",
      "[]",
      "null1",
      '"x"',
      '{"reason":1}',
      '{"reason":"a","more":1}',
      '{"__proto__":{"a":1}}',
    ]) {
      const headers = { ...browser.headers, ...JSON_TYPE };
      const answer = await ask(stand.url, "/api/v1/halt", { method: "POST", headers, body });
      expect([body, ...told(answer)]).toEqual([body, 400, "bad_request"]);
    }
    const latin = { method: "POST", headers: { ...browser.headers, ...JSON_TYPE } };
    const { port } = new URL(stand.url);
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/halt`, {
      ...latin,
      body: Uint8Array.of(0x22, 0xff, 0x22),
    });
    expect(response.status).toBe(400);
  });

  it("has at most 16 KiB, declared or not", async () => {
    const body = JSON.stringify({ reason: "x".repeat(20_000) });
    const headers = { ...browser.headers, ...JSON_TYPE };
    const declared = { ...headers, "content-length": String(body.length) };
    const chunked = { ...headers, "transfer-encoding": "chunked" };
    expect(told(await ask(stand.url, "/api/v1/halt", { method: "POST", headers: declared, body }))).toEqual([
      413,
      "bad_request",
    ]);
    expect(told(await ask(stand.url, "/api/v1/halt", { method: "POST", headers: chunked, body }))).toEqual([
      413,
      "bad_request",
    ]);
  });
});

describe("a question in the address", () => {
  it.each([
    "/api/v1/settlements?limit=x",
    "/api/v1/settlements?limit=0",
    "/api/v1/settlements?limit=501",
    "/api/v1/settlements?kind=stolen",
    "/api/v1/settlements?kind=earned&kind=spent",
    "/api/v1/settlements?unknown=1",
    "/api/v1/settlements?__proto__=1",
    "/api/v1/settlements?min=1e9",
    "/api/v1/session?x=1",
    "/api/v1/tasks/0x12",
    "/api/v1/journal/0",
    "/api/v1/journal/1.5",
    `/api/v1/devices/${"x".repeat(129)}`,
  ])("%s is refused, with what was wrong", async (path) => {
    const answer = await ask(stand.url, path, { headers: script });
    expect(told(answer)).toEqual([400, "bad_request"]);
    expect(JSON.parse(answer.text)).toEqual({
      type: "urn:hirewire:problem:bad_request",
      title: "Cannot be asked like this",
      status: 400,
      code: "bad_request",
      detail: expect.stringMatching(/./),
      hint: "See /openapi.json for what can be asked.",
    });
  });

  it("has its numbers as numbers, its defaults, and what stands encoded in its path", async () => {
    stand.stub.questions.length = 0;
    await ask(stand.url, "/api/v1/settlements?limit=7&from=12&text=%E7%BD%91%20%26", { headers: script });
    await ask(stand.url, "/api/v1/devices/a%2F..%2Fb%3Fc", { headers: script });
    expect(stand.stub.questions.map(({ asked }) => asked)).toEqual([
      { params: {}, input: { limit: 7, from: 12, text: "网 &" } },
      { params: { device: "a/../b?c" }, input: {} },
    ]);
  });
});

describe("a page of somebody else's", () => {
  const foreign = [
    ["another site", { origin: "http://evil.example" }],
    ["a file or a sandbox", { origin: "null" }],
    ["another port of this machine", { origin: "http://127.0.0.1:1" }],
    ["the same name by TLS", { origin: "https://127.0.0.1" }],
    ["another site, by its browser", { "sec-fetch-site": "cross-site" }],
    ["another port, by its browser", { "sec-fetch-site": "same-site" }],
  ] as const;

  it.each(foreign)("%s can neither act, read nor log in", async (_, headers) => {
    const all = { ...browser.headers, ...headers };
    const token = stand.link().split("=")[1];
    for (const answer of [
      await post(stand.url, "/api/v1/halt", {}, all),
      await ask(stand.url, "/api/v1/overview", { headers: all }),
      await ask(stand.url, "/api/v1/events", { headers: all }),
      await post(stand.url, "/api/v1/login", { token }, headers),
    ]) {
      expect(told(answer)).toEqual([403, "csrf"]);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  it("may have a link to this one", async () => {
    for (const path of ["/", "/status", "/openapi.json"]) {
      const headers = { ...browser.headers, "sec-fetch-site": "cross-site" };
      expect([path, (await ask(stand.url, path, { headers })).status < 404]).toEqual([path, true]);
    }
    expect((await ask(stand.url, "/", { headers: { "sec-fetch-site": "cross-site" } })).status).toBe(200);
  });

  it("its own page may, as its browser says", async () => {
    for (const headers of [
      { origin: stand.url },
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "none" },
    ]) {
      const all = { ...browser.headers, ...headers };
      expect((await post(stand.url, "/api/v1/halt", {}, all)).status).toBe(200);
    }
  });
});

describe("the name that is asked for", () => {
  it.each([
    "evil.example",
    "evil.example:8402",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "evil.example#@127.0.0.1",
    "[::1",
    "a b",
  ])("%s is not this gateway: a name can be rebound", async (host) => {
    for (const path of ["/", "/api/v1/overview", "/healthz"]) {
      const answer = await ask(stand.url, path, { headers: { ...browser.headers, host } });
      expect(answer.status === 421 || answer.status === 400).toBe(true);
      expect(answer.text).not.toContain("stub");
    }
  });

  it.each(["localhost", "LOCALHOST:9000", "127.0.0.1", "127.0.0.1:22", "[::1]:8402", "192.168.1.7"])(
    "%s is: tunnels have other ports, and addresses cannot be rebound",
    async (host) => {
      expect((await ask(stand.url, "/healthz", { headers: { host } })).status).toBe(200);
    },
  );

  it.skipIf(!hasOpenssl)("with a certificate is any that stands in it", () => {
    const tls = makeCertificate();
    const answersTo = hostGuard({ host: "0.0.0.0", port: 1, tls, isProxied: false, notice: null });
    expect(answersTo("localhost:1")).toBe(true);
    expect(answersTo("evil.example:1")).toBe(false);
  });

  it("gives a cookie its name, so that two gateways can be open in one browser", async () => {
    const { cookie } = await logIn(stand, undefined, { headers: { host: "localhost:9001" } });
    expect(cookie).toMatch(/^hirewire-9001=/);
    const seen = (host: string) => ask(stand.url, "/api/v1/session", { headers: { host, cookie } });
    expect((await seen("localhost:9001")).status).toBe(200);
    expect((await seen("localhost:9002")).status).toBe(401);
  });
});

describe("too much", () => {
  it("of wrong tokens from one address is refused for a while, and a right one is not", async () => {
    clock.advance(3_600_000);
    const wrong = () => post(stand.url, "/api/v1/login", { token: "wrong" });
    for (let times = 0; times < 10; times++) expect((await wrong()).status).toBe(401);
    const late = await wrong();
    expect(told(late)).toEqual([429, "too_many_requests"]);
    expect(late.headers["retry-after"]).toBe("6");
    expect(told(await ask(stand.url, "/metrics", { headers: bearer("wrong") }))).toEqual([
      429,
      "too_many_requests",
    ]);
    const form = { method: "POST", headers: { origin: stand.url }, body: "token=wrong" };
    expect((await ask(stand.url, "/status", form)).status).toBe(429);
    expect((await ask(stand.url, "/status", form)).text).toContain("<form");
    await expect(logIn(stand)).resolves.toBeDefined();
    expect((await ask(stand.url, "/metrics", { headers: script })).status).toBe(200);
    clock.advance(6_000);
    expect((await wrong()).status).toBe(401);
    expect((await wrong()).status).toBe(429);
  });

  it("of requests: 300 at once, then 50 a second, for each login by itself and for all without one", async () => {
    clock.advance(3_600_000);
    /** Statuses of so many requests, all written at once. */
    const many = async (header: string, times: number): Promise<string[]> => {
      const socket = connect(stand.web.port, "127.0.0.1");
      const request = (last: string) => `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n${header}${last}\r\n`;
      socket.write(request("").repeat(times - 1) + request("Connection: close\r\n"));
      return [...(await text(socket)).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = ""]) => status);
    };
    const host = `127.0.0.1:${stand.web.port}`;
    const header = `Authorization: ${script.authorization}\r\n`;
    const statuses = await many(header, 310);
    expect(statuses).toEqual([...Array(300).fill("200"), ...Array(10).fill("429")]);
    expect((await ask(stand.url, "/healthz")).status).toBe(200);
    expect((await ask(stand.url, "/healthz", { headers: { cookie: browser.cookie } })).status).toBe(200);
    clock.advance(1_000);
    expect(await many(header, 60)).toEqual([...Array(50).fill("200"), ...Array(10).fill("429")]);
  });
});

it("tells its operator nothing of all this: it is no fault", () => {
  expect(stand.faults).toEqual([]);
});
