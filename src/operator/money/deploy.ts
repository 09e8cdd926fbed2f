/** `hirewire deploy`: puts a LaneVault on a chain and says what `gateway.toml` needs of it. */
import type { ParseArgsConfig } from "node:util";
import { privateKeyToAccount } from "viem/accounts";
import { type Hex, toHex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { mined } from "../../settlement/chain.ts";
import { type Deployed, deployPlayMoney, deployVault } from "../../settlement/deploy.ts";
import { openEvmChain } from "../../settlement/evm-chain.ts";
import { mint } from "../../settlement/vault-calls.ts";
import { parseAddress, parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { MoneyPorts } from "./journey.ts";

const OPTIONS = {
  rpc: { type: "string" },
  from: { type: "string" },
  token: { type: "string" },
  "play-money": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire deploy --rpc URL --from KEYFILE --token 0x… | --play-money [--json]

Deploys LaneVault, which nobody owns and nobody can change, and prints the
[chain] section of gateway.toml. It has not been audited: think before you put
real money in it.

  --rpc URL        the chain's JSON-RPC
  --from KEYFILE   whose coin pays the gas
  --token 0x…      the USDT that the gateway trades in
  --play-money     deploy a token like USDT as well, and give the key in --from
                   1,000,000.00 of it: for a chain of your own
  --json           one object
`;

/**
 * Runs `hirewire deploy …` and gives its exit code, 0.
 *
 * @param args - what stands after `deploy`
 * @throws {@link Fault} `usage`, `key_file`, `chain_unreachable`, `chain_mismatch` when there is no token at the address,
 * `transaction_failed`
 */
export async function deployCommand(
  args: string[],
  io: CommandIo,
  ports: Pick<MoneyPorts, "keys" | "clock">,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire deploy", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const { rpc, from, "play-money": isPlay = false } = values;
  if (positionals.length > 0 || !rpc || !from || (values.token !== undefined) === isPlay) {
    throw new Fault("usage", "expected hirewire deploy --rpc URL --from KEYFILE --token 0x… | --play-money");
  }
  if (!URL.canParse(rpc)) throw new Fault("usage", `--rpc ${rpc} is no URL`);
  const named = values.token === undefined ? null : parseAddress(values.token, "--token");
  const key = ports.keys.read(from);
  const { vault, chainId, token } =
    named === null
      ? await deployPlay(rpc, key, ports)
      : { ...(await deployVault(rpc, toHex(key))), token: named };
  const decimals = await (await openEvmChain({ urls: [rpc], chainId, vault })).decimals(token);
  const found = { chainId, vault, token, decimals };
  const toml = `[chain]\nid = ${chainId}\nrpc = "${rpc}"\nvault = "${vault}"\ntoken = "${token}"\n`;
  io.write(values.json ? `${JSON.stringify(found)}\n` : toml);
  return 0;
}

/** What whoever deploys play money has of it, a decimal. */
const PLAY_MONEY = "1000000";
/** How long the chain may take to hand it out, milliseconds. */
const PATIENCE_MS = 120_000;

async function deployPlay(
  rpc: string,
  key: Uint8Array,
  { clock }: Pick<MoneyPorts, "clock">,
): Promise<Deployed & { readonly token: Hex }> {
  const account = privateKeyToAccount(toHex(key));
  const money = await deployPlayMoney(rpc, toHex(key));
  const { chainId, vault, token } = money;
  const chain = await openEvmChain({ urls: [rpc], chainId, vault, confirmations: 1 });
  const sum = parseAmount(PLAY_MONEY, await chain.decimals(token));
  const { raw, hash } = await chain.prepare(account, mint(token, addressOfKey(key), sum));
  await chain.broadcast(raw);
  await mined(chain, hash, clock, { withinMs: PATIENCE_MS, everyMs: 100 });
  return money;
}
