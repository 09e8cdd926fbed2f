/** `hirewire device budget`: what a device's tasks may cost in a day. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { writeRosterEntry } from "../roster-folder.ts";
import { type CommandPorts, DEFAULT_CONFIG, findEntry } from "../settings.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const BUDGET_HELP = `hirewire device budget NAME AMOUNT|none [--dry-run] [--json]
                       [--config gateway.toml]

Lets the tasks of a device cost at most AMOUNT of the token in a day (UTC), or
takes the limit away. A running gateway sees it at once. The limits of
gateway.toml hold besides.

  --dry-run      say what would change; change nothing
  --config FILE  the gateway's settings (gateway.toml)
  --json         one object: { device, name, before, perDay, dryRun }
`;

/** More decimals than any token of USDT has (18 on BNB chain): the gateway reads it with the token's own. */
export const MAX_DECIMALS = 18;

/**
 * @param args - what stands after `device budget`
 * @throws {@link Fault} `usage`, `amount_syntax`, `amount_range`, `config_missing`, `config_syntax`
 */
export function setBudget(args: readonly string[], io: CommandIo, ports: CommandPorts): void {
  const { values, positionals } = parseArguments("hirewire device budget", args, OPTIONS);
  if (values.help) {
    io.write(BUDGET_HELP);
    return;
  }
  const [typed, limit, ...rest] = positionals;
  if (typed === undefined || limit === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire device budget NAME AMOUNT, or none in place of AMOUNT");
  }
  const settings = ports.readConfig(values.config);
  const entry = findEntry(settings, typed, "hirewire device list");
  if (limit !== "none") parseAmount(limit, MAX_DECIMALS);
  const perDay = limit === "none" ? null : limit;
  const dryRun = values["dry-run"] === true;
  if (!dryRun) writeRosterEntry(settings.data, { ...entry, perDay });
  const { device, name, perDay: before } = entry;
  if (values.json) {
    io.write(`${JSON.stringify({ device, name, before, perDay, dryRun })}\n`);
    return;
  }
  io.write(`${name} may spend ${inWords(perDay)}; before, ${inWords(before)}\n`);
  if (dryRun) io.write("nothing was changed (--dry-run)\n");
}

function inWords(perDay: string | null): string {
  return perDay === null ? "what its lane holds" : `${perDay} a day`;
}
