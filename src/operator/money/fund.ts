/** `hirewire fund`: puts tokens of a key into a device's lane, or into a vault. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, formatAmount, parseAmount, ZERO } from "../../base/money.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import type { Chain } from "../../settlement/chain.ts";
import { approve, transfer } from "../../settlement/vault-calls.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG, readGatewayKey } from "../settings.ts";
import { findAccount } from "./account.ts";
import { perform } from "./deed.ts";
import { depositAddressOf } from "./deposit-address.ts";
import { deedOf, type Journey, type MoneyPorts, openChain } from "./journey.ts";
import { requireMinimum } from "./policy.ts";
import { priceIfAllowed, priceOf, priceOfSteps } from "./price.ts";
import { keySender, requireGas, type Sender, type Step } from "./send.ts";
import { signedDeposit } from "./signed-deposit.ts";
import { laneTarget, type Target, vaultTarget } from "./target.ts";

const OPTIONS = {
  from: { type: "string" },
  vault: { type: "boolean" },
  address: { type: "boolean" },
  "relay-key": { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire fund DEVICE|gateway AMOUNT --from KEYFILE [--vault]
              [--relay-key KEYFILE] [--dry-run] [--json] [--config gateway.toml]
hirewire fund DEVICE|gateway --address [--json] [--config gateway.toml]

Pays AMOUNT of the token (such as 25 or 0.5) from the key's account: for a
DEVICE, by name or address, into its lane to the gateway, on which it pays for
tasks; for "gateway" into the gateway's vault, from which it pays providers.
Says what it will do, sends, and waits until the chain has it.

  --from KEYFILE       whose tokens, and whose coin for gas
  --vault              into the device's vault, not into its lane; from there
                       hirewire lane open DEVICE AMOUNT --from KEYFILE
  --relay-key KEYFILE  whose coin pays the gas instead: the --from key only
                       signs (EIP-3009 or EIP-2612), into a vault
  --address            show where anyone can send the token by a plain transfer,
                       an exchange for instance; then hirewire sweep
  --dry-run            check everything and say it; send nothing
  --config FILE        the gateway's settings (gateway.toml)
  --json               one object, amounts as decimal text
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

/**
 * Runs `hirewire fund …` and gives its exit code, 0.
 *
 * @param args - what stands after `fund`
 * @throws {@link Fault} before anything is sent `usage`, `amount_syntax`, `config_missing`, `config_syntax`,
 * `key_file`, `funds_short`, `lane_closing`, `chain_mismatch`, `chain_unreachable`, and `transaction_failed` where
 * the token refuses; then as {@link perform}
 */
export async function fundCommand(args: string[], io: CommandIo, ports: MoneyPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire fund", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [name, typed, ...rest] = positionals;
  if (values.address) await showAddress(name, typed, values, io, ports);
  else if (name === undefined || typed === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire fund DEVICE|gateway AMOUNT --from KEYFILE");
  } else await fund(name, typed, values, io, ports);
  return 0;
}

async function fund(
  name: string,
  typed: string,
  values: Values,
  io: CommandIo,
  ports: MoneyPorts,
): Promise<void> {
  const { from, "relay-key": relay } = values;
  if (from === undefined) throw new Fault("usage", "name the key that pays: --from KEYFILE");
  const settings = ports.readConfig(values.config);
  const { keys, clock } = ports;
  const account = findAccount(settings, keys, name, "hirewire fund");
  const gateway = addressOfKey(readGatewayKey(settings, keys));
  const isVault = account.isGateway || values.vault === true;
  if (relay !== undefined && !isVault) {
    throw new Fault(
      "usage",
      "what is only signed goes into a vault: add --vault, then see hirewire lane open",
    );
  }
  const payer = keys.read(from);
  const relayer = relay === undefined ? null : keys.read(relay);
  const chain = await openChain(settings);
  const { token, confirmations } = settings.chain;
  const decimals = await chain.decimals(token);
  const amount = parseAmount(typed, decimals);
  if (amount === ZERO) throw new Fault("usage", "expected an amount above zero");
  const target = isVault ? vaultTarget(chain, token, account) : laneTarget(chain, token, gateway, account);
  await target.check();
  await requireTokens(chain, addressOfKey(payer), token, amount, decimals);
  if (!isVault) {
    const lane = { payer: account.address, payee: gateway, token };
    await requireMinimum({ chain, settings, gateway, decimals }, lane, (await target.balance()) + amount);
  }
  const move = { chain, token, decimals, amount, from: addressOfKey(payer), target };
  const journey = relayer
    ? await relayed(
        move,
        await signedDeposit(move, payer, account.address, clock.now()),
        keySender(chain, relayer, clock),
      )
    : await approved(move, keySender(chain, payer, clock));
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  await perform(deedOf(journey), chain, options, io, clock);
  const isWaiting = confirmations === "finalized" || confirmations > 1;
  if (!isVault && isWaiting && !options.dryRun) {
    const when = confirmations === "finalized" ? "it is finalized" : `it has ${confirmations} confirmations`;
    io.warn(`the gateway counts it once ${when}\n`);
  }
}

type Move = {
  readonly chain: Chain;
  readonly token: Hex;
  readonly decimals: number;
  readonly amount: Amount;
  /** Whose tokens. */
  readonly from: Hex;
  readonly target: Target;
};

/** The payer's own transactions. */
async function approved(move: Move, sender: Sender): Promise<Journey> {
  const { steps, gasCost } = await planOf(move);
  await requireGas(move.chain, sender.address, gasCost);
  return journeyOf(move, sender, steps, gasCost);
}

/** What the payer has signed, in transactions of somebody else. */
async function relayed(move: Move, steps: readonly Step[], sender: Sender): Promise<Journey> {
  const gasCost = await priceOfSteps(move.chain, sender.address, steps);
  await requireGas(move.chain, sender.address, gasCost);
  return journeyOf(move, sender, steps, gasCost);
}

function journeyOf(move: Move, sender: Sender, steps: readonly Step[], gasCost: bigint): Journey {
  const { chain, token, decimals, amount, from, target } = move;
  return {
    ...{ token, decimals, amount, sender, steps, gasCost },
    from: `account ${from}`,
    to: target.title,
    balances: async () => ({ from: await chain.tokenBalance(from, token), to: await target.balance() }),
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

async function planOf({ chain, from, token, target, amount }: Move): Promise<Plan> {
  // asked first, as the approval would succeed even where the token is paused or refuses this account
  const plain = await priceOf(chain, from, transfer(token, chain.vault, amount));
  const pay: Step = { step: target.step, purpose: "fund", call: target.pay(amount) };
  const allowance = await chain.allowance(from, token);
  if (allowance >= amount) return { steps: [pay], gasCost: await priceOf(chain, from, pay.call) };
  const allow: Step = { step: "approve", purpose: "approve", call: approve(chain.vault, token, amount) };
  const price = await priceIfAllowed(chain, from, allow.call);
  if (price !== null) return { steps: [allow, pay], gasCost: price + TRANSFERS_PER_STEP * plain };
  // USDT changes an allowance only from zero or to zero
  const reset: Step = { step: "approve zero", purpose: "approve", call: approve(chain.vault, token, ZERO) };
  const gasCost = (await priceOf(chain, from, reset.call)) + 2n * TRANSFERS_PER_STEP * plain;
  return { steps: [reset, allow, pay], gasCost };
}

async function showAddress(
  name: string | undefined,
  more: string | undefined,
  values: Values,
  io: CommandIo,
  ports: MoneyPorts,
): Promise<void> {
  const isAlone = values.from === undefined && values["relay-key"] === undefined && !values.vault;
  if (name === undefined || more !== undefined || !isAlone) {
    throw new Fault("usage", "expected hirewire fund DEVICE|gateway --address, and nothing else");
  }
  const settings = ports.readConfig(values.config);
  const account = findAccount(settings, ports.keys, name, "hirewire fund");
  const chain = await openChain(settings);
  const { token, id: chainId } = settings.chain;
  const decimals = await chain.decimals(token);
  const address = await depositAddressOf(chain, account.address);
  const waiting = formatAmount(await chain.tokenBalance(address, token), decimals);
  if (values.json) {
    const found = { account: account.address, name: account.name, depositAddress: address };
    io.write(`${JSON.stringify({ ...found, chainId, token, waiting })}\n`);
    return;
  }
  io.write(`${address}\n`);
  io.write(`is the deposit address of ${account.name} on chain ${chainId}: a plain transfer of\n`);
  io.write(`token ${token} to it works, from an exchange too. No coin, no other token.\n`);
  io.write(
    `${waiting} wait there; hirewire sweep ${account.isGateway ? "gateway" : account.name} moves them to its vault\n`,
  );
}
