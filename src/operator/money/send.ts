/** Transactions that a person asked for: signed with their key, sent one after the other, waited for. */
import { formatEther } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { type Hex, toHex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { type Call, type Chain, mined, type Signer } from "../../settlement/chain.ts";

export type Step = { readonly step: string; readonly call: Call };

/** A transaction that is in a block. */
export type SentStep = {
  readonly step: string;
  readonly hash: Hex;
  readonly block: bigint;
  readonly gasUsed: bigint;
  /** Wei. */
  readonly gasCost: bigint;
};

/** How long a transaction may take to be mined, and how often the node is asked, milliseconds. */
const WAIT = { withinMs: 120_000, everyMs: 100 } as const;

/** @throws {@link Fault} `key_file` when the 32 bytes are no private key */
export function accountOf(key: Uint8Array): Signer {
  const address = addressOfKey(key);
  const account = privateKeyToAccount(toHex(key));
  return { address, signTransaction: (transaction) => account.signTransaction(transaction) };
}

/**
 * Sends the steps in order, each once the one before it is in a block.
 *
 * @param say - told each hash before it is waited for, so that it is known whatever happens then
 * @throws {@link Fault} `transaction_failed`, `timed_out`, `chain_unreachable`; the steps before are done
 */
export async function sendSteps(
  chain: Chain,
  signer: Signer,
  steps: readonly Step[],
  clock: Clock,
  say: (text: string) => void,
): Promise<SentStep[]> {
  const sent: SentStep[] = [];
  for (const { step, call } of steps) {
    const { raw, hash } = await chain.prepare(signer, call);
    await chain.broadcast(raw);
    say(`${step.padEnd(12)}  ${hash}  sent\n`);
    const { block, gasUsed, gasPrice } = await mined(chain, hash, clock, WAIT);
    await seen(chain, block, clock);
    const gasCost = gasUsed * gasPrice;
    say(`${"".padEnd(12)}  block ${block}, gas ${gasUsed}, ${coins(gasCost)}\n`);
    sent.push({ step, hash, block, gasUsed, gasCost });
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
