/**
 * Access tokens of scripts: `access.json` in the data folder, with a hash of each.
 *
 * `hirewire access` writes it whether or not the gateway runs; the gateway looks at it whenever a token is shown, so that
 * one that was removed opens nothing any more.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { diskCode } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import type { Viewer } from "../api/access.ts";
import { account, ROLES, time } from "../api/scalar.ts";
import { hashOf, isSecretOf, newSecret } from "./secret.ts";

const FILE = "access.json";

/** A token says what it is, so that one that has got into a repository can be found. */
const PREFIX = "hirewire_";

/** What a token may be called. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const entry = z.strictObject({
  name: z.string().regex(NAME),
  role: z.enum(ROLES),
  owner: account.nullable(),
  /** SHA-256 of the token. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  at: time,
});

const schema = z.strictObject({ version: z.literal(1), tokens: z.array(entry) });

export type AccessEntry = z.output<typeof entry>;

/**
 * The tokens of a data folder, in the order in which they were added; none where there is no file.
 *
 * @throws {@link Fault} `file_format`, `disk_failed`
 */
export function readAccess(folder: string): readonly AccessEntry[] {
  const file = join(folder, FILE);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw new Fault("disk_failed", `cannot read ${file}`, { cause });
  }
  try {
    return schema.parse(JSON.parse(text)).tokens;
  } catch (cause) {
    throw new Fault("file_format", `${file} is no list of access tokens: no token works until it is mended`, {
      cause,
    });
  }
}

/**
 * Adds a token; it is in the answer and nowhere else.
 *
 * @throws {@link Fault} `usage` when the name is taken or none, `file_format`, `disk_failed`
 */
export function addAccess(folder: string, { name, role, owner }: Viewer, at: number): string {
  const tokens = readAccess(folder);
  if (!NAME.test(name)) {
    throw new Fault("usage", `"${name}" is no name: letters, digits, and . _ - after the first, 64 at most`);
  }
  if (tokens.some((one) => one.name === name)) {
    throw new Fault("usage", `there is a token ${name} already: hirewire access remove ${name} ends it`);
  }
  const token = `${PREFIX}${newSecret()}`;
  write(folder, [...tokens, { name, role, owner, hash: hashOf(token), at }]);
  return token;
}

/**
 * Removes a token, which opens nothing from now on.
 *
 * @throws {@link Fault} `usage` when there is none of this name, `file_format`, `disk_failed`
 */
export function removeAccess(folder: string, name: string): void {
  const tokens = readAccess(folder);
  const left = tokens.filter((one) => one.name !== name);
  if (left.length === tokens.length) {
    throw new Fault("usage", `there is no token ${name}: see hirewire access list`);
  }
  write(folder, left);
}

function write(folder: string, tokens: readonly AccessEntry[]): void {
  const file = join(folder, FILE);
  try {
    const text = `${JSON.stringify(schema.parse({ version: 1, tokens }), null, 2)}\n`;
    writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write ${file}`, { cause });
  }
}

/** The file as a running gateway sees it. */
export class AccessFile {
  readonly #folder: string;
  readonly #onFault: (fault: unknown) => void;
  #tokens: readonly AccessEntry[] = [];
  #stamp = "";

  /** @param onFault - told once of each version of the file that cannot be used; no token works with it */
  constructor(folder: string, onFault: (fault: unknown) => void) {
    this.#folder = folder;
    this.#onFault = onFault;
  }

  /** Whose token this is; null for nobody's. Takes as long whichever it is. */
  find(token: string): Viewer | null {
    this.#look();
    let found: AccessEntry | null = null;
    for (const one of this.#tokens) if (isSecretOf(one.hash, token)) found = one;
    return found && { name: found.name, role: found.role, owner: found.owner as Viewer["owner"] };
  }

  #look(): void {
    const seen = statSync(join(this.#folder, FILE), { throwIfNoEntry: false, bigint: true });
    const stamp = seen ? `${seen.ino} ${seen.size} ${seen.mtimeNs} ${seen.ctimeNs}` : "none";
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#tokens = readAccess(this.#folder);
    } catch (fault) {
      this.#tokens = [];
      this.#onFault(fault);
    }
  }
}
