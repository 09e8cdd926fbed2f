import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { lockKey } from "../../../src/operator/key-lock.ts";

const VAULT: Hex = `0x${"aa".repeat(20)}`;

/** A key that no other test has. */
const freshKey = (chainId = 31_337) => ({
  address: toHex(randomKey().slice(0, 20)),
  chainId,
  vault: VAULT,
});

const inUse = (words: RegExp) =>
  expect.objectContaining({ code: "key_in_use", message: expect.stringMatching(words) });

/** Another process that holds the key's lock until it is killed. */
async function holderOf(key: ReturnType<typeof freshKey>, platform: string) {
  const module = new URL("../../../src/operator/key-lock.ts", import.meta.url).href;
  const script = `
    const { lockKey } = await import(${JSON.stringify(module)});
    await lockKey(${JSON.stringify(key)}, { holder: "data in /srv/other", platform: ${JSON.stringify(platform)} });
    process.stdout.write("locked");
    setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  expect(said.toString()).toBe("locked");
  return child;
}

// What every system but Linux does works on Linux as well.
const WAYS = process.platform === "linux" ? (["linux", "darwin"] as const) : ([process.platform] as const);

describe.each(WAYS)("lockKey as on %s", (platform) => {
  it("is held by one at a time in this process", async () => {
    const key = freshKey();
    const lock = await lockKey(key, { platform });
    await expect(lockKey(key, { platform })).rejects.toThrow(inUse(/already signs/));
    await lock.release();
    await (await lockKey(key, { platform })).release();
  });

  it("tells other keys, chains and vaults apart", async () => {
    const key = freshKey();
    const others = [
      { ...key, address: VAULT },
      { ...key, chainId: 1 },
      { ...key, vault: key.address },
    ];
    const locks = [];
    for (const one of [key, ...others]) locks.push(await lockKey(one, { platform }));
    expect(locks).toHaveLength(4);
    for (const lock of locks) await lock.release();
  });

  it("is refused while another process lives, and free at once when that one is killed", async () => {
    const key = freshKey();
    const child = await holderOf(key, platform);
    const found =
      platform === "linux" ? new RegExp(`process ${child.pid}, data in /srv/other`) : /has .*open/;
    await expect(lockKey(key, { platform })).rejects.toThrow(inUse(found));
    child.kill("SIGKILL");
    await once(child, "close");
    await (await lockKey(key, { platform })).release();
  });
});

describe.runIf(process.platform === "linux")("lockKey on Linux", () => {
  it("takes the highest chain id that there can be", async () => {
    const lock = await lockKey(freshKey(Number.MAX_SAFE_INTEGER));
    await lock.release();
  });

  it("repeats no control characters, and not all, of a stranger that sits on the name", async () => {
    const key = freshKey();
    const stranger = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end(`\u001b[2J${"x".repeat(10_000)}`);
    });
    const path = `\0hirewire-${key.chainId}-${key.vault.slice(2)}-${key.address.slice(2)}`;
    stranger.listen({ path });
    await once(stranger, "listening");
    const fault = await lockKey(key).catch((error: Error) => error.message);
    expect(fault).toMatch(/it is \?\[2Jx+;/);
    expect(String(fault).length).toBeLessThan(600);
    stranger.close();
  });

  it("does not wait for ever for a stranger that says nothing", async () => {
    const key = freshKey();
    const stranger = createServer((socket) => void socket.on("error", () => socket.destroy()));
    stranger.listen({ path: `\0hirewire-${key.chainId}-${key.vault.slice(2)}-${key.address.slice(2)}` });
    await once(stranger, "listening");
    await expect(lockKey(key)).rejects.toThrow(inUse(/ps ax/));
    stranger.close();
  });

  it("keeps its lock when somebody asks and hangs up", async () => {
    const key = freshKey();
    const lock = await lockKey(key);
    const path = `\0hirewire-${key.chainId}-${key.vault.slice(2)}-${key.address.slice(2)}`;
    const socket = connect({ path });
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.destroy();
    await expect(lockKey(key)).rejects.toThrow(inUse(/already signs/));
    await lock.release();
  });
});
