/** `hirewire withdraw`: sends tokens out of a key's vault to an address. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, formatAmount, parseAmount, ZERO } from "../../base/money.ts";
import { type Chain, withdraw } from "../../settlement/chain.ts";
import { parseAddress, parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG, readGatewayKey, type Settings } from "../settings.ts";
import { type Journey, type MoneyPorts, make, openChain } from "./journey.ts";
import { priceOf } from "./price.ts";
import { accountOf, requireGas } from "./send.ts";

const OPTIONS = {
  to: { type: "string" },
  key: { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire withdraw AMOUNT|all --to 0x… [--key KEYFILE] [--dry-run] [--json]
                  [--config gateway.toml]

Sends AMOUNT of the token, or all of it, out of the vault of the key's account.
What is in lanes stays there. Waits until the chain has it.

  --to 0x…       who receives it
  --key KEYFILE  whose vault, and whose coin for gas (default: the gateway's)
  --dry-run      check everything and say it; send nothing
  --config FILE  the gateway's settings (gateway.toml)
  --json         one object, amounts as decimal text
`;

/**
 * Runs `hirewire withdraw …` and gives its exit code, 0.
 *
 * @param args - what stands after `withdraw`
 * @throws {@link Fault} before anything is sent `usage`, `amount_syntax`, `config_missing`, `config_syntax`,
 * `key_file`, `funds_short`, `chain_mismatch`, `chain_unreachable`, and `transaction_failed` where the token
 * refuses; then as {@link make}
 */
export async function withdrawCommand(args: string[], io: CommandIo, ports: MoneyPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire withdraw", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [typed, ...rest] = positionals;
  if (typed === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire withdraw AMOUNT|all --to 0x…");
  }
  if (values.to === undefined) throw new Fault("usage", "name who receives it: --to 0x…");
  const settings = ports.readConfig(values.config);
  const to = receiver(values.to, settings);
  const { keys, clock } = ports;
  const key = values.key === undefined ? readGatewayKey(settings, keys) : keys.read(values.key);
  const chain = await openChain(settings);
  const journey = await journeyFrom(chain, settings.chain.token, key, to, typed);
  await make(journey, chain, { json: values.json === true, dryRun: values["dry-run"] === true }, io, clock);
  return 0;
}

function receiver(text: string, settings: Settings): Hex {
  const to = parseAddress(text, "--to");
  const { vault, token } = settings.chain;
  if (to === vault || to === token) {
    const which = to === vault ? "vault's" : "token's";
    throw new Fault("usage", `--to is the ${which} own contract: what it receives is lost`);
  }
  return to;
}

async function journeyFrom(
  chain: Chain,
  token: Hex,
  key: Uint8Array,
  to: Hex,
  typed: string,
): Promise<Journey> {
  const signer = accountOf(key);
  const decimals = await chain.decimals(token);
  const has = await chain.vaultBalance(signer.address, token);
  const amount = typed === "all" ? has : parseAmount(typed, decimals);
  requireVault(signer.address, has, amount, decimals, typed === "all");
  const call = withdraw(chain.vault, token, amount, to);
  const gasCost = await priceOf(chain, signer.address, call);
  await requireGas(chain, signer.address, gasCost);
  return {
    token,
    decimals,
    amount,
    signer,
    from: `vault of ${signer.address}`,
    to: `account ${to}`,
    steps: [{ step: "withdraw", call }],
    gasCost,
    balances: async () => ({
      from: await chain.vaultBalance(signer.address, token),
      to: await chain.tokenBalance(to, token),
    }),
  };
}

function requireVault(account: Hex, has: Amount, amount: Amount, decimals: number, isAll: boolean): void {
  if (amount === ZERO && !isAll) throw new Fault("usage", "expected an amount above zero");
  if (has >= amount && amount > ZERO) return;
  const held = formatAmount(has, decimals);
  throw new Fault("funds_short", `the vault of ${account} has ${held}: see hirewire fund`, {
    facts: { account, has, needs: amount },
  });
}
