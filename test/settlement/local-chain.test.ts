import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deployPlayMoney } from "../../src/settlement/deploy.ts";
import { openEvmChain } from "../../src/settlement/evm-chain.ts";
import { startLocalChain } from "../../src/settlement/local-chain.ts";

describe("startLocalChain", () => {
  it("funds ten accounts and gives way to another chain", async () => {
    const chains = await Promise.all([startLocalChain(), startLocalChain()]);
    expect(chains[0].url).not.toBe(chains[1].url);
    // the first account of every anvil and hardhat
    expect(chains[0].accounts[0]).toEqual({
      address: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
      privateKey: "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    });
    expect(new Set(chains[0].accounts.map((account) => account.address)).size).toBe(10);
    await Promise.all(chains.map((chain) => chain.stop()));
  });

  it("makes blocks by the clock, and calls those final that are two epochs deep", async () => {
    const local = await startLocalChain({ blockTime: 3_600, slotsInEpoch: 2 });
    const ask = async (method: string, ...params: unknown[]) => {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const headers = { "content-type": "application/json" };
      const answer = await fetch(local.url, { method: "POST", headers, body });
      return Reflect.get(Object(await answer.json()), "result");
    };
    try {
      const [from, to] = local.accounts.map(({ address }) => address);
      await ask("eth_sendTransaction", { from, to, value: "0x1" });
      // it waits for its block
      expect(await ask("eth_getTransactionCount", from, "latest")).toBe("0x0");
      expect(await ask("eth_getTransactionCount", from, "pending")).toBe("0x1");
      await ask("anvil_mine", "0x9");
      expect(await ask("eth_getTransactionCount", from, "latest")).toBe("0x1");
      expect(await ask("eth_getBlockByNumber", "latest", false)).toMatchObject({ number: "0x9" });
      expect(await ask("eth_getBlockByNumber", "finalized", false)).toMatchObject({ number: "0x5" });
    } finally {
      await local.stop();
    }
  });

  it("keeps its state in a file between runs", async () => {
    const folder = await mkdtemp(join(tmpdir(), "chain-"));
    const state = join(folder, "state.json");
    try {
      const first = await startLocalChain({ state });
      const owner = first.accounts[0]?.privateKey ?? "0x";
      const money = await deployPlayMoney(first.url, owner);
      await first.stop();
      const second = await startLocalChain({ state });
      const chain = await openEvmChain({ urls: [second.url], ...money });
      expect(await chain.decimals(money.token)).toBe(6);
      await second.stop();
      await second.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("dies with the process that started it, even when that is killed", async () => {
    const module = new URL("../../src/settlement/local-chain.ts", import.meta.url);
    const program = `const { startLocalChain } = await import(${JSON.stringify(module.href)});
      process.stdout.write((await startLocalChain()).url);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [url] = (await once(parent.stdout, "data")) as [Buffer];
    const port = Number(new URL(url.toString()).port);
    expect(await endOfConnection(port, () => parent.kill("SIGKILL"))).not.toBe("ECONNREFUSED");
    // a dying anvil drops its connections a moment before it stops listening
    let end: string;
    do end = await endOfConnection(port, () => {});
    while (end !== "ECONNREFUSED");
  });

  /** Connects, calls `then`, and waits for the other side to end it: the error code, or "closed". */
  async function endOfConnection(port: number, then: () => void): Promise<string> {
    const socket = connect(port, "127.0.0.1").resume();
    try {
      await once(socket, "connect");
      then();
      await once(socket, "close");
      return "closed";
    } catch (error) {
      return String(Reflect.get(Object(error), "code"));
    }
  }
});

describe("deployPlayMoney", () => {
  it("says which: no chain, or a chain that refuses", async () => {
    const chain = await startLocalChain();
    const owner = chain.accounts[0]?.privateKey ?? "0x";
    const poor = `0x${"11".repeat(32)}` as const;
    await expect(deployPlayMoney(chain.url, poor)).rejects.toThrow(
      expect.objectContaining({ code: "transaction_failed" }),
    );
    await chain.stop();
    await expect(deployPlayMoney(chain.url, owner)).rejects.toThrow(
      expect.objectContaining({ code: "chain_unreachable" }),
    );
  });
});
