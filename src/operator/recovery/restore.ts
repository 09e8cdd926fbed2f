/** `hirewire restore`: a new data folder out of a backup. */
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { lockJournal } from "../../journal/sqlite-journal.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { migrate } from "../upgrade/migrations.ts";
import { STORE_VERSION, storeVersion } from "../upgrade/store-version.ts";
import type { RecoveryPorts } from "./backup.ts";
import { buildFolder, isTaken } from "./draft-folder.ts";
import { describeFile, type Manifest, verifyBackup } from "./manifest.ts";
import { markRestored } from "./restored-mark.ts";

const OPTIONS = {
  data: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire restore FROM --data DIR [--json]

Makes a data folder out of a backup: reads every hash and every entry of it, and
copies it into DIR, which is empty or not there yet. The backup stays as it is; of
one from before an upgrade, what is in DIR is brought forward.

The restored gateway starts halted. It looks at the chain, and devices that come
back show it the vouchers that it has signed since the backup: it signs nothing
below them. When all that matter have been there: hirewire resume.

Stop the old gateway for good first: two on one key promise the same money twice.

  --data DIR   the new data folder; its settings are in DIR/gateway.toml
  --json       one object: data, from, at, gateway, journal, hasKey
`;

/**
 * Runs `hirewire restore …` and gives its exit code, 0.
 *
 * @param args - what stands after `restore`
 * @throws {@link Fault} `usage`, `file_format` for what is no backup or a damaged one, `journal_broken`, `disk_failed`;
 * then DIR is as it was
 */
export function restoreCommand(
  args: string[],
  io: CommandIo,
  { clock, version }: Pick<RecoveryPorts, "clock" | "version">,
): Promise<number> {
  return Promise.try(() => {
    const { values, positionals } = parseArguments("hirewire restore", args, OPTIONS);
    if (values.help) {
      io.write(HELP);
      return 0;
    }
    const [from, ...rest] = positionals;
    if (from === undefined || values.data === undefined || rest.length > 0) {
      throw new Fault("usage", "expected hirewire restore FROM --data DIR");
    }
    const { data } = values;
    if (isTaken(data)) throw new Fault("usage", `${data} is not empty: restore into a new folder`);
    const manifest = verifyBackup(from);
    const found = buildFolder(data, (draft) => {
      for (const file of manifest.files) copyChecked(from, draft, file);
      const { index } = manifest.journal;
      markRestored(draft, { from: resolve(from), backedUpAt: manifest.at, index, at: clock.now() });
      return bringForward(draft, version);
    });
    if (values.json) io.write(`${JSON.stringify(asJson(data, from, manifest))}\n`);
    else show(io, data, manifest, found);
    return 0;
  });
}

function copyChecked(from: string, draft: string, file: Manifest["files"][number]): void {
  const target = join(draft, file.path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  // the mode comes along: a key stays its owner's
  copyFileSync(join(from, file.path), target);
  if (describeFile(draft, file.path).sha256 === file.sha256) return;
  throw new Fault("disk_failed", `${file.path} was not written as it was read`);
}

/** What was in the backup of an older store becomes what this hirewire can open. Gives the version that it was of. */
function bringForward(draft: string, by: string): number {
  const found = storeVersion(draft) ?? STORE_VERSION;
  if (found === STORE_VERSION) return found;
  const lock = lockJournal(draft);
  try {
    migrate(draft, by);
  } finally {
    lock.close();
  }
  return found;
}

function hasKey({ files }: Manifest): boolean {
  return files.some(({ path }) => path === "gateway.key");
}

/** Times in milliseconds since 1970. */
function asJson(data: string, from: string, manifest: Manifest) {
  const { at, gateway, journal } = manifest;
  return { data, from, at, gateway, journal, hasKey: hasKey(manifest) };
}

function show(io: CommandIo, data: string, manifest: Manifest, found: number): void {
  const { gateway, journal, at } = manifest;
  io.write(`restored gateway ${gateway} in ${data}, as it was ${new Date(at).toISOString()}\n`);
  io.write(`journal  entries 1 to ${journal.index}, newest hash ${journal.hash}\n`);
  if (found < STORE_VERSION) {
    io.write(
      `its store was of version ${found}: brought forward to ${STORE_VERSION}; the backup is as it was\n`,
    );
  }
  if (!hasKey(manifest)) {
    io.warn(`the backup has no key: put it at ${join(data, "gateway.key")}, mode 0600\n`);
    io.warn(`wallets that the gateway kept for boards go to ${join(data, "wallets")}, mode 0600 as well\n`);
  }
  io.write(`its settings are in ${join(data, "gateway.toml")}: set data to this folder, then hirewire run\n`);
  io.write("it starts halted: when its devices have been there, hirewire resume\n");
}
