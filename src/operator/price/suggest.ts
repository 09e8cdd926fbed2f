/** `hirewire price suggest`: rates for this machine, from its speed and what its electricity costs. */
import type { ParseArgsConfig } from "node:util";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, amount, formatAmount, parseAmount } from "../../base/money.ts";
import { MEMORY_CLASSES, type MemoryClass, priceOf } from "../../protocol/fuel.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { wholeNumber } from "../numbers.ts";
import { withExecutor } from "../own-executor.ts";
import { type Costs, ceiling, costOfHour, DECIMALS, earningsOfHour, suggestRate } from "./rate.ts";

export type PricePorts = {
  readonly clock: Clock;
  /** Fuel per second of one run, by memory class; measured on this machine unless given. */
  readonly benchmark?: () => Promise<ReadonlyMap<MemoryClass, number>>;
};

const OPTIONS = {
  watts: { type: "string" },
  kwh: { type: "string" },
  wear: { type: "string", default: "0" },
  margin: { type: "string", default: "20" },
  runs: { type: "string", default: "1" },
  "token-decimals": { type: "string", default: "6" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

export const SUGGEST_HELP = `hirewire price suggest --watts W --kwh PRICE [--wear USDT] [--margin 20]
                      [--runs 1] [--token-decimals 6] [--json]

Measures how much fuel this machine burns in a second, which takes two to five
seconds, and suggests a rate for each memory class: electricity and wear, and
the margin on top, rounded up. A run costs rate x fuel / 10^12 atomic units,
rounded up.

  --watts W           what the machine draws more while it works; a Raspberry
                      Pi 5 about 5, half a minute with a plug meter says it
  --kwh PRICE         what a kilowatt-hour costs, in USDT
  --wear USDT         what an hour of work costs besides, in USDT (0)
  --margin PERCENT    on top (20)
  --runs N            runs at the same time that share the watts and the wear (1)
  --token-decimals N  of the token that tasks are paid in (6)
  --json              one object: { tokenDecimals, costOfHour, rates: [{ memoryMiB,
                      fuelPerSecond, rate, perMfuel, perHour, perSecond }] };
                      amounts in atomic units, perMfuel in tokens
`;

/** Rates and what they come to; amounts in atomic units. */
type Suggestion = {
  readonly memoryMiB: MemoryClass;
  readonly fuelPerSecond: number;
  readonly rate: Amount;
  /** What an hour of runs without a pause earns. */
  readonly perHour: Amount;
  /** What a run of a second costs. */
  readonly perSecond: Amount;
};

/**
 * @param args - what stands after `price suggest`
 * @throws {@link Fault} `usage`; `executor_died` when this machine cannot be measured
 */
export async function suggestPrice(args: readonly string[], io: CommandIo, ports: PricePorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire price suggest", args, OPTIONS);
  if (values.help) {
    io.write(SUGGEST_HELP);
    return;
  }
  if (positionals.length > 0) {
    throw new Fault("usage", `hirewire price suggest takes options only, not "${positionals.join(" ")}"`);
  }
  const costs = readCosts(values);
  const speeds = await (ports.benchmark?.() ?? withExecutor(ports, (executor) => executor.benchmark()));
  const suggestions = MEMORY_CLASSES.flatMap((memoryMiB) => {
    const speed = speeds.get(memoryMiB);
    return speed === undefined ? [] : [suggestionOf(costs, memoryMiB, speed)];
  });
  io.write(values.json ? jsonOf(costs, suggestions) : textOf(costs, values, suggestions));
}

function readCosts(values: Values): Costs {
  if (values.watts === undefined || values.kwh === undefined) {
    const missing = values.watts === undefined ? "--watts W" : "--kwh PRICE";
    throw new Fault("usage", `${missing} is missing: such as --watts 5 --kwh 0.30`);
  }
  return {
    watts: decimal(values.watts, "watts"),
    kwh: decimal(values.kwh, "kwh"),
    wear: decimal(values.wear, "wear"),
    margin: decimal(values.margin, "margin"),
    runs: wholeNumber(values.runs, "--runs", 1, 1_024),
    tokenDecimals: wholeNumber(values["token-decimals"], "--token-decimals", 0, 18),
  };
}

function decimal(text: string, name: keyof typeof DECIMALS): bigint {
  const decimals = DECIMALS[name];
  try {
    return parseAmount(text, decimals);
  } catch (cause) {
    const what = `a number from 0 on, at most ${decimals} digits after the point`;
    throw new Fault("usage", `--${name} takes ${what}, not "${text}"`, { cause });
  }
}

function suggestionOf(costs: Costs, memoryMiB: MemoryClass, speed: number): Suggestion {
  const fuelPerSecond = Math.max(1, Math.floor(speed));
  const rate = suggestRate(costs, fuelPerSecond);
  const perHour = earningsOfHour(rate, fuelPerSecond);
  return { memoryMiB, fuelPerSecond, rate, perHour, perSecond: priceOf(rate, fuelPerSecond) };
}

/** In tokens: the rate is per 10^12 fuel, so six decimals more are exact. */
function perMfuel(rate: Amount, tokenDecimals: number): string {
  return formatAmount(rate, tokenDecimals + 6);
}

function jsonOf(costs: Costs, suggestions: readonly Suggestion[]): string {
  const rates = suggestions.map(({ memoryMiB, fuelPerSecond, rate, perHour, perSecond }) => ({
    memoryMiB,
    fuelPerSecond,
    rate: rate.toString(),
    perMfuel: perMfuel(rate, costs.tokenDecimals),
    perHour: perHour.toString(),
    perSecond: perSecond.toString(),
  }));
  const hour = ceiling(costOfHour(costs)).toString();
  return `${JSON.stringify({ tokenDecimals: costs.tokenDecimals, costOfHour: hour, rates })}\n`;
}

function textOf(costs: Costs, values: Values, suggestions: readonly Suggestion[]): string {
  const { tokenDecimals } = costs;
  const hour = formatAmount(ceiling(costOfHour(costs)), tokenDecimals);
  const heads = ["memory", "fuel per second", "rate", "USDT per Mfuel", "USDT per hour", "a run of 1 s"];
  const cells = suggestions.map(({ memoryMiB, fuelPerSecond, rate, perHour, perSecond }) => [
    `${memoryMiB} MiB`,
    fuelPerSecond.toLocaleString("en-US"),
    rate.toString(),
    perMfuel(rate, tokenDecimals),
    formatAmount(perHour, tokenDecimals),
    formatAmount(perSecond, tokenDecimals),
  ]);
  const widths = heads.map((head, at) => Math.max(head.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const lines = [heads, ...cells].map((row) =>
    row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join("  "),
  );
  const option = suggestions.map(({ memoryMiB, rate }) => `${memoryMiB}=${rate}`).join(",");
  const ask = suggestions.map(({ memoryMiB, rate }) => `{ memoryMiB: ${memoryMiB}, rate: amount(${rate}n) }`);
  const least = formatAmount(amount(1n), tokenDecimals);
  return [
    `an hour of one run costs ${hour} USDT: ${values.watts} W at ${values.kwh} USDT/kWh, ${values.wear} USDT of wear,`,
    `${values.runs} at a time; with ${values.margin} % on top:`,
    "",
    ...lines,
    "",
    `for the simulated provider: --rate ${option}`,
    `for robot.serve(), with amount from hirewire/money: ask: [${ask.join(", ")}]`,
    `A run costs rate x fuel / 10^12, rounded up: ${least} USDT at least, however short.`,
    "",
  ].join("\n");
}
