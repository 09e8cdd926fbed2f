/** One movement of money as it is told: what it will do, what was sent, and what the chain then says. */
import type { Hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { type Amount, formatAmount } from "../../base/money.ts";
import type { Chain, Signer } from "../../settlement/chain.ts";
import { openEvmChain } from "../../settlement/evm-chain.ts";
import type { CommandIo } from "../io.ts";
import type { CommandPorts, Settings } from "../settings.ts";
import { coins, type SentStep, type Step, sendSteps } from "./send.ts";

export type MoneyPorts = CommandPorts & { readonly clock: Clock };

/** @throws {@link Fault} `chain_mismatch`, `chain_unreachable` */
export function openChain({ chain }: Settings): Promise<Chain> {
  const { id: chainId, rpc: url, vault, confirmations } = chain;
  return openEvmChain({ url, chainId, vault, confirmations: Math.max(1, confirmations) });
}

/** The two balances that a movement changes. */
export type Balances = { readonly from: Amount; readonly to: Amount };

export type Journey = {
  readonly token: Hex;
  readonly decimals: number;
  readonly amount: Amount;
  readonly signer: Signer;
  /** What the two balances are called. */
  readonly from: string;
  readonly to: string;
  readonly steps: readonly Step[];
  /** Wei, at most. */
  readonly gasCost: bigint;
  /** At the newest block. */
  readonly balances: () => Promise<Balances>;
};

export type JourneyOptions = { readonly json: boolean; readonly dryRun: boolean };

/**
 * Says what will happen, does it unless `dryRun`, and shows the balances that the chain has then.
 *
 * @throws {@link Fault} as {@link sendSteps}
 */
export async function make(
  journey: Journey,
  chain: Chain,
  options: JourneyOptions,
  io: CommandIo,
  clock: Clock,
): Promise<void> {
  const { token, signer, steps } = journey;
  const money = (count: bigint) => formatAmount(count, journey.decimals);
  const say = options.json ? io.warn.bind(io) : io.write.bind(io);
  const before = await journey.balances();
  say(`moves ${money(journey.amount)} of token ${token}\n`);
  say(`from  ${journey.from}, which has ${money(before.from)}\n`);
  say(`to    ${journey.to}, which has ${money(before.to)}\n`);
  say(`by    ${steps.map(({ step }) => step).join(", ")}; gas costs at most ${coins(journey.gasCost)}\n`);
  const sent = options.dryRun ? [] : await sendSteps(chain, signer, steps, clock, say);
  const after = options.dryRun ? before : await journey.balances();
  if (options.json) io.write(`${JSON.stringify(asJson(journey, options.dryRun, sent, before, after))}\n`);
  else if (options.dryRun) io.write("nothing was sent (--dry-run)\n");
  else {
    io.write(`${journey.from} has ${money(after.from)}\n`);
    io.write(`${journey.to} has ${money(after.to)}\n`);
  }
}

/** Amounts as decimal text with all the token's decimals, wei as decimal text. */
function asJson(
  journey: Journey,
  dryRun: boolean,
  sent: readonly SentStep[],
  before: Balances,
  after: Balances,
) {
  const money = (count: bigint) => formatAmount(count, journey.decimals);
  const both = ({ from, to }: Balances) => ({ from: money(from), to: money(to) });
  return {
    dryRun,
    amount: money(journey.amount),
    token: journey.token,
    signer: journey.signer.address,
    from: journey.from,
    to: journey.to,
    before: both(before),
    after: both(after),
    transactions: sent.map(({ step, hash, block, gasUsed, gasCost }) => {
      return { step, hash, block: Number(block), gasUsed: Number(gasUsed), gasCost: String(gasCost) };
    }),
  };
}
