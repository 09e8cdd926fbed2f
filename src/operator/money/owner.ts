/** `hirewire owner`: names a cold owner for the gateway's account, and says what the gateway's key may still move. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { setOwner } from "../../settlement/vault-calls.ts";
import { parseAddress, parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG } from "../settings.ts";
import { findAccount } from "./account.ts";
import { allowanceDeed } from "./allowance.ts";
import { type Deed, perform } from "./deed.ts";
import { withGateway } from "./gateway-key.ts";
import { type MoneyPorts, openChain } from "./journey.ts";
import { priceOf } from "./price.ts";
import { requireGas, type Sender } from "./send.ts";

const OPTIONS = {
  allowance: { type: "string" },
  "owner-key": { type: "string" },
  "relay-key": { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire owner gateway 0x… [--dry-run] [--json] [--config gateway.toml]
hirewire owner gateway --allowance AMOUNT --owner-key KEYFILE
                       [--relay-key KEYFILE] [--dry-run] [--json]

The first names, once and for good, the owner of the gateway's account: a key
that is kept away from this machine. From then on the gateway's own key signs
vouchers, and withdraws and funds lanes within an allowance only, which begins
at nothing. The second sets that allowance.

  --allowance AMOUNT   what the gateway's key may move from now on
  --owner-key KEYFILE  the owner's key, and whose coin for gas
  --relay-key KEYFILE  whose coin pays the gas instead: the owner only signs
  --dry-run            check everything and say it; send nothing
  --config FILE        the gateway's settings (gateway.toml)
  --json               one object, amounts as decimal text
`;

/**
 * Runs `hirewire owner …` and gives its exit code, 0.
 *
 * @param args - what stands after `owner`
 * @throws {@link Fault} before anything is sent `usage`, `amount_syntax`, `config_missing`, `config_syntax`, `key_file`,
 * `funds_short`, `chain_mismatch`, `chain_unreachable`; with the gateway's key as `withGateway`; then as `perform`
 */
export async function ownerCommand(args: string[], io: CommandIo, ports: MoneyPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire owner", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [who, typed, ...rest] = positionals;
  const { allowance, "owner-key": ownerKey, "relay-key": relayKey } = values;
  const isAllowance = allowance !== undefined && ownerKey !== undefined && typed === undefined;
  const isNaming = typed !== undefined && allowance === undefined && ownerKey === undefined;
  if (
    who?.toLowerCase() !== "gateway" ||
    rest.length > 0 ||
    isAllowance === isNaming ||
    (isNaming && relayKey)
  ) {
    const other = "or hirewire owner gateway --allowance AMOUNT --owner-key KEYFILE";
    throw new Fault(
      "usage",
      `expected hirewire owner gateway 0x…, ${other}; for a device: hirewire device owner`,
    );
  }
  const settings = ports.readConfig(values.config);
  const account = findAccount(settings, ports.keys, "gateway", "hirewire owner");
  const owner = typed === undefined ? null : parseAddress(typed, "the owner");
  if (owner === account.address) throw new Fault("usage", "an account cannot own itself");
  const chain = await openChain(settings);
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  if (owner === null) {
    const keys = {
      owner: ports.keys.read(ownerKey ?? ""),
      relay: relayKey ? ports.keys.read(relayKey) : null,
    };
    const context = { chain, clock: ports.clock, token: settings.chain.token, account };
    await perform(await allowanceDeed(context, keys, allowance ?? ""), chain, options, io, ports.clock);
    return 0;
  }
  const before = await chain.ownerOf(account.address);
  if (before !== null) throw new Fault("usage", `the gateway's owner is ${before} already, for good`);
  const how = { settings, ports, chain, io, dryRun: options.dryRun };
  await withGateway(how, async (sender) => {
    const call = setOwner(chain.vault, owner);
    const gasCost = await priceOf(chain, sender.address, call);
    await requireGas(chain, sender.address, gasCost);
    const deed = namingDeed(sender, owner, gasCost, () => chain.ownerOf(account.address));
    await perform(
      { ...deed, steps: [{ step: "setOwner", purpose: "owner", call }] },
      chain,
      options,
      io,
      ports.clock,
    );
  });
  return 0;
}

function namingDeed(
  sender: Sender,
  owner: string,
  gasCost: bigint,
  ownerNow: () => Promise<string | null>,
): Omit<Deed<{ owner: string | null }>, "steps"> {
  return {
    sender,
    gasCost,
    intent: () => [
      `names ${owner} the owner of the gateway's account ${sender.address}, for good`,
      "its own key can then move nothing until: hirewire owner gateway --allowance AMOUNT --owner-key KEYFILE",
    ],
    outcome: (after) => [`the owner of ${sender.address} is ${after.owner ?? "nobody"}`],
    facts: { account: sender.address, owner },
    look: async () => ({ owner: await ownerNow() }),
  };
}
