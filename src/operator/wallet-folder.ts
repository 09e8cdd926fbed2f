/**
 * Wallets that the gateway keeps for boards, as files: one `<address>.json` each in the data folder's `wallets/`, mode 0600.
 *
 * Such a file holds the private key of a device and the secret that its board proves itself with. Who is enrolled is told
 * by the roster; a wallet of nobody on it opens nothing.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { fromHex, type Hex } from "../base/bytes.ts";
import { diskCode, diskReason } from "../base/disk-error.ts";
import { Fault, isFault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import { addressOfKey } from "../kernels/signature.ts";
import { address, hash32, topicLevel } from "../protocol/scalar.ts";
import type { Signer } from "../protocol/signer.ts";
import { flushOne } from "./recovery/draft-folder.ts";

const schema = z.strictObject({
  version: z.literal(1),
  device: address,
  name: topicLevel,
  /** The device's secp256k1 private key. */
  key: hash32,
  /** What its board proves itself with. */
  secret: hash32,
  /** What the gateway signs for it in all, in the token's own decimals such as `"5.00"`. */
  cap: z.string().regex(/^\d{1,20}(\.\d{1,36})?$/),
});

export type Wallet = z.output<typeof schema>;

/** A wallet as the gateway uses it. */
export type KeptWallet = {
  readonly signer: Signer;
  /** 32 bytes that the board proves itself with. */
  readonly secret: Uint8Array;
  /** What may be signed for it in all. */
  readonly cap: Amount;
};

/** The file that the wallet of this device is kept in. */
export function walletFile(dataFolder: string, device: Hex): string {
  return join(folderOf(dataFolder), `${device}.json`);
}

function folderOf(dataFolder: string): string {
  return join(dataFolder, "wallets");
}

/**
 * Writes or replaces one wallet, on disk when it returns; never half of it, and never readable by others.
 *
 * @throws {@link Fault} `disk_failed`
 */
export function writeWallet(dataFolder: string, wallet: Wallet): void {
  const file = walletFile(dataFolder, wallet.device);
  const draft = `${file}.new`;
  try {
    makeFolder(dataFolder);
    // one that a crash has left could have another mode
    rmSync(draft, { force: true });
    const text = `${JSON.stringify(z.encode(schema, wallet), null, 2)}\n`;
    writeFileSync(draft, text, { mode: 0o600, flag: "wx", flush: true });
    chmodSync(draft, 0o600);
    renameSync(draft, file);
    flushOne(folderOf(dataFolder));
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write the wallet ${file}: ${diskReason(cause)}`, { cause });
  }
}

/** Removes a wallet that nobody was enrolled with. */
export function dropWallet(dataFolder: string, device: Hex): void {
  rmSync(walletFile(dataFolder, device), { force: true });
}

/**
 * The wallet in this JSON text.
 *
 * @param path - of its file, for the fault
 * @throws {@link Fault} `file_format` when it is none, or its key is another account's; it never shows the text
 */
export function parseWallet(text: string, path: string): Wallet {
  const parsed = schema.safeDecode(parseJson(text) as never);
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => issue.path.join(".") || issue.code).join(", ");
    throw fileFault(path, `is not a wallet, see: ${where}`);
  }
  const wallet = parsed.data;
  if (accountOf(wallet.key) !== wallet.device) throw fileFault(path, "has a key that is not its device's");
  return wallet;
}

function accountOf(key: Hex): Hex | null {
  try {
    return addressOfKey(fromHex(key));
  } catch {
    return null;
  }
}

/** The value, or undefined: the parser's own error quotes the text, and the text holds a key. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fileFault(file: string, why: string): Fault {
  return new Fault("file_format", `${file} ${why}`, { facts: { file } });
}

export type WalletReading = {
  readonly wallets: readonly Wallet[];
  /** One for each file that is passed over, its path in the fact `file`; or one for a folder that cannot be read. */
  readonly faults: readonly Fault[];
};

/**
 * Reads every wallet that can be used: one bad file must not keep the other boards out. Passed over are files that are no
 * wallet, and those whose name is not their device's address.
 *
 * @param read - opens and parses one file
 */
export function readWallets(dataFolder: string, read: (path: string) => Wallet): WalletReading {
  const folder = folderOf(dataFolder);
  if (!existsSync(folder)) return { wallets: [], faults: [] };
  const faults: Fault[] = [];
  const attempt = <T>(file: string, work: () => T): T | null => {
    try {
      return work();
    } catch (cause) {
      const why = isFault(cause) ? cause.message : `${file} cannot be read: ${diskReason(cause)}`;
      faults.push(new Fault("file_format", why, { cause, facts: { file } }));
      return null;
    }
  };
  const files = attempt(folder, () => filesIn(folder)) ?? [];
  const wallets = files.flatMap((file) => attempt(file, () => rightlyNamed(read(file), file)) ?? []);
  return { wallets, faults };
}

function rightlyNamed(wallet: Wallet, file: string): Wallet {
  if (basename(file) === `${wallet.device}.json`) return wallet;
  throw fileFault(file, `holds the wallet of ${wallet.device}: name it by that`);
}

function filesIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.toSorted().map((name) => join(folder, name));
}

/** Calls `changed` when something in the folder changes; returns how to stop. */
export function watchWallets(dataFolder: string, changed: () => void): () => void {
  makeFolder(dataFolder);
  const watcher = watch(folderOf(dataFolder), changed);
  watcher.on("error", () => watcher.close());
  return () => watcher.close();
}

function makeFolder(dataFolder: string): void {
  mkdirSync(folderOf(dataFolder), { recursive: true, mode: 0o700 });
}
