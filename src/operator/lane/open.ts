/** `hirewire lane open` and `hirewire lane top-up`: from a vault into a lane. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { type Amount, formatAmount, parseAmount, ZERO } from "../../base/money.ts";
import { keySigner } from "../../protocol/signer.ts";
import type { Call, LaneOnChain } from "../../settlement/chain.ts";
import { signOrder } from "../../settlement/orders.ts";
import { fundLane, fundLaneWithSig } from "../../settlement/vault-calls.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { requireControl } from "../money/account.ts";
import { perform } from "../money/deed.ts";
import { withGateway } from "../money/gateway-key.ts";
import { deedOf, type Journey, type MoneyPorts, openChain } from "../money/journey.ts";
import { newTerms, RELAY_SECONDS } from "../money/order.ts";
import { requireMinimum } from "../money/policy.ts";
import { priceOf } from "../money/price.ts";
import { keySender, requireGas, type Sender, type Step } from "../money/send.ts";
import { closing, laneAtHead } from "../money/target.ts";
import { DEFAULT_CONFIG, WINDOWS, type WindowName } from "../settings.ts";
import { endsOf, type LaneContext, laneTitle } from "./ends.ts";

const OPTIONS = {
  from: { type: "string" },
  "relay-key": { type: "string" },
  fee: { type: "string" },
  window: { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const OPEN_HELP = `hirewire lane open DEVICE AMOUNT [--window 1h|24h|72h|7d] [--from KEYFILE]
                   [--relay-key KEYFILE [--fee AMOUNT]] [--dry-run] [--json]
hirewire lane top-up DEVICE AMOUNT [--from KEYFILE]
                   [--relay-key KEYFILE [--fee AMOUNT]] [--dry-run] [--json]

Moves AMOUNT out of the gateway's vault into its lane to DEVICE, on which the
device is paid; a running gateway does it itself. With --from it is the DEVICE's
own lane to the gateway, out of the device's vault.

  --window W           how long the lane can still be claimed once it closes
                       (default: settlement.window of gateway.toml)
  --from KEYFILE       the device's key or its owner's
  --relay-key KEYFILE  whose coin pays the gas instead: --from only signs
  --fee AMOUNT         what the relay key's vault gets for it, on top
  --dry-run            check everything and say it; send nothing
  --config FILE        the gateway's settings (gateway.toml)
  --json               one object, amounts as decimal text
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

type Funding = LaneContext & {
  readonly lane: LaneOnChain;
  readonly amount: Amount;
  readonly fee: Amount;
  /** The class of its window. */
  readonly window: number;
  readonly isOpening: boolean;
};

/**
 * @param view - which of the two
 * @param args - what stands after it
 * @throws {@link Fault} before anything is sent `usage`, `amount_syntax`, `config_missing`, `config_syntax`, `key_file`,
 * `funds_short`, `lane_closing`, `chain_mismatch`, `chain_unreachable`; with the gateway's key as `withGateway`; then as
 * `perform`
 */
export async function fundLaneCommand(
  view: "open" | "top-up",
  args: readonly string[],
  io: CommandIo,
  ports: MoneyPorts,
): Promise<void> {
  const { values, positionals } = parseArguments(`hirewire lane ${view}`, args, OPTIONS);
  if (values.help) {
    io.write(OPEN_HELP);
    return;
  }
  const [name, typed, ...rest] = positionals;
  if (name === undefined || typed === undefined || rest.length > 0) {
    throw new Fault("usage", `expected hirewire lane ${view} DEVICE AMOUNT`);
  }
  const { from, "relay-key": relay } = values;
  if (relay !== undefined && from === undefined) {
    throw new Fault("usage", "--relay-key sends what --from KEYFILE has signed: name that too");
  }
  if (values.fee !== undefined && relay === undefined)
    throw new Fault("usage", "--fee is what --relay-key gets");
  const funding = await fundingOf(view === "open", name, typed, values, ports);
  const { chain, settings } = funding;
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  const go = (journey: Journey) => perform(deedOf(journey), chain, options, io, ports.clock);
  if (from === undefined) {
    const how = { settings, ports, chain, io, dryRun: options.dryRun };
    await withGateway(how, async (sender) => go(await directly(funding, sender)));
  } else if (relay === undefined) {
    await go(await directly(funding, keySender(chain, ports.keys.read(from), ports.clock)));
  } else {
    const relayer = keySender(chain, ports.keys.read(relay), ports.clock);
    await go(await byOrder(funding, ports.keys.read(from), relayer));
  }
}

async function fundingOf(
  isOpening: boolean,
  name: string,
  typed: string,
  values: Values,
  ports: MoneyPorts,
): Promise<Funding> {
  const settings = ports.readConfig(values.config);
  const ends = endsOf(settings, ports, name, values.from !== undefined);
  const chosen = windowOf(values.window, isOpening);
  const chain = await openChain(settings);
  const { token } = settings.chain;
  const decimals = await chain.decimals(token);
  const amount = parseAmount(typed, decimals);
  const fee = values.fee === undefined ? ZERO : parseAmount(values.fee, decimals);
  if (amount === ZERO) throw new Fault("usage", "expected an amount above zero");
  const lane = await laneAtHead(chain, ends.key);
  const window = isOpening ? (chosen ?? WINDOWS.indexOf(settings.settlement.window)) : lane.window;
  const funding = { settings, ports, chain, decimals, ends, lane, amount, fee, window, isOpening };
  await requireFundable(funding);
  return funding;
}

function windowOf(text: string | undefined, isOpening: boolean): number | null {
  if (text === undefined) return null;
  if (!isOpening)
    throw new Fault("usage", "an open lane keeps its window: --window is for hirewire lane open");
  const window = WINDOWS.indexOf(text as WindowName);
  if (window === -1) throw new Fault("usage", `--window takes ${WINDOWS.join(", ")}, not "${text}"`);
  return window;
}

async function requireFundable(funding: Funding): Promise<void> {
  const { chain, settings, decimals, ends, lane, amount, fee, isOpening } = funding;
  const title = laneTitle(ends);
  if (lane.closeAt !== 0) throw closing(title, lane.closeAt, "open it anew after it is closed");
  if (isOpening && lane.deposit > 0n)
    throw new Fault("usage", `the lane ${title} is open: hirewire lane top-up`);
  if (!isOpening && lane.deposit === 0n) {
    throw new Fault("usage", `the lane ${title} is not open: hirewire lane open`);
  }
  const policy = { chain, settings, decimals, gateway: ends.gateway.address };
  await requireMinimum(policy, ends.key, lane.deposit + amount);
  const has = await chain.vaultBalance(ends.payer.address, ends.key.token);
  if (has >= amount + fee) return;
  const [held, wanted] = [formatAmount(has, decimals), formatAmount(amount + fee, decimals)];
  const words = `the vault of ${ends.payer.name} has ${held}, less than ${wanted}: see hirewire fund`;
  throw new Fault("funds_short", words, { facts: { account: ends.payer.address, has, needs: amount + fee } });
}

/** The payer's, its owner's or the gateway's own transaction. */
async function directly(funding: Funding, sender: Sender): Promise<Journey> {
  const { chain, ends, amount, decimals, window, isOpening } = funding;
  await requireControl(chain, ends.payer, sender.address, ends.key.token, amount);
  const call = fundLane(chain.vault, ends.key, amount, window);
  const verb = { device: ends.device.address, amount: formatAmount(amount, decimals) };
  const ask = isOpening
    ? { do: "openLane" as const, ...verb, window }
    : { do: "topUpLane" as const, ...verb };
  const step = { step: "fundLane", purpose: "fund" as const, call };
  return await journeyOf(funding, sender, ends.payer.isGateway ? { ...step, ask } : step);
}

/** What the device or its owner has signed, in a transaction of the relayer's. */
async function byOrder(funding: Funding, key: Uint8Array, relayer: Sender): Promise<Journey> {
  const { chain, ports, ends, lane, amount, fee, window } = funding;
  const signer = keySigner(key);
  await requireControl(chain, ends.payer, signer.address, ends.key.token, amount + fee);
  const what = { ...ends.key, epoch: lane.epoch, amount, window };
  const terms = newTerms(ports.clock.now(), RELAY_SECONDS, fee);
  const call: Call = fundLaneWithSig(
    chain.vault,
    what,
    await signOrder(signer, chain, "FundLane", what, terms),
  );
  return await journeyOf(funding, relayer, { step: "fundLaneWithSig", purpose: "fund", call });
}

async function journeyOf(funding: Funding, sender: Sender, step: Step): Promise<Journey> {
  const { chain, ends, amount, decimals, fee, window } = funding;
  const { payer, key } = ends;
  const gasCost = await priceOf(chain, sender.address, step.call);
  await requireGas(chain, sender.address, gasCost);
  const facts = { window: WINDOWS[window], ...(fee === ZERO ? {} : { fee: formatAmount(fee, decimals) }) };
  return {
    ...{ token: key.token, decimals, amount, sender, gasCost, steps: [step], facts },
    from: `vault of ${payer.name}`,
    to: `lane deposit ${laneTitle(ends)}`,
    balances: async () => ({
      from: await chain.vaultBalance(payer.address, key.token),
      to: (await laneAtHead(chain, key)).deposit,
    }),
  };
}
