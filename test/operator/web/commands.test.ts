import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { startControl } from "../../../src/operator/control/server.ts";
import { Access } from "../../../src/operator/web/access.ts";
import { accessCommand } from "../../../src/operator/web/access-command.ts";
import { loginCommand } from "../../../src/operator/web/login-command.ts";
import { loginVerb } from "../../../src/operator/web/login-verb.ts";
import { openStand, type Stand } from "../device/stand.ts";

const OWNER = "0xdAC17F958D2ee523a2206206994597C13D831ec7";

let stand: Stand;

beforeEach(() => {
  stand = openStand();
  mkdirSync(stand.data);
});

afterEach(() => stand.remove());

const defaultData = () => stand.data;
const access = (...args: string[]) =>
  stand.run(async (words, io, ports) => await accessCommand(words, io, { ...ports, defaultData }), ...args);
const login = (...args: string[]) =>
  stand.run((words, io, ports) => loginCommand(words, io, { ...ports, defaultData }), ...args);

async function runGateway(url: string | null): Promise<Access> {
  const entrance = new Access({ folder: stand.data, clock: systemClock, onFault: () => undefined });
  const control = await startControl(
    stand.data,
    loginVerb(entrance, () => url),
  );
  onTestFinished(() => control.stop());
  return entrance;
}

describe("hirewire login", () => {
  it("prints a link that works once, for an operator of the whole gateway", async () => {
    const entrance = await runGateway("http://127.0.0.1:8402");
    const { code, written, warned } = await login();
    expect(code).toBe(0);
    expect(written).toMatch(/^http:\/\/127\.0\.0\.1:8402\/login#token=[\w-]{43}\n$/);
    expect(warned).toBe("logs in one browser as operator of the whole gateway; good for 10 minutes\n");
    const token = written.trim().split("#token=")[1] ?? "";
    expect(entrance.login(token)?.session.viewer).toEqual({ name: "browser", role: "operator", owner: null });
    expect(entrance.login(token)).toBeNull();
  });

  it("gives less where less is asked for", async () => {
    const entrance = await runGateway("https://barn");
    const { written } = await login("--role", "viewer", "--owner", OWNER, "--json");
    const { link, expires, ...rest } = JSON.parse(written);
    expect(rest).toEqual({ role: "viewer", owner: OWNER.toLowerCase() });
    expect(expires).toBeGreaterThan(systemClock.now());
    const { viewer } = entrance.login(link.split("#token=")[1])?.session ?? {};
    expect(viewer).toEqual({ name: "browser", role: "viewer", owner: OWNER.toLowerCase() });
  });

  it("asks the folder that is named, or the one that is meant", async () => {
    await runGateway("http://here");
    const ports = { ...stand.ports, defaultData };
    for (const args of [["--data", stand.data], []]) {
      let written = "";
      const io = {
        ...stand.io,
        write: (text: string) => {
          written = text;
        },
      };
      expect(await loginCommand(args, io, ports)).toBe(0);
      expect(written).toMatch(/^http:\/\/here\/login#token=/);
    }
  });

  it("needs a gateway, and one that serves a page", async () => {
    await expect(login()).rejects.toMatchObject({ code: "link_lost" });
    await runGateway(null);
    await expect(login()).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("[operator] listen"),
    });
  });

  it.each([
    [["--role", "king"], /--role takes viewer or operator/],
    [["--owner", "0x12"], /--owner takes an address/],
    [["robot"], /nothing but options/],
    [["--rol"], /did you mean --role/],
  ] as const)("%j is refused", async (args, why) => {
    await expect(login(...args)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(why),
    });
  });

  it("refuses what the socket is asked wrongly", async () => {
    const { login: verb } = loginVerb({ invite: () => expect.unreachable() }, () => "http://x");
    for (const asked of [{ role: "king" }, { owner: "0x12" }, { owner: 7 }]) {
      await expect((async () => verb({ do: "login", ...asked }))()).rejects.toMatchObject({ code: "usage" });
    }
  });
});

describe("hirewire access", () => {
  it("adds, lists and removes; a token is shown once", async () => {
    expect((await access("list")).written).toBe("no access tokens: hirewire access add NAME makes one\n");
    const { written: token, warned } = await access("add", "prometheus");
    expect(token).toMatch(/^hirewire_[\w-]{43}\n$/);
    expect(warned).toBe("prometheus: viewer of the whole gateway; this is shown once, keep it safe\n");
    const added = JSON.parse(
      (await access("add", "bot", "--role", "operator", "--owner", OWNER, "--json")).written,
    );
    expect(added).toEqual({
      name: "bot",
      role: "operator",
      owner: OWNER.toLowerCase(),
      token: expect.stringMatching(/^hirewire_/),
    });
    const { written } = await access("list");
    expect(written).toMatch(
      /^prometheus {2}viewer {4}\d{4}-\d\d-\d\d {2}the whole gateway\nbot {9}operator {2}.*owns\n$/,
    );
    const { tokens } = JSON.parse((await access("list", "--json")).written);
    expect(tokens).toMatchObject([{ name: "prometheus" }, { name: "bot" }]);
    expect(readFileSync(`${stand.data}/access.json`, "utf8")).not.toContain(added.token.slice(9));
    const entrance = new Access({ folder: stand.data, clock: systemClock, onFault: () => undefined });
    expect(entrance.holder(added.token)).toMatchObject({ name: "bot", role: "operator" });
    expect((await access("remove", "bot")).written).toBe("bot opens nothing any more\n");
    expect(entrance.holder(added.token)).toBeNull();
    expect(entrance.holder(token.trim())).toMatchObject({ name: "prometheus" });
  });

  it.each([
    [["add"], /expected hirewire access add NAME/],
    [["list", "x"], /expected/],
    [["add", "a", "b"], /expected/],
    [["ad", "x"], /did you mean add/],
    [[], /there is no verb/],
    [["remove", "nobody"], /no token nobody/],
    [["add", "../x"], /no name/],
    [["add", "x", "--role", "king"], /--role/],
  ] as const)("%j is refused", async (args, why) => {
    await expect(access(...args)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(why),
    });
    expect(existsSync(`${stand.data}/access.json`)).toBe(false);
  });

  it("needs a data folder", async () => {
    stand.remove();
    mkdirSync(stand.folder);
    stand.configure();
    await expect(access("add", "x")).rejects.toMatchObject({ code: "config_missing" });
  });
});
