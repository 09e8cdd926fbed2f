/** `hirewire halt` and `hirewire resume`: the stop switch. */
import { existsSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type CommandPorts, DEFAULT_CONFIG } from "../settings.ts";
import { askGateway } from "./client.ts";
import { clearHalt, readHalt, writeHalt } from "./halt-file.ts";
import { reasonText } from "./switch-file.ts";

const COMMON = {
  config: { type: "string", default: DEFAULT_CONFIG },
  data: { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HALT_HELP = `hirewire halt [--reason TEXT] [--dry-run] [--json] [--config gateway.toml]

Takes no new offers from now on, and after every start, until hirewire resume.
What is under way is finished, paid and settled. Works whether or not the
gateway runs.

  --reason TEXT  told to devices that offer, and kept in the journal
  --dry-run      say what would change; change nothing
  --config FILE  the gateway's settings (gateway.toml)
  --data DIR     the gateway's data folder, in place of --config
  --json         one object: { halted, reason, running, changed, dryRun }
`;

const RESUME_HELP = `hirewire resume [--dry-run] [--json] [--config gateway.toml]

Takes offers again after hirewire halt. Works whether or not the gateway runs.

  --dry-run      say what would change; change nothing
  --config FILE  the gateway's settings (gateway.toml)
  --data DIR     the gateway's data folder, in place of --config
  --json         one object: { halted, reason, running, changed, dryRun }
`;

/** How the switch stands afterwards. */
type Switch = { readonly reason: string | null; readonly running: boolean; readonly changed: boolean };

/**
 * Runs `hirewire halt …` and gives its exit code, 0.
 *
 * @param args - what stands after `halt`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `link_lost`, `disk_failed`
 */
export async function haltCommand(args: string[], io: CommandIo, ports: CommandPorts): Promise<number> {
  const options = { ...COMMON, reason: { type: "string" } } as const;
  const { values, positionals } = parseArguments("hirewire halt", args, options);
  if (values.help) {
    io.write(HALT_HELP);
    return 0;
  }
  if (positionals.length > 0) throw new Fault("usage", 'expected hirewire halt --reason "why"');
  const reason = reasonText(values.reason ?? "");
  const isDry = values["dry-run"] === true;
  const { data } = withFolder(values, ports);
  const before = readHalt(data);
  const asked = isDry
    ? await askGateway(data, { do: "status" })
    : await askGateway(data, { do: "halt", reason });
  if (!asked && !isDry) writeHalt(data, reason);
  show(io, values.json === true, isDry, { reason, running: asked !== null, changed: before !== reason });
  return 0;
}

/**
 * Runs `hirewire resume …` and gives its exit code, 0.
 *
 * @param args - what stands after `resume`
 * @throws {@link Fault} as {@link haltCommand}
 */
export async function resumeCommand(args: string[], io: CommandIo, ports: CommandPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire resume", args, COMMON);
  if (values.help) {
    io.write(RESUME_HELP);
    return 0;
  }
  if (positionals.length > 0) throw new Fault("usage", "expected nothing after hirewire resume");
  const isDry = values["dry-run"] === true;
  const { data } = withFolder(values, ports);
  const before = readHalt(data);
  const asked = await askGateway(data, { do: isDry ? "status" : "resume" });
  if (!asked && !isDry) clearHalt(data);
  show(io, values.json === true, isDry, { reason: null, running: asked !== null, changed: before !== null });
  return 0;
}

type Where = { readonly config: string; readonly data?: string | undefined };

function withFolder(where: Where, ports: CommandPorts): { readonly data: string } {
  const data = where.data ?? ports.readConfig(where.config).data;
  if (existsSync(data)) return { data };
  throw new Fault("config_missing", `there is no data folder ${data}: hirewire device add makes it`);
}

function show(io: CommandIo, isJson: boolean, dryRun: boolean, { reason, running, changed }: Switch): void {
  const halted = reason !== null;
  if (isJson) {
    io.write(`${JSON.stringify({ halted, reason, running, changed, dryRun })}\n`);
    return;
  }
  const who = running ? "the gateway" : "the gateway, once it is started,";
  const what = halted ? `takes no new offers: ${reason}` : "takes offers";
  io.write(`${who} ${what}\n`);
  if (dryRun) io.write("nothing was changed (--dry-run)\n");
  else if (!changed) io.write("it was so before\n");
}
