/** `hirewire device allowance`: what an owned device's own key may move. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { findAccount } from "../money/account.ts";
import { allowanceDeed } from "../money/allowance.ts";
import { perform } from "../money/deed.ts";
import { type MoneyPorts, openChain } from "../money/journey.ts";
import { DEFAULT_CONFIG } from "../settings.ts";

const OPTIONS = {
  "owner-key": { type: "string" },
  "relay-key": { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const ALLOWANCE_HELP = `hirewire device allowance NAME AMOUNT --owner-key KEYFILE
                          [--relay-key KEYFILE] [--dry-run] [--json]
                          [--config gateway.toml]

Lets the own key of an owned device move AMOUNT in all from now on: out of its
vault, or into its lanes. Vouchers are not limited by it. 0 takes it away.

  --owner-key KEYFILE  the owner's key, and whose coin for gas
  --relay-key KEYFILE  whose coin pays the gas instead: the owner only signs
  --dry-run            check everything and say it; send nothing
  --config FILE        the gateway's settings (gateway.toml)
  --json               one object, amounts as decimal text
`;

/**
 * @param args - what stands after `device allowance`
 * @throws {@link Fault} before anything is sent `usage`, `amount_syntax`, `config_missing`, `config_syntax`, `key_file`,
 * `funds_short`, `chain_mismatch`, `chain_unreachable`; then as `perform`
 */
export async function setDeviceAllowance(
  args: readonly string[],
  io: CommandIo,
  ports: MoneyPorts,
): Promise<void> {
  const { values, positionals } = parseArguments("hirewire device allowance", args, OPTIONS);
  if (values.help) {
    io.write(ALLOWANCE_HELP);
    return;
  }
  const [name, typed, ...rest] = positionals;
  const { "owner-key": ownerKey, "relay-key": relayKey } = values;
  if (name === undefined || typed === undefined || ownerKey === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire device allowance NAME AMOUNT --owner-key KEYFILE");
  }
  const settings = ports.readConfig(values.config);
  const account = findAccount(settings, ports.keys, name, "hirewire device list");
  if (account.isGateway)
    throw new Fault("usage", "for the gateway's key: hirewire owner gateway --allowance");
  const owner = ports.keys.read(ownerKey);
  const relay = relayKey === undefined ? null : ports.keys.read(relayKey);
  const chain = await openChain(settings);
  const context = { chain, clock: ports.clock, token: settings.chain.token, account };
  const deed = await allowanceDeed(context, { owner, relay }, typed);
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  await perform(deed, chain, options, io, ports.clock);
}
