/**
 * Whose task firmware a provider runs: modules by their hash, and all that a trusted author has signed. Nothing else.
 *
 * The trust file is JSON: `{ version: 1, firmware: [{ hash, note? }], authors: [{ address, note? }] }`. It is whole after
 * every crash: written beside its place, forced to disk, then renamed (POSIX rename is atomic).
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { type Hex, toHex } from "../base/bytes.ts";
import { diskCode, diskReason } from "../base/disk-error.ts";
import { Fault } from "../base/fault.ts";
import { isManifestOf, type Manifest } from "../protocol/manifest.ts";
import { address, hash32 } from "../protocol/scalar.ts";

export type Trust = {
  /** SHA-256 of modules. */
  readonly firmware: ReadonlySet<Hex>;
  /** Accounts whose manifests count. */
  readonly authors: ReadonlySet<Hex>;
  /** What its owner calls a hash or an address. */
  readonly notes?: ReadonlyMap<Hex, string>;
};

export const NO_TRUST: Trust = { firmware: new Set(), authors: new Set() };

const note = z.string().max(200).optional();

const schema = z.strictObject({
  version: z.literal(1),
  firmware: z.array(z.strictObject({ hash: hash32, note })),
  authors: z.array(z.strictObject({ address, note })),
});

/**
 * Whether to run this module: its hash is trusted, or its manifest is signed by a trusted author.
 *
 * @param firmware - SHA-256 of the module's bytes
 * @param manifest - of another module, or with a signature that is not its author's, it counts for nothing
 */
export function isTrusted(trust: Trust, firmware: Hex, manifest?: Manifest): boolean {
  if (trust.firmware.has(firmware)) return true;
  return manifest !== undefined && trust.authors.has(manifest.author) && isManifestOf(manifest, firmware);
}

/**
 * What a trust file says; nothing is trusted where there is no file.
 *
 * @throws {@link Fault} `file_format` when it is no trust file, `disk_failed` when it cannot be read
 */
export function readTrust(path: string): Promise<Trust> {
  return Promise.try(() => readTrustSync(path));
}

/**
 * Replaces a trust file, readable by its owner alone.
 *
 * @throws {@link Fault} `disk_failed`; the file is then as it was
 */
export function writeTrust(path: string, trust: Trust): Promise<void> {
  return Promise.try(() => writeTrustSync(path, trust));
}

/** As {@link readTrust}, at one go. */
export function readTrustSync(path: string): Trust {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return NO_TRUST;
    throw new Fault("disk_failed", `cannot read ${path}: ${diskReason(cause)}`, { cause });
  }
  try {
    const { firmware, authors } = schema.parse(JSON.parse(text));
    const named = [
      ...firmware.map(({ hash, note }) => [hash, note] as const),
      ...authors.map(({ address, note }) => [address, note] as const),
    ];
    return {
      firmware: new Set(firmware.map(({ hash }) => hash)),
      authors: new Set(authors.map(({ address }) => address)),
      notes: new Map(named.flatMap(([key, note]) => (note === undefined ? [] : [[key, note]]))),
    };
  } catch (cause) {
    throw new Fault("file_format", `${path} is no trust file: correct it or remove it`, { cause });
  }
}

/** As {@link writeTrust}, at one go. */
export function writeTrustSync(path: string, { firmware, authors, notes }: Trust): void {
  const noted = (key: Hex) => {
    const note = notes?.get(key);
    return note === undefined ? {} : { note };
  };
  const file = {
    version: 1,
    firmware: [...firmware].map((hash) => ({ hash, ...noted(hash) })),
    authors: [...authors].map((address) => ({ address, ...noted(address) })),
  } satisfies z.output<typeof schema>;
  const beside = `${path}.${toHex(randomBytes(4)).slice(2)}.tmp`;
  try {
    writeFileSync(beside, `${JSON.stringify(file, null, 2)}\n`, { flag: "wx", mode: 0o600, flush: true });
    renameSync(beside, path);
    flushFolder(dirname(path));
  } catch (cause) {
    rmSync(beside, { force: true });
    throw new Fault(diskCode(cause), `cannot write ${path}: ${diskReason(cause)}`, { cause });
  }
}

function flushFolder(folder: string): void {
  const opened = openSync(folder, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}
