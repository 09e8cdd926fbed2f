/** `hirewire withdraw`: sends tokens out of a vault to an address. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, amount as atomic, formatAmount, parseAmount, ZERO } from "../../base/money.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { keySigner } from "../../protocol/signer.ts";
import type { Call, Chain } from "../../settlement/chain.ts";
import { signOrder } from "../../settlement/orders.ts";
import { withdraw, withdrawWithSig } from "../../settlement/vault-calls.ts";
import { parseAddress, parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG, type Settings } from "../settings.ts";
import { type Account, findAccount, requireControl } from "./account.ts";
import { perform } from "./deed.ts";
import { withGateway } from "./gateway-key.ts";
import { deedOf, type Journey, type MoneyPorts, openChain } from "./journey.ts";
import { newTerms, RELAY_SECONDS } from "./order.ts";
import { priceOf } from "./price.ts";
import { keySender, requireGas, type Sender } from "./send.ts";

const OPTIONS = {
  to: { type: "string" },
  device: { type: "string" },
  key: { type: "string" },
  "relay-key": { type: "string" },
  fee: { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire withdraw AMOUNT|all --to 0x… [--device NAME] [--key KEYFILE]
                  [--relay-key KEYFILE [--fee AMOUNT]] [--dry-run] [--json]
                  [--config gateway.toml]

Sends AMOUNT of the token, or all of it, out of a vault: the gateway's, or that
of --device or --key. What is in lanes stays there. Waits until the chain has
it.

  --to 0x…             who receives it
  --device NAME        whose vault, by name or address (or: gateway)
  --key KEYFILE        the account's own key, or that of its owner, and whose
                       coin for gas (default: the gateway's key)
  --relay-key KEYFILE  whose coin pays the gas instead: --key only signs
  --fee AMOUNT         what the relay key's vault gets for it, on top
  --dry-run            check everything and say it; send nothing
  --config FILE        the gateway's settings (gateway.toml)
  --json               one object, amounts as decimal text
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

/**
 * Runs `hirewire withdraw …` and gives its exit code, 0.
 *
 * @param args - what stands after `withdraw`
 * @throws {@link Fault} before anything is sent `usage`, `amount_syntax`, `config_missing`, `config_syntax`,
 * `key_file`, `funds_short`, `chain_mismatch`, `chain_unreachable`, and `transaction_failed` where the token
 * refuses; with the gateway's key as {@link withGateway}; then as {@link perform}
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
  requireSense(values);
  const settings = ports.readConfig(values.config);
  const to = receiver(values.to, settings);
  const key = values.key === undefined ? null : ports.keys.read(values.key);
  const account = accountOf(values, settings, ports, key);
  const chain = await openChain(settings);
  const move = await moveOf({ chain, settings, account, to }, typed, values.fee);
  const options = { json: values.json === true, dryRun: values["dry-run"] === true };
  const go = (journey: Journey) => perform(deedOf(journey), chain, options, io, ports.clock);
  if (!key) {
    const how = { settings, ports, chain, io, dryRun: options.dryRun };
    await withGateway(how, async (sender) => go(await directly(move, sender)));
  } else if (values["relay-key"] === undefined) {
    await go(await directly(move, keySender(chain, key, ports.clock)));
  } else {
    const relayer = keySender(chain, ports.keys.read(values["relay-key"]), ports.clock);
    await go(await byOrder(move, key, relayer, ports));
  }
  return 0;
}

function requireSense(values: Values): void {
  const { device, key, fee, "relay-key": relay } = values;
  if (device !== undefined && device.toLowerCase() !== "gateway" && key === undefined) {
    throw new Fault("usage", "name the key that may: the device's own or its owner's, --key KEYFILE");
  }
  if (relay !== undefined && key === undefined) {
    throw new Fault("usage", "--relay-key sends what --key KEYFILE has signed: name that too");
  }
  if (fee !== undefined && relay === undefined) throw new Fault("usage", "--fee is what --relay-key gets");
}

function accountOf(values: Values, settings: Settings, ports: MoneyPorts, key: Uint8Array | null): Account {
  const { device } = values;
  if (device === undefined && key) {
    const address = addressOfKey(key);
    return { address, name: address, isGateway: false };
  }
  return findAccount(settings, ports.keys, device ?? "gateway", "hirewire withdraw");
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

type Place = {
  readonly chain: Chain;
  readonly settings: Settings;
  readonly account: Account;
  readonly to: Hex;
};

type Move = Place & { readonly decimals: number; readonly amount: Amount; readonly fee: Amount };

async function moveOf(place: Place, typed: string, typedFee: string | undefined): Promise<Move> {
  const { chain, settings, account } = place;
  const { token } = settings.chain;
  const decimals = await chain.decimals(token);
  const fee = typedFee === undefined ? ZERO : parseAmount(typedFee, decimals);
  const has = await chain.vaultBalance(account.address, token);
  const isAll = typed === "all";
  const amount = isAll ? atomic(has > fee ? has - fee : 0n) : parseAmount(typed, decimals);
  if (amount === ZERO && !isAll) throw new Fault("usage", "expected an amount above zero");
  if (has >= amount + fee && amount > ZERO) return { ...place, decimals, amount, fee };
  const held = formatAmount(has, decimals);
  const whose = account.isGateway ? account.address : account.name;
  throw new Fault("funds_short", `the vault of ${whose} has ${held}: see hirewire fund`, {
    facts: { account: account.address, has, needs: amount + fee },
  });
}

/** A transaction of somebody who may act for the account. */
async function directly(move: Move, sender: Sender): Promise<Journey> {
  const { chain, settings, account, amount, to } = move;
  const { token } = settings.chain;
  await requireControl(chain, account, sender.address, token, amount);
  return await journeyOf(move, sender, "withdraw", withdraw(chain.vault, account.address, token, amount, to));
}

/** What somebody who may has signed, in a transaction of the relayer's. */
async function byOrder(move: Move, key: Uint8Array, relayer: Sender, ports: MoneyPorts): Promise<Journey> {
  const { chain, settings, account, amount, to, fee } = move;
  const { token } = settings.chain;
  const signer = keySigner(key);
  await requireControl(chain, account, signer.address, token, amount + fee);
  const what = { account: account.address, token, amount, to };
  const terms = newTerms(ports.clock.now(), RELAY_SECONDS, fee);
  const order = await signOrder(signer, chain, "Withdraw", what, terms);
  return await journeyOf(move, relayer, "withdrawWithSig", withdrawWithSig(chain.vault, what, order));
}

async function journeyOf(move: Move, sender: Sender, step: string, call: Call): Promise<Journey> {
  const { chain, settings, account, amount, decimals, to, fee } = move;
  const { token } = settings.chain;
  const gasCost = await priceOf(chain, sender.address, call);
  await requireGas(chain, sender.address, gasCost);
  return {
    ...{ token, decimals, amount, sender, gasCost },
    from: `vault of ${account.isGateway ? account.address : account.name}`,
    to: `account ${to}`,
    steps: [{ step, purpose: "withdraw", call }],
    balances: async () => ({
      from: await chain.vaultBalance(account.address, token),
      to: await chain.tokenBalance(to, token),
    }),
    ...(fee === ZERO ? {} : { facts: { fee: formatAmount(fee, decimals) } }),
  };
}
