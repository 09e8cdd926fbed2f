/** `hirewire device list`: who is enrolled. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { RosterEntry } from "../roster-folder.ts";
import { type CommandPorts, DEFAULT_CONFIG, enrolled } from "../settings.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const LIST_HELP = `hirewire device list [--config gateway.toml] [--json]

Lists the enrolled devices: name, address, topics, and who owns the money,
and what its tasks may cost in a day.

  --config FILE  the gateway's settings (gateway.toml)
  --json         JSON Lines, one device each
`;

/**
 * Lists what can be used, and warns of each file that is passed over.
 *
 * @param args - what stands after `device list`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`
 */
export function listDevices(args: readonly string[], io: CommandIo, ports: CommandPorts): void {
  const { values, positionals } = parseArguments("hirewire device list", args, OPTIONS);
  if (values.help) {
    io.write(LIST_HELP);
    return;
  }
  if (positionals.length > 0) throw new Fault("usage", "expected nothing after hirewire device list");
  const { entries, faults } = enrolled(ports.readConfig(values.config));
  for (const { message } of faults) io.warn(`passed over: ${message}\n`);
  if (values.json) {
    for (const { version: _, ...entry } of entries) io.write(`${JSON.stringify(entry)}\n`);
  } else if (entries.length === 0) io.write("no device is enrolled: hirewire device add NAME\n");
  else io.write(table(entries));
}

function table(entries: readonly RosterEntry[]): string {
  const rows = entries.map(({ name, device, manufacturer, serialNumber, owner, perDay }) => {
    const whose = owner === null ? "its own" : `owner ${owner}`;
    const budget = perDay === null ? [] : [`${perDay} a day`];
    return [name, device, `${manufacturer}/${serialNumber}`, [whose, ...budget].join(", ")];
  });
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  "));
  return `${lines.join("\n")}\n`;
}
