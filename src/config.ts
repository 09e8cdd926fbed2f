/** The settings of a gateway: `gateway.toml`, what the environment sets in its place, and where each value came from. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import type { Hex } from "./base/bytes.ts";
import { Fault } from "./base/fault.ts";
import { type Amount, parseAmount } from "./base/money.ts";
import { configSchema, FILE_VERSION, snakeCase } from "./config-schema.ts";
import { BROKER_LIMITS, type BrokerLimits } from "./link/broker/limits.ts";
import { DEFAULT_RULES, type MarketRules } from "./market/rules.ts";
import { nearestName } from "./operator/nearest.ts";
import { keyCredential, WINDOWS } from "./operator/settings.ts";
import { applyEnvironment } from "./operator/setup/environment.ts";
import { leavesOf } from "./operator/setup/leaves.ts";
import { type Origins, originsOf } from "./operator/setup/origins.ts";
import type { Limits } from "./payment/standing.ts";

export type Config = z.output<typeof configSchema> & {
  readonly file: string;
  /** The gateway's key among the credentials of its service; null where there is none. */
  readonly credential: string | null;
  /** Where each value came from; what is not in it has its default. */
  readonly origins: Origins;
};

/** Every setting that there is. */
export const SETTINGS = leavesOf(configSchema);

/**
 * Reads and checks `gateway.toml`, and what the environment sets in its place.
 *
 * @throws {@link Fault} `config_missing`, `config_syntax`
 */
export function readConfig(path: string, environment = process.env): Config {
  const file = resolve(path);
  const text = readText(file);
  const said = parseToml(file, text);
  refuseNewer(path, said["version"]);
  const fromEnvironment = applyEnvironment(said, SETTINGS, environment);
  const found = z.safeDecode(configSchema, said as never);
  if (!found.success) throw new Fault("config_syntax", `${path}: ${explain(found.error, fromEnvironment)}`);
  const { data, broker, operator } = found.data;
  const at = (name: string) => (name === "" ? "" : resolve(dirname(file), name));
  const { certificate, certificate_key: key, external } = broker;
  return {
    ...found.data,
    data: at(data),
    broker: {
      ...{ ...broker, certificate: at(certificate), certificate_key: at(key) },
      external: external && { ...external, password_file: at(external.password_file), ca: at(external.ca) },
    },
    operator: {
      ...operator,
      ...{ certificate: at(operator.certificate), certificate_key: at(operator.certificate_key) },
    },
    ...{ file, credential: keyCredential(environment), origins: originsOf(text, fromEnvironment) },
  };
}

/** A file of a newer hirewire is named as that: what else it says is not to be judged here. */
function refuseNewer(path: string, version: unknown): void {
  if (typeof version !== "number" || version <= FILE_VERSION) return;
  const message = `${path} is of version ${version}, of a newer hirewire; this one reads version ${FILE_VERSION}: run that one, or make a file for this one with hirewire init`;
  throw new Fault("config_syntax", message, { facts: { version, reads: FILE_VERSION } });
}

/** What is wrong, with the nearest known name of an unknown one, and where it does not stand in the file. */
function explain(error: z.ZodError, fromEnvironment: ReadonlySet<string>): string {
  const unknown = error.issues.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") return [];
    const table = issue.path.map((part) => (typeof part === "number" ? "*." : `${String(part)}.`)).join("");
    const known = SETTINGS.filter(({ key }) => key.startsWith(table)).map(
      ({ key }) => key.slice(table.length).split(".")[0] ?? "",
    );
    return issue.keys.flatMap((key) => nearestName(key, known) ?? []).map((name) => `did you mean ${name}?`);
  });
  const elsewhere = error.issues
    .map(({ path }) => path.join("."))
    .filter((key) => fromEnvironment.has(key))
    .map((key) => `${key} was set by the environment`);
  return [z.prettifyError(error), ...unknown, ...elsewhere].join("\n");
}

/** The limits that `[broker.limits]` sets; the others keep their defaults. */
export function brokerLimitsOf({ broker }: Config): Partial<BrokerLimits> {
  return Object.fromEntries(
    Object.keys(BROKER_LIMITS).flatMap((name) => {
      const value = broker.limits[snakeCase(name)];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Fault("config_missing", `cannot read ${file}: hirewire init makes one, or give --config FILE`, {
      cause,
    });
  }
}

function parseToml(file: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "not TOML";
    throw new Fault("config_syntax", `${file}: ${why}`, { cause });
  }
}

/**
 * The market's rules as `[market]` sets them, milliseconds as they stand; how far ahead a deadline may lie is fixed.
 */
export function marketRules(config: Config): MarketRules {
  const { market } = config;
  return {
    bidWindowMs: market.bid_window_ms,
    acceptMs: market.accept_ms,
    runMs: market.run_ms,
    inputMs: market.input_ms,
    checkRate: market.check_rate,
    feeBasisPoints: market.fee_basis_points,
    maxOpen: market.max_open,
    maxFuel: market.max_fuel,
    meter: DEFAULT_RULES.meter,
    maxDeadlineMs: DEFAULT_RULES.maxDeadlineMs,
  };
}

/**
 * The limits as `[limits]` sets them.
 *
 * @param perDay - budgets that devices have of their own, in place of `device_per_day`; null where one has none
 * @throws {@link Fault} `amount_syntax`, `amount_range`
 */
export function limitsOf(
  { limits }: Config,
  decimals: number,
  perDay: (device: Hex) => Amount | null,
): Limits {
  const orNone = (text: string): Amount | null => (text === "" ? null : parseAmount(text, decimals));
  const general = orNone(limits.device_per_day);
  return {
    onResult: parseAmount(limits.on_result, decimals),
    credit: orNone(limits.credit),
    devicePerDay: (device) => perDay(device) ?? general,
    ownerPerDay: orNone(limits.owner_per_day),
    leastWindow: WINDOWS.indexOf(limits.least_window),
    closeMarginMs: limits.close_margin_ms,
    invoiceMs: limits.invoice_ms,
  };
}
