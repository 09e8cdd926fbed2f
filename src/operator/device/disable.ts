/** `hirewire devices disable` and `enable`: keeps a device out, and lets it in again. */
import type { ParseArgsConfig } from "node:util";
import { diskCode, diskReason } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type RosterEntry, writeRosterEntry } from "../roster-folder.ts";
import { type CommandPorts, DEFAULT_CONFIG, findEntry } from "../settings.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const DISABLE_HELP = `hirewire devices disable NAME [--dry-run] [--json] [--config gateway.toml]
hirewire devices enable NAME [--dry-run] [--json] [--config gateway.toml]

Keeps a device out until it is enabled: its session ends at once, it may not log
in, and gets no award. What it is working on ends as if it had vanished, and what
it has on lanes stays its own and can be claimed. A running gateway sees it at
once, another one at its start.

  --dry-run      say what would change; change nothing
  --config FILE  the gateway's settings (gateway.toml)
  --json         one object: { device, name, disabled, changed, dryRun }
`;

/**
 * Runs `hirewire devices disable …`.
 *
 * @param args - what stands after `disable`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `disk_failed`
 */
export function disableDevice(args: readonly string[], io: CommandIo, ports: CommandPorts): void {
  turn(args, io, ports, true);
}

/**
 * Runs `hirewire devices enable …`. Throws as {@link disableDevice}.
 *
 * @param args - what stands after `enable`
 */
export function enableDevice(args: readonly string[], io: CommandIo, ports: CommandPorts): void {
  turn(args, io, ports, false);
}

/**
 * The entry of a device that is kept out, or is not. What the gateway's own operator keeps out stays so until that one lets
 * it in.
 *
 * @param by - whose operator asks for it
 * @throws {@link Fault} `refused` when its owner's asks for one in that the gateway's keeps out
 */
export function entryWhen(entry: RosterEntry, disabled: boolean, by: "gateway" | "owner"): RosterEntry {
  const { disabled: isOut, disabledBy, ...others } = entry;
  if (by === "owner" && isOut && disabledBy !== "owner") {
    if (disabled) return entry;
    throw new Fault(
      "refused",
      `${entry.name} is kept out by the gateway's own operator, who alone lets it in`,
    );
  }
  if (!disabled) return others;
  return by === "owner" ? { ...others, disabled, disabledBy: by } : { ...others, disabled };
}

/** @throws {@link Fault} `disk_failed`; then the entry is as it was */
export function saveEntry(dataFolder: string, entry: RosterEntry): void {
  try {
    writeRosterEntry(dataFolder, entry);
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write the entry of ${entry.name}: ${diskReason(cause)}`, {
      cause,
    });
  }
}

function turn(args: readonly string[], io: CommandIo, ports: CommandPorts, disabled: boolean): void {
  const command = `hirewire devices ${disabled ? "disable" : "enable"}`;
  const { values, positionals } = parseArguments(command, args, OPTIONS);
  if (values.help) {
    io.write(DISABLE_HELP);
    return;
  }
  const [typed, ...rest] = positionals;
  if (typed === undefined || rest.length > 0) throw new Fault("usage", `expected ${command} NAME`);
  const settings = ports.readConfig(values.config);
  const entry = findEntry(settings, typed, "hirewire devices");
  const dryRun = values["dry-run"] === true;
  const next = entryWhen(entry, disabled, "gateway");
  const changed = next.disabled !== entry.disabled || next.disabledBy !== entry.disabledBy;
  if (changed && !dryRun) saveEntry(settings.data, next);
  const { device, name } = entry;
  if (values.json) {
    io.write(`${JSON.stringify({ device, name, disabled, changed, dryRun })}\n`);
    return;
  }
  io.write(`${name} ${disabled ? "is kept out" : "may come in"}\n`);
  if (dryRun) io.write("nothing was changed (--dry-run)\n");
  else if (!changed) io.write("it was so before\n");
}
