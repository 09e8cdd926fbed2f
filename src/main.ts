/** The command line. The only file that opens key files, reads the environment, and ends the process. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { toHex } from "./base/bytes.ts";
import { systemClock } from "./base/clock.ts";
import { Fault, type FaultCode, isFault } from "./base/fault.ts";
import { type Config, readConfig } from "./config.ts";
import { Gateway } from "./gateway.ts";
import { randomKey } from "./kernels/signature.ts";
import { parseArguments } from "./operator/arguments.ts";
import { drainCommand } from "./operator/control/drain.ts";
import { haltCommand, resumeCommand } from "./operator/control/halt.ts";
import { projectRoot } from "./operator/demo/crew.ts";
import { runDemo } from "./operator/demo/demo.ts";
import { deviceCommand } from "./operator/device/command.ts";
import { doctorCommand } from "./operator/doctor/command.ts";
import { thisMachine } from "./operator/doctor/machine.ts";
import { firmwareCommand } from "./operator/firmware/command.ts";
import { standardStreams } from "./operator/firmware/streams.ts";
import { laneCommand } from "./operator/lane/command.ts";
import { logCommand } from "./operator/log/command.ts";
import { deployCommand } from "./operator/money/deploy.ts";
import { fundCommand } from "./operator/money/fund.ts";
import { ownerCommand } from "./operator/money/owner.ts";
import { settleCommand } from "./operator/money/settle.ts";
import { sweepCommand } from "./operator/money/sweep.ts";
import { withdrawCommand } from "./operator/money/withdraw.ts";
import { nearestName } from "./operator/nearest.ts";
import { priceCommand } from "./operator/price/command.ts";
import { backupCommand } from "./operator/recovery/backup.ts";
import { recoverCommand } from "./operator/recovery/recover.ts";
import { restoreCommand } from "./operator/recovery/restore.ts";
import { refusalLines } from "./operator/refusal-lines.ts";
import { gatewayKeyFile, parseKeyText } from "./operator/settings.ts";
import { parseWallet, type Wallet } from "./operator/wallet-folder.ts";
import { watchtowerCommand } from "./operator/watchtower/command.ts";
import { type ConnectionFile, parseConnectionFile } from "./protocol/connection-file.ts";
import { encodeFact } from "./protocol/facts.ts";
import { keySigner } from "./protocol/signer.ts";

const HELP = `hirewire: robots and boards hire each other's compute and pay in USDT

  hirewire start            a gateway.toml here: run it; otherwise the demo
  hirewire demo             a whole market on this machine, on play money
  hirewire run              the gateway of gateway.toml
  hirewire log [show N | verify]
                            what has happened, one task's whole life, every hash and signature
  hirewire deploy           puts a LaneVault on a chain and prints gateway.toml's [chain] section
  hirewire doctor           checks this machine and the gateway's settings

  hirewire device add NAME  enrols a device and prints the connection file it needs; also device
                            list, budget, owner, allowance, replace for a lost key, and token
                            and sign for devices that are worked by hand
  hirewire device pair NAME gives a board on a serial line a wallet that the gateway keeps
  hirewire firmware build FILE.ts
                            AssemblyScript to task firmware; also firmware check, run, publish,
                            trust, untrust, list
  hirewire price suggest    rates for this machine, from its speed, watts and electricity price

  hirewire owner gateway    names the cold owner of the gateway's hot key

  hirewire fund DEVICE|gateway AMOUNT --from KEYFILE
                            deposits USDT on a device's lane, or in the gateway's vault
  hirewire sweep DEVICE|gateway
                            takes in what was sent to a deposit address
  hirewire withdraw AMOUNT --to ADDRESS
                            takes USDT out of the vault
  hirewire lane list        every lane: deposit, signed, settled, closing; also lane open, top-up,
                            close, consent
  hirewire settle --now     claims what is owed, in one transaction; --dry-run shows what and why
  hirewire watchtower       claims for others in time, with no key but its own for gas

  hirewire halt             takes no new offers until hirewire resume
  hirewire drain            leaves a key or a vault behind, lane by lane
  hirewire backup TO        a verified copy of the data folder, while the gateway runs
  hirewire restore FROM     a data folder again, which reconciles before it pays
  hirewire recover          a new journal after a lost disk, from the chain and from peers' vouchers

Every command takes --help.
Exit codes: 0 done, 1 fault, 2 usage, 3 journal broken, 4 chain or gateway not reachable, 10 to 16 how a firmware's run
ended, 130 interrupted.
`;

const RUN_HELP = `hirewire run [--config gateway.toml] [--listen HOST:PORT] [--json]

Runs the gateway until SIGTERM or Ctrl-C. Makes its key on the first start (<data>/gateway.key).
  --config FILE   settings (default gateway.toml)
  --listen H:P    where the broker listens, in place of the file's
  --json          one JSON line for each record, refusal and fault
`;

const DEMO_HELP = `hirewire demo [--map FILE [--scen FILE]] [--queries N] [--batch N] [--data DIR] [--json]

A chain, a gateway, a requester, two providers and a board on a serial line, each a process of its own.
  --map FILE     MovingAI .map, or ROS map_server .yaml with its .pgm (also .pgm.gz); a generated warehouse without it
  --scen FILE    MovingAI queries with published optimal lengths, for a .map
  --queries N    paths to plan, the last one by the board (default 32; 100 with --map)
  --batch N      paths in one offer (default 1; 10 with --map)
  --seed N       of the generated warehouse and of random queries (default 1)
  --data DIR     where to keep journal and blobs (default .hirewire/demo-TIME)
  --json         one JSON line for each event; the last one has kind "summary"
`;

const EXIT: Partial<Record<FaultCode, number>> = {
  usage: 2,
  journal_broken: 3,
  chain_unreachable: 4,
  link_lost: 4,
};

const io = {
  write: (text: string) => void process.stdout.write(text),
  warn: (text: string) => void process.stderr.write(text),
  columns: process.stdout.columns,
  isTerminal: process.stdout.isTTY === true,
};

/** Whoever read our output has gone: `hirewire log | head`. What runs on goes on without words. */
const readerGone = new AbortController();
process.stdout.on("error", () => readerGone.abort());

/** Reads a private key. */
function readKey(path: string): Uint8Array {
  return parseKeyText(readSecret(path, "key file"), path);
}

function readConnection(path: string): ConnectionFile {
  return parseConnectionFile(readSecret(path, "connection file"));
}

function readWallet(path: string): Wallet {
  return parseWallet(readSecret(path, "wallet"), path);
}

function readSecret(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new Fault("key_file", `cannot read the ${what} ${path}`, { cause });
  }
}

/** Writes a fresh key that only its owner can read; an existing file is never replaced. */
function createKey(path: string): Uint8Array {
  const key = randomKey();
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, `${toHex(key)}\n`, { mode: 0o600, flag: "wx" });
    chmodSync(path, 0o600);
  } catch (cause) {
    throw new Fault("key_file", `cannot write the key file ${path}`, { cause });
  }
  return key;
}

const keys = { read: readKey, connection: readConnection, wallet: readWallet, create: createKey };
const ports = { keys, readConfig, clock: systemClock };

async function run(args: string[]): Promise<number> {
  const options = {
    config: { type: "string" },
    listen: { type: "string" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  } as const;
  const { values, positionals } = parseArguments("hirewire run", args, options);
  if (values.help) return print(RUN_HELP);
  nothingElse("hirewire run", positionals);
  const config = readConfig(values.config ?? "gateway.toml");
  if (values.listen) config.broker.listen = [values.listen];
  const say = values.json ? jsonLines : plainLines;
  const ended = Promise.withResolvers<number>();
  const gateway = await startGateway(config, say, (fault) => {
    complain(fault);
    // What memory holds is ahead of the disk: only a new start can be trusted.
    process.exit(1);
  });
  say("ready", { port: gateway.port, urls: gateway.urls, gateway: gateway.market.gateway });
  if (!values.json) {
    const where = gateway.urls.join(" ") || "serial lines alone";
    io.write(`gateway ${gateway.market.gateway}: ${where}, data in ${config.data}\n`);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ended.resolve(0));
  process.once("disconnect", () => ended.resolve(0));
  process.on("message", (message: { kind?: string }) => {
    if (message.kind !== "settle") return;
    gateway.settle().then(
      () => say("settled", { refusals: Object.fromEntries(gateway.refusals) }),
      (fault: unknown) => say("settleFailed", { message: messageOf(fault) }),
    );
  });
  const code = await ended.promise;
  await gateway.stop();
  const refused = [...gateway.refusals].map(([code, times]) => `${code} ${times}`).join(", ");
  if (!values.json) io.write(`stopped; refused: ${refused || "nothing"}\n`);
  if (process.connected) process.disconnect();
  return code;
}

function startGateway(
  config: Config,
  say: (kind: string, what: Record<string, unknown>) => void,
  onBroken: (fault: unknown) => void,
): Promise<Gateway> {
  const keyFile = gatewayKeyFile(config);
  const key = existsSync(keyFile) ? readKey(keyFile) : createKey(keyFile);
  return Gateway.start({
    config,
    signer: keySigner(key),
    transactionSigner: privateKeyToAccount(toHex(key)),
    clock: systemClock,
    draw: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
    salt: () => toHex(randomBytes(32)),
    readSecret: (path) => readSecret(path, "file"),
    onEntries: (entries) => {
      for (const { index, at, cause, facts } of entries)
        say("facts", { index, at, by: cause.by, facts: facts.map(encodeFact) });
    },
    onRefused: refusalLines(say, systemClock),
    onFault: (fault) => say("fault", { code: codeOf(fault), message: messageOf(fault) }),
    onBroken,
  });
}

function jsonLines(kind: string, what: Record<string, unknown>): void {
  io.write(`${JSON.stringify({ kind, ...what })}\n`);
}

async function demo(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    map: text,
    scen: text,
    queries: text,
    batch: text,
    seed: text,
    data: text,
    json: flag,
    help: { type: "boolean", short: "h" } as const,
  };
  const { values, positionals } = parseArguments("hirewire demo", args, options);
  if (values.help) return print(DEMO_HELP);
  nothingElse("hirewire demo", positionals);
  for (const file of [values.map, values.scen]) {
    if (file && !existsSync(file)) throw new Fault("usage", `there is no file ${file}`);
  }
  const name = `demo-${new Date(systemClock.now()).toISOString().replace(/[:.]/g, "-")}`;
  return await runDemo({
    folder: resolve(values.data ?? join(".hirewire", name)),
    json: values.json === true,
    map: values.map ?? null,
    scen: values.scen ?? null,
    queries: count(values.queries, "queries", values.map ? 100 : 32),
    batch: count(values.batch, "batch", values.map ? 10 : 1),
    seed: count(values.seed, "seed", 1),
    path: process.env["PATH"] ?? "",
    clock: systemClock,
    io,
    signal: stopSignal(),
  });
}

/** The folder that `log` reads when none is named: the gateway's of this directory, or the newest demo's. */
function defaultData(): string | null {
  if (existsSync("gateway.toml")) return readConfig("gateway.toml").data;
  const demos = existsSync(".hirewire")
    ? readdirSync(".hirewire").filter((name) => name.startsWith("demo-"))
    : [];
  const newest = demos.toSorted().at(-1);
  return newest ? join(".hirewire", newest) : null;
}

/** Aborts at SIGTERM or Ctrl-C, and when whoever read our output has gone. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort());
  readerGone.signal.addEventListener("abort", () => stopping.abort());
  return stopping.signal;
}

function count(text: string | undefined, name: string, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Fault("usage", `--${name} takes a whole number from 1 on`);
  return value;
}

function nothingElse(command: string, words: readonly string[]): void {
  if (words.length > 0) throw new Fault("usage", `${command} takes options only, not "${words.join(" ")}"`);
}

function print(text: string): number {
  io.write(text);
  return 0;
}

const COMMANDS: Record<string, (args: string[]) => Promise<number> | number> = {
  start: (args) => (existsSync("gateway.toml") ? run(args) : demo(args)),
  run,
  demo,
  log: (args) => logCommand(args, io, defaultData(), systemClock),
  device: (args) => deviceCommand(args, io, { ...ports, streams: standardStreams() }),
  owner: (args) => ownerCommand(args, io, ports),
  fund: (args) => fundCommand(args, io, ports),
  sweep: (args) => sweepCommand(args, io, ports),
  withdraw: (args) => withdrawCommand(args, io, ports),
  lane: (args) => laneCommand(args, io, ports),
  settle: (args) => settleCommand(args, io, ports),
  watchtower: (args) => watchtowerCommand(args, io, { ...ports, stop: stopSignal() }),
  halt: (args) => haltCommand(args, io, ports),
  resume: (args) => resumeCommand(args, io, ports),
  drain: (args) => drainCommand(args, io, ports),
  backup: (args) => backupCommand(args, io, { ...ports, version: version() }),
  restore: (args) => restoreCommand(args, io, ports),
  recover: (args) => recoverCommand(args, io, ports),
  deploy: (args) => deployCommand(args, io, ports),
  firmware: (args) => firmwareCommand(args, io, { ...ports, streams: standardStreams() }),
  price: (args) => priceCommand(args, io, ports),
  doctor: (args) => doctorCommand(args, io, ports, thisMachine(process.env["PATH"] ?? "")),
  version: () => print(`${version()}\n`),
  help: () => print(HELP),
};

const ALIASES: Readonly<Record<string, string>> = { "--help": "help", "-h": "help", "--version": "version" };

function version(): string {
  return JSON.parse(readFileSync(join(projectRoot(), "package.json"), "utf8")).version;
}

/** What a running gateway says on a terminal: what needs somebody, and nothing else. */
function plainLines(kind: string, what: Record<string, unknown>): void {
  if (kind === "fault") io.warn(`hirewire [${what["code"]}]: ${what["message"]}\n`);
}

function codeOf(fault: unknown): string {
  return isFault(fault) ? fault.code : "impossible";
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}

function complain(fault: unknown): void {
  io.warn(`hirewire${isFault(fault) ? ` [${fault.code}]` : ""}: ${messageOf(fault)}\n`);
  if (!isFault(fault) && fault instanceof Error) io.warn(`${fault.stack ?? ""}\n`);
}

async function main(): Promise<number> {
  const [name = "help", ...args] = process.argv.slice(2);
  const known = ALIASES[name] ?? name;
  const command = Object.hasOwn(COMMANDS, known) ? COMMANDS[known] : undefined;
  if (!command) {
    const nearest = nearestName(name, Object.keys(COMMANDS));
    const hint = nearest ? `did you mean ${nearest}?` : "see hirewire --help";
    throw new Fault("usage", `there is no command "${name}": ${hint}`);
  }
  return await command(args);
}

try {
  process.exitCode = await main();
} catch (fault) {
  complain(fault);
  process.exitCode = (isFault(fault) && EXIT[fault.code]) || 1;
}
