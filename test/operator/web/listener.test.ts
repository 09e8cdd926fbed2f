import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { webAddress } from "../../../src/operator/web/address.ts";
import { hasOpenssl, makeCertificate } from "../../link/broker/certificate.ts";
import { type Asking, ask, logIn, post } from "./ask.ts";
import { openStand, type Stand, type StandOptions } from "./stand.ts";

const PLAIN = { listen: "127.0.0.1:8402", certificate: "", certificate_key: "", proxy: false };

async function open(options: StandOptions = {}): Promise<Stand> {
  const stand = await openStand(options);
  onTestFinished(() => stand.close());
  return stand;
}

describe("the address", () => {
  const pems = hasOpenssl ? makeCertificate() : null;
  const at = (change: Partial<typeof PLAIN>) =>
    webAddress({ ...PLAIN, ...change }, (path) => (path === "/c.pem" ? pems?.cert : pems?.key) ?? "");

  it.each(["127.0.0.1:8402", "127.9.9.9:1", "localhost:8402", "[::1]:8402"])(
    "%s is this machine's own",
    (listen) => {
      expect(at({ listen })).toMatchObject({ tls: null, notice: null });
    },
  );

  it.each(["0.0.0.0:8402", "[::]:8402", "192.168.1.7:8402", "barn-pi:8402", "127.0.0.1.evil.example:1"])(
    "%s needs TLS or a proxy, and says so",
    (listen) => {
      expect(() => at({ listen })).toThrow(
        expect.objectContaining({
          code: "config_syntax",
          message: expect.stringMatching(/certificate.*proxy = true.*ssh -L/),
        }),
      );
      expect(at({ listen, proxy: true }).notice).toMatch(/X-Forwarded-For.*nothing but the proxy/);
    },
  );

  it.skipIf(!hasOpenssl)("may be any with a certificate", () => {
    const pair = { certificate: "/c.pem", certificate_key: "/k.pem" };
    expect(at({ listen: "0.0.0.0:8402", ...pair })).toMatchObject({
      tls: pems,
      notice: expect.stringMatching(/other machines can reach the page.*by TLS/),
    });
    expect(at(pair)).toMatchObject({ tls: pems, notice: null });
  });

  it("takes both files or neither", () => {
    expect(() => at({ certificate: "/c.pem" })).toThrow(expect.objectContaining({ code: "config_syntax" }));
    expect(() => at({ certificate_key: "/k.pem" })).toThrow(
      expect.objectContaining({ code: "config_syntax" }),
    );
    expect(() => at({ listen: "8402" })).toThrow(expect.objectContaining({ code: "config_syntax" }));
  });
});

describe("the port", () => {
  it("that another program has is told as busy", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    await expect(openStand({ settings: { listen: `127.0.0.1:${port}` } })).rejects.toMatchObject({
      code: "port_busy",
      message: expect.stringContaining("another program listens there"),
    });
  });

  it("is free once it is closed, whoever is connected and whatever is asked", async () => {
    const stand = await openStand({ statusText: () => new Promise(() => undefined) });
    const { headers } = await logIn(stand);
    const idle = connect(stand.web.port, "127.0.0.1");
    const half = connect(stand.web.port, "127.0.0.1");
    half.write("GET / HTTP/1.1\r\nHost: loc");
    const busy = ask(stand.url, "/status", { headers }).catch((error: Error) => error);
    const ends = [idle, half].map((socket) =>
      once(
        socket.on("error", () => undefined),
        "close",
      ),
    );
    await once(half, "connect");
    await fetch(`${stand.url}/healthz`);
    const before = performance.now();
    await stand.close();
    expect(performance.now() - before).toBeLessThan(1_000);
    await Promise.all(ends);
    expect(await busy).toBeInstanceOf(Error);
    const again = await open({ settings: { listen: `127.0.0.1:${stand.web.port}` } });
    expect((await fetch(`${again.url}/healthz`)).status).toBe(200);
  });

  it("takes no head of more than 8 KB, and outlives what is no HTTP", async () => {
    const stand = await open();
    expect((await ask(stand.url, "/", { headers: { "x-long": "x".repeat(9_000) } })).status).toBe(431);
    const noise = connect(stand.web.port, "127.0.0.1");
    noise.on("error", () => undefined).end("\u0000\u0001 not HTTP \r\n\r\n");
    await once(noise.resume(), "close");
    const hostless = connect(stand.web.port, "127.0.0.1");
    hostless.end("GET /api/v1/overview HTTP/1.0\r\n\r\n");
    const [answer] = await once(hostless, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect((await fetch(`${stand.url}/healthz`)).status).toBe(200);
    expect(stand.faults).toEqual([]);
  });
});

describe.skipIf(!hasOpenssl)("with a certificate", () => {
  const tls = () => {
    const { cert, key } = makeCertificate();
    return { cert, readSecret: (path: string) => (path === "/c.pem" ? cert : key) };
  };
  const settings = { certificate: "/c.pem", certificate_key: "/k.pem" };

  it("speaks TLS, and its cookie goes by TLS alone", async () => {
    const { cert, readSecret } = tls();
    const stand = await open({ settings, readSecret });
    expect(stand.url).toMatch(/^https:\/\/127\.0\.0\.1:/);
    const asking: Asking = { ca: cert };
    expect((await ask(stand.url, "/healthz", asking)).text).toBe("ok\n");
    const token = stand.link().split("#token=")[1];
    const told = await ask(stand.url, "/api/v1/login", {
      ca: cert,
      method: "POST",
      headers: { "content-type": "application/json", origin: stand.url },
      body: JSON.stringify({ token }),
    });
    const [cookie = ""] = told.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^__Host-hirewire-\d+=.*; Path=\/; HttpOnly; SameSite=Strict; .*; Secure$/);
    const headers = { cookie: cookie.split(";")[0] ?? "" };
    expect((await ask(stand.url, "/api/v1/session", { ca: cert, headers })).status).toBe(200);
    await expect(ask(stand.url.replace("https", "http"), "/healthz")).rejects.toThrow();
  });

  it("listens for everybody, by the name in its certificate", async () => {
    const { cert, readSecret } = tls();
    const stand = await open({ settings: { ...settings, listen: "0.0.0.0:0" }, readSecret });
    expect(stand.url).toBe(`https://localhost:${stand.web.port}`);
    expect(stand.web.notice).toMatch(/other machines/);
    expect((await ask(stand.url, "/healthz", { ca: cert })).status).toBe(200);
    expect((await ask(stand.url, "/healthz", { ca: cert, headers: { host: "evil.example" } })).status).toBe(
      421,
    );
  });

  it("refuses files that are none", async () => {
    const broken = openStand({ settings, readSecret: () => "no PEM" });
    await expect(broken).rejects.toMatchObject({ code: "config_syntax" });
  });
});

describe("behind a proxy", () => {
  const FORWARDED = {
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "barn.example",
  };

  it("believes it: the cookie is secure, and the page's origin is the proxy's", async () => {
    const stand = await open({ settings: { proxy: true } });
    expect(stand.web.notice).toMatch(/behind a proxy/);
    const headers = { ...FORWARDED, origin: "https://barn.example" };
    const browser = await logIn(stand, undefined, { headers });
    expect(browser.cookie).toMatch(/^__Host-hirewire-443=/);
    const all = { ...headers, ...browser.headers };
    expect((await post(stand.url, "/api/v1/halt", {}, all)).status).toBe(200);
    const other = { ...all, origin: "http://barn.example" };
    expect((await post(stand.url, "/api/v1/halt", {}, other)).status).toBe(403);
  });

  it("takes either scheme from one that does not say which", async () => {
    const stand = await open({ settings: { proxy: true } });
    for (const origin of ["http://barn.example", "https://barn.example"]) {
      await expect(
        logIn(stand, undefined, { headers: { host: "barn.example", origin } }),
      ).resolves.toBeDefined();
    }
    const evil = { headers: { host: "barn.example", origin: "https://evil.example" } };
    await expect(logIn(stand, undefined, evil)).rejects.toThrow("403");
  });

  it("counts wrong tokens by the address that the proxy has seen, not by what the client claims", async () => {
    const stand = await open({ settings: { proxy: true } });
    const wrong = (address: string) =>
      post(stand.url, "/api/v1/login", { token: "x" }, { host: "barn.example", "x-forwarded-for": address });
    for (let times = 0; times < 10; times++) await wrong(`10.0.0.${times}, 203.0.113.9`);
    expect((await wrong("10.1.1.1, 203.0.113.9")).status).toBe(429);
    expect((await wrong("203.0.113.9, 203.0.113.10")).status).toBe(401);
  });

  it("no header of a proxy counts where there is none", async () => {
    const stand = await open();
    const { cookie } = await logIn(stand, undefined, { headers: FORWARDED });
    expect(cookie).toMatch(/^hirewire-\d+=/);
    const evil = { "x-forwarded-host": "evil.example", origin: "https://evil.example" };
    expect((await post(stand.url, "/api/v1/login", { token: "x" }, evil)).status).toBe(403);
  });
});
