import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { isFault } from "../src/base/fault.ts";
import { brokerLimitsOf, readConfig } from "../src/config.ts";
import { BROKER_LIMITS } from "../src/link/broker/limits.ts";
import { listenUrl } from "../src/link/listen-address.ts";

const CHAIN = `version = 1
[chain]
id = 31337
rpc = "http://127.0.0.1:8545"
vault = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
token = "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"
`;

function read(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "gateway.toml"), CHAIN + text);
  return { config: readConfig(join(folder, "gateway.toml")), folder };
}

describe("a file of a newer hirewire", () => {
  it("is refused by its version, whatever else is in it", () => {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-config-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "gateway.toml");
    writeFileSync(file, "version = 2\n[orbit]\nheight = 5\n");
    expect(() => readConfig(file)).toThrow(
      expect.objectContaining({
        code: "config_syntax",
        message: expect.stringMatching(
          /is of version 2, of a newer hirewire; this one reads version 1: run that one/,
        ),
      }),
    );
    writeFileSync(file, CHAIN.replace("version = 1", "version = 0"));
    expect(() => readConfig(file)).toThrow(/version/);
  });
});

describe("[broker]", () => {
  it("listens on loopback, admits the roster, and has no broker elsewhere, unless told", () => {
    const { broker } = read("").config;
    expect(broker).toMatchObject({ listen: ["127.0.0.1:1883"], admission: "roster", limits: {} });
    expect(broker.external).toBeUndefined();
    expect(brokerLimitsOf(read("").config)).toEqual({});
  });

  it("takes one listener or several, and finds files beside itself", () => {
    expect(read('[broker]\nlisten = "0.0.0.0:1884"').config.broker.listen).toEqual(["0.0.0.0:1884"]);
    const several = '[broker]\nlisten = ["mqtts://[::]:8883", "wss://0.0.0.0:8884/mqtt"]\n';
    const { config, folder } = read(`${several}certificate = "tls/cert.pem"\ncertificate_key = "/k.pem"`);
    expect(config.broker.listen).toEqual(["mqtts://[::]:8883", "wss://0.0.0.0:8884/mqtt"]);
    expect(config.broker.certificate).toBe(join(folder, "tls/cert.pem"));
    expect(config.broker.certificate_key).toBe("/k.pem");
  });

  it("sets every limit of the broker by its name, and no other", () => {
    const names = Object.keys(BROKER_LIMITS);
    const lines = names.map(
      (name, at) => `${name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)} = ${at + 1}`,
    );
    const { config } = read(`[broker.limits]\n${lines.join("\n")}`);
    expect(brokerLimitsOf(config)).toEqual(Object.fromEntries(names.map((name, at) => [name, at + 1])));
    expect(() => read("[broker.limits]\nin_flihgt = 20")).toThrow(/in_flihgt/);
    expect(() => read("[broker.limits]\nin_flight = 0")).toThrow(/in_flight/);
  });

  it("names a broker elsewhere, and refuses what is none", () => {
    const { config, folder } = read('[broker.external]\nurl = "mqtt://10.0.0.2:1883"\npassword_file = "p"');
    expect(config.broker.external).toMatchObject({
      version: "5",
      password_file: join(folder, "p"),
      ca: "",
    });
    expect(() => read('[broker.external]\nurl = "http://10.0.0.2"')).toThrow(/expected mqtt/);
    for (const url of ["mqtt://", "mqtt://user:secret@10.0.0.2", "mqtt://10.0.0.2/path"]) {
      expect(() => read(`[broker.external]\nurl = "${url}"`)).toThrow(/expected mqtt/);
    }
  });
});

describe("listenUrl", () => {
  it.each([
    ["127.0.0.1:1883", { scheme: "mqtt", host: "127.0.0.1", port: 1883 }],
    ["[::1]:0", { scheme: "mqtt", host: "::1", port: 0 }],
    ["mqtts://0.0.0.0:8883", { scheme: "mqtts", host: "0.0.0.0", port: 8883 }],
    ["ws://localhost:8080/mqtt", { scheme: "ws", host: "localhost", port: 8080, path: "/mqtt" }],
    ["wss://[::]:443", { scheme: "wss", host: "::", port: 443 }],
  ])("reads %s", (text, at) => {
    expect(listenUrl(text)).toEqual(at);
  });

  it.each(["1883", "http://a:1", "mqtt://a", "mqtt://a:1/path", "a:70000", ""])("refuses %j", (text) => {
    expect(() => listenUrl(text)).toThrow(expect.toSatisfy((error) => isFault(error, "config_syntax")));
  });
});

describe("[[serial]]", () => {
  const serial = (text: string) => read(`[[serial]]\n${text}`).config.serial[0];

  it("names a device, a server, or a pattern", () => {
    expect(serial('path = "/dev/ttyUSB0"')).toEqual({
      ...{ path: "/dev/ttyUSB0", baud: 115_200, profile: "reliable", usb: [] },
    });
    expect(serial('path = "tcp://[::1]:4000"\nbaud = 9600')).toMatchObject({
      path: "tcp://[::1]:4000",
      baud: 9_600,
    });
    const found = serial('path = "/dev/serial/by-id/*"\nusb = ["2E8A:000A"]\nprofile = "raw"\nbaud = 921600');
    expect(found).toMatchObject({ usb: ["2e8a:000a"], profile: "raw", baud: 921_600 });
    expect(serial('path = "/dev/ttyUSB0"\nusb = "0403:6001"')?.usb).toEqual(["0403:6001"]);
    const twice = 'path = "/dev/ttyUSB*"\nusb = "0403:6001"\n[[serial]]\npath = "/dev/ttyUSB*"';
    expect(read(`[[serial]]\n${twice}`).config.serial.map(({ usb }) => usb)).toEqual([["0403:6001"], []]);
  });

  it.each([
    [
      'path = "ttyUSB0"',
      /expected \/dev\/\.\.\., a pattern such as \/dev\/serial\/by-id\/\*, or tcp:\/\/host:port/,
    ],
    ['path = "tcp://host"', /expected \/dev\/\.\.\./],
    ['path = "/dev/ttyUSB0"\nbaud = 9599', /9600 to 921600 baud/],
    ['path = "/dev/ttyUSB0"\nbaud = 921601', /9600 to 921600 baud/],
    ['path = "/dev/ttyUSB0"\nusb = ["2e8a"]', /vendor:product, such as "2e8a:000a"/],
    ['path = "/dev/ttyUSB0"\nprofile = "raw"', /profile "raw" needs usb = \["vendor:product"\]/],
    [
      'path = "tcp://h:1"\nprofile = "raw"\nusb = "2e8a:000a"',
      /"raw" is for USB devices of this machine, not for tcp/,
    ],
    ['path = "tcp://h:1"\nusb = "2e8a:000a"', /a serial server is no USB device/],
    ['path = "/dev/ttyUSB0"\nprofile = "fast"', /profile/],
    ["baud = 9600", /path/],
    ['path = "/dev/ttyUSB0"\n[[serial]]\npath = "/dev/ttyUSB0"', /two \[\[serial\]\] have the same path/],
  ])("refuses %s", (text, says) => {
    expect(() => serial(text)).toThrow(says);
    expect(() => serial(text)).toThrow(expect.objectContaining({ code: "config_syntax" }));
  });
});
