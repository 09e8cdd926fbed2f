/** `hirewire init`: five questions, then a `gateway.toml` with comments and a key. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ParseArgsConfig } from "node:util";
import { createPublicClient, http } from "viem";
import type { Hex } from "../../base/bytes.ts";
import { diskCode, diskReason } from "../../base/disk-error.ts";
import { Fault, isFault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { listenUrl } from "../../link/listen-address.ts";
import { TOKENS } from "../../settlement/token-registry.ts";
import { nothingElse, parseAddress, parseArguments } from "../arguments.ts";
import type { Check } from "../doctor/check.ts";
import { checkText } from "../doctor/command.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG, gatewayKeyFile, type Keys, keyCredential } from "../settings.ts";
import { serialDevices } from "./serial-devices.ts";

const OPTIONS = {
  name: { type: "string" },
  serial: { type: "string" },
  listen: { type: "string" },
  rpc: { type: "string" },
  vault: { type: "string" },
  token: { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire init [--name NAME] [--serial PATH|all|none] [--listen HOST:PORT] [--rpc URL] [--vault 0x…]
              [--token 0x…] [--config gateway.toml] [--json]

Asks what is not given, five questions at most, and writes a gateway.toml with
comments and the gateway's key (0600) in its data folder, unless the key is a
credential of its service ($CREDENTIALS_DIRECTORY/gateway.key). Nothing that is
there is replaced. Off a terminal everything without an answer takes its
default. Ends with what hirewire doctor finds.

  --name NAME      what the gateway is called (hirewire)
  --serial PATH    a serial device, "all" for each adapter that is plugged in, or "none" (none)
  --listen H:P     where devices connect by MQTT (127.0.0.1:1883)
  --rpc URL        the chain's JSON-RPC; needed
  --vault 0x…      the LaneVault on it; without one hirewire deploy makes it
  --token 0x…      the USDT on it, where this program does not know it
  --config FILE    the file to write (gateway.toml)
  --json           one object: { file, key, gateway, chainId, next, checks }
`;

/** What init has of the world. */
export type InitPorts = {
  readonly keys: Pick<Keys, "create" | "read">;
  /** Where `CREDENTIALS_DIRECTORY` is looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks a person; null where there is nobody to ask. */
  readonly ask: ((question: string) => Promise<string>) | null;
  /** What the doctor finds with these settings. */
  readonly examine: (file: string) => Promise<readonly Check[]>;
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
 * Runs `hirewire init …` and gives its exit code, 0: what the doctor finds wrong afterwards is what is still to be done.
 *
 * @param args - what stands after `init`
 * @throws {@link Fault} `usage`, also when the file is there already; `chain_unreachable`, `config_syntax` about an
 * address to listen at, `key_file`, `disk_failed`, `disk_full`
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
  const settings = { data: join(dirname(file), "data"), credential: keyCredential(ports.env) };
  const keyFile = gatewayKeyFile(settings);
  const gateway = addressOfKey(keyIn(keyFile, ports.keys));
  try {
    writeFileSync(file, tomlOf(answers), { flag: "wx" });
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write ${file}: ${diskReason(cause)}`, { cause });
  }
  const next = nextSteps(answers, gateway, values.config);
  const { chainId } = answers;
  if (!values.json) {
    const whose =
      settings.credential === null ? `its key is in ${keyFile}: keep a copy` : `its key is ${keyFile}`;
    io.write(`\nwrote ${file}\nthe gateway is ${gateway}; ${whose}\n\n`);
  }
  const checks = await ports.examine(file);
  if (values.json) io.write(`${JSON.stringify({ file, key: keyFile, gateway, chainId, next, checks })}\n`);
  else io.write(`${checkText(checks)}\nnext:\n${next.map((step) => `  ${step}\n`).join("")}`);
  return 0;
}

function keyIn(file: string, keys: InitPorts["keys"]): Uint8Array {
  if (existsSync(file)) return keys.read(file);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot make ${dirname(file)}: ${diskReason(cause)}`, { cause });
  }
  return keys.create(file);
}

/** One of the five questions. `parse` throws what is wrong with an answer. */
type Question<T> = {
  readonly text: string;
  readonly given: string | undefined;
  readonly fallback: string;
  readonly parse: (answer: string) => T | Promise<T>;
};

/** A person is asked again until the answer will do. */
async function answerTo<T>(
  { text, given, fallback, parse }: Question<T>,
  io: CommandIo,
  ask: InitPorts["ask"],
): Promise<T> {
  if (given !== undefined || !ask) return await parse(given ?? fallback);
  for (;;) {
    const typed = (await ask(`${text}${fallback === "" ? "" : ` [${fallback}]`} `)).trim();
    try {
      return await parse(typed === "" ? fallback : typed);
    } catch (fault) {
      if (!isFault(fault)) throw fault;
      io.write(`  ${fault.message}\n`);
    }
  }
}

async function answersOf(
  given: { readonly [K in "name" | "serial" | "listen" | "rpc" | "vault" | "token"]?: string | undefined },
  io: CommandIo,
  { ask }: InitPorts,
): Promise<Answers> {
  const answer = <T>(question: Question<T>) => answerTo(question, io, ask);
  const name = await answer({
    ...{ text: "1/5  What is this gateway called?", given: given.name, fallback: "hirewire" },
    parse: nameOf,
  });
  const devices = serialDevices();
  if (ask && given.serial === undefined) io.write(deviceList(devices));
  const serial = await answer({
    ...{ text: "2/5  Which serial devices: a number, a path, all or none?", given: given.serial },
    ...{ fallback: "none", parse: (typed) => pathsOf(typed, devices) },
  });
  const listen = await answer({
    text: "3/5  Where do devices connect by MQTT? 0.0.0.0:1883 for other machines of this network too",
    ...{ given: given.listen, fallback: "127.0.0.1:1883" },
    parse: (typed) => {
      listenUrl(typed);
      return typed;
    },
  });
  const chain = await answer({
    ...{ text: "4/5  The JSON-RPC of the chain, http://… or https://…?", given: given.rpc, fallback: "" },
    parse: async (rpc) => ({ rpc, chainId: await chainIdAt(rpc) }),
  });
  const vault = await answer({
    ...{ text: "5/5  The LaneVault on it, 0x…? Nothing: deploy one later", given: given.vault, fallback: "" },
    parse: (typed) => (typed === "" ? null : parseAddress(typed, "--vault")),
  });
  const known = TOKENS.find((row) => row.chainId === chain.chainId)?.address.toLowerCase() as Hex | undefined;
  const token = given.token === undefined ? (known ?? null) : parseAddress(given.token, "--token");
  return { ...{ name, serial, listen, vault, token }, ...chain };
}

function deviceList(devices: readonly string[]): string {
  if (devices.length === 0) return "     no serial device is plugged in\n";
  return devices.map((path, at) => `     ${at + 1}  ${path}\n`).join("");
}

function nameOf(typed: string): string {
  if (typed.length > 64) throw new Fault("usage", "a name has 64 characters at most");
  return typed;
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
  if (!/^https?:$/.test(URL.parse(rpc)?.protocol ?? ""))
    throw new Fault("usage", "a chain is needed: --rpc http://… of its JSON-RPC");
  try {
    return await createPublicClient({ transport: http(rpc, { retryCount: 0 }) }).getChainId();
  } catch (cause) {
    throw new Fault("chain_unreachable", `no chain answers at ${new URL(rpc).origin}: nothing was written`, {
      cause,
    });
  }
}

/** @param file - as it was named: without it a command takes the one of the folder that it is called in */
function nextSteps({ vault, token, rpc }: Answers, gateway: Hex, file: string): string[] {
  const where = file === DEFAULT_CONFIG ? "" : ` --config ${file}`;
  const deploy = `hirewire deploy --rpc ${rpc} --from KEYFILE --token ${token ?? "0x…"}   its [chain] goes into the file`;
  return [
    ...(vault === null || token === null ? [deploy] : []),
    `send some of the chain's coins to ${gateway}, for gas`,
    `hirewire fund gateway 10.00 --from KEYFILE${where}`,
    `hirewire device add NAME${where}   or device pair for a board on a wire`,
    `hirewire doctor${where}   until nothing is wrong`,
    `hirewire run${where}`,
  ];
}

function tomlOf({ name, serial, listen, rpc, chainId, vault, token }: Answers): string {
  const quoted = (text: string) => JSON.stringify(text);
  const row = (setting: string, about: string) => `${setting.padEnd(32)} # ${about}`;
  const address = (of: string, known: Hex | null, from: string) =>
    known === null ? row(`${of} = "0x…"`, from) : `${of} = ${quoted(known)}`;
  const lines = serial.map((path) => `\n[[serial]]\npath = ${quoted(path)}\nbaud = 115200\n`).join("");
  return `# Settings of a hirewire gateway. Unknown keys are errors; hirewire config check explains every setting.
version = 1
name = ${quoted(name)}
${row('data = "data"', "journal, blobs, keys and the roster; relative to this file")}

[chain]
id = ${chainId}
${row(`rpc = ${quoted(rpc)}`, "or a list: the others are asked when one fails")}
${address("vault", vault, "hirewire deploy prints it")}
${address("token", token, "USDT on this chain")}
${row("confirmations = 12", 'blocks until a gain counts, or "finalized"')}

[broker]
${row(`listen = ${quoted(listen)}`, "or a list: mqtt://, mqtts://, ws://host:port/path, wss://")}
${lines}
[settlement]
${row('lane_deposit = "10.00"', "room kept on the lane to each device, from the gateway's vault")}
${row("every_ms = 21600000", "vouchers are claimed at least this often")}

[limits]
${row('device_per_day = ""', 'most that one device may spend in a day; "" is no limit')}
owner_per_day = ""

[disk]
${row('backup_folder = "backups"', 'a copy each day; best on another disk, such as "/mnt/usb/hirewire"')}
${row("backups = 7", "the newest are kept")}

[clock]
${row('synchronized = "auto"', '"assume": offers are taken though no NTP keeps the clock right')}

[operator]
${row('listen = "127.0.0.1:8402"', "the page and the API; beyond this machine only with TLS or behind a proxy")}
`;
}
