/** devices/by-hand.md is run as it stands: every block of shell in it, in order, in one bash, with mosquitto's clients. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { marketOf, readConnectionFile } from "../../../devices/robot/connection-file.ts";
import { fromHex } from "../../../src/base/bytes.ts";
import { replay } from "../../../src/exchange/replay.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import { addressOfKey } from "../../../src/kernels/signature.ts";
import { totalOf } from "../../../src/payment/books.ts";
import { openEvmChain } from "../../../src/settlement/evm-chain.ts";
import { startLocalChain } from "../../../src/settlement/local-chain.ts";
import { freePort } from "../../free-port.ts";
import { expectBooks } from "../exchange/books-laws.ts";

const PAGE = "devices/by-hand.md";
const missing = ["mosquitto_pub", "mosquitto_sub", "jq"].filter((tool) => spawnSync(tool, ["--help"]).error);
const skipped = missing.length > 0 && process.env["CI"] !== "true";
const why = skipped ? ` (skipped: apt-get install mosquitto-clients jq)` : "";

/** The page's blocks of shell, one after the other. */
function shellIn(page: string): string[] {
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((block) => block[1] ?? "");
}

/** A folder with `hirewire` in it, for PATH. */
function putOnPath(folder: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const script = `#!/bin/sh\nexec "${process.execPath}" "${resolve("src/hirewire.ts")}" "$@"\n`;
  writeFileSync(join(bin, "hirewire"), script, { mode: 0o755 });
  return bin;
}

/** Ends whatever a shell has started and left behind; whether there was anything. */
function endGroup({ pid }: ChildProcess): boolean {
  try {
    return pid !== undefined && process.kill(-pid, "SIGKILL");
  } catch {
    return false;
  }
}

describe.skipIf(skipped)(`a task by hand${why}`, () => {
  it("goes from offer to payment as the page says, and the books agree with the chain", async () => {
    const root = mkdtempSync(join(tmpdir(), "hirewire-by-hand-"));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const local = await startLocalChain();
    onTestFinished(() => local.stop());
    const blocks = shellIn(readFileSync(PAGE, "utf8"));
    expect(blocks.length).toBeGreaterThan(8);
    const folder = join(root, "by-hand");
    mkdirSync(folder);
    const path = `${putOnPath(root)}${delimiter}${process.env["PATH"]}`;
    const env = { ...process.env, PATH: path, RPC: local.url, PORT: `${await freePort()}` };
    const shell = spawn("bash", ["-eu", "-o", "pipefail", "-s"], { cwd: folder, env, detached: true });
    onTestFinished(() => void endGroup(shell));
    let [said, warned] = ["", ""];
    shell.stdout.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
    shell.stderr.on("data", (bytes: Buffer) => {
      warned += bytes.toString();
    });
    shell.stdin.end(blocks.join("\n"));
    const closed = once(shell, "close");
    const [code] = await once(shell, "exit");
    // what a shell that has failed leaves behind would hold its output open
    const left = endGroup(shell);
    await closed;
    expect(code, `${said}\n${warned}`).toBe(0);
    expect(left).toBe(false);
    expect(said).toContain("FROM HAND TO HAND\n");
    expect(said).toMatch(/^\d+ entries hold/m);

    const [scout, arm] = [
      await readConnectionFile(join(folder, "scout.json")),
      await readConnectionFile(join(folder, "arm.json")),
    ];
    const market = marketOf(scout);
    const journal = openJournal(join(folder, "data"), { readOnly: true });
    onTestFinished(() => journal.close());
    const state = replay(journal, market);
    expect([...state.market.tasks.values()].map(({ state }) => state)).toEqual(["settled"]);
    expectBooks(state);
    const { payment } = state;
    const [requester, provider] = [scout, arm].map(({ key }) => addressOfKey(fromHex(key)));
    if (!requester || !provider) throw new Error("two devices");
    const answer = JSON.parse(readFileSync(join(folder, "answer.json"), "utf8"));
    const signed = payment.incoming.get(requester)?.signed ?? 0n;
    const paid = payment.outgoing.get(provider)?.signed ?? 0n;
    const fee = totalOf(payment.books, "fee");
    expect([signed, paid > 0n, fee > 0n]).toEqual([10_000n, true, true]);
    expect(paid + fee).toBe(BigInt(answer.spent));
    expect(signed - BigInt(answer.spent)).toBe(BigInt(answer.credit));

    const { chainId, vault, token, gateway } = market;
    const chain = await openEvmChain({ urls: [local.url], chainId, vault, confirmations: 1 });
    const into = { payer: requester, payee: gateway, token };
    const out = { payer: gateway, payee: provider, token };
    const { lanes } = await chain.lanes([into, out], "head");
    expect(lanes.map(({ settled }) => settled)).toEqual([signed, paid]);
    expect(await chain.vaultBalance(provider, token)).toBe(paid);
  });
});
