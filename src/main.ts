/** The command line. The only file that opens key files. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toHex } from "./base/bytes.ts";
import { systemClock } from "./base/clock.ts";
import { Fault, type FaultCode, isFault } from "./base/fault.ts";
import { COMMANDS } from "./commands.ts";
import { readConfig } from "./config.ts";
import { randomKey } from "./kernels/signature.ts";
import { nearestName } from "./operator/nearest.ts";
import { projectRoot } from "./operator/project-root.ts";
import { parseKeyText } from "./operator/settings.ts";
import { parseWallet, type Wallet } from "./operator/wallet-folder.ts";
import { type ConnectionFile, parseConnectionFile } from "./protocol/connection-file.ts";
import type { Terminal } from "./terminal.ts";

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

const ALIASES: Readonly<Record<string, string>> = { "--help": "help", "-h": "help", "--version": "version" };

function version(): string {
  return JSON.parse(readFileSync(join(projectRoot(), "package.json"), "utf8")).version;
}

const terminal: Terminal = {
  ...{ io, keys, readConfig, clock: systemClock, env: process.env, defaultData, stopSignal },
  ...{ version, complain, readSecret: (path: string) => readSecret(path, "file") },
};

function complain(fault: unknown): void {
  const what = fault instanceof Error ? fault.message : String(fault);
  io.warn(`hirewire${isFault(fault) ? ` [${fault.code}]` : ""}: ${what}\n`);
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
  return await command.run(args, terminal);
}

try {
  process.exitCode = await main();
} catch (fault) {
  complain(fault);
  process.exitCode = (isFault(fault) && EXIT[fault.code]) || 1;
}
