/** `hirewire device owner`: carries out the order by which a new device has named its owner. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import type { Chain } from "../../settlement/chain.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type Deed, type DeedOptions, perform } from "../money/deed.ts";
import { type MoneyPorts, openChain } from "../money/journey.ts";
import { orderCall } from "../money/order.ts";
import { priceOf } from "../money/price.ts";
import { keySender, requireGas } from "../money/send.ts";
import type { RosterEntry } from "../roster-folder.ts";
import { DEFAULT_CONFIG, findEntry, type Settings } from "../settings.ts";
import { dropOwnerOrder, keptOwnerOrder, ownerOrderFile } from "./order-store.ts";

const OPTIONS = {
  "relay-key": { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const OWNER_HELP = `hirewire device owner NAME --relay-key KEYFILE [--dry-run] [--json]
                      [--config gateway.toml]

Names the owner of the device's money on the chain, as the device signed when
it was enrolled with hirewire device add NAME --owner 0x…. From then on the
owner alone moves it; the device's key signs vouchers.

  --relay-key KEYFILE  whose coin pays the gas: anybody's
  --dry-run            check everything and say it; send nothing
  --config FILE        the gateway's settings (gateway.toml)
  --json               one object
`;

/**
 * @param args - what stands after `device owner`
 * @throws {@link Fault} before anything is sent `usage`, `config_missing`, `config_syntax`, `key_file`, `file_format`,
 * `funds_short`, `chain_mismatch`, `chain_unreachable`, `transaction_failed`; then as `perform`
 */
export async function nameOwner(args: readonly string[], io: CommandIo, ports: MoneyPorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire device owner", args, OPTIONS);
  if (values.help) {
    io.write(OWNER_HELP);
    return;
  }
  const [name, ...rest] = positionals;
  const { "relay-key": relay } = values;
  if (name === undefined || relay === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire device owner NAME --relay-key KEYFILE");
  }
  const settings = ports.readConfig(values.config);
  const entry = findEntry(settings, name, "hirewire device list");
  const key = ports.keys.read(relay);
  const chain = await openChain(settings);
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  await sendOwnerOrder(settings, entry, chain, key, options, io, ports);
}

/** Sends the order that waits for this device, with somebody's gas, and removes it. Throws as {@link nameOwner}. */
export async function sendOwnerOrder(
  settings: Settings,
  entry: RosterEntry,
  chain: Chain,
  relayKey: Uint8Array,
  options: DeedOptions,
  io: CommandIo,
  ports: MoneyPorts,
): Promise<void> {
  const { data } = settings;
  const named = await chain.ownerOf(entry.device);
  if (named !== null) {
    if (!options.dryRun) dropOwnerOrder(data, entry.name);
    throw new Fault("usage", `the owner of ${entry.name} is ${named} already, for good`);
  }
  const order = keptOwnerOrder(data, entry.name, chain);
  if (!order || order.message.account !== entry.device) {
    const words = `no order of ${entry.name} waits in ${ownerOrderFile(data, entry.name)}: its key signs one when it is enrolled with --owner`;
    throw new Fault("usage", words);
  }
  const sender = keySender(chain, relayKey, ports.clock);
  const call = orderCall(order);
  const gasCost = await priceOf(chain, sender.address, call);
  await requireGas(chain, sender.address, gasCost);
  const { owner } = order.message;
  const deed: Deed<{ owner: string | null }> = {
    ...{ sender, gasCost, steps: [{ step: "setOwnerWithSig", purpose: "owner", call }] },
    intent: () => [`names ${owner} the owner of ${entry.name} (${entry.device}), for good`],
    outcome: (after) => [`the owner of ${entry.name} is ${after.owner ?? "nobody"}`],
    facts: { account: entry.device, owner },
    look: async () => ({ owner: await chain.ownerOf(entry.device) }),
  };
  await perform(deed, chain, options, io, ports.clock);
  if (!options.dryRun) dropOwnerOrder(data, entry.name);
}
