import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "./ask.ts";
import { openStand, type Stand } from "./stand.ts";

let stand: Stand;

beforeAll(async () => {
  stand = await openStand();
  writeFileSync(join(stand.folder, "gateway.key"), "secret");
});

afterAll(() => stand.close());

const SCRIPT = "/assets/main-abc123.js";

const packed = async (encoding: string) => {
  const response = await fetch(`${stand.url}${SCRIPT}`, { headers: { "accept-encoding": encoding } });
  return { response, text: await response.text(), length: Number(response.headers.get("content-length")) };
};

describe("a file of the page", () => {
  it("goes out as its browser takes it, shorter each time", async () => {
    const plain = await packed("identity");
    expect(plain.response.headers.get("content-encoding")).toBeNull();
    for (const [accepted, encoding] of [
      ["gzip, deflate, br", "br"],
      ["gzip", "gzip"],
      ["br;q=0, gzip;q=0.5", "gzip"],
    ] as const) {
      const one = await packed(accepted);
      expect(one.response.headers.get("content-encoding")).toBe(encoding);
      expect(one.response.headers.get("vary")).toBe("accept-encoding");
      expect(one.response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
      expect(one.text).toBe(plain.text);
      expect(one.length).toBeLessThan(plain.length / 4);
    }
  });

  it("is kept for ever when its name has its hash, and asked for again when not", async () => {
    const hashed = await ask(stand.url, SCRIPT);
    expect(hashed.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    for (const path of ["/", "/kernels/base.wasm"]) {
      const first = await ask(stand.url, path);
      expect(first.headers["cache-control"]).toBe("no-cache");
      const etag = first.headers.etag ?? "";
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
        const again = await ask(stand.url, path, { headers: { "if-none-match": known } });
        expect([again.status, again.text]).toEqual([304, ""]);
      }
      expect((await ask(stand.url, path, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
    }
    expect((await ask(stand.url, "/kernels/base.wasm")).headers["content-type"]).toBe("application/wasm");
  });

  it.each(["/devices/robot-1", "/devices/robot.1", "/settlements?kind=earned", "/login", "/a/b/c"])(
    "%s is the page itself, which knows its own paths",
    async (path) => {
      const told = await ask(stand.url, path);
      expect([told.status, told.text]).toEqual([200, "<!doctype html><title>stub</title>"]);
    },
  );

  it.each([
    "/assets/none.js",
    "/assets/none",
    "/kernels/none",
    "/kernels/sources.sha256",
    "/favicon.ico",
    "/a.css",
  ])("%s is not there", async (path) => {
    expect((await ask(stand.url, path)).status).toBe(404);
  });

  it.each([
    "/../gateway.key",
    "/assets/../../gateway.key",
    "/..%2fgateway.key",
    "/%2e%2e/gateway.key",
    "/assets/..%5c..%5cgateway.key",
    "/assets/%2e%2e%2f%2e%2e%2fgateway.key",
    "//gateway.key",
    "/./../gateway.key",
    "/assets/main-abc123.js/../../../gateway.key",
    "/kernels/..%2f..%2fpackage.json",
    "/assets\\..\\..\\gateway.key",
    "/%00",
    "/%",
    "/%ff%fe",
  ])("%s leads nowhere", async (path) => {
    const told = await ask(stand.url, path);
    expect(told.text).not.toContain("secret");
    expect(told.text).not.toContain("dependencies");
    expect([200, 400, 404]).toContain(told.status);
    if (told.status === 200) expect(told.text).toBe("<!doctype html><title>stub</title>");
  });

  it("is missed with the command that makes it", async () => {
    const empty = join(stand.folder, "empty");
    mkdirSync(empty);
    for (const pageFolder of [empty, join(stand.folder, "missing")]) {
      const bare = await openStand({ pageFolder });
      const told = await ask(bare.url, "/");
      await bare.close();
      expect(told.status).toBe(404);
      expect(told.text).toContain("npm run build:page");
    }
  });
});

describe("every answer", () => {
  it.each(["/", SCRIPT, "/status", "/healthz", "/api/v1/overview", "/api/v1/nothing", "/nothing.js"])(
    "%s forbids what it does not need",
    async (path) => {
      const { headers } = await ask(stand.url, path);
      const policy = headers["content-security-policy"] ?? "";
      expect(policy).toMatch(/^default-src 'none'; /);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("base-uri 'none'");
      expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|\*|https?:/);
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": path === "/status" ? "same-origin" : "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
      });
      expect(headers["x-powered-by"]).toBeUndefined();
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    },
  );
});
