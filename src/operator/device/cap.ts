/** `hirewire device cap`: what the gateway signs for a board whose wallet it keeps. */
import { existsSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type CommandPorts, DEFAULT_CONFIG, findEntry } from "../settings.ts";
import { walletFile, writeWallet } from "../wallet-folder.ts";
import { MAX_DECIMALS } from "./budget.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const CAP_HELP = `hirewire device cap NAME AMOUNT [--dry-run] [--json]
                    [--config gateway.toml]

Lets the gateway sign at most AMOUNT of the token in all for a board whose
wallet it keeps (hirewire device pair), from the wallet's first day on: what is
signed already counts. A running gateway sees it at once. What the board's lane
holds bounds it besides. A gateway that was made by hirewire recover does not
know what lanes have paid that were closed before: set the cap anew.

  --dry-run      say what would change; change nothing
  --config FILE  the gateway's settings (gateway.toml)
  --json         one object: { device, name, before, cap, dryRun }
`;

/**
 * @param args - what stands after `device cap`
 * @throws {@link Fault} `usage`, `amount_syntax`, `amount_range`, `config_missing`, `config_syntax`, `key_file`,
 * `file_format`, `disk_failed`
 */
export function setCap(args: readonly string[], io: CommandIo, ports: CommandPorts): void {
  const { values, positionals } = parseArguments("hirewire device cap", args, OPTIONS);
  if (values.help) {
    io.write(CAP_HELP);
    return;
  }
  const [typed, cap, ...rest] = positionals;
  if (typed === undefined || cap === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire device cap NAME AMOUNT");
  }
  const settings = ports.readConfig(values.config);
  const { device, name } = findEntry(settings, typed, "hirewire device list");
  const file = walletFile(settings.data, device);
  if (!existsSync(file)) {
    throw new Fault(
      "usage",
      `${name} has its own key: what it signs is bounded by its lane, and hirewire device budget`,
    );
  }
  parseAmount(cap, MAX_DECIMALS);
  const wallet = ports.keys.wallet(file);
  const dryRun = values["dry-run"] === true;
  if (!dryRun) writeWallet(settings.data, { ...wallet, cap });
  if (values.json) {
    io.write(`${JSON.stringify({ device, name, before: wallet.cap, cap, dryRun })}\n`);
    return;
  }
  io.write(`${name} may spend ${cap} in all; before, ${wallet.cap}\n`);
  if (dryRun) io.write("nothing was changed (--dry-run)\n");
}
