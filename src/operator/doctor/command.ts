/** `hirewire doctor`: whether this machine has what a gateway needs, and what to do where it has not. */
import type { ParseArgsConfig } from "node:util";
import { Fault, isFault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { MoneyPorts } from "../money/journey.ts";
import { DEFAULT_CONFIG, type Settings } from "../settings.ts";
import { chainChecks } from "./chain.ts";
import { type Check, checkLine, good, note, words, wrong } from "./check.ts";
import { folderChecks, journalCheck, keyCheck, rosterCheck, walletChecks } from "./folder.ts";
import {
  brokerChecks,
  executorCheck,
  kernelCheck,
  nodeCheck,
  programChecks,
  timeCheck,
  widthCheck,
} from "./host.ts";
import type { Machine } from "./machine.ts";
import { serialChecks } from "./serial.ts";
import { archiveCheck, backupCheck, storeCheck } from "./store.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire doctor [--config gateway.toml] [--json]

Looks at everything that a gateway needs, one line each: ✔ good, ✘ wrong with
the fix beside it, – worth knowing. Changes nothing. Exit 1 when something is
wrong.

  --config FILE  the gateway's settings (gateway.toml)
  --json         one object: { ok, checks: [{ check, outcome, found, fix }] }
`;

/**
 * Runs `hirewire doctor …` and gives its exit code: 1 when something that a gateway needs is wrong, else 0.
 *
 * @param args - what stands after `doctor`
 * @throws {@link Fault} `usage`
 */
export async function doctorCommand(
  args: string[],
  io: CommandIo,
  ports: MoneyPorts,
  machine: Machine,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire doctor", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  if (positionals.length > 0) throw new Fault("usage", "expected nothing after hirewire doctor but options");
  const checks = await examine(values.config, ports, machine);
  if (values.json) io.write(`${JSON.stringify({ ok: isWell(checks), checks })}\n`);
  else io.write(checkText(checks));
  return isWell(checks) ? 0 : 1;
}

/**
 * Makes every check there is, in the order in which a person reads them.
 *
 * @param config - the settings' file where one is named; without it there may be none
 */
export async function examine(
  config: string | undefined,
  ports: MoneyPorts,
  machine: Machine,
): Promise<readonly Check[]> {
  const { check, settings } = readSettings(config, ports);
  const isAssumed = settings?.clock.synchronized === "assume";
  return [
    ...[nodeCheck(machine), widthCheck(machine), await kernelCheck(), await executorCheck()],
    ...[await timeCheck(machine, isAssumed), check],
    ...(settings ? await gatewayChecks(settings, ports, machine) : []),
    ...programChecks(machine),
  ];
}

/** A line for each check, and one for all. */
export function checkText(checks: readonly Check[]): string {
  const wrongs = checks.filter(({ outcome }) => outcome === "wrong").length;
  return `${checks.map(checkLine).join("")}${summary(wrongs)}\n`;
}

/** Whether a gateway has all that it needs. */
function isWell(checks: readonly Check[]): boolean {
  return checks.every(({ outcome }) => outcome !== "wrong");
}

function summary(wrongs: number): string {
  if (wrongs === 0) return "nothing is wrong";
  return wrongs === 1 ? "1 thing is wrong" : `${wrongs} things are wrong`;
}

function readSettings(
  typed: string | undefined,
  ports: MoneyPorts,
): { check: Check; settings: Settings | null } {
  const path = typed ?? DEFAULT_CONFIG;
  try {
    const settings = ports.readConfig(path);
    return { check: good("settings", settings.file), settings };
  } catch (error) {
    if (!isFault(error, "config_missing") || typed !== undefined) {
      return { check: wrong("settings", words(error), `correct ${path}`), settings: null };
    }
    const found = `no ${path} here: only the machine was looked at`;
    return { check: note("settings", found, "give --config FILE"), settings: null };
  }
}

async function gatewayChecks(settings: Settings, ports: MoneyPorts, machine: Machine): Promise<Check[]> {
  const { check: key, gateway } = keyCheck(settings, ports.keys);
  const { check: roster, devices } = rosterCheck(settings);
  const now = ports.clock.now();
  return [
    ...folderChecks(settings, machine),
    key,
    roster,
    ...walletChecks(settings, ports.keys),
    ...storeCheck(settings),
    journalCheck(settings),
    ...archiveCheck(settings),
    ...backupCheck(settings, now),
    ...(await chainChecks({ settings, gateway, devices, now })),
    ...(await brokerChecks(settings)),
    ...(await serialChecks(settings, machine)),
  ];
}
