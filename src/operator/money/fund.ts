/** `hirewire fund`: puts tokens of a key into a device's lane, or into the gateway's vault. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, formatAmount, parseAmount, ZERO } from "../../base/money.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { approve, type Chain, transfer } from "../../settlement/chain.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG, readGatewayKey } from "../settings.ts";
import { type Journey, type MoneyPorts, make, openChain } from "./journey.ts";
import { priceIfAllowed, priceOf } from "./price.ts";
import { accountOf, requireGas, type Step } from "./send.ts";
import { findDevice, laneTarget, type Target, vaultTarget } from "./target.ts";

const OPTIONS = {
  from: { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire fund DEVICE|gateway AMOUNT --from KEYFILE [--dry-run] [--json]
              [--config gateway.toml]

Pays AMOUNT of the token (such as 25 or 0.5) from the key's account: for a
DEVICE, by name or address, into its lane to the gateway, on which it pays for
tasks; for "gateway" into the gateway's vault, from which it pays providers.
Says what it will do, sends, and waits until the chain has it.

  --from KEYFILE  whose tokens, and whose coin for gas
  --dry-run       check everything and say it; send nothing
  --config FILE   the gateway's settings (gateway.toml)
  --json          one object, amounts as decimal text
`;

/**
 * Runs `hirewire fund …` and gives its exit code, 0.
 *
 * @param args - what stands after `fund`
 * @throws {@link Fault} before anything is sent `usage`, `amount_syntax`, `config_missing`, `config_syntax`,
 * `key_file`, `funds_short`, `lane_closing`, `chain_mismatch`, `chain_unreachable`, and `transaction_failed` where
 * the token refuses; then as {@link make}
 */
export async function fundCommand(args: string[], io: CommandIo, ports: MoneyPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire fund", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [name, typed, ...rest] = positionals;
  if (name === undefined || typed === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire fund DEVICE|gateway AMOUNT --from KEYFILE");
  }
  if (values.from === undefined) throw new Fault("usage", "name the key that pays: --from KEYFILE");
  const settings = ports.readConfig(values.config);
  const device = name.toLowerCase() === "gateway" ? null : findDevice(settings, name);
  const gateway = addressOfKey(readGatewayKey(settings, ports.keys));
  const payer = ports.keys.read(values.from);
  const chain = await openChain(settings);
  const { token, confirmations } = settings.chain;
  const target = device ? laneTarget(chain, token, gateway, device) : vaultTarget(chain, token, gateway);
  const journey = await journeyTo(target, chain, token, payer, typed);
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  await make(journey, chain, options, io, ports.clock);
  if (device && confirmations > 1 && !options.dryRun) {
    io.warn(`the gateway counts it once it has ${confirmations} confirmations\n`);
  }
  return 0;
}

async function journeyTo(
  target: Target,
  chain: Chain,
  token: Hex,
  payer: Uint8Array,
  typed: string,
): Promise<Journey> {
  const signer = accountOf(payer);
  const decimals = await chain.decimals(token);
  const amount = parseAmount(typed, decimals);
  if (amount === ZERO) throw new Fault("usage", "expected an amount above zero");
  await target.check();
  await requireTokens(chain, signer.address, token, amount, decimals);
  const { steps, gasCost } = await planOf(chain, signer.address, token, target, amount);
  await requireGas(chain, signer.address, gasCost);
  return {
    token,
    decimals,
    amount,
    signer,
    from: `account ${signer.address}`,
    to: target.title,
    steps,
    gasCost,
    balances: async () => ({
      from: await chain.tokenBalance(signer.address, token),
      to: await target.balance(),
    }),
  };
}

async function requireTokens(
  chain: Chain,
  account: Hex,
  token: Hex,
  amount: Amount,
  decimals: number,
): Promise<void> {
  const has = await chain.tokenBalance(account, token);
  if (has >= amount) return;
  const [held, wanted] = [formatAmount(has, decimals), formatAmount(amount, decimals)];
  throw new Fault("funds_short", `${account} has ${held} of token ${token}, less than ${wanted}`, {
    facts: { account, has, needs: amount },
  });
}

/**
 * Gas of a step that cannot be estimated before the one ahead of it is mined, in transfers. A deposit is a transfer
 * with an allowance, two looks at a balance and a new word in the vault.
 */
const TRANSFERS_PER_STEP = 3n;

type Plan = { readonly steps: readonly Step[]; readonly gasCost: bigint };

async function planOf(chain: Chain, from: Hex, token: Hex, target: Target, amount: Amount): Promise<Plan> {
  // asked first, as the approval would succeed even where the token is paused or refuses this account
  const plain = await priceOf(chain, from, transfer(token, chain.vault, amount));
  const pay = { step: target.step, call: target.pay(amount) };
  const allowance = await chain.allowance(from, token);
  if (allowance >= amount) return { steps: [pay], gasCost: await priceOf(chain, from, pay.call) };
  const allow = { step: "approve", call: approve(chain.vault, token, amount) };
  const price = await priceIfAllowed(chain, from, allow.call);
  if (price !== null) return { steps: [allow, pay], gasCost: price + TRANSFERS_PER_STEP * plain };
  // USDT changes an allowance only from zero or to zero
  const reset = { step: "approve zero", call: approve(chain.vault, token, ZERO) };
  const gasCost = (await priceOf(chain, from, reset.call)) + 2n * TRANSFERS_PER_STEP * plain;
  return { steps: [reset, allow, pay], gasCost };
}
