/** `hirewire stop-paying` and `hirewire resume-paying`: the emergency switch. */
import { existsSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type CommandPorts, DEFAULT_CONFIG } from "../settings.ts";
import { askGateway } from "./client.ts";
import { orderResume, readStop, writeStop } from "./stop-file.ts";
import { reasonText } from "./switch-file.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  data: { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const STOP_HELP = `hirewire stop-paying [REASON] [--dry-run] [--json] [--config gateway.toml]

Signs no voucher from now on, and after every start, and sends no claim, no
funding and no close of its own will, until hirewire resume-paying. No new work
is taken on. What is under way is finished and judged; what that earns becomes
credit of whoever has earned it, and is paid out when paying goes on. Nothing is
lost, but a lane that closes meanwhile is only claimed by hand:
hirewire settle --now. Works whether or not the gateway runs.

  REASON         kept in the journal
  --dry-run      say what would change; change nothing
  --config FILE  the gateway's settings (gateway.toml)
  --data DIR     the gateway's data folder, in place of --config
  --json         one object: { stopped, reason, running, changed, dryRun }
`;

const RESUME_HELP = `hirewire resume-paying [--dry-run] [--json] [--config gateway.toml]

Pays again after hirewire stop-paying, first what was earned meanwhile, and takes
work on again. Works whether or not the gateway runs.

  --dry-run      say what would change; change nothing
  --config FILE  the gateway's settings (gateway.toml)
  --data DIR     the gateway's data folder, in place of --config
  --json         one object: { stopped, reason, running, changed, dryRun }
`;

/** How the switch stands afterwards. */
type Switch = { readonly reason: string | null; readonly running: boolean; readonly changed: boolean };

/**
 * Runs `hirewire stop-paying …` and gives its exit code, 0.
 *
 * @param args - what stands after `stop-paying`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `link_lost`, `disk_failed`
 */
export async function stopPayingCommand(args: string[], io: CommandIo, ports: CommandPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire stop-paying", args, OPTIONS);
  if (values.help) {
    io.write(STOP_HELP);
    return 0;
  }
  const reason = reasonText(positionals.join(" "));
  const data = folderOf(values, ports);
  const isDry = values["dry-run"] === true;
  const written = readStop(data);
  // first of all: whatever becomes of a gateway that does not answer, its next start pays nothing
  if (!isDry && written === null) writeStop(data, reason);
  const status = await askGateway(data, { do: isDry ? "status" : "stopPaying", reason });
  const running = status !== null;
  if (!isDry && !running) writeStop(data, reason);
  const stopped = status?.["stopped"];
  // a gateway that runs keeps its first reason
  const after = !isDry && typeof stopped === "string" ? stopped : reason;
  show(io, values.json === true, isDry, { reason: after, running, changed: written !== after });
  return 0;
}

/**
 * Runs `hirewire resume-paying …` and gives its exit code, 0.
 *
 * @param args - what stands after `resume-paying`
 * @throws {@link Fault} as {@link stopPayingCommand}
 */
export async function resumePayingCommand(
  args: string[],
  io: CommandIo,
  ports: CommandPorts,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire resume-paying", args, OPTIONS);
  if (values.help) {
    io.write(RESUME_HELP);
    return 0;
  }
  if (positionals.length > 0) throw new Fault("usage", "expected nothing after hirewire resume-paying");
  const data = folderOf(values, ports);
  const isDry = values["dry-run"] === true;
  const written = readStop(data);
  const running = (await askGateway(data, { do: isDry ? "status" : "resumePaying" })) !== null;
  if (!isDry && !running) orderResume(data);
  show(io, values.json === true, isDry, { reason: null, running, changed: written !== null });
  return 0;
}

type Where = { readonly config: string; readonly data?: string | undefined };

function folderOf(where: Where, ports: CommandPorts): string {
  const data = where.data ?? ports.readConfig(where.config).data;
  if (existsSync(data)) return data;
  throw new Fault("config_missing", `there is no data folder ${data}: hirewire device add makes it`);
}

function show(io: CommandIo, isJson: boolean, dryRun: boolean, { reason, running, changed }: Switch): void {
  const stopped = reason !== null;
  if (isJson) {
    io.write(`${JSON.stringify({ stopped, reason, running, changed, dryRun })}\n`);
    return;
  }
  const who = running ? "the gateway" : "the gateway, once it is started,";
  io.write(`${who} ${stopped ? `pays nothing: ${reason}` : "pays"}\n`);
  if (dryRun) io.write("nothing was changed (--dry-run)\n");
  else if (!changed) io.write("it was so before\n");
}
