import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { INVITATION_MS } from "../../../src/operator/web/access.ts";
import { addAccess, readAccess, removeAccess } from "../../../src/operator/web/access-file.ts";
import { ABSOLUTE_MS, IDLE_MS } from "../../../src/operator/web/sessions.ts";
import { ManualClock } from "../../devices/robot/manual-clock.ts";
import { ask, bearer, codeOf, logIn, post } from "./ask.ts";
import { openStand, type Stand } from "./stand.ts";

const clock = new ManualClock();
let stand: Stand;

beforeAll(async () => {
  stand = await openStand({ clock });
});

afterAll(() => stand.close());

const tokenOf = (link: string) => link.split("#token=")[1] ?? "";
const session = (headers: Record<string, string>) => ask(stand.url, "/api/v1/session", { headers });

describe("a one-time token", () => {
  it("has 256 bits, is behind the #, and gives a session that says who it is", async () => {
    const link = stand.link({ role: "viewer", owner: `0x${"cd".repeat(20)}` });
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/login#token=[\w-]{43}$/);
    const told = await post(stand.url, "/api/v1/login", { token: tokenOf(link) });
    expect(told.status).toBe(200);
    expect(told.headers["cache-control"]).toBe("no-store");
    const { csrf, ...rest } = JSON.parse(told.text);
    expect(csrf).toMatch(/^[\w-]{43}$/);
    const expires = clock.now() + IDLE_MS;
    expect(rest).toEqual({ name: "browser", role: "viewer", owner: `0x${"cd".repeat(20)}`, expires });
    const [cookie = ""] = told.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(
      new RegExp(
        `^hirewire-${stand.web.port}=[\\w-]{43}\\.[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800$`,
      ),
    );
    expect(JSON.parse((await session({ cookie: cookie.split(";")[0] ?? "" })).text)).toEqual({
      csrf,
      ...rest,
    });
  });

  it("works once", async () => {
    const token = tokenOf(stand.link());
    expect((await post(stand.url, "/api/v1/login", { token })).status).toBe(200);
    const again = await post(stand.url, "/api/v1/login", { token });
    expect([again.status, codeOf(again)]).toEqual([401, "login_needed"]);
    expect(again.headers["set-cookie"]).toBeUndefined();
  });

  it("works once for two who come at the same time", async () => {
    const token = tokenOf(stand.link());
    const both = await Promise.all([1, 2].map(() => post(stand.url, "/api/v1/login", { token })));
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 401]);
  });

  it("works for ten minutes and not a moment longer", async () => {
    const [first, second] = [tokenOf(stand.link()), tokenOf(stand.link())];
    clock.advance(INVITATION_MS - 1);
    expect((await post(stand.url, "/api/v1/login", { token: first })).status).toBe(200);
    clock.advance(1);
    expect((await post(stand.url, "/api/v1/login", { token: second })).status).toBe(401);
  });

  it("that was not used makes room for the 33rd", async () => {
    const [oldest, next] = [tokenOf(stand.link()), tokenOf(stand.link())];
    for (let more = 0; more < 31; more++) stand.link();
    expect((await post(stand.url, "/api/v1/login", { token: oldest })).status).toBe(401);
    expect((await post(stand.url, "/api/v1/login", { token: next })).status).toBe(200);
  });
});

describe("a session", () => {
  it("ends after 12 hours without use, and use keeps it open", async () => {
    const { headers } = await logIn(stand);
    clock.advance(IDLE_MS - 1);
    expect((await session(headers)).status).toBe(200);
    clock.advance(IDLE_MS - 1);
    expect((await session(headers)).status).toBe(200);
    clock.advance(IDLE_MS);
    expect((await session(headers)).status).toBe(401);
  });

  it("ends after seven days however much it is used", async () => {
    const { headers } = await logIn(stand);
    for (let hours = 6; hours < ABSOLUTE_MS / 3_600_000; hours += 6) {
      clock.advance(6 * 3_600_000);
      expect((await session(headers)).status).toBe(200);
    }
    clock.advance(6 * 3_600_000);
    expect((await session(headers)).status).toBe(401);
  });

  it("ends by logging out, which takes its cookie away", async () => {
    const { headers } = await logIn(stand);
    const told = await post(stand.url, "/api/v1/logout", {}, headers);
    expect(JSON.parse(told.text)).toEqual({ done: true });
    expect(told.headers["set-cookie"]?.[0]).toMatch(/^hirewire-\d+=; .*Max-Age=0$/);
    expect((await session(headers)).status).toBe(401);
  });

  it("gives way to the one that the same browser begins", async () => {
    const first = await logIn(stand);
    const second = await logIn(stand, undefined, { headers: first.headers });
    expect((await session(first.headers)).status).toBe(401);
    expect((await session(second.headers)).status).toBe(200);
  });

  it("of the 257th login takes the oldest one's place", () => {
    const { sessions } = stand.access;
    const viewer = { name: "n", role: "viewer", owner: null } as const;
    const cookies = Array.from({ length: 257 }, () => sessions.begin(viewer).cookie);
    expect(sessions.find(cookies[0] ?? "")).toBeNull();
    expect(sessions.find(cookies[1] ?? "")).not.toBeNull();
  });

  it.each(["", "x", ".", "a.b", "a.b.c", "__proto__.x"])("is not found by %j", (cookie) => {
    expect(stand.access.sessions.find(cookie)).toBeNull();
  });
});

describe("an access token", () => {
  const viewer = { role: "viewer", owner: null } as const;

  it("is noticed while the gateway runs, and gone when it is removed", async () => {
    const token = addAccess(stand.folder, { name: "prometheus", ...viewer }, 7);
    expect(token).toMatch(/^hirewire_[\w-]{43}$/);
    const told = await session(bearer(token));
    expect(JSON.parse(told.text)).toMatchObject({
      name: "prometheus",
      role: "viewer",
      owner: null,
      csrf: "",
    });
    expect((await ask(stand.url, "/metrics", { headers: bearer(token) })).text).toBe(
      "hirewire_build_info 1\n",
    );
    removeAccess(stand.folder, "prometheus");
    expect((await session(bearer(token))).status).toBe(401);
  });

  it("is kept as a hash alone, in a file that is nobody else's", () => {
    const token = addAccess(stand.folder, { name: "script", ...viewer }, 7);
    const [entry] = readAccess(stand.folder);
    expect(entry).toEqual({
      name: "script",
      ...viewer,
      at: 7,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const file = join(stand.folder, "access.json");
    expect(readFileSync(file, "utf8")).not.toContain(token.slice(9));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    removeAccess(stand.folder, "script");
  });

  it("has no session to end", async () => {
    const token = addAccess(stand.folder, { name: "script", ...viewer }, 7);
    const told = await post(stand.url, "/api/v1/logout", {}, bearer(token));
    expect([told.status, codeOf(told)]).toEqual([400, "usage"]);
    removeAccess(stand.folder, "script");
  });

  it("opens nothing while its file is broken, which is told once", async () => {
    const token = addAccess(stand.folder, { name: "script", ...viewer }, 7);
    expect((await session(bearer(token))).status).toBe(200);
    const file = join(stand.folder, "access.json");
    writeFileSync(file, "{");
    stand.faults.length = 0;
    expect((await session(bearer(token))).status).toBe(401);
    expect((await session(bearer(token))).status).toBe(401);
    expect(stand.faults).toMatchObject([{ code: "file_format" }]);
    writeFileSync(file, JSON.stringify({ version: 1, tokens: [] }));
  });

  it("refuses names that are taken, and names that are none", () => {
    addAccess(stand.folder, { name: "one", ...viewer }, 7);
    expect(() => addAccess(stand.folder, { name: "one", ...viewer }, 7)).toThrow(/already/);
    for (const name of ["", " ", "-a", "a b", "ä", "x".repeat(65), "../x"]) {
      expect(() => addAccess(stand.folder, { name, ...viewer }, 7)).toThrow(/no name/);
    }
    expect(() => removeAccess(stand.folder, "two")).toThrow(/no token two/);
    removeAccess(stand.folder, "one");
  });
});

describe("the page without JavaScript", () => {
  const form = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    ask(stand.url, "/status", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", origin: stand.url, ...headers },
      body: new URLSearchParams(fields).toString(),
    });

  it("shows a form to who has not logged in, in the language that it asks for", async () => {
    for (const [accepted, word] of [
      ["", "Login needed"],
      ["de, en;q=0.5", "Login needed"],
      ["zh-CN,zh;q=0.9,en;q=0.8", "需要登录"],
      ["en;q=0.2, zh-Hant;q=0.3", "需要登录"],
      ["zh;q=0, en;q=0.1", "Login needed"],
    ] as const) {
      const told = await ask(stand.url, "/status", { headers: { "accept-language": accepted } });
      expect(told.status).toBe(401);
      expect(told.text).toContain(word);
      expect(told.text).toContain('<form method="post" action="/status">');
      expect(told.headers["content-security-policy"]).toMatch(
        /^default-src 'none'; style-src 'sha256-[\w+/]+=*'; /,
      );
    }
  });

  it("logs in with the token or the whole link, shows the text, escaped, and logs out", async () => {
    for (const token of [tokenOf(stand.link()), ` ${stand.link()} `]) {
      const told = await form({ token });
      expect([told.status, told.headers.location]).toEqual([303, "/status"]);
      const cookie = told.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
      const seen = await ask(stand.url, "/status", { headers: { cookie, "accept-language": "zh" } });
      expect(seen.status).toBe(200);
      expect(seen.text).toContain("status of browser in zh");
      const leave = /name="leave" value="([^"]+)"/.exec(seen.text)?.[1] ?? "";
      expect((await form({ leave: "wrong" }, { cookie })).status).toBe(403);
      expect((await form({ leave }, { cookie })).status).toBe(303);
      expect((await ask(stand.url, "/status", { headers: { cookie } })).status).toBe(401);
    }
  });

  it("says when a token was wrong, with the form again", async () => {
    const told = await form({ token: "wrong" });
    expect(told.status).toBe(401);
    expect(told.text).toContain("This token is not valid");
    expect(told.text).toContain("<form");
    expect((await form({})).status).toBe(401);
  });

  it("does not take the form of another page", async () => {
    const token = tokenOf(stand.link());
    for (const origin of ["null", "http://evil.example", `http://127.0.0.1:${stand.web.port + 1}`]) {
      expect((await form({ token }, { origin })).status).toBe(403);
    }
    expect((await form({ token })).status).toBe(303);
  });

  it("escapes what stands in the text", async () => {
    const other = await openStand({ statusText: () => Promise.resolve(`<script>"&'`) });
    const { headers } = await logIn(other);
    const { text } = await ask(other.url, "/status", { headers });
    await other.close();
    expect(text).toContain("&#60;script&#62;&#34;&#38;&#39;");
    expect(text).not.toContain("<script>");
  });
});
