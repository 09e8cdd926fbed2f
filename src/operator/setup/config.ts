/** `hirewire config check`: reads `gateway.toml` and explains every setting. */
import { existsSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import type { Setting } from "../api/settings.ts";
import { parseArguments, unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG, gatewayKeyFile, type Settings } from "../settings.ts";
import { variableOf } from "./environment.ts";
import type { Leaf } from "./leaves.ts";
import { type Origins, settingsOf } from "./origins.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire config check [--config gateway.toml] [--json]

Reads the settings as the gateway would, and shows each with its value, where
the value came from (a line of the file, the environment, or the default), and
what it means. Every setting can be made by the environment instead:
HIREWIRE_CHAIN_RPC for rpc in [chain]. Says where the gateway's key is.

  --config FILE  the gateway's settings (gateway.toml)
  --json         one object: { file, key, settings }
`;

type ConfigFile = Pick<Settings, "file" | "data" | "credential"> & { readonly origins: Origins };

/** Reads the settings, and says where they came from. */
export type ConfigPorts = {
  readonly readConfig: (path: string) => ConfigFile;
  readonly settings: readonly Leaf[];
};

/**
 * Runs `hirewire config …` and gives its exit code, 0.
 *
 * @param args - what stands after `config`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`
 */
export async function configCommand(args: string[], io: CommandIo, ports: ConfigPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire config", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [word, ...rest] = positionals;
  if (word !== undefined && word !== "check")
    throw unknownWord("hirewire config", "command", word, ["check"]);
  if (word === undefined || rest.length > 0) throw new Fault("usage", "expected hirewire config check");
  const config = ports.readConfig(values.config);
  const settings = settingsOf(config, ports.settings, config.origins);
  if (values.json)
    io.write(`${JSON.stringify({ file: config.file, key: gatewayKeyFile(config), settings })}\n`);
  else io.write(`${explained(config.file, settings)}${keyLine(config)}`);
  return await Promise.resolve(0);
}

function explained(file: string, settings: readonly Setting[]): string {
  const from = (origin: Setting["origin"]) => settings.filter((one) => one.origin === origin).length;
  const lines = settings.map((setting) => {
    const { key, value, about } = setting;
    return `${key} = ${value}\n    ${about} (${placeOf(setting)})`;
  });
  const foot = `${file} holds: ${settings.length} settings, ${from("file")} from the file, ${from("environment")} from the environment`;
  return `${[...lines, "", foot].join("\n")}\n`;
}

function keyLine(config: ConfigFile): string {
  const file = gatewayKeyFile(config);
  if (config.credential) return `the gateway's key is the credential ${file}\n`;
  return `the gateway's key is ${file}${existsSync(file) ? "" : ", which is not there yet"}\n`;
}

function placeOf({ key, origin, line }: Setting): string {
  if (origin === "file") return `line ${line}`;
  return origin === "environment" ? `${variableOf({ key })}` : origin;
}
