/** `hirewire deploy`: puts a LaneVault on a chain and says what `gateway.toml` needs of it. */
import type { ParseArgsConfig } from "node:util";
import { toHex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { deployVault } from "../../settlement/deploy.ts";
import { openEvmChain } from "../../settlement/evm-chain.ts";
import { parseAddress, parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { MoneyPorts } from "./journey.ts";

const OPTIONS = {
  rpc: { type: "string" },
  from: { type: "string" },
  token: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire deploy --rpc URL --from KEYFILE --token 0x… [--json]

Deploys LaneVault, which nobody owns and nobody can change, and prints the
[chain] section of gateway.toml. It has not been audited: think before you put
real money in it.

  --rpc URL        the chain's JSON-RPC
  --from KEYFILE   whose coin pays the gas
  --token 0x…      the USDT that the gateway trades in
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
  ports: Pick<MoneyPorts, "keys">,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire deploy", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const { rpc, from } = values;
  if (positionals.length > 0 || !rpc || !from || !values.token) {
    throw new Fault("usage", "expected hirewire deploy --rpc URL --from KEYFILE --token 0x…");
  }
  if (!URL.canParse(rpc)) throw new Fault("usage", `--rpc ${rpc} is no URL`);
  const token = parseAddress(values.token, "--token");
  const { vault, chainId } = await deployVault(rpc, toHex(ports.keys.read(from)));
  const decimals = await (await openEvmChain({ urls: [rpc], chainId, vault })).decimals(token);
  const found = { chainId, vault, token, decimals };
  const toml = `[chain]\nid = ${chainId}\nrpc = "${rpc}"\nvault = "${vault}"\ntoken = "${token}"\n`;
  io.write(values.json ? `${JSON.stringify(found)}\n` : toml);
  return 0;
}
