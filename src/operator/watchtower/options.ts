/** The arguments of `hirewire watchtower`. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import { listenAddress } from "../../link/listen-address.ts";
import { parseAddress, parseArguments } from "../arguments.ts";

const OPTIONS = {
  rpc: { type: "string" },
  vault: { type: "string" },
  "gas-key": { type: "string" },
  journal: { type: "string", multiple: true, default: [] },
  vouchers: { type: "string", multiple: true, default: [] },
  mqtt: { type: "string", multiple: true, default: [] },
  listen: { type: "string" },
  payee: { type: "string", multiple: true, default: [] },
  data: { type: "string", default: ".hirewire/watchtower" },
  "chain-id": { type: "string" },
  confirmations: { type: "string", default: "12" },
  every: { type: "string", default: "15" },
  "max-fee": { type: "string", default: "500" },
  once: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const HELP = `hirewire watchtower --rpc URL[,URL] --vault 0x… --gas-key FILE
                    [--journal DIR] [--vouchers FILE] [--mqtt URL]
                    [--listen HOST:PORT] [--once] [--json]

Keeps the newest vouchers and watches the vault: when a payer asks to close a
lane, it claims what is unclaimed there, for whoever it belongs to. It needs no
key but one that pays the gas. Raises an alarm when a quarter of a lane's
challenge window is over and its money is not saved, or when it cannot see the
chain for that long. Runs until SIGTERM or Ctrl-C.

  --rpc URL[,URL]  the chain's JSON-RPC; two or more check each other
  --vault 0x…      the LaneVault
  --gas-key FILE   whose coin pays the gas: a key that nothing else uses

Where vouchers come from, at least one; each may be given several times:
  --journal DIR    a gateway's data folder, read beside the running gateway
  --vouchers FILE  one JSON voucher per line, or a robot's wallet file
  --mqtt URL       mqtt://user:password@host:port/topic, + and # allowed
  --listen H:P     POST /voucher; also GET /lane, /vouchers and /status

  --payee 0x…      keep vouchers to this account alone (may be repeated)
  --data DIR       where to keep them (default .hirewire/watchtower)
  --chain-id N     refuse any other chain (default: what the node says)
  --confirmations N|finalized
                   when a block counts (default 12)
  --every SECONDS  between two looks at the chain (default 15)
  --max-fee GWEI   the most that a claim pays for gas (default 500)
  --once           look once, claim, wait for the claim, and end: exit code 1
                   when money is still in danger or something has failed
  --json           one JSON line for each event and fault
`;

export type TowerRequest = {
  readonly rpc: readonly string[];
  readonly vault: Hex;
  readonly gasKey: string;
  readonly journals: readonly string[];
  readonly files: readonly string[];
  readonly brokers: readonly string[];
  readonly listen: { readonly host: string; readonly port: number } | null;
  readonly payees: readonly Hex[];
  readonly data: string;
  /** Null: what the node says. */
  readonly chainId: number | null;
  readonly confirmations: number | "finalized";
  readonly pollMs: number;
  /** Wei per unit of gas. */
  readonly maxFeePerGas: bigint;
  readonly once: boolean;
  readonly json: boolean;
};

/** Wei of a gwei, as decimals. */
const GWEI = 9;

/**
 * What is asked for; null when that is the help.
 *
 * @throws {@link Fault} `usage`
 */
export function parseTowerRequest(args: readonly string[]): TowerRequest | null {
  const { values, positionals } = parseArguments("hirewire watchtower", args, OPTIONS);
  if (values.help) return null;
  const { rpc, vault, "gas-key": gasKey, journal: journals, vouchers: files, mqtt: brokers, listen } = values;
  if (positionals.length > 0 || !rpc || !vault || !gasKey) {
    throw new Fault(
      "usage",
      "expected hirewire watchtower --rpc URL --vault 0x… --gas-key FILE and a source",
    );
  }
  if (journals.length + files.length + brokers.length === 0 && listen === undefined) {
    throw new Fault("usage", "name where vouchers come from: --journal, --vouchers, --mqtt or --listen");
  }
  const urls = rpc.split(",");
  for (const url of urls) if (!URL.canParse(url)) throw new Fault("usage", `--rpc ${url} is no URL`);
  return {
    rpc: urls,
    vault: parseAddress(vault, "--vault"),
    ...{ gasKey, journals, files, brokers },
    listen: listen === undefined ? null : placeOf(listen),
    payees: values.payee.map((payee) => parseAddress(payee, "--payee")),
    data: values.data,
    chainId: values["chain-id"] === undefined ? null : count("--chain-id", values["chain-id"], 1, 2 ** 48),
    confirmations:
      values.confirmations === "finalized"
        ? "finalized"
        : count("--confirmations", values.confirmations, 1, 10_000),
    pollMs: 1_000 * count("--every", values.every, 1, 600),
    maxFeePerGas: feeOf(values["max-fee"]),
    once: values.once === true,
    json: values.json === true,
  };
}

function placeOf(text: string): { host: string; port: number } {
  try {
    return listenAddress(text);
  } catch (cause) {
    throw new Fault("usage", `--listen takes HOST:PORT, not "${text}"`, { cause });
  }
}

function count(option: string, text: string, least: number, most: number): number {
  const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new Fault("usage", `${option} takes ${least} to ${most}, not "${text}"`);
  }
  return number;
}

function feeOf(text: string): bigint {
  try {
    return parseAmount(text, GWEI);
  } catch (cause) {
    throw new Fault("usage", `--max-fee takes gwei, not "${text}"`, { cause });
  }
}
