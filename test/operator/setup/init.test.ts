import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { toHex } from "../../../src/base/bytes.ts";
import { readConfig } from "../../../src/config.ts";
import { addressOfKey, randomKey } from "../../../src/kernels/signature.ts";
import { good } from "../../../src/operator/doctor/check.ts";
import { initCommand } from "../../../src/operator/setup/init.ts";

const VAULT = `0x${"1".repeat(40)}`;
let folder = "";
let rpc = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-init-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const node = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result: "0xa4b1" })));
  });
  await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void node.close());
  rpc = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
});

function create(path: string): Uint8Array {
  const key = randomKey();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, toHex(key), { mode: 0o600, flag: "wx" });
  return key;
}

async function init(args: string[], answers: string[] | null = null, env: Record<string, string> = {}) {
  const said: string[] = [];
  const asked: string[] = [];
  const io = { write: (text: string) => void said.push(text), warn: () => undefined, isTerminal: false };
  const ask = answers
    ? (question: string) => {
        asked.push(question);
        return Promise.resolve(answers.shift() ?? "");
      }
    : null;
  const keys = { create, read: () => Buffer.alloc(32, 1) };
  // what the doctor finds is its own tests' business
  const examine = async (file: string) =>
    args.includes("--vault") || answers ? [good("settings", readConfig(file, {}).name)] : [];
  const file = join(folder, "gateway.toml");
  await initCommand([...args, "--config", file], io, { keys, ask, env, examine });
  return { text: said.join(""), asked };
}

it("asks again what will not do, and says why", async () => {
  const answers = ["a".repeat(65), "barn", "7", "", "nowhere", "", "here", rpc, "0x12", VAULT];
  const { text, asked } = await init([], answers);
  expect(asked.map((question) => question[0])).toEqual([..."1122334455"]);
  for (const why of [
    "64 characters",
    "no serial device number 7",
    '"nowhere" is not host:port',
    "a chain is needed",
  ])
    expect(text).toContain(why);
  const config = readConfig(join(folder, "gateway.toml"), {});
  expect(config).toMatchObject({ name: "barn", serial: [], broker: { listen: ["127.0.0.1:1883"] } });
});

it("takes the key from the credentials of the service, and makes none", async () => {
  writeFileSync(join(folder, "gateway.key"), "a credential");
  const env = { CREDENTIALS_DIRECTORY: folder };
  const { text } = await init(["--rpc", rpc, "--vault", VAULT, "--json"], null, env);
  expect(JSON.parse(text)).toMatchObject({
    key: join(folder, "gateway.key"),
    gateway: addressOfKey(Buffer.alloc(32, 1)),
    checks: [{ check: "settings", outcome: "good", found: "hirewire", fix: null }],
  });
  expect(existsSync(join(folder, "data"))).toBe(false);
});

it("asks five questions and writes settings that are read as they were meant", async () => {
  const { text, asked } = await init([], ['Scheune 中 "1"', "all", "0.0.0.0:1884", rpc, VAULT]);
  expect(asked).toHaveLength(5);
  const config = readConfig(join(folder, "gateway.toml"), {});
  expect(config).toMatchObject({ name: 'Scheune 中 "1"', broker: { listen: ["0.0.0.0:1884"] } });
  expect(config.serial).toMatchObject([{ path: "/dev/serial/by-id/*" }]);
  // USDT of that chain is known
  expect(config.chain).toMatchObject({
    id: 42_161,
    vault: VAULT,
    token: "0xfd086bc7cd5c481dcc9c85ebe478a1c0b69fcbb9",
  });
  expect(statSync(join(folder, "data", "gateway.key")).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
  expect(text).toMatch(/^✔ settings {6}Scheune 中 "1"\nnothing is wrong\n\nnext:\n/m);
  expect(text).toContain("hirewire doctor");
  expect(text).not.toContain("hirewire deploy");
});

it("off a terminal takes options and defaults, and says what is still to be done", async () => {
  const { text } = await init(["--rpc", rpc, "--serial", "/dev/ttyUSB7", "--json"]);
  const { next, chainId } = JSON.parse(text);
  expect(chainId).toBe(42_161);
  expect(next[0]).toContain("hirewire deploy");
  expect(readFileSync(join(folder, "gateway.toml"), "utf8")).toContain('path = "/dev/ttyUSB7"');
});

it.each([
  [["--rpc", "http://127.0.0.1:1"], "no chain answers"],
  [[], "a chain is needed"],
  [["--rpc", "URL", "--vault", "0x12"], "takes an address"],
  [["--rpc", "URL", "--listen", "nowhere"], "is not host:port"],
  [["--rpc", "URL", "--serial", "99"], "no serial device number 99"],
])("writes nothing when it is told %j", async (args, why) => {
  await expect(init(args.map((word) => (word === "URL" ? rpc : word)))).rejects.toThrow(why);
  expect(existsSync(join(folder, "gateway.toml"))).toBe(false);
  expect(existsSync(join(folder, "data"))).toBe(false);
});

it("replaces nothing that is there", async () => {
  writeFileSync(join(folder, "gateway.toml"), "mine");
  await expect(init(["--rpc", rpc])).rejects.toThrow("is there already");
  expect(readFileSync(join(folder, "gateway.toml"), "utf8")).toBe("mine");
});
