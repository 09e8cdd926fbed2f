/** `hirewire backup`: everything that a gateway cannot make again, in one folder, while it runs or not. */
import { existsSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { MoneyPorts } from "../money/journey.ts";
import { DEFAULT_CONFIG, gatewayKeyFile, readGatewayKey, type Settings } from "../settings.ts";
import { backedUpIn, fillBackup } from "./backup-folder.ts";
import { buildFolder } from "./draft-folder.ts";
import type { Manifest } from "./manifest.ts";

/** What the commands of this folder need of the machine; `version` is that of hirewire. */
export type RecoveryPorts = MoneyPorts & { readonly version: string };

const OPTIONS = {
  "without-key": { type: "boolean" },
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire backup TO [--without-key] [--config gateway.toml] [--json]

Copies the gateway's journal and its archive, roster, access tokens, settings and
private key, and the wallets that it keeps for boards, into a new folder TO, while
the gateway runs or not, and reads the copy again: every hash and every entry. TO
must not be there yet. Archive files never change: on one disk they are shared, by
a second name. Firmware, inputs and outputs are not copied: devices send them
again. A key that the gateway has as a credential of its service stays there.

A backup is old as soon as it is made: what the gateway signed after it is known
to its peers and the chain alone. See hirewire restore.

  --without-key   leave gateway.key and wallets/ out; restoring then takes them
                  from elsewhere
  --config FILE   the gateway's settings (gateway.toml)
  --json          one object: to, at, gateway, journal, files
`;

/**
 * Runs `hirewire backup …` and gives its exit code, 0.
 *
 * @param args - what stands after `backup`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `key_file`, `journal_broken`, `disk_failed`; then
 * there is nothing at TO
 */
export function backupCommand(args: string[], io: CommandIo, ports: RecoveryPorts): Promise<number> {
  return Promise.try(() => {
    const { values, positionals } = parseArguments("hirewire backup", args, OPTIONS);
    if (values.help) {
      io.write(HELP);
      return 0;
    }
    const [to, ...rest] = positionals;
    if (to === undefined || rest.length > 0) {
      throw new Fault("usage", "expected one new folder: hirewire backup TO");
    }
    if (existsSync(to)) throw new Fault("usage", `${to} is there already: a backup goes into a new folder`);
    const settings = ports.readConfig(values.config);
    const hasKey = values["without-key"] !== true;
    const source = {
      ...{ data: settings.data, settingsFile: settings.file, hasWallets: hasKey },
      keyFile: hasKey ? keyFileOf(settings) : null,
      gateway: addressOfKey(readGatewayKey(settings, ports.keys)),
      ...{ version: ports.version, at: ports.clock.now() },
    };
    const manifest = buildFolder(to, (draft) => fillBackup(draft, source));
    if (values.json) io.write(`${JSON.stringify(asJson(to, manifest))}\n`);
    else show(io, to, manifest, backedUpIn("wallets", settings.data).length > 0);
    return 0;
  });
}

/** Times in milliseconds since 1970. */
function asJson(to: string, { at, gateway, journal, files }: Manifest) {
  return { to, at, gateway, journal, files };
}

function show(io: CommandIo, to: string, manifest: Manifest, hasWallets: boolean): void {
  const { journal, gateway, files } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  io.write(`backed up gateway ${gateway} to ${to}, and read it again\n`);
  io.write(`journal  entries 1 to ${journal.index}, newest hash ${journal.hash}\n`);
  io.write(`files    ${files.length}, ${bytes} bytes\n`);
  const wallets = files.filter(({ path }) => path.startsWith("wallets/")).length;
  const hasKey = files.some(({ path }) => path === "gateway.key");
  if (hasKey) io.warn("it holds the gateway's private key: whoever has it can spend the gateway's money\n");
  else io.warn("it has no key: keep gateway.key elsewhere, without it nothing can be signed again\n");
  if (wallets > 0) io.warn(`so can they spend what is on the ${wallets} wallets that it holds for boards\n`);
  else if (hasWallets) io.warn("it has no wallets of boards: keep the folder wallets elsewhere as well\n");
}

/** A credential of the gateway's service stays where it is: it was given to this machine, and is not ours to copy. */
function keyFileOf(settings: Settings): string | null {
  return settings.credential ? null : gatewayKeyFile(settings);
}
