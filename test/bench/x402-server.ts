/**
 * The server of x402's batch-settlement scheme, as its package ships it: the hooks that its HTTP middleware calls for
 * one paid request, with the file store that it recommends for one process.
 */

import { computeChannelId } from "@x402/evm/batch-settlement/client";
import { BatchSettlementEvmScheme } from "@x402/evm/batch-settlement/server";
import { FileChannelStorage } from "@x402/evm/batch-settlement/server/file-storage";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import type { Hex } from "../../src/base/bytes.ts";

const NETWORK = "eip155:31337";
const CHAIN = 31_337;
/** From its package: the contract's address on every chain, and the domain that vouchers are signed in. */
const CONTRACT: Hex = "0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003";
const DOMAIN = {
  name: "x402 Batch Settlement",
  version: "1",
  chainId: CHAIN,
  verifyingContract: CONTRACT,
} as const;
const RECEIVER: Hex = `0x${"11".repeat(20)}`;
const TOKEN: Hex = `0x${"22".repeat(20)}`;
const DEPOSIT = "1000000000";
const DELAY = 86_400;

const VOUCHER_TYPE = {
  Voucher: [
    { name: "channelId", type: "bytes32" },
    { name: "maxClaimableAmount", type: "uint128" },
  ],
} as const;

const REQUIREMENTS = {
  ...{ scheme: "batch-settlement", network: NETWORK, asset: TOKEN, amount: "1", payTo: RECEIVER },
  maxTimeoutSeconds: 60,
  extra: { receiverAuthorizer: RECEIVER, withdrawDelay: DELAY },
};

type Channel = {
  readonly key: PrivateKeyAccount;
  readonly id: Hex;
  readonly config: Record<string, unknown>;
};

export type X402Payment = { readonly channel: number; readonly payload: Record<string, unknown> };

type Hook = (
  context: object,
) => Promise<{ abort?: boolean; skip?: boolean; result?: object; reason?: string } | undefined>;

type Hooks = Readonly<Record<"onBeforeVerify" | "onAfterVerify" | "onBeforeSettle", Hook>>;

export class X402Server {
  readonly #hooks: Hooks;
  readonly #channels: readonly Channel[];

  private constructor(hooks: Hooks, channels: readonly Channel[]) {
    this.#hooks = hooks;
    this.#channels = channels;
  }

  /** A server with that many open channels on disk. */
  static async open(directory: string, channels: number): Promise<X402Server> {
    const storage = new FileChannelStorage({ directory });
    const made = Array.from({ length: channels }, (_, at) => channelOf(at));
    for (const { id, config } of made) {
      const fresh = { ...{ channelId: id, channelConfig: config, chargedCumulativeAmount: "0" }, ...OPEN };
      const seen = { onchainSyncedAt: Date.now() + 3_600_000, lastRequestTimestamp: Date.now() };
      await storage.updateChannel(id, () => ({ ...fresh, ...seen }) as never);
    }
    const scheme = new BatchSettlementEvmScheme(RECEIVER, { storage, withdrawDelay: DELAY });
    return new X402Server(scheme.schemeHooks as unknown as Hooks, made);
  }

  /** Signed beforehand: each channel in turn, a unit more every time. */
  async paymentsOf(count: number): Promise<X402Payment[]> {
    const payments: X402Payment[] = [];
    for (let at = 0; at < count; at++) {
      const number = at % this.#channels.length;
      const channel = this.#channels[number];
      if (!channel) throw new Error("no channel");
      const cumulative = BigInt(Math.floor(at / this.#channels.length) + 1);
      const message = { channelId: channel.id, maxClaimableAmount: cumulative };
      const signature = await channel.key.signTypedData({
        ...{ domain: DOMAIN, types: VOUCHER_TYPE, primaryType: "Voucher", message },
      });
      const voucher = { channelId: channel.id, maxClaimableAmount: `${cumulative}`, signature };
      const payload = { type: "voucher", channelConfig: channel.config, voucher };
      payments.push({ channel: number, payload });
    }
    return payments;
  }

  /** Channels beside each other, the payments of each one after the other, as its protocol wants them. */
  async take(payments: readonly X402Payment[]): Promise<void> {
    const byChannel = Map.groupBy(payments, ({ channel }) => channel);
    await Promise.all(
      [...byChannel.values()].map(async (own) => {
        for (const { payload } of own) await this.#pay(payload);
      }),
    );
  }

  async #pay(payload: Record<string, unknown>): Promise<void> {
    const paymentPayload = { x402Version: 2, payload, accepted: REQUIREMENTS };
    const context = { paymentPayload, requirements: REQUIREMENTS };
    const before = await this.#hooks.onBeforeVerify(context);
    if (!before?.skip || !before.result) throw new Error(`x402 did not verify locally: ${before?.reason}`);
    const after = await this.#hooks.onAfterVerify({ ...context, result: before.result });
    if (after?.abort) throw new Error(`x402 refused: ${after.reason}`);
    const settled = await this.#hooks.onBeforeSettle(context);
    if (!settled?.skip) throw new Error(`x402 did not commit: ${settled?.reason}`);
  }
}

const OPEN = {
  ...{ signedMaxClaimable: "0", signature: "0x", balance: DEPOSIT, totalClaimed: "0" },
  ...{ withdrawRequestedAt: 0, refundNonce: 0 },
};

function channelOf(at: number): Channel {
  const key = privateKeyToAccount(`0x${(at + 1).toString(16).padStart(64, "0")}`);
  const config = {
    ...{ payer: key.address, payerAuthorizer: key.address, receiver: RECEIVER, receiverAuthorizer: RECEIVER },
    ...{ token: TOKEN, withdrawDelay: DELAY, salt: `0x${"00".repeat(32)}` as Hex },
  };
  const id = computeChannelId(config, NETWORK) as Hex;
  return { key, id, config };
}
