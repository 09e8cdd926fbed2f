/**
 * One signing key, one gateway: a lock over the whole machine that the kernel releases when its holder ends.
 *
 * Two gateways that sign with one key, each from its own data folder, would both count vouchers from their own
 * books and promise the same deposit twice. The folder's own lock cannot see that, so this one is named after the key.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";

/** What is locked: an account in one vault of one chain. */
export type LockedKey = { readonly address: Hex; readonly chainId: number; readonly vault: Hex };

/** A lock that is held until `release`, or until the process ends. */
export type KeyLock = {
  /** Resolves when another process can take it. */
  release(): Promise<void>;
};

export type KeyLockOptions = {
  /** What another process is told about this one, such as its data folder. */
  readonly holder?: string;
  /** Default: this machine's. */
  readonly platform?: NodeJS.Platform;
};

/** How long the holder of a lock has to say who it is, milliseconds. */
const ASK_MS = 1_000;

/** Most characters that are repeated of what a holder says. */
const WORDS = 300;

/**
 * Takes the lock of a key on this machine.
 *
 * On Linux it is an abstract socket, seen by all users within one network namespace: containers with a network of
 * their own do not see each other's. Elsewhere it is a lock on a file in the folder for temporary files, which each
 * user may have for itself. Another machine is not seen at all: only peers that show newer vouchers tell of it.
 *
 * @throws {@link Fault} `key_in_use`, which says who has it or how to find out; `disk_failed` where the lock can
 * not be made at all
 */
export function lockKey(key: LockedKey, options: KeyLockOptions = {}): Promise<KeyLock> {
  const { platform = process.platform } = options;
  return platform === "linux" ? lockSocket(key, options.holder ?? "") : lockFile(key);
}

/** At most 107 bytes, so that it fits `sun_path` with the NUL that makes it abstract (unix(7)). */
function nameOf({ address, chainId, vault }: LockedKey): string {
  return `hirewire-${chainId}-${vault.slice(2)}-${address.slice(2)}`.toLowerCase();
}

async function lockSocket(key: LockedKey, holder: string): Promise<KeyLock> {
  const path = `\0${nameOf(key)}`;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(`process ${process.pid}${holder === "" ? "" : `, ${holder}`}`);
  });
  try {
    server.listen({ path });
    await once(server, "listening");
  } catch (cause) {
    if (errorCode(cause) === "EADDRINUSE") throw inUse(key, await ask(path), cause);
    throw new Fault("disk_failed", `cannot lock the key of ${key.address}: ${String(cause)}`, { cause });
  }
  // An accept that fails (too many open files) is of no matter: the name stays taken.
  server.on("error", () => undefined);
  // A process that has nothing else to do shall end, and not wait for others to ask who it is.
  server.unref();
  return { release: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** What the holder says of itself; "" when it says nothing in time. */
function ask(path: string): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect({ path, timeout: ASK_MS });
    const done = () => {
      socket.destroy();
      // Another program may sit on the name: its words go to a terminal.
      resolve(said.slice(0, WORDS).replaceAll(/[^\x20-\x7e]/g, "?"));
    };
    socket.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.length > WORDS) done();
    });
    for (const event of ["end", "error", "timeout"]) socket.once(event, done);
  });
}

function lockFile(key: LockedKey): Promise<KeyLock> {
  return Promise.try(() => {
    // The name is a digest, as some file systems fold case or limit lengths.
    const name = createHash("sha256").update(nameOf(key)).digest("hex").slice(0, 32);
    const file = join(tmpdir(), `hirewire-${name}.lock`);
    const database = opened(file, key);
    try {
      database.exec("BEGIN EXCLUSIVE");
    } catch (cause) {
      database.close();
      throw inUse(key, `whoever has ${file} open`, cause);
    }
    return {
      release: () => Promise.try(() => database.close()),
    };
  });
}

function opened(file: string, key: LockedKey): DatabaseSync {
  try {
    return new DatabaseSync(file);
  } catch (cause) {
    throw new Fault("disk_failed", `cannot lock the key of ${key.address} with ${file}`, { cause });
  }
}

function inUse({ address, chainId }: LockedKey, who: string, cause: unknown): Fault {
  const found = who === "" ? "look for another hirewire run (ps ax | grep hirewire)" : `it is ${who}`;
  const message = `the key of ${address} already signs for a gateway on this machine (chain ${chainId}): ${found}; stop that one, or use another key`;
  return new Fault("key_in_use", message, { cause, facts: { address, chainId } });
}

function errorCode(cause: unknown): string | null {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : null;
}
