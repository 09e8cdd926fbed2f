import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { toHex } from "../../src/base/bytes.ts";
import { readConfig } from "../../src/config.ts";
import { openJournal } from "../../src/journal/sqlite-journal.ts";
import { addressOfKey } from "../../src/kernels/signature.ts";
import { deviceCommand } from "../../src/operator/device/command.ts";
import { openGatewayKey } from "../../src/operator/gateway-key.ts";
import { readGatewayKey } from "../../src/operator/settings.ts";
import { openStand, type Stand } from "./device/stand.ts";

const key = (fill: number) => new Uint8Array(32).fill(fill);
const text = (fill: number) => `${toHex(key(fill))}\n`;

let stand: Stand;
beforeEach(() => {
  stand = openStand();
  mkdirSync(stand.data);
  return () => stand.remove();
});

/** The settings as the service reads them, with a credential of that key where there is one. */
function settings(fill: number | null) {
  const folder = join(stand.folder, "credentials");
  mkdirSync(folder, { recursive: true });
  if (fill !== null) writeFileSync(join(folder, "gateway.key"), text(fill));
  return readConfig(stand.config, { CREDENTIALS_DIRECTORY: folder });
}

const open = (fill: number | null) => openGatewayKey(settings(fill), stand.ports.keys);

it("is the credential of the service where there is one, and nothing is written", () => {
  const { key: opened, file, isNew } = open(5);
  expect([toHex(opened), file, isNew]).toEqual([
    toHex(key(5)),
    join(stand.folder, "credentials", "gateway.key"),
    false,
  ]);
  expect(existsSync(join(stand.data, "gateway.key"))).toBe(false);
  // the same key beside it does no harm
  stand.put("data/gateway.key", text(5));
  expect(toHex(open(5).key)).toBe(toHex(key(5)));
});

it("is the data folder's where no credential has its name", () => {
  stand.put("data/gateway.key", text(6));
  expect(toHex(open(null).key)).toBe(toHex(key(6)));
  expect(readConfig(stand.config, {}).credential).toBeNull();
  expect(readConfig(stand.config, { CREDENTIALS_DIRECTORY: "" }).credential).toBeNull();
});

it("is nobody's where another one lies beside the credential, for every command", () => {
  stand.put("data/gateway.key", text(6));
  const both = expect.objectContaining({ code: "key_file", message: expect.stringMatching(/move away/) });
  expect(() => open(5)).toThrow(both);
  expect(() => readGatewayKey(settings(5), stand.ports.keys)).toThrow(both);
});

it("is made once, in a folder that has none and no journal", () => {
  const made = open(null);
  expect(made.isNew).toBe(true);
  expect(toHex(open(null).key)).toBe(toHex(made.key));
  expect(readFileSync(made.file, "utf8").trim()).toBe(toHex(made.key));
});

it("is never made beside a journal, by no command: that one belongs to a key that is elsewhere", async () => {
  openJournal(stand.data).close();
  const lost = expect.objectContaining({
    code: "key_file",
    message: expect.stringMatching(/CREDENTIALS_DIR/),
  });
  expect(() => open(null)).toThrow(lost);
  const adding = stand.run(deviceCommand, "add", "robot-1", "--broker", "mqtt://10.0.0.5");
  await expect(adding).rejects.toThrow(lost);
  expect(existsSync(join(stand.data, "gateway.key"))).toBe(false);
});

it("of a credential serves to enrol a device from another shell that is told where it is", async () => {
  settings(5);
  chmodSync(join(stand.folder, "credentials", "gateway.key"), 0o440);
  const ports = { ...stand.ports, readConfig: () => settings(5) };
  const told: typeof deviceCommand = (args, io) => deviceCommand(args, io, ports);
  const { written } = await stand.run(told, "add", "robot-1", "--broker", "mqtt://10.0.0.5", "--json");
  expect(written).toContain(addressOfKey(key(5)));
  expect(existsSync(join(stand.data, "gateway.key"))).toBe(false);
});
