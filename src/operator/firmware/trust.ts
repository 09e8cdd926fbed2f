/** `hirewire firmware trust`, `untrust` and `list`: whose task firmware a provider runs. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { parseManifest } from "../../firmware/manifest-file.ts";
import { readTrust, type Trust } from "../../firmware/trust.ts";
import { sha256 } from "../../kernels/digest.ts";
import { parseAddress, parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { readBytes } from "./source.ts";
import { updateTrust } from "./trust-file.ts";

/** Where a provider looks unless it is told another file. */
const DEFAULT_FILE = "firmware-trust.json";

const OPTIONS = {
  as: { type: "string" },
  note: { type: "string" },
  trust: { type: "string", default: DEFAULT_FILE },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const LIST_OPTIONS = { trust: OPTIONS.trust, json: OPTIONS.json, help: OPTIONS.help } as const;

export const TRUST_HELP = `hirewire firmware trust WHAT [--as firmware|author] [--note TEXT]
                      [--trust FILE] [--json]
hirewire firmware untrust WHAT [--as firmware|author] [--trust FILE] [--json]
hirewire firmware list [--trust FILE] [--json]

A provider runs modules whose hash is on its trust file, and modules with a
manifest that an author on it has signed. Where nothing is listed, nothing runs.
It reads the file when it starts: restart it after a change.

  WHAT          a module's SHA-256, an author's address, FILE.wasm, or
                FILE.manifest.json, whose signature is checked
  --as author   of a manifest: trust all that its author signs, not this
                module only
  --note TEXT   what list says of it (name and version of the manifest)
  --trust FILE  the trust file (${DEFAULT_FILE}), mode 0600
  --json        one object: { file, firmware: [{ hash, note }],
                authors: [{ address, note }] }, after the change
`;

/** What is trusted, or is to be. */
type Target = { readonly kind: "firmware" | "author"; readonly key: Hex; readonly note: string | null };

/**
 * @param args - what stands after `firmware trust`
 * @throws {@link Fault} `usage`, `file_format`, `disk_failed`, `timed_out`; then the trust file is as it was
 */
export async function trustFirmware(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArguments("hirewire firmware trust", args, OPTIONS);
  if (values.help) return help(io);
  const target = await readTarget("trust", positionals, values.as);
  const note = noteOf(values.note) ?? target.note;
  const { before, after } = await updateTrust(values.trust, (trust) => {
    const copy = copyOf(trust);
    if (note !== null) copy.notes.set(target.key, note);
    setOf(copy, target).add(target.key);
    return copy;
  });
  if (values.json) return printJson(io, values.trust, after);
  const what = target.kind === "author" ? `all that ${target.key} signs` : target.key;
  const already = setOf(before, target).has(target.key) ? " (it was already)" : "";
  io.write(`${values.trust}: trusts ${what}${note === null ? "" : `, ${note}`}${already}\n`);
  return 0;
}

/**
 * @param args - what stands after `firmware untrust`
 * @throws {@link Fault} as {@link trustFirmware}; `usage` for what is not trusted
 */
export async function untrustFirmware(args: readonly string[], io: CommandIo): Promise<number> {
  const { note: _, ...options } = OPTIONS;
  const { values, positionals } = parseArguments("hirewire firmware untrust", args, options);
  if (values.help) return help(io);
  const target = await readTarget("untrust", positionals, values.as);
  const { after } = await updateTrust(values.trust, (trust) => {
    const copy = copyOf(trust);
    if (!setOf(copy, target).delete(target.key)) {
      const what = target.kind === "author" ? "author" : "module";
      throw new Fault("usage", `${values.trust} has no ${what} ${target.key}: see hirewire firmware list`);
    }
    copy.notes.delete(target.key);
    return copy;
  });
  if (values.json) return printJson(io, values.trust, after);
  io.write(`${values.trust}: does not trust ${target.key} any more\n`);
  if (target.kind === "firmware" && after.authors.size > 0) {
    io.warn("it still runs with a manifest that a trusted author has signed: see hirewire firmware list\n");
  }
  return 0;
}

/**
 * @param args - what stands after `firmware list`
 * @throws {@link Fault} `usage`, `file_format`, `disk_failed`
 */
export async function listTrusted(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArguments("hirewire firmware list", args, LIST_OPTIONS);
  if (values.help) return help(io);
  if (positionals.length > 0) {
    throw new Fault("usage", `hirewire firmware list takes options only, not "${positionals.join(" ")}"`);
  }
  const trust = await readTrust(values.trust);
  if (values.json) return printJson(io, values.trust, trust);
  const lines = [
    ...[...trust.firmware].map((hash) => ["module", hash] as const),
    ...[...trust.authors].map((address) => ["author", address] as const),
  ].map(([kind, key]) => `${kind}  ${key.padEnd(66)}  ${trust.notes?.get(key) ?? ""}`.trimEnd());
  if (lines.length === 0)
    lines.push(`${values.trust} trusts nobody, so nothing is run: hirewire firmware trust`);
  io.write(`${lines.join("\n")}\n`);
  return 0;
}

function help(io: CommandIo): number {
  io.write(TRUST_HELP);
  return 0;
}

function copyOf({ firmware, authors, notes }: Trust) {
  return { firmware: new Set(firmware), authors: new Set(authors), notes: new Map(notes) };
}

function setOf<T>(trust: { firmware: T; authors: T }, { kind }: Target): T {
  return kind === "author" ? trust.authors : trust.firmware;
}

function printJson(io: CommandIo, file: string, { firmware, authors, notes }: Trust): number {
  const noted = (key: Hex) => notes?.get(key) ?? null;
  const lists = {
    firmware: [...firmware].map((hash) => ({ hash, note: noted(hash) })),
    authors: [...authors].map((address) => ({ address, note: noted(address) })),
  };
  io.write(`${JSON.stringify({ file, ...lists })}\n`);
  return 0;
}

function noteOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (/^[^\p{C}]{1,200}$/u.test(text)) return text;
  throw new Fault("usage", "--note takes 1 to 200 characters of one line");
}

async function readTarget(
  verb: string,
  positionals: readonly string[],
  as: string | undefined,
): Promise<Target> {
  const [what, ...rest] = positionals;
  if (what === undefined || rest.length > 0) {
    throw new Fault("usage", `expected one hash, address or file: hirewire firmware ${verb} WHAT`);
  }
  if (as !== undefined && as !== "firmware" && as !== "author") {
    throw new Fault("usage", `--as takes firmware or author, not "${as}"`);
  }
  const target = await recognise(what, as);
  if (as === undefined || as === target.kind) return target;
  throw new Fault(
    "usage",
    `${what} is ${target.kind === "author" ? "an author" : "a module"}: leave --as away`,
  );
}

async function recognise(what: string, as: "firmware" | "author" | undefined): Promise<Target> {
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(what)?.[1];
  if (digits !== undefined) return { kind: "firmware", key: `0x${digits.toLowerCase()}`, note: null };
  if (/^0x[0-9a-fA-F]*$/.test(what)) return { kind: "author", key: parseAddress(what, "WHAT"), note: null };
  const bytes = await readBytes(what);
  // "\0asm"
  if (bytes[0] === 0 && bytes[1] === 0x61) return { kind: "firmware", key: sha256(bytes), note: null };
  const { author, firmware, name, version } = parseManifest(new TextDecoder().decode(bytes), what);
  if (as === "author") return { kind: "author", key: author, note: `author of ${name}` };
  return { kind: "firmware", key: firmware, note: `${name} ${version}` };
}
