/** `hirewire upgrade`: brings a stopped gateway's store forward by hand, or says what that would be. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { nothingElse, parseArguments } from "../arguments.ts";
import { bytesText, freeBytes, isSameDisk } from "../disk/free-bytes.ts";
import type { CommandIo } from "../io.ts";
import type { RecoveryPorts } from "../recovery/backup.ts";
import { backupFolderOf } from "../recovery/kept-backups.ts";
import { DEFAULT_CONFIG, readGatewayKey, type Settings } from "../settings.ts";
import { openStore, readableVersion, upgradeNeeds } from "./store.ts";
import { STORE_VERSION } from "./store-version.ts";

const OPTIONS = {
  check: { type: "boolean" },
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire upgrade [--check] [--config gateway.toml] [--json]

Brings the data folder of a stopped gateway to the version that this hirewire
needs. It makes a backup first, reads it again, and says where it is; then it goes
a version at a time. Whatever ends it, the store is whole, and the next call goes
on. hirewire run does the same at its start, where it is needed.

There is no way back but that backup: hirewire restore, with the older hirewire.

  --check        says what would be done, and what room it needs; writes nothing
  --config FILE  the gateway's settings (gateway.toml)
  --json         one object: data, found, version, backup; with --check: data, found,
                 version, isDue, needed, free (bytes; null when nothing says)
`;

/**
 * Runs `hirewire upgrade …` and gives its exit code, 0.
 *
 * @param args - what stands after `upgrade`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `key_file`, and what {@link openStore} throws
 */
export async function upgradeCommand(args: string[], io: CommandIo, ports: RecoveryPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire upgrade", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  nothingElse("hirewire upgrade", positionals);
  const settings = ports.readConfig(values.config);
  const found = readableVersion(settings);
  if (found === null) {
    throw new Fault("config_missing", `there is no store in ${settings.data} yet: hirewire run makes it`);
  }
  if (values.check) check(io, settings, found, values.json === true);
  else await upgrade(io, settings, ports, values.json === true);
  return 0;
}

async function upgrade(
  io: CommandIo,
  settings: Settings,
  ports: RecoveryPorts,
  isJson: boolean,
): Promise<void> {
  const { found, backup } = await openStore({
    ...{ settings, clock: ports.clock, version: ports.version },
    gateway: addressOfKey(readGatewayKey(settings, ports.keys)),
    say: (line) => {
      if (!isJson) io.write(`${line}\n`);
    },
  });
  if (isJson) io.write(`${JSON.stringify({ data: settings.data, found, version: STORE_VERSION, backup })}\n`);
  else if (backup === null)
    io.write(`nothing to do: the store in ${settings.data} is of version ${STORE_VERSION}\n`);
}

function check(io: CommandIo, settings: Settings, found: number, isJson: boolean): void {
  const { data } = settings;
  const isDue = found < STORE_VERSION;
  const folder = backupFolderOf(settings);
  const needs = upgradeNeeds(data);
  const needed = isDue ? needs.backup + (isSameDisk(folder, data) ? needs.data : 0) : 0;
  const free = freeBytes(folder);
  if (isJson) {
    io.write(`${JSON.stringify({ data, found, version: STORE_VERSION, isDue, needed, free })}\n`);
    return;
  }
  io.write(`the store in ${data} is of version ${found}, this hirewire needs ${STORE_VERSION}\n`);
  if (!isDue) {
    io.write("nothing to do\n");
    return;
  }
  io.write(`hirewire upgrade makes a backup in ${folder}, then brings it forward\n`);
  const room = free === null ? "" : `, ${bytesText(free)} are free`;
  io.write(`it needs about ${bytesText(needed)} there${room}\n`);
}
