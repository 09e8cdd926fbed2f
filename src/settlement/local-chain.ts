/**
 * A chain of one's own, for play money and tests: `anvil` on a free port of 127.0.0.1.
 *
 * anvil comes with the npm package of the platform; elsewhere the one on PATH is taken. It dies with this process
 * however that ends, kill -9 included: a shell next to it reads a pipe whose other end only this process holds,
 * and terminates anvil when the pipe closes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { pbkdf2Sync } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { HDKey, privateKeyToAccount } from "viem/accounts";
import { type Hex, toHex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";

/** A running anvil. The chain id is 31337. What the chain was like can be asked for the newest 256 blocks. */
export interface LocalChain {
  /** JSON-RPC over HTTP on 127.0.0.1. */
  readonly url: string;
  /** Ten keys with 10,000 coins each: the ones every anvil has, known to the whole world. */
  readonly accounts: readonly { readonly address: Hex; readonly privateKey: Hex }[];
  /** Ends anvil, which writes its state file if it has one; resolves when it is gone. */
  stop(): Promise<void>;
}

/** The mnemonic that anvil funds by default. Public on purpose. */
const MNEMONIC = "test test test test test test test test test test test junk";

/** `exec` leaves anvil with the shell's process id, so killing `$$` ends anvil. */
const TIED_TO_PIPE = '(cat <&3; kill $$) >/dev/null 2>&1 & exec "$@" 3<&-';

export interface LocalChainOptions {
  /** A file that holds the chain between runs, written every second and at the end. */
  readonly state?: string;
  /** Seconds between blocks, as on a real chain. Default: a block for each transaction, as it arrives. */
  readonly blockTime?: number;
  /** The newest block counts as `finalized` when twice as many blocks are behind it. Default 32. */
  readonly slotsInEpoch?: number;
}

/**
 * Starts anvil.
 *
 * @throws {@link Fault} `config_missing` when there is no anvil, or it does not start
 */
export async function startLocalChain(options: LocalChainOptions = {}): Promise<LocalChain> {
  const child = spawn("/bin/sh", ["-c", TIED_TO_PIPE, "sh", anvilPath(), ...anvilArguments(options)], {
    // a session of its own: Ctrl-C must reach the gateway first, which still needs the chain
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  // the shell kills by process id: it must stop waiting at once when anvil ends by itself and the id is free again
  child.once("exit", () => child.stdio[3]?.destroy());
  const gone = once(child, "exit").catch(() => {});
  const port = await listeningPort(child);
  return {
    url: `http://127.0.0.1:${port}`,
    accounts: devAccounts(),
    stop: async () => {
      child.stdio[3]?.destroy();
      await gone;
    },
  };
}

function anvilArguments({ state, blockTime, slotsInEpoch }: LocalChainOptions): string[] {
  return [
    // without a limit anvil keeps every old state: some gigabytes after thousands of blocks
    ...["--port", "0", "--mnemonic", MNEMONIC, "--prune-history", "256"],
    ...(state === undefined ? [] : ["--state", state, "--state-interval", "1"]),
    ...(blockTime === undefined ? [] : ["--block-time", `${blockTime}`]),
    ...(slotsInEpoch === undefined ? [] : ["--slots-in-an-epoch", `${slotsInEpoch}`]),
  ];
}

function anvilPath(): string {
  try {
    const manifest = import.meta.resolve("@foundry-rs/anvil-linux-amd64/package.json");
    return fileURLToPath(new URL("bin/anvil", manifest));
  } catch {
    return "anvil";
  }
}

/** The port from anvil's last line of greeting. Everything it prints later is thrown away. */
async function listeningPort(child: ChildProcess): Promise<number> {
  let said = "";
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const listen = (chunk: Buffer) => {
    said += chunk.toString();
    const port = /^Listening on 127\.0\.0\.1:(\d+)$/m.exec(said)?.[1];
    if (port !== undefined) resolve(Number(port));
  };
  const fail = (cause: unknown) => {
    const hint = "install @foundry-rs/anvil-linux-amd64, put anvil on PATH, or name a chain's RPC URL";
    reject(
      new Fault("config_missing", `anvil did not start (${said.trim().slice(-300)}): ${hint}`, { cause }),
    );
  };
  child.stdout?.on("data", listen);
  child.stderr?.on("data", listen);
  child.once("error", fail);
  child.once("exit", fail);
  try {
    return await promise;
  } finally {
    child.stdout?.off("data", listen).resume();
    child.stderr?.off("data", listen).resume();
    child.off("exit", fail);
  }
}

/** BIP-39 and BIP-44 as anvil does them: m/44'/60'/0'/0/0..9. */
function devAccounts(): { address: Hex; privateKey: Hex }[] {
  const root = HDKey.fromMasterSeed(pbkdf2Sync(MNEMONIC, "mnemonic", 2048, 64, "sha512")).derive(
    "m/44'/60'/0'/0",
  );
  return Array.from({ length: 10 }, (_, index) => {
    const secret = root.deriveChild(index).privateKey;
    if (!secret) throw new Fault("impossible", `no key at index ${index}`);
    const privateKey = toHex(secret);
    return { privateKey, address: privateKeyToAccount(privateKey).address.toLowerCase() as Hex };
  });
}
