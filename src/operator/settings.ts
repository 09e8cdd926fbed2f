/** A gateway as a command sees it from outside: its settings, its key file and its roster. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fromHex, type Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { addressOfKey } from "../kernels/signature.ts";
import type { ConnectionFile } from "../protocol/connection-file.ts";
import { unknownWord } from "./arguments.ts";
import { type RosterEntry, type RosterReading, readRoster } from "./roster-folder.ts";
import { parseWallet, type Wallet } from "./wallet-folder.ts";

/** Opens key files; nothing else does. */
export interface Keys {
  /**
   * The 32 bytes of the private key in the file, see {@link parseKeyText}.
   *
   * @throws {@link Fault} `key_file`
   */
  read(path: string): Uint8Array;
  /**
   * The connection file of a device, which holds its private key.
   *
   * @throws {@link Fault} `key_file` when it cannot be read or its key is no private key, `file_format`
   */
  connection(path: string): ConnectionFile;
  /**
   * A wallet that the gateway keeps for a board, its key and secret included.
   *
   * @throws {@link Fault} `key_file` when it cannot be read, `file_format` when it is no wallet
   */
  wallet(path: string): Wallet;
  /**
   * Writes a new random key into a new file of mode 0600.
   *
   * @throws {@link Fault} `key_file` when the file is there already
   */
  create(path: string): Uint8Array;
}

/** What the commands read of `gateway.toml`. */
export type Settings = {
  readonly file: string;
  /** Absolute. */
  readonly data: string;
  /** The gateway's key among the credentials of its service, an absolute path; null or missing where there is none. */
  readonly credential?: string | null;
  readonly broker: {
    /** `host:port` or URLs; none where devices connect elsewhere. */
    readonly listen: readonly string[];
    /** `ca` is a path, empty where there is none. */
    readonly external?: { readonly url: string; readonly ca: string } | undefined;
  };
  /** A path may be a pattern; `usb` has `vendor:product`, any device when there is none in it. */
  readonly serial: readonly { readonly path: string; readonly usb: readonly string[] }[];
  readonly chain: {
    readonly id: number;
    /** At least one URL; the others are asked when it fails. */
    readonly rpc: readonly string[];
    readonly vault: Hex;
    readonly token: Hex;
    readonly confirmations: number | "finalized";
    readonly poll_ms: number;
  };
  readonly clock: {
    /** Whether the machine and the chain are asked if the time is right. */
    readonly synchronized: "auto" | "assume";
  };
  readonly settlement: {
    /** Room that the gateway keeps on its lane to each device, a decimal. */
    readonly lane_deposit: string;
    /** How long vouchers may go unclaimed. */
    readonly every_ms: number;
    /** How long a new lane of the gateway's can still be claimed once it closes. */
    readonly window: WindowName;
    /** Most that a unit of gas may cost. */
    readonly max_fee_gwei: number;
    /** What one of the chain's coins costs in the token, a decimal; "" when nobody says. */
    readonly coin_price: string;
    /** A claim is worth while once it brings so many times what it costs. */
    readonly claim_gain: number;
    /** The least deposit of a lane, in times of what claiming it costs. */
    readonly lane_minimum: number;
    /** Settlements that the coins left must pay for before an alarm. */
    readonly gas_alarm: number;
  };
  readonly disk: {
    /** Bytes that stay free. */
    readonly reserve: number;
    /** 0 is never. */
    readonly backup_every_ms: number;
    readonly backups: number;
    /** Relative to `data`. */
    readonly backup_folder: string;
  };
};

/** The challenge windows that a lane can have, by their class `0..3`. */
export const WINDOWS = ["1h", "24h", "72h", "7d"] as const;

export type WindowName = (typeof WINDOWS)[number];

export type CommandPorts = {
  readonly keys: Keys;
  /** @throws {@link Fault} `config_missing`, `config_syntax` */
  readonly readConfig: (path: string) => Settings;
};

/** The file that `--config` names when it is not given. */
export const DEFAULT_CONFIG = "gateway.toml";

/**
 * The private key in a key file: 64 hexadecimal digits, with or without `0x`, white space around them. A wallet that the
 * gateway keeps is one too.
 *
 * @throws {@link Fault} `key_file`; it never shows the text
 */
export function parseKeyText(text: string, path: string): Uint8Array {
  const digits = /^\s*(?:0x)?([0-9a-fA-F]{64})\s*$/.exec(text)?.[1];
  if (digits === undefined && text.startsWith("{")) return walletKey(text, path);
  if (digits === undefined) {
    throw new Fault("key_file", `${path} is no key file: expected 64 hexadecimal digits`);
  }
  const key = fromHex(digits);
  addressOfKey(key);
  return key;
}

function walletKey(text: string, path: string): Uint8Array {
  try {
    return fromHex(parseWallet(text, path).key);
  } catch (cause) {
    throw new Fault("key_file", cause instanceof Error ? cause.message : `${path} is no key file`, { cause });
  }
}

const GATEWAY_KEY = "gateway.key";

/**
 * `gateway.key` among the credentials that systemd hands to a service (`LoadCredential=`), where there is one; null else.
 * It is read and never written.
 */
export function keyCredential(environment: Readonly<Record<string, string | undefined>>): string | null {
  const folder = environment["CREDENTIALS_DIRECTORY"] ?? "";
  const file = resolve(folder, GATEWAY_KEY);
  return folder !== "" && existsSync(file) ? file : null;
}

/**
 * Where the gateway's key is: among the credentials of its service, or else `gateway.key` in the data folder, which may
 * not be there yet. An absolute path.
 */
export function gatewayKeyFile({ data, credential }: Pick<Settings, "data" | "credential">): string {
  return credential ?? join(data, GATEWAY_KEY);
}

/**
 * `gateway.key` in the data folder where it lies beside a credential, and may be another key: nobody could say which of
 * them owns the money. Null where there is only one.
 */
export function besideCredential({ data, credential }: Pick<Settings, "data" | "credential">): string | null {
  const file = join(data, GATEWAY_KEY);
  return credential && existsSync(file) ? file : null;
}

/**
 * The gateway's private key.
 *
 * @throws {@link Fault} `key_file` when it has none yet, the file is not one, or another key lies beside its credential
 */
export function readGatewayKey(settings: Settings, keys: Keys): Uint8Array {
  const file = gatewayKeyFile(settings);
  if (!existsSync(file)) {
    throw new Fault("key_file", `no gateway key at ${file}: hirewire device add makes one`);
  }
  const key = keys.read(file);
  const other = besideCredential(settings);
  if (other !== null && addressOfKey(keys.read(other)) !== addressOfKey(key)) {
    const words = `the key ${other} is not that of the credential ${file}: move away the one that is not the gateway's`;
    throw new Fault("key_file", words);
  }
  return key;
}

/** The enrolled devices, and what is wrong with the roster's files; makes no folder where there is none. */
export function enrolled(settings: Settings): RosterReading {
  return existsSync(join(settings.data, "devices")) ? readRoster(settings.data) : { entries: [], faults: [] };
}

/**
 * The enrolled device of this name or address, in any case.
 *
 * @param command - what shows more, for the hint: `"hirewire device list"`
 * @param others - names that the command takes besides
 * @throws {@link Fault} `usage` when there is none
 */
export function findEntry(
  settings: Settings,
  typed: string,
  command: string,
  others: readonly string[] = [],
): RosterEntry {
  const wanted = typed.toLowerCase();
  const { entries } = enrolled(settings);
  const found = entries.find(({ name, device }) => device === wanted || name.toLowerCase() === wanted);
  if (found) return found;
  throw unknownWord(command, "device", typed, [...entries.map(({ name }) => name), ...others]);
}
