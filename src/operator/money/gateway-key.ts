/** What is done with the gateway's key: by the gateway where one runs, else by this command, under the same locks. */
import { z } from "zod";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { hash32 } from "../../protocol/scalar.ts";
import type { Chain } from "../../settlement/chain.ts";
import { checkToken } from "../../settlement/token-probe.ts";
import { askGateway } from "../control/client.ts";
import type { CommandIo } from "../io.ts";
import { readGatewayKey, type Settings } from "../settings.ts";
import type { MoneyPorts } from "./journey.ts";
import { openOffline } from "./offline.ts";
import { type Sender, type SentStep, type Step, sentLine } from "./send.ts";
import type { moneyVerbs } from "./verbs.ts";

type VerbName = keyof ReturnType<typeof moneyVerbs>;

type Request = { readonly do: VerbName } & Readonly<Record<string, unknown>>;

/** A sender whose steps may be verbs of the gateway's. */
export type GatewaySender = Sender & {
  readonly isRunning: boolean;
  /** @throws {@link Fault} whatever the verb throws */
  readonly ask: (request: Request) => Promise<Readonly<Record<string, unknown>>>;
};

export type GatewayOptions = {
  readonly settings: Settings;
  readonly ports: MoneyPorts;
  readonly chain: Chain;
  /** Told of what lasts, such as gas that runs low. */
  readonly io: CommandIo;
  readonly dryRun: boolean;
};

/**
 * Works with the gateway's key. A dry run takes no lock, and cannot send.
 *
 * @throws {@link Fault} `key_file`; `journal_locked` and `key_in_use` when a gateway runs that has no control socket;
 * `journal_broken`, `chain_mismatch`, `link_lost`; whatever `work` throws
 */
export async function withGateway<T>(
  options: GatewayOptions,
  work: (gateway: GatewaySender) => Promise<T>,
): Promise<T> {
  const { settings, ports, chain, io, dryRun } = options;
  const address = addressOfKey(readGatewayKey(settings, ports.keys));
  const isRunning = (await askGateway(settings.data, { do: "status" })) !== null;
  if (isRunning) return await work(senderOf(address, true, (request) => running(settings, request)));
  if (dryRun) return await work(senderOf(address, false, nothing));
  const profile = await checkToken(chain, settings.chain.token);
  const offline = await openOffline({ settings, ports, chain, profile, onFault: warner(io) });
  try {
    return await work(
      senderOf(address, false, async (request) => {
        const answer = await offline.verbs[request.do](request);
        return { ...answer };
      }),
    );
  } finally {
    await offline.close();
  }
}

/** Tells faults that end nothing. */
export function warner(io: CommandIo): (fault: unknown) => void {
  return (fault) => io.warn(`${fault instanceof Error ? fault.message : String(fault)}\n`);
}

async function running(settings: Settings, request: Request): Promise<Readonly<Record<string, unknown>>> {
  const answer = await askGateway(settings.data, request);
  if (answer) return answer;
  throw new Fault("link_lost", "the gateway has just stopped: try again");
}

function nothing(): Promise<never> {
  return Promise.reject(new Fault("impossible", "a dry run sends nothing"));
}

const minedAnswer = z.object({
  transaction: hash32,
  block: z.number().int(),
  gasUsed: z.number().int(),
  gasCost: z.string().regex(/^\d+$/),
});

function senderOf(address: Hex, isRunning: boolean, ask: GatewaySender["ask"]): GatewaySender {
  return {
    ...{ address, isRunning, ask },
    send: async (step, say) => {
      say(
        `${step.step.padEnd(12)}  ${isRunning ? "the running gateway sends it" : "with the gateway's key"}; this waits until it counts\n`,
      );
      const sent = sentOf(step, await ask(requestOf(step)));
      say(sentLine(step.step, sent.hash));
      return sent;
    },
  };
}

function requestOf({ ask, purpose, call }: Step): Request {
  return ask ?? { do: "transact", purpose, ...call };
}

function sentOf({ step }: Step, answer: Readonly<Record<string, unknown>>): SentStep {
  const found = minedAnswer.safeParse(answer);
  if (!found.success) {
    throw new Fault("link_lost", "the gateway's answer is not understood; look before you ask again", {
      cause: found.error,
    });
  }
  const { transaction: hash, block, gasUsed, gasCost } = found.data;
  return { step, hash, block: BigInt(block), gasUsed: BigInt(gasUsed), gasCost: BigInt(gasCost) };
}
