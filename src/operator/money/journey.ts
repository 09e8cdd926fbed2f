/** One movement of money: from one balance to another. */
import type { Hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { type Amount, formatAmount } from "../../base/money.ts";
import type { Chain } from "../../settlement/chain.ts";
import { openEvmChain } from "../../settlement/evm-chain.ts";
import type { CommandPorts, Settings } from "../settings.ts";
import type { Deed } from "./deed.ts";
import type { Sender, Step } from "./send.ts";

export type MoneyPorts = CommandPorts & { readonly clock: Clock };

/** @throws {@link Fault} `chain_mismatch`, `chain_unreachable` */
export function openChain({ chain }: Settings): Promise<Chain> {
  const { id: chainId, rpc, vault, confirmations } = chain;
  return openEvmChain({ urls: rpc, chainId, vault, confirmations });
}

export type Journey = {
  readonly token: Hex;
  readonly decimals: number;
  readonly amount: Amount;
  readonly sender: Sender;
  /** What the two balances are called. */
  readonly from: string;
  readonly to: string;
  readonly steps: readonly Step[];
  /** Wei, at most. */
  readonly gasCost: bigint;
  /** At the newest block. */
  readonly balances: () => Promise<{ readonly from: Amount; readonly to: Amount }>;
  /** What else the JSON object shows, such as the fee of a signed order. */
  readonly facts?: Readonly<Record<string, unknown>>;
};

/** A journey as it is told. Amounts have all the token's decimals. */
export function deedOf(journey: Journey): Deed<{ from: string; to: string }> {
  const { token, decimals, from, to, sender, steps, gasCost } = journey;
  const money = (count: bigint) => formatAmount(count, decimals);
  return {
    ...{ sender, steps, gasCost },
    intent: (before) => [
      `moves ${money(journey.amount)} of token ${token}`,
      `from  ${from}, which has ${before.from}`,
      `to    ${to}, which has ${before.to}`,
    ],
    outcome: (after) => [`${from} has ${after.from}`, `${to} has ${after.to}`],
    facts: { amount: money(journey.amount), token, from, to, ...journey.facts },
    look: async () => {
      const found = await journey.balances();
      return { from: money(found.from), to: money(found.to) };
    },
  };
}
