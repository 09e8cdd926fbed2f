import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { isFault } from "../../../src/base/fault.ts";
import { readConfig, SETTINGS } from "../../../src/config.ts";
import type { Setting } from "../../../src/operator/api/settings.ts";
import { configCommand } from "../../../src/operator/setup/config.ts";
import { variableOf } from "../../../src/operator/setup/environment.ts";
import { settingsOf } from "../../../src/operator/setup/origins.ts";

const TOML = `# a comment
version = 1
name = "barn"

[chain]
id = 31337
rpc = "https://user:word@node.example/v3/secret-key"
vault = "0x${"1".repeat(40)}"
token = "0x${"2".repeat(40)}"

[[serial]]
path = "/dev/board"
baud = 9600

[[serial]]
path = "/dev/other"

[broker.limits]
connections = 7
`;

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "gateway.toml");
  writeFileSync(file, text);
  return file;
}

function byKey(file: string, environment: Record<string, string> = {}): Map<string, Setting> {
  const config = readConfig(file, environment);
  return new Map(settingsOf(config, SETTINGS, config.origins).map((one) => [one.key, one]));
}

it("tells of every setting its value, its meaning and where it came from", () => {
  const settings = byKey(fileWith(TOML), { HIREWIRE_MARKET_FEE_BASIS_POINTS: "150" });
  expect(settings.get("name")).toMatchObject({ value: '"barn"', origin: "file", line: 3 });
  expect(settings.get("serial.0.baud")).toMatchObject({ value: "9600", origin: "file", line: 13 });
  expect(settings.get("serial.1.path")).toMatchObject({ value: '"/dev/other"', line: 16 });
  expect(settings.get("serial.1.baud")).toMatchObject({ value: "115200", origin: "default", line: null });
  expect(settings.get("broker.limits.connections")).toMatchObject({ value: "7", line: 19 });
  expect(settings.get("market.fee_basis_points")).toMatchObject({ value: "150", origin: "environment" });
  expect(settings.get("settlement.window")).toMatchObject({ value: '"24h"', origin: "default" });
  for (const { about } of settings.values()) expect(about).toMatch(/^["a-zPUE].{5,}[^.]$/);
});

it("shows no key that stands in a node's address", () => {
  const text = JSON.stringify([...byKey(fileWith(TOML)).values()]);
  expect(text).toContain("https://node.example/…");
  expect(text).not.toMatch(/secret-key|user:word/);
});

it("takes any setting from the environment, as text or as a TOML value", () => {
  const file = fileWith(TOML);
  const vault = `0x${"3".repeat(40)}`;
  const config = readConfig(file, {
    HIREWIRE_CHAIN_VAULT: vault,
    HIREWIRE_CHAIN_RPC: '["http://a:1", "http://b:2"]',
    HIREWIRE_NAME: "true",
    HIREWIRE_OPERATOR_PROXY: "true",
    HIREWIRE_BROKER_EXTERNAL_URL: "mqtt://broker:1883",
    HIREWIRE_LOG: "debug",
  });
  expect(config.chain).toMatchObject({ vault, rpc: ["http://a:1", "http://b:2"] });
  expect(config).toMatchObject({ name: "true", operator: { proxy: true } });
  expect(config.broker.external?.url).toBe("mqtt://broker:1883");
});

it.each([
  [{ HIREWIRE_MARKET_FEE_BASIS_POINT: "1" }, /did you mean HIREWIRE_MARKET_FEE_BASIS_POINTS\?/],
  [{ HIREWIRE_SERIAL: "/dev/x" }, /no setting is called HIREWIRE_SERIAL/],
  [{ HIREWIRE_CHAIN_ID: "many" }, /chain\.id was set by the environment/],
])("refuses %j by name", (environment, why) => {
  const file = fileWith(TOML);
  expect(() => readConfig(file, environment)).toThrow(why);
});

it("names the nearest setting of a misspelt one", () => {
  const file = fileWith(TOML.replace("connections", "conections"));
  expect(() => readConfig(file, {})).toThrow(/did you mean connections\?/);
});

it("knows a variable for every setting but those of lists, and no two share one", () => {
  const names = SETTINGS.map(variableOf).filter((name) => name !== null);
  expect(names.length).toBeGreaterThan(40);
  expect(new Set(names).size).toBe(names.length);
});

it("what the environment says is what the file would say", () => {
  const file = fileWith(TOML);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), fc.stringMatching(/^[ -~]{1,20}$/), (fee, name) => {
      const said = { HIREWIRE_MARKET_FEE_BASIS_POINTS: String(fee), HIREWIRE_NAME: name };
      const config = readConfig(file, said);
      expect([config.market.fee_basis_points, config.name]).toEqual([fee, name]);
    }),
    { numRuns: 50 },
  );
});

it("config check explains the file, as text and as JSON", async () => {
  const file = fileWith(TOML);
  const run = async (...args: string[]) => {
    const said: string[] = [];
    const io = { write: (text: string) => void said.push(text), warn: () => undefined, isTerminal: false };
    const ports = { readConfig: (path: string) => readConfig(path, {}), settings: SETTINGS };
    expect(await configCommand(args, io, ports)).toBe(0);
    return said.join("");
  };
  const text = await run("check", "--config", file);
  expect(text).toContain('name = "barn"\n    what the gateway is called (line 3)');
  expect(text).toMatch(/holds: \d+ settings, 10 from the file, 0 from the environment/);
  const { settings } = JSON.parse(await run("check", "--config", file, "--json"));
  expect(settings.length).toBeGreaterThan(50);
  expect(await run("--help")).toContain("hirewire config check");
  await expect(run("chek")).rejects.toSatisfy((fault) => isFault(fault, "usage"));
});
