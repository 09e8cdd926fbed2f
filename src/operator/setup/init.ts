/** `hirewire init`: five questions, then a `gateway.toml` with comments and a key. */
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ParseArgsConfig } from "node:util";
import { createPublicClient, http } from "viem";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { listenUrl } from "../../link/listen-address.ts";
import { TOKENS } from "../../settlement/token-registry.ts";
import { nothingElse, parseAddress, parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { Keys } from "../settings.ts";
import { serialDevices } from "./serial-devices.ts";

const OPTIONS = {
  name: { type: "string" },
  serial: { type: "string" },
  listen: { type: "string" },
  rpc: { type: "string" },
  vault: { type: "string" },
  token: { type: "string" },
  config: { type: "string", default: "gateway.toml" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire init [--name NAME] [--serial PATH|all|none] [--listen HOST:PORT] [--rpc URL] [--vault 0x…]
              [--token 0x…] [--config gateway.toml] [--json]

Asks what is not given, five questions at most, and writes a gateway.toml with
comments and the gateway's key (0600) in its data folder. Nothing that is there
is replaced. Off a terminal everything without an answer takes its default.

  --name NAME      what the gateway is called (hirewire)
  --serial PATH    a serial device, "all" for each adapter that is plugged in, or "none" (none)
  --listen H:P     where devices connect by MQTT (127.0.0.1:1883)
  --rpc URL        the chain's JSON-RPC; needed
  --vault 0x…      the LaneVault on it; without one hirewire deploy makes it
  --token 0x…      the USDT on it, where this program does not know it
  --config FILE    the file to write (gateway.toml)
  --json           one object: { file, key, gateway, chainId, next }
`;

/** What init has of the world. */
export type InitPorts = {
  readonly keys: Pick<Keys, "create" | "read">;
  /** Asks a person; null where there is nobody to ask. */
  readonly ask: ((question: string) => Promise<string>) | null;
};

type Answers = {
  readonly name: string;
  readonly serial: readonly string[];
  readonly listen: string;
  readonly rpc: string;
  readonly chainId: number;
  readonly vault: Hex | null;
  readonly token: Hex | null;
};

/**
 * Runs `hirewire init …` and gives its exit code, 0.
 *
 * @param args - what stands after `init`
 * @throws {@link Fault} `usage`, also when the file is there already; `chain_unreachable`, `config_syntax` about an
 * address to listen at, `key_file`, `disk_failed`
 */
export async function initCommand(args: string[], io: CommandIo, ports: InitPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire init", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  nothingElse("hirewire init", positionals);
  const file = resolve(values.config);
  if (existsSync(file))
    throw new Fault("usage", `${file} is there already: edit it, or name another with --config`);
  const answers = await answersOf(values, io, ports);
  const keyFile = join(dirname(file), "data", "gateway.key");
  const key = existsSync(keyFile) ? ports.keys.read(keyFile) : ports.keys.create(keyFile);
  const gateway = addressOfKey(key);
  try {
    writeFileSync(file, tomlOf(answers), { flag: "wx" });
  } catch (cause) {
    throw new Fault("disk_failed", `cannot write ${file}`, { cause });
  }
  const next = nextSteps(answers, gateway);
  const { chainId } = answers;
  if (values.json) io.write(`${JSON.stringify({ file, key: keyFile, gateway, chainId, next })}\n`);
  else
    io.write(
      `wrote ${file}\nthe gateway is ${gateway}; its key is in ${keyFile}\n\nnext:\n${next.map((step) => `  ${step}\n`).join("")}`,
    );
  return 0;
}

async function answersOf(
  given: { readonly [K in "name" | "serial" | "listen" | "rpc" | "vault" | "token"]?: string | undefined },
  io: CommandIo,
  { ask }: InitPorts,
): Promise<Answers> {
  const answer = async (question: string, known: string | undefined, fallback: string) => {
    if (known !== undefined || !ask) return known ?? fallback;
    const typed = (await ask(`${question}${fallback === "" ? "" : ` [${fallback}]`}: `)).trim();
    return typed === "" ? fallback : typed;
  };
  const name = await answer("What is this gateway called?", given.name, "hirewire");
  const devices = serialDevices();
  if (ask && given.serial === undefined) {
    io.write(
      devices.map((path, at) => `  ${at + 1}  ${path}\n`).join("") || "  no serial device is plugged in\n",
    );
  }
  const serial = await answer("Which serial devices: a number, a path, all or none?", given.serial, "none");
  const listen = await answer("Where do devices connect by MQTT?", given.listen, "127.0.0.1:1883");
  listenUrl(listen);
  const rpc = await answer("The chain's JSON-RPC?", given.rpc, "");
  if (!URL.canParse(rpc)) throw new Fault("usage", "a chain is needed: --rpc http://… of its JSON-RPC");
  const chainId = await chainIdAt(rpc);
  const vault = await answer("The LaneVault on it, or nothing to deploy one?", given.vault, "");
  const known = TOKENS.find((row) => row.chainId === chainId)?.address.toLowerCase() as Hex | undefined;
  return {
    ...{ name, listen, rpc, chainId },
    serial: pathsOf(serial, devices),
    vault: vault === "" ? null : parseAddress(vault, "--vault"),
    token: given.token === undefined ? (known ?? null) : parseAddress(given.token, "--token"),
  };
}

function pathsOf(answer: string, devices: readonly string[]): readonly string[] {
  if (answer === "none") return [];
  if (answer === "all") return ["/dev/serial/by-id/*"];
  if (!/^\d+$/.test(answer)) return [answer];
  const path = devices[Number(answer) - 1];
  if (path === undefined) throw new Fault("usage", `there is no serial device number ${answer}`);
  return [path];
}

async function chainIdAt(rpc: string): Promise<number> {
  try {
    return await createPublicClient({ transport: http(rpc, { retryCount: 0 }) }).getChainId();
  } catch (cause) {
    throw new Fault("chain_unreachable", `no chain answers at ${new URL(rpc).origin}: nothing was written`, {
      cause,
    });
  }
}

function nextSteps({ vault, token, rpc, name }: Answers, gateway: Hex): string[] {
  const deploy = `hirewire deploy --rpc ${rpc} --from KEYFILE --token ${token ?? "0x…"}   its [chain] goes into the file`;
  return [
    ...(vault === null || token === null ? [deploy] : []),
    `send some of the chain's coins to ${gateway}, for gas`,
    "hirewire fund gateway 10.00 --from KEYFILE",
    "hirewire device add NAME            or hirewire device pair NAME for a board on a wire",
    "hirewire doctor",
    `hirewire run                        ${name}`,
  ];
}

function tomlOf({ name, serial, listen, rpc, chainId, vault, token }: Answers): string {
  const quoted = (text: string) => JSON.stringify(text);
  const address = (known: Hex | null, from: string) => (known === null ? `"0x…" # ${from}` : quoted(known));
  const lines = serial.map((path) => `\n[[serial]]\npath = ${quoted(path)}\nbaud = 115200\n`).join("");
  return `# Settings of a hirewire gateway. Unknown keys are errors; hirewire config check explains every setting.
version = 1
name = ${quoted(name)}
data = "data"                  # journal, blobs, keys and the roster; relative to this file

[chain]
id = ${chainId}
rpc = ${quoted(rpc)}           # or a list: the others are asked when one fails
vault = ${address(vault, "hirewire deploy prints it")}
token = ${address(token, "USDT on this chain")}
confirmations = 12             # blocks until a gain counts, or "finalized"

[broker]
listen = ${quoted(listen)}     # or a list: mqtt://, mqtts://, ws://host:port/path, wss://
${lines}
[settlement]
lane_deposit = "10.00"         # room kept on the lane to each device, from the gateway's vault
every_ms = 21600000            # vouchers are claimed at least this often

[limits]
device_per_day = ""            # most that one device may spend in a day; "" is no limit
owner_per_day = ""

[operator]
listen = "127.0.0.1:8402"      # the page and the API; beyond this machine only with TLS or behind a proxy
`;
}
