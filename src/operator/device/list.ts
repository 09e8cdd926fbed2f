/** `hirewire device list`: who is enrolled. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { RosterEntry } from "../roster-folder.ts";
import { type CommandPorts, DEFAULT_CONFIG, enrolled } from "../settings.ts";
import { readWallets, walletFile } from "../wallet-folder.ts";
import { waitingBoards, waitingLine } from "./pair.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const LIST_HELP = `hirewire device list [--config gateway.toml] [--json]

Lists the enrolled devices: name, address, topics, who owns the money, what its
tasks may cost in a day, and for a wallet that the gateway keeps what is signed
for it at most. Then the boards that wait to be paired with a running gateway.

  --config FILE  the gateway's settings (gateway.toml)
  --json         JSON Lines, one device each; with cap where the gateway keeps
                 its wallet. Boards that wait: hirewire device pair --json
`;

/**
 * Lists what can be used, and warns of each file that is passed over.
 *
 * @param args - what stands after `device list`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`
 */
export async function listDevices(
  args: readonly string[],
  io: CommandIo,
  ports: CommandPorts,
): Promise<void> {
  const { values, positionals } = parseArguments("hirewire device list", args, OPTIONS);
  if (values.help) {
    io.write(LIST_HELP);
    return;
  }
  if (positionals.length > 0) throw new Fault("usage", "expected nothing after hirewire device list");
  const settings = ports.readConfig(values.config);
  const { entries, faults } = enrolled(settings);
  const { wallets, faults: worse } = readWallets(settings.data, ports.keys.wallet);
  for (const { message } of [...faults, ...worse]) io.warn(`passed over: ${message}\n`);
  const caps = new Map(wallets.map(({ device, cap }) => [device, cap]));
  for (const { device, name } of wallets) {
    if (!entries.some((entry) => entry.device === device)) {
      io.warn(`a wallet of nobody who is enrolled: ${walletFile(settings.data, device)}, made for ${name}\n`);
    }
  }
  if (values.json) {
    for (const { version: _, ...entry } of entries) {
      const cap = caps.get(entry.device);
      io.write(`${JSON.stringify({ ...entry, ...(cap === undefined ? {} : { cap }) })}\n`);
    }
    return;
  }
  if (entries.length === 0) io.write("no device is enrolled: hirewire device add NAME\n");
  else io.write(table(entries, caps));
  for (const board of (await waitingBoards(settings.data)) ?? []) io.write(`${waitingLine(board)}\n`);
}

function table(entries: readonly RosterEntry[], caps: ReadonlyMap<Hex, string>): string {
  const rows = entries.map(({ name, device, manufacturer, serialNumber, owner, perDay }) => {
    const whose = owner === null ? "its own" : `owner ${owner}`;
    const budget = perDay === null ? [] : [`${perDay} a day`];
    const cap = caps.get(device);
    const kept = cap === undefined ? [] : [`wallet kept here, at most ${cap} in all`];
    return [name, device, `${manufacturer}/${serialNumber}`, [whose, ...budget, ...kept].join(", ")];
  });
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  "));
  return `${lines.join("\n")}\n`;
}
