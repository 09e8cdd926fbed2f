/** The world around an operator: a chain that takes its time, somebody else's token on it, and a wallet with money. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPublicClient, http, type PublicClient } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { expect } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import type { Amount } from "../../../src/base/money.ts";
import { mined, TOKEN_ABI, VAULT_ABI } from "../../../src/settlement/chain.ts";
import { deployPlayMoney } from "../../../src/settlement/deploy.ts";
import { openEvmChain } from "../../../src/settlement/evm-chain.ts";
import { type LocalChain, startLocalChain } from "../../../src/settlement/local-chain.ts";
import { mint } from "../../../src/settlement/vault-calls.ts";

/** Longest that anything on the chain may take, milliseconds. */
const PATIENCE_MS = 300_000;

export class Town {
  readonly url: string;
  readonly token: Hex;
  /** The operator's own account, with coins for gas and with tokens; its key is in the file. */
  readonly wallet: { readonly address: Hex; readonly keyFile: string };
  readonly #local: LocalChain;
  readonly #client: PublicClient;

  private constructor(local: LocalChain, token: Hex, wallet: Town["wallet"]) {
    this.url = local.url;
    this.token = token;
    this.wallet = wallet;
    this.#local = local;
    this.#client = createPublicClient({ transport: http(local.url, { retryCount: 0 }), cacheTime: 0 });
  }

  /**
   * @param blockTime - seconds between blocks
   * @param endowed - what the wallet has of the token
   */
  static async open(folder: string, blockTime: number, endowed: Amount): Promise<Town> {
    const local = await startLocalChain({ blockTime });
    const [issuer, owner] = local.accounts;
    if (!issuer || !owner) throw new Error("anvil has no accounts");
    const { token, vault, chainId } = await deployPlayMoney(local.url, issuer.privateKey);
    const keyFile = join(folder, "wallet.key");
    writeFileSync(keyFile, `${owner.privateKey}\n`, { mode: 0o600 });
    const chain = await openEvmChain({ urls: [local.url], chainId, vault, confirmations: 1 });
    const call = mint(token, owner.address, endowed);
    const { raw, hash } = await chain.prepare(privateKeyToAccount(issuer.privateKey), call);
    await chain.broadcast(raw);
    await mined(chain, hash, systemClock, { withinMs: PATIENCE_MS, everyMs: 100 });
    return new Town(local, token, { address: owner.address, keyFile });
  }

  rpc(method: string, params: readonly unknown[]): Promise<unknown> {
    return this.#client.request({ method, params } as never);
  }

  /** The wallet sends a coin, for gas. */
  async giveCoin(to: Hex): Promise<void> {
    const call = { from: this.wallet.address, to, value: "0xde0b6b3a7640000" };
    const hash = (await this.rpc("eth_sendTransaction", [call])) as Hex;
    await this.#client.waitForTransactionReceipt({ hash, pollingInterval: 100, timeout: PATIENCE_MS });
  }

  /** Waits until a transaction is in a block, and has the chain go another way from there. */
  async reorganizeAway(hash: Hex): Promise<void> {
    await this.#client.waitForTransactionReceipt({ hash, pollingInterval: 50, timeout: PATIENCE_MS });
    const { blockNumber } = await this.#client.getTransactionReceipt({ hash });
    const depth = (await this.#client.getBlockNumber()) - blockNumber + 1n;
    await this.rpc("anvil_reorg", [Number(depth), []]);
    expect(await this.rpc("eth_getTransactionReceipt", [hash]), "the reorganization kept it").toBeNull();
  }

  tokensOf(account: Hex): Promise<bigint> {
    const common = { address: this.token, abi: TOKEN_ABI } as const;
    return this.#client.readContract({
      ...common,
      functionName: "balanceOf",
      args: [account],
    }) as Promise<bigint>;
  }

  vaultOf(vault: Hex, account: Hex): Promise<bigint> {
    const common = { address: vault, abi: VAULT_ABI } as const;
    const args = [account, this.token] as const;
    return this.#client.readContract({ ...common, functionName: "vault", args }) as Promise<bigint>;
  }

  async laneOf(vault: Hex, payer: Hex, payee: Hex): Promise<{ settled: bigint; deposit: bigint }> {
    const common = { address: vault, abi: VAULT_ABI } as const;
    const args = [payer, payee, this.token] as const;
    const word = await this.#client.readContract({ ...common, functionName: "lane", args });
    const [settled, deposit] = word as readonly [bigint, bigint];
    return { settled, deposit };
  }

  stop(): Promise<void> {
    return this.#local.stop();
  }
}
