/** Who signs and sends a transaction that a person asked for, and what is known of it once it is in a block. */

import { privateKeyToAccount } from "viem/accounts";
import { formatEther } from "viem/utils";
import { type Hex, toHex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import type { PURPOSES } from "../../protocol/facts.ts";
import { type Call, type Chain, mined, type Signer } from "../../settlement/chain.ts";

export type Purpose = (typeof PURPOSES)[number];

/** One transaction to be. */
export type Step = {
  /** The contract's function, or words for it. */
  readonly step: string;
  readonly purpose: Purpose;
  readonly call: Call;
  /** The gateway's own verb for it, where it has one (`verbs.ts`). */
  readonly ask?: { readonly do: "openLane" | "topUpLane" | "closeLane" } & Readonly<Record<string, unknown>>;
};

/** A transaction that is in a block. */
export type SentStep = {
  readonly step: string;
  readonly hash: Hex;
  readonly block: bigint;
  readonly gasUsed: bigint;
  /** Wei. */
  readonly gasCost: bigint;
};

/** An account that sends: a key of its own, or the gateway's through whoever holds its queue. */
export type Sender = {
  readonly address: Hex;
  /**
   * Resolves once it is in a block.
   *
   * @param say - told the hash before it is waited for, so that it is known whatever happens then
   * @throws {@link Fault} `transaction_failed`, `timed_out`, `chain_unreachable`
   */
  readonly send: (step: Step, say: (text: string) => void) => Promise<SentStep>;
};

/** How long a transaction may take to be mined, and how often the node is asked, milliseconds. */
const WAIT = { withinMs: 120_000, everyMs: 100 } as const;

/** @throws {@link Fault} `key_file` when the 32 bytes are no private key */
export function accountOf(key: Uint8Array): Signer {
  const address = addressOfKey(key);
  const account = privateKeyToAccount(toHex(key));
  return { address, signTransaction: (transaction) => account.signTransaction(transaction) };
}

/** Sends with a key that nobody else sends with meanwhile. */
export function keySender(chain: Chain, key: Uint8Array, clock: Clock): Sender {
  const signer = accountOf(key);
  return {
    address: signer.address,
    send: async ({ step, call }, say) => {
      const { raw, hash } = await chain.prepare(signer, call);
      await chain.broadcast(raw);
      say(sentLine(step, hash));
      const { block, gasUsed, gasPrice } = await mined(chain, hash, clock, WAIT);
      return { step, hash, block, gasUsed, gasCost: gasUsed * gasPrice };
    },
  };
}

/** What is said of a transaction that is on its way. */
export function sentLine(step: string, hash: Hex): string {
  return `${step.padEnd(12)}  ${hash}  sent\n`;
}

/**
 * Sends the steps in order, each once the one before it is in a block.
 *
 * @throws {@link Fault} as {@link Sender}; the steps before are done
 */
export async function sendSteps(
  chain: Chain,
  sender: Sender,
  steps: readonly Step[],
  clock: Clock,
  say: (text: string) => void,
): Promise<SentStep[]> {
  const sent: SentStep[] = [];
  for (const step of steps) {
    const one = await sender.send(step, say);
    await seen(chain, one.block, clock);
    say(`${"".padEnd(12)}  block ${one.block}, gas ${one.gasUsed}, ${coins(one.gasCost)}\n`);
    sent.push(one);
  }
  return sent;
}

/** Nodes behind one URL differ: what follows must be read from one that knows the block. */
async function seen(chain: Chain, block: bigint, clock: Clock): Promise<void> {
  const deadline = clock.now() + WAIT.withinMs;
  while ((await chain.head()).number < block) {
    if (clock.now() >= deadline)
      throw new Fault("timed_out", `the chain's node does not reach block ${block}`);
    await clock.sleep(WAIT.everyMs);
  }
}

/** @throws {@link Fault} `funds_short` when the account cannot pay `gasCost` wei */
export async function requireGas(chain: Chain, account: Hex, gasCost: bigint): Promise<void> {
  const has = await chain.gasBalance(account);
  if (has >= gasCost) return;
  throw new Fault(
    "funds_short",
    `${account} has ${coins(has)} for gas and may need ${coins(gasCost)}: send it some of the chain's coin`,
    { facts: { account, has, needs: gasCost } },
  );
}

/** Wei as the chain's own coin, which is called ETH on most. */
export function coins(wei: bigint): string {
  return `${formatEther(wei)} coin`;
}
