import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { checkConnectToken } from "../../../src/protocol/connect-token.ts";
import { decodeMessage } from "../../../src/protocol/message.ts";
import { type ByHand, openByHand } from "./by-hand.ts";

let hand: ByHand;
beforeAll(async () => {
  hand = await openByHand();
});
afterAll(() => hand.stand.remove());

const token = (...args: string[]) => hand.run("token", hand.path, ...args);
const rules = () => ({ market: hand.market, now: systemClock.now(), boot: instant(0) });
const idOf = (slot: string) => `${hand.device.address}-${slot}`;
const fault = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });
/** A connection file that differs. */
const other = (differs: object) => {
  const path = hand.stand.put("other.json", JSON.stringify({ ...hand.file, ...differs }));
  return (...args: string[]) => hand.run("token", path, ...args);
};

describe("device token", () => {
  it("prints a password that the gateway takes with this client id, and with no other", async () => {
    const { written } = await token();
    const password = written.trim();
    expect(checkConnectToken(password, hand.device.address, idOf("main"), rules())).toMatchObject({
      clientId: idOf("main"),
    });
    expect(checkConnectToken(password, hand.device.address, idOf("ear"), rules())).toMatchObject({
      refused: "bad_token",
    });
    expect((await token()).written).not.toBe(written);
  });

  it("gives what stands beside it as JSON, for any slot and life", async () => {
    const anySlot = fc.stringMatching(/^[A-Za-z0-9]{1,16}$/);
    await fc.assert(
      fc.asyncProperty(anySlot, fc.integer({ min: 1, max: 600 }), async (slot, life) => {
        const said = JSON.parse((await token("--slot", slot, "--life", `${life}`, "--json")).written);
        const { clientId, username, password, expires } = said;
        const claim = checkConnectToken(password, username, clientId, rules());
        if ("refused" in claim) throw new Error(claim.refused);
        expect(claim.clientId).toBe(idOf(slot));
        expect(claim.expires - claim.issued).toBe(life * 1_000);
        expect(new Date(expires).getTime()).toBe(claim.expires);
      }),
      { numRuns: 20 },
    );
  });

  it("signs a challenge's nonce and time for the slot that asked", async () => {
    const nonce = `0x${"ab".repeat(32)}`;
    const time = systemClock.now() - 5_000;
    const path = hand.stand.put("challenge.json", JSON.stringify({ version: 1, slot: "arm", nonce, time }));
    const { password, clientId } = JSON.parse((await token("--challenge", path, "--json")).written);
    const claim = checkConnectToken(password, hand.device.address, clientId, rules());
    expect(claim).toEqual({ clientId: idOf("arm"), issued: time, expires: time + 600_000, nonce });
    hand.stand.type(readFileSync(path, "utf8"));
    const { message } = await hand.sign("login", "--challenge", "-");
    const login = decodeMessage("login", message);
    expect(login).toMatchObject({ device: hand.device.address, slot: "arm" });
    expect(checkConnectToken(login?.token ?? "", hand.device.address, idOf("arm"), rules())).toEqual(claim);
    await expect(token("--challenge", path, "--slot", "leg")).rejects.toThrow(fault("usage", /slot arm/));
  });

  it("prints the arguments of mosquitto's clients, each a word of its own", async () => {
    const words = (await token("--slot", "ear", "--mosquitto")).written.trim().split(" ");
    const options = new Map(words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1]]] : [])));
    const password = options.get("-P") ?? "";
    expect(Object.fromEntries(options)).toEqual({
      ...{ "-V": "mqttv311", "-h": "127.0.0.1", "-p": "1883", "-q": "1" },
      ...{ "-i": idOf("ear"), "-u": hand.device.address, "-P": password },
    });
    expect(checkConnectToken(password, hand.device.address, idOf("ear"), rules())).toHaveProperty("nonce");
  });

  it("has mosquitto check certificates, public ones or the file's own", async () => {
    const open = other({ broker: "mqtts://hub.example" });
    expect((await open("--mosquitto")).written).toMatch(/-h hub\.example -p 8883 --tls-use-os-certs /);
    const ca = "-----BEGIN CERTIFICATE-----\n";
    const own = other({ broker: "mqtts://hub.example:9000", ca });
    await expect(own("--mosquitto")).rejects.toThrow(fault("usage", /--cafile FILE/));
    const cafile = join(hand.stand.folder, "ca.pem");
    for (const _ of ["written", "found"]) {
      expect((await own("--mosquitto", "--cafile", cafile)).written).toContain(`-p 9000 --cafile ${cafile} `);
      expect(readFileSync(cafile, "utf8")).toBe(ca);
    }
    await expect(own("--mosquitto", "--cafile", hand.path)).rejects.toThrow(fault("usage", /another file/));
    expect(existsSync(hand.path) && readFileSync(hand.path, "utf8")).toContain(hand.file.key);
  });

  it("connects to somebody else's broker with its account", async () => {
    const broker = "mqtt://hub.example";
    const named = other({ broker, account: { username: "fleet", password: "s3cret" } });
    expect((await named("--mosquitto")).written).toMatch(/-u fleet -P s3cret\n$/);
    const open = other({ broker, account: { username: "", password: "" } });
    expect((await open("--mosquitto")).written).toMatch(/-main\n$/);
    const odd = other({ broker, account: { username: "fleet", password: "a b" } });
    await expect(odd("--mosquitto")).rejects.toThrow(fault("usage", /type them yourself/));
  });

  it.each([
    [["--life", "601"], /from 1 to 600/],
    [["--life", "0"], /from 1 to 600/],
    [["--slot", "a-b"], /letters and digits/],
    [["--json", "--mosquitto"], /exclude each other/],
    [["--cafile", "x"], /goes with --mosquitto/],
    [["--slt", "x"], /did you mean --slot/],
    [["more"], /expected one connection file/],
  ])("refuses %j", async (args, message) => {
    await expect(token(...args)).rejects.toThrow(fault("usage", message));
  });

  it("refuses a WebSocket for mosquitto, and what is no connection file", async () => {
    await expect(other({ broker: "ws://hub.example/mqtt" })("--mosquitto")).rejects.toThrow(
      fault("usage", /WebSocket/),
    );
    await expect(hand.run("token", hand.stand.put("none.json", "{}"))).rejects.toThrow(
      fault("file_format", /not right at/),
    );
  });
});

it("explains itself in 80 columns", async () => {
  const { code, written } = await hand.run("token", "--help");
  expect(code).toBe(0);
  expect(written).toMatch(/^hirewire device token /);
  expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});
