/** `hirewire lane close`: gives what is left of a lane back to its payer. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { finalizeClose, requestClose } from "../../settlement/vault-calls.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { requireControl } from "../money/account.ts";
import { type Deed, perform } from "../money/deed.ts";
import { withGateway } from "../money/gateway-key.ts";
import { type MoneyPorts, openChain } from "../money/journey.ts";
import {
  FILE_SECONDS,
  newTerms,
  orderCall,
  orderText,
  parseOrder,
  RELAY_SECONDS,
  signFile,
} from "../money/order.ts";
import { priceOf } from "../money/price.ts";
import { keySender, requireGas, type Sender, type Step } from "../money/send.ts";
import { laneAtHead } from "../money/target.ts";
import { readText } from "../money/text-file.ts";
import { DEFAULT_CONFIG } from "../settings.ts";
import { type Consented, coopStep } from "./coop.ts";
import { endsOf, type LaneContext, laneTitle } from "./ends.ts";
import { type LaneSight, linesOf, lookAt } from "./sight.ts";

const OPTIONS = {
  from: { type: "string" },
  "relay-key": { type: "string" },
  order: { type: "boolean" },
  relay: { type: "string" },
  coop: { type: "boolean" },
  consent: { type: "string" },
  incoming: { type: "boolean" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const CLOSE_HELP = `hirewire lane close DEVICE [--dry-run] [--json]
hirewire lane close DEVICE --coop --consent FILE [--dry-run] [--json]
hirewire lane close DEVICE --coop --incoming [--dry-run] [--json]
hirewire lane close DEVICE --from KEYFILE [--relay-key KEYFILE | --order]
hirewire lane close DEVICE --relay FILE --from KEYFILE

Closes the gateway's lane to DEVICE: asks for it first, and once the lane's
window is over, the same command again brings back what is left (a running
gateway does so by itself). It stays closed until hirewire lane open.
With --from it is the DEVICE's own lane to the gateway.

  --from KEYFILE       the device's key or its owner's; with --relay any key
                       that has coin for gas
  --relay-key KEYFILE  whose coin pays the gas instead: --from only signs
  --order              print the signed order, for somebody else to send
  --relay FILE         send such an order
  --coop               close at once, without a window:
    --consent FILE     the gateway's lane, as the device agrees in FILE
                       (hirewire lane consent)
    --incoming         the device's lane: the gateway takes what is signed to it
                       and gives the rest back; hirewire halt a gateway that
                       runs before
  --dry-run            check everything and say it; send nothing
  --config FILE        the gateway's settings (gateway.toml)
  --json               one object, amounts as decimal text
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

/**
 * @param args - what stands after `lane close`
 * @throws {@link Fault} before anything is sent `usage`, `config_missing`, `config_syntax`, `key_file`, `file_format`,
 * `lane_closing` while the window is open, `funds_short`, `chain_mismatch`, `chain_unreachable`; with the gateway's key
 * as `withGateway`; then as `perform`
 */
export async function closeLane(args: readonly string[], io: CommandIo, ports: MoneyPorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire lane close", args, OPTIONS);
  if (values.help) {
    io.write(CLOSE_HELP);
    return;
  }
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) throw new Fault("usage", "expected hirewire lane close DEVICE");
  requireSense(values);
  const settings = ports.readConfig(values.config);
  const isIncoming = values.from !== undefined || values.incoming === true;
  const ends = endsOf(settings, ports, name, isIncoming);
  const chain = await openChain(settings);
  const decimals = await chain.decimals(settings.chain.token);
  const context = { settings, ports, chain, decimals, ends };
  if (values.order) return await printOrder(context, values, io);
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  const go = async (sender: Sender, step: Step) =>
    perform(await deedOf(context, sender, step), chain, options, io, ports.clock);
  if (values.from === undefined) {
    const how = { settings, ports, chain, io, dryRun: options.dryRun };
    await withGateway(how, async (gateway) => {
      const how: Consented = { consent: values.consent, isRunning: gateway.isRunning };
      await go(gateway, values.coop ? await coopStep(context, how) : await ownStep(context, gateway.address));
    });
  } else await closeIncoming(context, values, values.from, go);
}

function requireSense(values: Values): void {
  const { from, order, relay, coop, consent, incoming, "relay-key": relayKey } = values;
  const ways = [order, relay !== undefined, relayKey !== undefined].filter(Boolean).length;
  if (ways > 1) throw new Fault("usage", "--order, --relay and --relay-key exclude each other");
  if (ways === 1 && from === undefined) throw new Fault("usage", "name the key: --from KEYFILE");
  if (coop && from !== undefined)
    throw new Fault("usage", "--coop is closed with the gateway's key: leave --from away");
  if (!coop && (consent !== undefined || incoming)) {
    throw new Fault("usage", "--consent and --incoming belong to --coop");
  }
  if (coop && (consent !== undefined) === (incoming === true)) {
    throw new Fault(
      "usage",
      "--coop takes either --consent FILE for the gateway's lane, or --incoming for the device's",
    );
  }
}

type Go = (sender: Sender, step: Step) => Promise<void>;

async function closeIncoming(context: LaneContext, values: Values, from: string, go: Go): Promise<void> {
  const { chain, ports, ends } = context;
  const { relay, "relay-key": relayKey } = values;
  const key = ports.keys.read(from);
  const sender = keySender(chain, relayKey === undefined ? key : ports.keys.read(relayKey), ports.clock);
  if (relay !== undefined) return await go(sender, await relayedStep(context, relay));
  const over = await finalStep(context);
  if (over) return await go(sender, over);
  if (relayKey === undefined) return await go(sender, await ownStep(context, sender.address));
  const { lane, rest } = await openLane(context);
  await requireControl(chain, ends.payer, addressOfKey(key), ends.key.token, rest);
  const what = { ...ends.key, epoch: lane.epoch };
  const file = await signFile(key, chain, "RequestClose", what, newTerms(ports.clock.now(), RELAY_SECONDS));
  await go(sender, { step: "requestCloseWithSig", purpose: "close", call: orderCall(file) });
}

/** What the payer or its owner sends itself: the request, or what ends the lane once the window is over. */
async function ownStep(context: LaneContext, sender: Hex): Promise<Step> {
  const { chain, ends } = context;
  const over = await finalStep(context);
  if (over) return over;
  const { rest } = await openLane(context);
  await requireControl(chain, ends.payer, sender, ends.key.token, rest);
  const call = requestClose(chain.vault, ends.key);
  const step: Step = { step: "requestClose", purpose: "close", call };
  return ends.payer.isGateway ? { ...step, ask: { do: "closeLane", device: ends.device.address } } : step;
}

/** What ends a lane that was asked to close; null while nobody has. */
async function finalStep({ chain, ends }: LaneContext): Promise<Step | null> {
  const { closeAt } = await laneAtHead(chain, ends.key);
  if (closeAt === 0) return null;
  const { time } = await chain.head();
  if (time >= closeAt) {
    return { step: "finalizeClose", purpose: "close", call: finalizeClose(chain.vault, ends.key) };
  }
  const when = new Date(closeAt * 1_000).toISOString();
  const words = `the lane ${laneTitle(ends)} can be claimed until ${when}: run this again after that`;
  throw new Fault("lane_closing", words, { facts: { closeAt } });
}

/** The lane and what is left in it, which must be something. */
async function openLane({ chain, ends }: LaneContext) {
  const lane = await laneAtHead(chain, ends.key);
  if (lane.deposit === 0n)
    throw new Fault("usage", `the lane ${laneTitle(ends)} is not open: hirewire lane list`);
  const rest = lane.deposit - lane.settled;
  if (rest === 0n)
    throw new Fault("usage", `all of the lane ${laneTitle(ends)} is settled: nothing would come back`);
  return { lane, rest };
}

async function printOrder(context: LaneContext, values: Values, io: CommandIo): Promise<void> {
  const { chain, ports, ends } = context;
  const key = ports.keys.read(values.from ?? "");
  const { lane, rest } = await openLane(context);
  await requireControl(chain, ends.payer, addressOfKey(key), ends.key.token, rest);
  const terms = newTerms(ports.clock.now(), FILE_SECONDS);
  io.write(orderText(await signFile(key, chain, "RequestClose", { ...ends.key, epoch: lane.epoch }, terms)));
  io.warn(`good until ${new Date(terms.deadline * 1_000).toISOString()}; send it with\n`);
  io.warn(`hirewire lane close ${ends.device.name} --relay FILE --from KEYFILE\n`);
}

async function relayedStep(context: LaneContext, path: string): Promise<Step> {
  const { chain, ends } = context;
  const file = parseOrder(readText(path), path, chain);
  if (file.kind !== "RequestClose") throw new Fault("file_format", `${path} is no order to close a lane`);
  const { payer, payee, token } = file.message;
  if (payer !== ends.key.payer || payee !== ends.key.payee || token !== ends.key.token) {
    throw new Fault("file_format", `${path} is for the lane ${payer} → ${payee}, not ${laneTitle(ends)}`);
  }
  await openLane(context);
  return { step: "requestCloseWithSig", purpose: "close", call: orderCall(file) };
}

async function deedOf(context: LaneContext, sender: Sender, step: Step): Promise<Deed<LaneSight>> {
  const { chain, ends } = context;
  const gasCost = await priceOf(chain, sender.address, step.call);
  await requireGas(chain, sender.address, gasCost);
  return {
    ...{ sender, steps: [step], gasCost },
    intent: (before) => linesOf(context, before),
    outcome: (after) => [...linesOf(context, after), ...advice(ends.device.name, after)],
    facts: { device: ends.device.address, direction: ends.payer.isGateway ? "out" : "in" },
    look: () => lookAt(context),
  };
}

function advice(device: string, { closesAt }: LaneSight): string[] {
  return closesAt === null
    ? []
    : [`after ${closesAt} run it again: hirewire lane list ${device} shows the lane`];
}
