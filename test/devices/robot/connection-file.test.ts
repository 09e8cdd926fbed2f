import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  isBrokerUrl,
  parseConnectionFile,
  readConnectionFile,
} from "../../../devices/robot/connection-file.ts";

const good = {
  ...{
    version: 1,
    broker: "mqtt://127.0.0.1:1883",
    manufacturer: "acme",
    serialNumber: "r-1",
    name: "Robot 1",
  },
  ...{ key: `0x${"11".repeat(32)}`, gateway: `0x${"AA".repeat(20)}`, chainId: 31_337 },
  ...{ vault: `0x${"bb".repeat(20)}`, token: `0x${"cc".repeat(20)}` },
};

describe("a connection file", () => {
  it("reads back, addresses in lower case", async () => {
    const folder = mkdtempSync(join(tmpdir(), "device-"));
    const path = join(folder, "device.json");
    writeFileSync(path, JSON.stringify(good));
    expect(await readConnectionFile(path)).toEqual({ ...good, gateway: `0x${"aa".repeat(20)}` });
    rmSync(folder, { recursive: true });
    await expect(readConnectionFile(path)).rejects.toMatchObject({ code: "key_file" });
  });

  it.each([
    ["no JSON", "{"],
    ["another version", JSON.stringify({ ...good, version: 2 })],
    ["a key that is too short", JSON.stringify({ ...good, key: "0x11" })],
    ["a broker that is not MQTT", JSON.stringify({ ...good, broker: "http://127.0.0.1" })],
    ["a serial number of two levels", JSON.stringify({ ...good, serialNumber: "a/b" })],
    ["something more", JSON.stringify({ ...good, more: 1 })],
  ])("is refused with %s", (_, text) => {
    expect(() => parseConnectionFile(text)).toThrow(expect.objectContaining({ code: "file_format" }));
  });

  it("is refused when its key is no private key, and never quotes one", () => {
    const zero = JSON.stringify({ ...good, key: `0x${"00".repeat(32)}` });
    expect(() => parseConnectionFile(zero)).toThrow(expect.objectContaining({ code: "key_file" }));
    const messages = [`${JSON.stringify(good)}}`, JSON.stringify({ ...good, key: `${good.key}11` })].map(
      (text) => {
        try {
          return parseConnectionFile(text);
        } catch (error) {
          return inspect(error);
        }
      },
    );
    expect(messages).toEqual([expect.not.stringContaining("1111"), expect.not.stringContaining("1111")]);
  });

  it("may name certificates and an account of the broker's", () => {
    const more = { broker: "wss://cloud.example/mqtt", ca: "PEM", account: { username: "r", password: "" } };
    expect(parseConnectionFile(JSON.stringify({ ...good, ...more }))).toMatchObject(more);
    for (const bad of [
      { ca: 1 },
      { account: { username: "r" } },
      { account: { ...more.account, more: 1 } },
    ]) {
      expect(() => parseConnectionFile(JSON.stringify({ ...good, ...bad }))).toThrow(
        expect.objectContaining({ code: "file_format" }),
      );
    }
  });

  it.each([
    ...[
      "mqtt://robot.local",
      "mqtt://[::1]:2000",
      "mqtts://a:1",
      "mqtt://a/",
      "ws://a",
      "ws://a/b/c",
      "wss://a:9/mqtt",
    ],
  ])("names a broker by %s", (text) => {
    expect(isBrokerUrl(text)).toBe(true);
  });

  it.each([
    ...[
      "",
      "a:1883",
      "http://a",
      "tcp://a:1",
      "mqtt://",
      "mqtt:a",
      "mqtt://a:0",
      "mqtt://a/b",
      "mqtts://a/b",
    ],
    ...["mqtt://u@a", "wss://u:p@a", "ws://a?x=1", "ws://a#b", "mqtt://a:99999"],
  ])("does not name a broker by %j", (text) => {
    expect(isBrokerUrl(text)).toBe(false);
  });
});
