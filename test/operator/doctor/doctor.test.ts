import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instant } from "../../../src/base/clock.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import { clockCheck } from "../../../src/operator/doctor/chain.ts";
import type { Check } from "../../../src/operator/doctor/check.ts";
import { doctorCommand } from "../../../src/operator/doctor/command.ts";
import { type Machine, thisMachine } from "../../../src/operator/doctor/machine.ts";
import { tokenCheck } from "../../../src/operator/doctor/token.ts";
import { fundCommand } from "../../../src/operator/money/fund.ts";
import type { TokenProfile } from "../../../src/settlement/token-probe.ts";
import { changeText } from "../../journal/tamper.ts";
import { startFakeNode } from "../../settlement/fake-node.ts";
import { openStand, type Stand } from "../device/stand.ts";
import { type Bank, openBank } from "../money/bank.ts";

const here = thisMachine(process.env["PATH"] ?? "");

/** A machine that is as it should be, but for what a test says. */
function machine(over: Partial<Machine> = {}): Machine {
  return {
    ...here,
    nodeVersion: "24.15.0",
    arch: "arm64",
    freeBytes: () => 20e9,
    synchronized: () => Promise.resolve(true),
    card: () => null,
    owner: () => ({ name: "pi", groups: ["pi", "dialout"] }),
    find: (program) => `/usr/bin/${program}`,
    ...over,
  };
}

type Examination = { code: number; ok: boolean; of: (check: string) => Check | undefined; names: string[] };

async function examine(stand: Stand, on: Machine = machine()): Promise<Examination> {
  const command: typeof deviceCommand = (args, io) => doctorCommand(args, io, stand.ports, on);
  const { code, written } = await stand.run(command, "--json");
  const { ok, checks } = JSON.parse(written) as { ok: boolean; checks: Check[] };
  const of = (name: string) => checks.find(({ check }) => check === name);
  return { code, ok, of, names: checks.map(({ check }) => check) };
}

const wrong = (found: RegExp, fix: RegExp) => ({
  outcome: "wrong",
  found: expect.stringMatching(found),
  fix: expect.stringMatching(fix),
});

/** Holds a port of 127.0.0.1 as another program would. */
async function occupy(): Promise<{ server: Server; listen: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  return { server, listen: `127.0.0.1:${typeof bound === "object" ? bound?.port : ""}` };
}

describe("doctor, without a chain", () => {
  let stand: Stand;
  beforeEach(() => {
    stand = openStand();
    stand.configure("127.0.0.1:0");
    return () => stand.remove();
  });

  it("says of a folder with settings alone what is missing, and makes nothing", async () => {
    const { code, ok, of, names } = await examine(stand);
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    expect(of("gateway key")).toMatchObject(wrong(/none/, /hirewire device add/));
    expect(of("chain")).toMatchObject(wrong(/node 127\.0\.0\.1:9 cannot be reached/, /chain\.rpc/));
    for (const good of [
      ...["node", "64-bit", "time", "settings", "data folder", "free space", "disk", "broker port"],
    ]) {
      expect(of(good)).toMatchObject({ outcome: "good", fix: null });
    }
    for (const note of ["roster", "journal", "backup"]) expect(of(note)).toMatchObject({ outcome: "note" });
    expect(names).not.toContain("gas");
    expect(readdirSync(stand.folder)).toEqual(["gateway.toml"]);
  });

  it("asks for Node 24.15 or newer on a 64-bit system", async () => {
    for (const nodeVersion of ["24.15.0", "24.16.1", "25.0.0", "30.1.0-pre"]) {
      expect((await examine(stand, machine({ nodeVersion }))).of("node")).toMatchObject({ outcome: "good" });
    }
    for (const nodeVersion of ["24.14.9", "22.20.0", "9.0.0"]) {
      const { of } = await examine(stand, machine({ nodeVersion }));
      expect(of("node")).toMatchObject(wrong(/too old/, /24\.15/));
    }
    expect((await examine(stand, machine({ arch: "arm" }))).of("64-bit")).toMatchObject(
      wrong(/32-bit/, /64-bit/),
    );
  });

  it("asks for room, and for a data folder that it may write to", async () => {
    const low = await examine(stand, machine({ freeBytes: () => 50e6 }));
    expect(low.of("free space")).toMatchObject(wrong(/^50\.0 MB, less than the reserve/, /make room/));
    const tight = await examine(stand, machine({ freeBytes: () => 1e9 }));
    expect(tight.of("free space")).toMatchObject({ outcome: "note" });
    const shut = await examine(stand, machine({ forbidden: () => "EACCES" }));
    expect(shut.of("data folder")).toMatchObject(wrong(/EACCES/, /chown/));
  });

  it("asks for a key file that nobody else can read, and never shows the key", async () => {
    await stand.run(deviceCommand, "add", "robot-1", "--broker", "mqtt://10.0.0.5");
    const file = join(stand.data, "gateway.key");
    expect((await examine(stand)).of("gateway key")).toMatchObject({
      outcome: "good",
      found: expect.stringMatching(/mode 600/),
    });
    chmodSync(file, 0o640);
    expect((await examine(stand)).of("gateway key")).toMatchObject(wrong(/mode 640/, /chmod 600/));
    stand.put("data/gateway.key", "ac0974bec39a");
    const { of } = await examine(stand);
    expect(of("gateway key")).toMatchObject(wrong(/no key file/, /backup/));
    expect(JSON.stringify(of("gateway key"))).not.toContain("ac0974");
  });

  it("counts the devices, and names a roster file that is none", async () => {
    await stand.run(deviceCommand, "add", "robot-1", "--broker", "mqtt://10.0.0.5");
    expect((await examine(stand)).of("roster")).toMatchObject({ outcome: "good", found: "1 device" });
    stand.put("data/devices/bad.json", "{}");
    expect((await examine(stand)).of("roster")).toMatchObject(wrong(/^1 device, and .*bad\.json/, /remove/));
    stand.put("data/devices/robot-2.json", readFileSync(join(stand.data, "devices/robot-1.json"), "utf8"));
    expect((await examine(stand)).of("roster")).toMatchObject(
      wrong(/bad\.json.*; .*robot-2\.json/, /remove/),
    );
  });

  it("reads the newest entries of the journal, beside a gateway that writes it", async () => {
    const journal = openJournal(stand.data);
    const cause = { by: null, topic: "test", id: "", digest: "", refused: null };
    journal.append(Array.from({ length: 70 }, (_, at) => ({ at, cause, facts: [] })));
    expect((await examine(stand)).of("journal")).toMatchObject({
      outcome: "good",
      found: "70 entries, the newest 64 hold",
    });
    journal.close();
    changeText(stand.data, 69, (line) => line.replace("68", "67"));
    expect((await examine(stand)).of("journal")).toMatchObject(wrong(/entry 69/, /hirewire log verify/));
  });

  it("tells a port that is taken from one that this gateway holds", async () => {
    const { server, listen } = await occupy();
    stand.configure(listen);
    expect((await examine(stand)).of("broker port")).toMatchObject(
      wrong(/another program/, /broker\.listen/),
    );
    expect(existsSync(stand.data)).toBe(false);
    const journal = openJournal(stand.data);
    expect((await examine(stand)).of("broker port")).toMatchObject({
      outcome: "good",
      found: expect.stringMatching(/running/),
    });
    journal.close();
    expect((await examine(stand)).of("broker port")).toMatchObject({ outcome: "wrong" });
    server.close();
  });

  it("says why the broker cannot listen where it should", async () => {
    stand.configure("192.0.2.1:1883");
    expect((await examine(stand)).of("broker port")).toMatchObject(wrong(/EADDRNOTAVAIL/, /127\.0\.0\.1/));
    stand.configure("1883");
    expect((await examine(stand)).of("broker port")).toMatchObject(wrong(/not host:port/, /broker\.listen/));
  });

  it("looks at every serial path", async () => {
    const paths = ["/dev/null", "/dev/none", "/dev/shut", "tcp://10.0.0.9:4000"];
    const serial = paths.map((path) => `[[serial]]\npath = "${path}"`).join("\n");
    stand.configure("127.0.0.1:0", {}, serial);
    const forbidden = (path: string) => (path === "/dev/shut" ? "EACCES" : here.forbidden(path));
    const { of } = await examine(stand, machine({ forbidden }));
    expect(of("serial /dev/null")).toMatchObject({ outcome: "good" });
    expect(of("serial /dev/none")).toMatchObject(wrong(/not there/, /by-id/));
    expect(of("serial /dev/shut")).toMatchObject(wrong(/no permission/, /sudo usermod -aG dialout/));
    expect(of("serial tcp://10.0.0.9:4000")).toMatchObject({ outcome: "note" });
  });

  it("looks at the machine alone where there are no settings, and at nothing more where they are wrong", async () => {
    const alone = {
      ...stand.ports,
      readConfig: () => stand.ports.readConfig(join(stand.folder, "none.toml")),
    };
    const bare: typeof deviceCommand = (_, io) => doctorCommand([], io, alone, machine({ find: () => null }));
    const { code, written } = await stand.run(bare);
    expect(code).toBe(0);
    expect(written).toMatch(/^– settings .* only the machine was looked at {2}→ {2}give --config FILE$/m);
    expect(written).toMatch(/^– anvil .*only play money/m);
    expect(written).toMatch(/nothing is wrong\n$/);
    const named: typeof deviceCommand = (args, io) => doctorCommand(args, io, alone, machine());
    expect((await stand.run(named)).code).toBe(1);
    stand.put("gateway.toml", "version = 1\nnmae = 'x'\n");
    const { code: broken, of, names } = await examine(stand);
    expect(broken).toBe(1);
    expect(of("settings")).toMatchObject({ outcome: "wrong", found: expect.stringMatching(/nmae/) });
    expect(names).not.toContain("journal");
  });

  it("writes one line to a check, marked, with the fix beside it", async () => {
    const shown: typeof deviceCommand = (args, io) => doctorCommand(args, io, stand.ports, machine());
    const { code, written } = await stand.run(shown);
    expect(code).toBe(1);
    const lines = written.trimEnd().split("\n");
    expect(lines.pop()).toMatch(/^2 things are wrong$/);
    for (const line of lines) expect(line).toMatch(/^[✔✘–] \S+/);
    for (const line of lines.filter((text) => text.startsWith("✘"))) expect(line).toContain("  →  ");
    await expect(stand.run(shown, "--jsn")).rejects.toThrow(expect.objectContaining({ code: "usage" }));
    await expect(stand.run(shown, "now")).rejects.toThrow(expect.objectContaining({ code: "usage" }));
    expect((await stand.run(shown, "--help")).written).toMatch(/^hirewire doctor/);
  });

  it("finds programs on this machine", () => {
    expect(here.find("sh")).toMatch(/\/sh$/);
    expect(here.find("no-such-program")).toBeNull();
    mkdirSync(stand.data);
    expect(here.freeBytes(stand.data)).toBeGreaterThan(0);
    expect(here.forbidden(stand.data)).toBeNull();
  });
});

describe("doctor, with a chain", () => {
  let bank: Bank;
  beforeAll(async () => {
    bank = await openBank();
    bank.stand.configure("127.0.0.1:0");
  });
  beforeEach(async () => {
    const clean = await bank.world.snapshot();
    return async () => {
      bank.stand.configure("127.0.0.1:0");
      await bank.world.revert(clean);
    };
  });
  afterAll(() => bank.stop());

  it("finds nothing wrong with a gateway that has gas and money", async () => {
    await bank.mint(bank.rich, 5_000_000n);
    expect((await examine(bank.stand)).of("money")).toMatchObject(
      wrong(/no provider/, /hirewire fund gateway/),
    );
    await bank.stand.run(fundCommand, "gateway", "5", "--from", bank.from);
    const { code, of } = await examine(bank.stand);
    expect(of("chain")).toMatchObject({ outcome: "good", found: `31337 with vault ${bank.world.vault}` });
    expect(of("token")).toMatchObject({
      outcome: "good",
      found: expect.stringMatching(/6 decimals: play money/),
    });
    expect(of("gas")).toMatchObject({ outcome: "good" });
    expect(of("money")).toMatchObject({
      outcome: "good",
      found: expect.stringMatching(/^5\.000000 in the vault, 0\.000000 on lanes/),
    });
    expect(of("clock")).toMatchObject({ outcome: "note" });
    expect(code).toBe(0);
  });

  it("counts the money on lanes to devices", async () => {
    const { vault, token } = bank.world;
    await bank.world.endow([bank.gateway], 7_000_000n);
    await bank.world.send(bank.gateway, vault, "fundLane", [
      bank.gateway.address,
      bank.robot.address,
      token,
      7_000_000n,
      1,
    ]);
    const { of } = await examine(bank.stand);
    expect(of("money")).toMatchObject({
      outcome: "good",
      found: expect.stringMatching(/^0\.000000 in the vault, 7\.000000 on lanes/),
    });
  });

  it("counts the settlements that the gas lasts for", async () => {
    await bank.setCoins(bank.gateway, 1n);
    const { of } = await examine(bank.stand);
    expect(of("gas")).toMatchObject(wrong(/not enough/, /send at least/));
    const needs = BigInt(Math.ceil(Number(/least ([0-9.]+) coin/.exec(of("gas")?.fix ?? "")?.[1]) * 1e18));
    await bank.setCoins(bank.gateway, (needs * 2n) / 3n + 10_000n);
    expect((await examine(bank.stand)).of("gas")).toMatchObject({
      outcome: "note",
      found: expect.stringMatching(/for 2 settlements/),
    });
    await bank.setCoins(bank.gateway, needs + 10_000n);
    expect((await examine(bank.stand)).of("gas")).toMatchObject({ outcome: "good" });
  });

  it("says what the token's owner has changed", async () => {
    const { owner, token } = bank.world;
    await bank.world.send(owner, token, "setParams", [15n, 40n]);
    expect((await examine(bank.stand)).of("token")).toMatchObject({
      outcome: "good",
      found: expect.stringMatching(/6 decimals, a fee of 0\.15 % up to 40\.000000: play money$/),
    });
    await bank.world.send(owner, token, "pause", []);
    expect((await examine(bank.stand)).of("token")).toMatchObject({
      outcome: "note",
      found: expect.stringMatching(/paused transfers/),
    });
  });

  it("names two nodes that contradict each other", async () => {
    const { vault, token, local } = bank.world;
    const liar = await startFakeNode(local.url);
    liar.twist = (method, _params, truth) =>
      method === "eth_getBlockByNumber" ? { ...Object(truth), hash: `0x${"ee".repeat(32)}` } : truth;
    bank.stand.configure("127.0.0.1:0", { rpc: "RPC", vault, token });
    const settings = readFileSync(bank.stand.config, "utf8");
    bank.stand.put("gateway.toml", settings.replace('"RPC"', JSON.stringify([local.url, liar.url])));
    expect((await examine(bank.stand)).of("chain")).toMatchObject(wrong(new RegExp(liar.name), /chain\.rpc/));
    await liar.stop();
  });

  it("names a wrong chain, a wrong vault and a wrong token", async () => {
    const { vault, token, local } = bank.world;
    const right = { rpc: local.url, vault, token };
    bank.stand.configure("127.0.0.1:0", { ...right, id: 1 });
    expect((await examine(bank.stand)).of("chain")).toMatchObject(wrong(/expected chain 1/, /chain\.id/));
    bank.stand.configure("127.0.0.1:0", { ...right, vault: token });
    expect((await examine(bank.stand)).of("chain")).toMatchObject(wrong(new RegExp(token), /chain\.vault/));
    bank.stand.configure("127.0.0.1:0", { ...right, token: vault });
    const { of } = await examine(bank.stand);
    expect(of("chain")).toMatchObject({ outcome: "good" });
    expect(of("token")).toMatchObject(wrong(/decimals/, /chain\.token/));
  });
});

describe("tokenCheck", () => {
  const profile: TokenProfile = {
    chainId: 42_161,
    token: `0x${"ab".repeat(20)}`,
    kind: "usdt0",
    decimals: 6,
    domain: { name: "USD₮0", version: "1" },
    eip3009: true,
    permit: true,
    fee: { basisPoints: 0n, maximum: 0n },
    paused: false,
  };

  it("says what a token of the registry is and can do", () => {
    expect(tokenCheck(profile)).toEqual({
      check: "token",
      outcome: "good",
      found: `${profile.token} with 6 decimals, domain "USD₮0" version 1, EIP-3009, permit: USDT0`,
      fix: null,
    });
    expect(tokenCheck({ ...profile, kind: "pegged" }).found).toMatch(/not Tether's own$/);
  });

  it("lets the operator look at one that the registry does not know", () => {
    expect(tokenCheck({ ...profile, kind: null })).toMatchObject({
      outcome: "note",
      found: expect.stringMatching(/not in the registry/),
      fix: expect.stringMatching(/issuer's own list/),
    });
  });
});

describe("clockCheck", () => {
  it("allows 30 s to either side of the newest block, and is not asked on a local chain", () => {
    const at = (seconds: number) =>
      clockCheck(instant(1_800_000_000_000 + seconds * 1_000), 1_800_000_000, 42_161);
    for (const seconds of [-30, 0, 12.4, 30]) expect(at(seconds).outcome).toBe("good");
    expect(at(31)).toMatchObject({
      outcome: "note",
      found: expect.stringMatching(/^31 s after/),
      fix: expect.stringMatching(/timedatectl/),
    });
    expect(at(-31)).toMatchObject({ outcome: "note", found: expect.stringMatching(/^31 s behind/) });
    expect(clockCheck(instant(0), 1_800_000_000, 31_337)).toMatchObject({ outcome: "note", fix: null });
  });
});
