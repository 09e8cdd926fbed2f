import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parseConnectionFile } from "../../../devices/robot/connection-file.ts";
import { fromHex } from "../../../src/base/bytes.ts";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import { readRoster } from "../../../src/operator/roster-folder.ts";
import { openStand, type Stand } from "./stand.ts";

/** The first account of every anvil and hardhat: known to the whole world. */
const KNOWN = {
  key: "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  address: "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
};
const known = KNOWN.address.toLowerCase();
const other = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

const usage = (message: RegExp) =>
  expect.objectContaining({ code: "usage", message: expect.stringMatching(message) });

let stand: Stand;
beforeEach(() => {
  stand = openStand();
  return () => stand.remove();
});

const rosterOf = (data: string) => readRoster(data).entries;
const device = (...args: string[]) => stand.run(deviceCommand, ...args);

describe("device add", () => {
  it("prints a connection file that the robot takes, and enrols the address of its key", async () => {
    const { code, written, warned } = await device("add", "robot-1");
    const connection = parseConnectionFile(written);
    const gateway = addressOfKey(stand.ports.keys.read(join(stand.data, "gateway.key")));
    expect(code).toBe(0);
    expect(connection).toMatchObject({
      broker: "mqtt://127.0.0.1:1883",
      manufacturer: "hirewire",
      serialNumber: "robot-1",
      name: "robot-1",
      gateway,
      chainId: 31_337,
      vault: `0x${"11".repeat(20)}`,
      token: `0x${"22".repeat(20)}`,
    });
    expect(rosterOf(stand.data)).toEqual([
      {
        version: 1,
        device: addressOfKey(fromHex(connection.key)),
        name: "robot-1",
        owner: null,
        manufacturer: "hirewire",
        serialNumber: "robot-1",
        perDay: null,
      },
    ]);
    expect(warned).toContain(`made the gateway's key: ${gateway}`);
    expect(warned).not.toContain(connection.key.slice(2));
  });

  it("makes the gateway's key once, mode 0600, and a new device key each time", async () => {
    const first = parseConnectionFile((await device("add", "robot-1")).written);
    const again = await device("add", "robot-2");
    const second = parseConnectionFile(again.written);
    expect(second.gateway).toBe(first.gateway);
    expect(second.key).not.toBe(first.key);
    expect(again.warned).not.toContain("made the gateway's key");
    expect(statSync(join(stand.data, "gateway.key")).mode & 0o777).toBe(0o600);
  });

  it("writes to a new file of mode 0600 and keeps the key off the terminal", async () => {
    const out = join(stand.folder, "robot-1.json");
    const { written, warned } = await device("add", "robot-1", "--out", out);
    const { key } = parseConnectionFile(readFileSync(out, "utf8"));
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(written + warned).not.toContain(key.slice(2));
    await expect(device("add", "robot-2", "--out", out)).rejects.toThrow(usage(/is there already/));
    expect(parseConnectionFile(readFileSync(out, "utf8")).key).toBe(key);
    expect(rosterOf(stand.data)).toHaveLength(1);
  });

  it("enrols nothing when the file cannot be written", async () => {
    const out = join(stand.folder, "no", "such", "folder.json");
    await expect(device("add", "robot-1", "--out", out)).rejects.toThrow(
      expect.objectContaining({ code: "disk_failed" }),
    );
    expect(rosterOf(stand.data)).toEqual([]);
  });

  it.each([KNOWN.key, `0x${KNOWN.key}`, `\n 0x${KNOWN.key.toUpperCase()} \n`])("imports %j", async (text) => {
    const { written } = await device("add", "arm", "--key", stand.put("arm.key", text));
    expect(parseConnectionFile(written).key).toBe(`0x${KNOWN.key}`);
    expect(rosterOf(stand.data)).toMatchObject([{ name: "arm", device: known }]);
  });

  it("refuses a file without a private key", async () => {
    for (const text of ["", KNOWN.key.slice(1), `${KNOWN.key}00`, "0".repeat(64), "f".repeat(64)]) {
      await expect(device("add", "arm", "--key", stand.put("bad.key", text))).rejects.toThrow(
        expect.objectContaining({ code: "key_file", message: expect.not.stringContaining("ac0974") }),
      );
    }
    expect(existsSync(stand.data)).toBe(false);
  });

  it("enrols an address and leaves the key to its owner, who completes the file", async () => {
    const { written, warned } = await device("add", "arm", "--address", KNOWN.address, "--owner", other);
    expect(() => parseConnectionFile(written)).toThrow(expect.objectContaining({ code: "file_format" }));
    expect(warned).toContain(`the private key of ${known}`);
    const completed = JSON.stringify({ ...JSON.parse(written), key: `0x${KNOWN.key}` });
    expect(parseConnectionFile(completed)).toMatchObject({ name: "arm" });
    expect(rosterOf(stand.data)).toMatchObject([{ device: known, owner: other }]);
  });

  it("refuses a name, an address or topics that are taken, and changes nothing", async () => {
    await device("add", "arm", "--address", KNOWN.address, "--manufacturer", "acme", "--serial", "7");
    const before = rosterOf(stand.data);
    const taken = [
      ["ARM"],
      ["leg", "--key", stand.put("arm.key", KNOWN.key)],
      ["leg", "--manufacturer", "acme", "--serial", "7"],
    ];
    for (const args of taken) await expect(device("add", ...args)).rejects.toThrow(usage(/arm \(0xf39f/));
    expect(rosterOf(stand.data)).toEqual(before);
    expect((await device("add", "leg", "--serial", "7")).code).toBe(0);
  });

  it("passes over files that are no entry, says so, and writes over none", async () => {
    await device("add", "arm", "--address", KNOWN.address);
    stand.put("data/devices/leg.json", "{}");
    const added = await device("add", "eye", "--address", other);
    expect(added.warned).toMatch(/passed over: .*leg\.json/);
    expect(rosterOf(stand.data)).toMatchObject([{ name: "arm" }, { name: "eye" }]);
    await expect(device("add", "leg")).rejects.toThrow(usage(/leg\.json/));
    expect(readFileSync(join(stand.data, "devices", "leg.json"), "utf8")).toBe("{}");
    const listed = await device("list");
    expect(listed.written).toMatch(/^arm .*\neye .*\n$/);
    expect(listed.warned).toMatch(/passed over: .*leg\.json/);
  });

  it("refuses the gateway's own key", async () => {
    await device("add", "arm");
    const args = ["add", "leg", "--key", join(stand.data, "gateway.key")];
    await expect(device(...args)).rejects.toThrow(usage(/gateway's own key/));
    expect(rosterOf(stand.data)).toHaveLength(1);
  });

  it("tells where the broker is: from its settings, or as told", async () => {
    const brokerOf = async (name: string, ...args: string[]) =>
      parseConnectionFile((await device("add", name, ...args)).written).broker;
    stand.configure("[::1]:2883");
    expect(await brokerOf("a")).toBe("mqtt://[::1]:2883");
    stand.configure("barn.local:2883");
    expect(await brokerOf("b")).toBe("mqtt://barn.local:2883");
    for (const listen of ["0.0.0.0:1883", "[::]:1883", "127.0.0.1:0"]) {
      stand.configure(listen);
      await expect(device("add", "c")).rejects.toThrow(usage(/--broker mqtt:\/\//));
    }
    expect(await brokerOf("c", "--broker", "mqtt://10.0.0.5:1883")).toBe("mqtt://10.0.0.5:1883");
    for (const broker of [
      "10.0.0.5:1883",
      "http://10.0.0.5",
      "mqtt://",
      "mqtt://a:0",
      "mqtt://u:p@a:1",
      "mqtt://a/b",
    ]) {
      await expect(device("add", "d", "--broker", broker)).rejects.toThrow(usage(/mqtt:\/\/host:port/));
    }
  });

  it("tells of certificates and of an account of the broker's, as told or from the settings", async () => {
    const fileOf = async (name: string, ...args: string[]) =>
      parseConnectionFile((await device("add", name, ...args)).written);
    const certificate = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    const [ca, password] = [stand.put("ca.pem", certificate), stand.put("password", "secret word\n")];
    const login = ["--broker-user", "fleet", "--broker-password-file", password];
    expect(await fileOf("a", "--broker", "mqtts://cloud:8883", "--ca", ca, ...login)).toMatchObject({
      ...{ broker: "mqtts://cloud:8883", ca: certificate },
      account: { username: "fleet", password: "secret word" },
    });
    stand.configure(undefined, undefined, `broker.external = { url = "wss://cloud/mqtt", ca = "ca.pem" }`);
    const none = { username: "", password: "" };
    expect(await fileOf("b")).toMatchObject({ broker: "wss://cloud/mqtt", ca: certificate, account: none });
    const { broker, account, ca: named } = await fileOf("c", "--broker", "mqtt://10.0.0.5");
    expect([broker, account, named]).toEqual(["mqtt://10.0.0.5", undefined, undefined]);
  });

  it("refuses half an account, a private key for a certificate, and the guests' manufacturer", async () => {
    const key = stand.put("key.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n");
    await expect(device("add", "a", "--broker-user", "u")).rejects.toThrow(usage(/belong together/));
    await expect(device("add", "a", "--ca", key)).rejects.toMatchObject({ code: "file_format" });
    await expect(device("add", "a", "--ca", "/nowhere")).rejects.toMatchObject({ code: "file_format" });
    await expect(device("add", "a", "--manufacturer", "guest")).rejects.toThrow(usage(/guest/));
    expect(rosterOf(stand.data)).toEqual([]);
  });

  it("gives one line of JSON, with the key only where no file holds it", async () => {
    const shown = JSON.parse((await device("add", "a", "--json")).written);
    expect(shown).toMatchObject({ entry: { name: "a" }, out: null });
    expect(parseConnectionFile(JSON.stringify(shown.connection)).name).toBe("a");
    const out = join(stand.folder, "b.json");
    expect(JSON.parse((await device("add", "b", "--json", "--out", out)).written)).toMatchObject({
      entry: { name: "b" },
      connection: null,
      out,
    });
  });

  it.each([
    [["robot", "--manufacturr", "x"], /did you mean --manufacturer\?/],
    [["robot", "-x"], /--help/],
    [["robot", "--no-json"], /no option --no-json/],
    [["robot", "--out"], /out/],
    [[], /one name/],
    [["a", "b"], /one name/],
    [["a/b"], /NAME takes/],
    [["#"], /NAME takes/],
    [["Gateway"], /another name/],
    [[other], /another name/],
    [["robot", "--serial", "a+b"], /--serial takes/],
    [["robot", "--manufacturer", ""], /--manufacturer takes/],
    [["robot", "--key", "k", "--address", other], /exclude/],
    [["robot", "--address", "0x12"], /40 hexadecimal digits/],
    [["robot", "--address", KNOWN.address.replace("F", "f")], /EIP-55/],
    [["robot", "--owner", `0x${"0".repeat(40)}`], /zero address/],
  ])("refuses %j", async (args, message) => {
    await expect(device("add", ...args)).rejects.toThrow(usage(message));
    expect(existsSync(stand.data)).toBe(false);
  });
});

describe("device list", () => {
  it("shows who is enrolled, as a table and as JSON Lines", async () => {
    expect((await device("list")).written).toContain("hirewire device add");
    expect((await device("list", "--json")).written).toBe("");
    expect(existsSync(stand.data)).toBe(false);
    await device("add", "arm", "--address", KNOWN.address, "--owner", other);
    await device("add", "robot-2", "--address", other, "--manufacturer", "acme");
    expect((await device("list")).written).toBe(
      `arm      ${known}  hirewire/arm  owner ${other}\nrobot-2  ${other}  acme/robot-2  its own\n`,
    );
    const lines = (await device("list", "--json")).written.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        ...{ device: known, name: "arm", owner: other, manufacturer: "hirewire", serialNumber: "arm" },
        perDay: null,
      },
      {
        ...{ device: other, name: "robot-2", owner: null, manufacturer: "acme", serialNumber: "robot-2" },
        perDay: null,
      },
    ]);
  });
});

describe("device budget", () => {
  it("sets and takes away what a device may spend in a day, and shows it", async () => {
    await device("add", "arm", "--address", KNOWN.address);
    const { written } = await device("budget", "ARM", "2.50");
    expect(written).toBe("arm may spend 2.50 a day; before, what its lane holds\n");
    expect(rosterOf(stand.data)).toMatchObject([{ name: "arm", perDay: "2.50" }]);
    expect((await device("list")).written).toContain("its own, 2.50 a day\n");
    expect(JSON.parse((await device("budget", known, "none", "--json", "--dry-run")).written)).toEqual({
      ...{ device: known, name: "arm", before: "2.50", perDay: null, dryRun: true },
    });
    expect(rosterOf(stand.data)).toMatchObject([{ perDay: "2.50" }]);
    await device("budget", "arm", "none");
    expect(rosterOf(stand.data)).toMatchObject([{ perDay: null }]);
  });

  it.each([
    [["arm"], "usage", /NAME AMOUNT/],
    [["arm", "1", "2"], "usage", /NAME AMOUNT/],
    [["amr", "1"], "usage", /no device amr/],
    [["arm", "1,5"], "amount_syntax", /1,5/],
    [["arm", "-1"], "usage", /-1/],
    [["arm", "1e400"], "amount_syntax", /1e400/],
    [["arm", "99999999999999999999"], "amount_range", /not within/],
    [["arm", "NONE"], "amount_syntax", /NONE/],
    [["arm", "1", "--per-day"], "usage", /no option/],
  ])("refuses %j and changes nothing", async (args, code, message) => {
    await device("add", "arm", "--address", KNOWN.address);
    const before = rosterOf(stand.data);
    await expect(device("budget", ...args)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
    expect(rosterOf(stand.data)).toEqual(before);
  });

  it("reads a roster file from before there were budgets", async () => {
    await device("add", "arm", "--address", KNOWN.address);
    const [entry] = rosterOf(stand.data);
    const { perDay: _, ...old } = entry as { perDay: unknown };
    stand.put("data/devices/arm.json", JSON.stringify(old));
    expect((await device("list")).written).toContain("its own\n");
  });
});

describe("device", () => {
  it("explains itself and names what was meant", async () => {
    for (const args of [
      ["--help"],
      ...["add", "list", "budget", "owner", "allowance", "replace"].map((view) => [view, "-h"]),
    ]) {
      const { code, written } = await device(...args);
      expect(code).toBe(0);
      expect(written).toMatch(/^hirewire device /);
      expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    }
    await expect(device("lst")).rejects.toThrow(usage(/did you mean list\?/));
    await expect(deviceCommand([], stand.io, stand.ports)).rejects.toThrow(usage(/add, list/));
  });
});
