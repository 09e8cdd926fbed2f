import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { instant, systemClock } from "../src/base/clock.ts";
import { Fault } from "../src/base/fault.ts";
import { readConfig } from "../src/config.ts";
import { openDoor } from "../src/door.ts";
import type { Market } from "../src/protocol/typed-data.ts";
import { hasOpenssl, makeCertificate } from "./link/broker/certificate.ts";

const market: Market = {
  chainId: 31_337,
  gateway: `0x${"1".repeat(40)}`,
  vault: `0x${"2".repeat(40)}`,
  token: `0x${"3".repeat(40)}`,
};

/** Opens what a `[broker]` section names, beside files of the folder. */
async function open(broker: string, files: Record<string, string> = {}) {
  return (await openAll(broker, files)).broker.urls;
}

/** The door itself; faults go to `onFault`. */
async function openAll(
  broker: string,
  files: Record<string, string> = {},
  onFault: (fault: unknown) => void = () => {},
) {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-door-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { vault, token } = market;
  const chain = `[chain]\nid = 31337\nrpc = "http://127.0.0.1:1"\nvault = "${vault}"\ntoken = "${token}"\n`;
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const file = join(folder, "gateway.toml");
  writeFileSync(file, `version = 1\n${chain}[broker]\n${broker}\n`);
  const door = await openDoor({
    ...{ config: readConfig(file), market, clock: systemClock, boot: instant(0) },
    callbacks: {
      admit: () => null,
      onPublish: () => Promise.resolve(),
      ...{ onReady: () => {}, onGone: () => {}, onRefused: () => {} },
    },
    readSecret(path) {
      try {
        return readFileSync(path, "utf8");
      } catch (cause) {
        throw new Fault("key_file", `cannot read the file ${path}`, { cause });
      }
    },
    onFault,
  });
  onTestFinished(() => door.close());
  return door;
}

const TLS = 'listen = "mqtts://127.0.0.1:0"\n';

describe("openDoor", () => {
  it.skipIf(!hasOpenssl)("listens on all that is named, with one certificate", async () => {
    const { cert, key } = makeCertificate();
    const list = '["127.0.0.1:0", "mqtts://127.0.0.1:0", "ws://127.0.0.1:0/mqtt", "wss://127.0.0.1:0"]';
    const files = { "c.pem": cert, "k.pem": key };
    const urls = await open(`listen = ${list}\ncertificate = "c.pem"\ncertificate_key = "k.pem"`, files);
    expect(urls.map((url) => url.replace(/\d{4,5}/, "N"))).toEqual([
      ...["mqtt://127.0.0.1:N", "mqtts://127.0.0.1:N", "ws://127.0.0.1:N/mqtt", "wss://127.0.0.1:N"],
    ]);
  });

  it.each([
    ["no certificate", TLS, /mqtts:\/\/ needs broker\.certificate:/],
    ["no key", `${TLS}certificate = "c.pem"`, /needs broker\.certificate_key:/],
    ["no file", `${TLS}certificate = "none.pem"\ncertificate_key = "k.pem"`, /cannot read .*none\.pem/],
    ["no PEM", `${TLS}certificate = "k.pem"\ncertificate_key = "k.pem"`, /cannot be used: .+/],
    [
      "no authority",
      'listen = []\nexternal = { url = "mqtts://127.0.0.1:1", ca = "k.pem" }',
      /broker\.external\.ca: .*k\.pem is no PEM file of certificates/,
    ],
  ])("says what is missing where there is %s", async (_, broker, says) => {
    await expect(open(broker, { "k.pem": "not a key" })).rejects.toThrow(says);
  });

  it.skipIf(!hasOpenssl)("says that a key is another certificate's", async () => {
    const files = { "c.pem": makeCertificate().cert, "k.pem": makeCertificate().key };
    const opened = open(`${TLS}certificate = "c.pem"\ncertificate_key = "k.pem"`, files);
    await expect(opened).rejects.toThrow(/cannot be used: .*mismatch/);
  });

  it("says that another program has the port", async () => {
    const [url = ""] = await open('listen = "127.0.0.1:0"');
    const taken = open(`listen = "${url}"`);
    await expect(taken).rejects.toThrow(/cannot listen on .*: another program listens there/);
  });

  it("has a line for each serial path that is named, and none for a pattern that finds nothing", async () => {
    const told = Promise.withResolvers<unknown>();
    const serial = '[[serial]]\npath = "/dev/null"\nbaud = 9600\n[[serial]]\npath = "/dev/there-is-no/*"';
    const door = await openAll(`listen = []\n${serial}`, {}, told.resolve);
    expect(await told.promise).toMatchObject({ code: "usage", message: "/dev/null is not a serial device" });
    expect(door.lines).toMatchObject([
      { path: "/dev/null", baud: 9_600, profile: "reliable", usb: null, state: { state: "absent" } },
    ]);
  });
});
