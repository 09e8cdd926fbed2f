/** What a command does on the chain, as it is told: what it will do, what was sent, and what the chain then shows. */
import type { Clock } from "../../base/clock.ts";
import type { Chain } from "../../settlement/chain.ts";
import type { CommandIo } from "../io.ts";
import { coins, type Sender, type SentStep, type Step, sendSteps } from "./send.ts";

/** What a deed changes, as the newest block has it: names to decimal text and the like. */
type Sight = Readonly<Record<string, string | number | null>>;

export type Deed<S extends Sight = Sight> = {
  readonly sender: Sender;
  readonly steps: readonly Step[];
  /** Wei, at most. */
  readonly gasCost: bigint;
  /** Said first, one line each. */
  readonly intent: (before: S) => readonly string[];
  /** Said last, one line each. */
  readonly outcome: (after: S) => readonly string[];
  /** Stands in the JSON object as it is. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Asked before and after. */
  readonly look: () => Promise<S>;
};

export type DeedOptions = { readonly json: boolean; readonly dryRun: boolean };

/**
 * Says what will happen, does it unless `dryRun`, and shows what the chain has then.
 *
 * @throws {@link Fault} as {@link sendSteps}
 */
export async function perform<S extends Sight>(
  deed: Deed<S>,
  chain: Chain,
  options: DeedOptions,
  io: CommandIo,
  clock: Clock,
): Promise<void> {
  const { sender, steps } = deed;
  const say = options.json ? io.warn.bind(io) : io.write.bind(io);
  const before = await deed.look();
  for (const line of deed.intent(before)) say(`${line}\n`);
  say(`by    ${steps.map(({ step }) => step).join(", ")}; gas costs at most ${coins(deed.gasCost)}\n`);
  const sent = options.dryRun ? [] : await sendSteps(chain, sender, steps, clock, say);
  const after = options.dryRun ? before : await deed.look();
  if (options.json) {
    const { facts } = deed;
    const told = { dryRun: options.dryRun, ...facts, signer: sender.address, before, after };
    io.write(`${JSON.stringify({ ...told, transactions: sent.map(asJson) })}\n`);
  } else if (options.dryRun) io.write("nothing was sent (--dry-run)\n");
  else for (const line of deed.outcome(after)) io.write(`${line}\n`);
}

/** Wei as decimal text. */
function asJson({ step, hash, block, gasUsed, gasCost }: SentStep) {
  return { step, hash, block: Number(block), gasUsed: Number(gasUsed), gasCost: String(gasCost) };
}
