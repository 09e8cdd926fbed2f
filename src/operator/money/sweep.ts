/** `hirewire sweep`: moves what arrived at an account's deposit address into its vault. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { ZERO } from "../../base/money.ts";
import { sweep } from "../../settlement/vault-calls.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG } from "../settings.ts";
import { findAccount } from "./account.ts";
import { perform } from "./deed.ts";
import { depositAddressOf } from "./deposit-address.ts";
import { deedOf, type MoneyPorts, openChain } from "./journey.ts";
import { priceOfSteps } from "./price.ts";
import { keySender, requireGas, type Step } from "./send.ts";

const OPTIONS = {
  from: { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire sweep DEVICE|gateway --from KEYFILE [--dry-run] [--json]
               [--config gateway.toml]

Moves every token that waits at the deposit address of a DEVICE or the gateway
(hirewire fund DEVICE --address) into its vault. Anyone may do this: nothing can
go anywhere else.

  --from KEYFILE  whose coin pays the gas
  --dry-run       check everything and say it; send nothing
  --config FILE   the gateway's settings (gateway.toml)
  --json          one object, amounts as decimal text
`;

/**
 * Runs `hirewire sweep …` and gives its exit code, 0.
 *
 * @param args - what stands after `sweep`
 * @throws {@link Fault} before anything is sent `usage`, `config_missing`, `config_syntax`, `key_file`, `funds_short`
 * when nothing waits there, `chain_mismatch`, `chain_unreachable`, and `transaction_failed` where the token refuses; then
 * as {@link perform}
 */
export async function sweepCommand(args: string[], io: CommandIo, ports: MoneyPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire sweep", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire sweep DEVICE|gateway --from KEYFILE");
  }
  if (values.from === undefined)
    throw new Fault("usage", "name the key whose coin pays the gas: --from KEYFILE");
  const settings = ports.readConfig(values.config);
  const account = findAccount(settings, ports.keys, name, "hirewire sweep");
  const key = ports.keys.read(values.from);
  const chain = await openChain(settings);
  const { token } = settings.chain;
  const decimals = await chain.decimals(token);
  const place = await depositAddressOf(chain, account.address);
  const amount = await chain.tokenBalance(place, token);
  if (amount === ZERO) {
    throw new Fault("funds_short", `nothing waits at ${place}, the deposit address of ${account.name}`);
  }
  const sender = keySender(chain, key, ports.clock);
  const steps: Step[] = [
    { step: "sweep", purpose: "fund", call: sweep(chain.vault, account.address, token) },
  ];
  const gasCost = await priceOfSteps(chain, sender.address, steps);
  await requireGas(chain, sender.address, gasCost);
  const journey = {
    ...{ token, decimals, amount, sender, steps, gasCost },
    from: `deposit address ${place}`,
    to: `vault of ${account.name}`,
    balances: async () => ({
      from: await chain.tokenBalance(place, token),
      to: await chain.vaultBalance(account.address, token),
    }),
  };
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  await perform(deedOf(journey), chain, options, io, ports.clock);
  return 0;
}
