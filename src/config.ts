/** The settings of a gateway: the schema of `gateway.toml`, its defaults, and the file itself. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import { Fault } from "./base/fault.ts";
import { DEFAULT_RULES, type MarketRules } from "./market/rules.ts";
import { address } from "./protocol/scalar.ts";

const milliseconds = z.number().int().min(1).max(86_400_000);

const schema = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1).max(64).default("hirewire"),
  /** Journal, blobs, keys and the roster; relative to the file. */
  data: z.string().default("data"),
  broker: z.strictObject({ listen: z.string().default("127.0.0.1:1883") }).prefault({}),
  serial: z
    .array(
      z.strictObject({ path: z.string(), baud: z.number().int().min(300).max(4_000_000).default(115_200) }),
    )
    .default([]),
  chain: z.strictObject({
    id: z.number().int().min(1),
    rpc: z.url(),
    vault: address,
    token: address,
    /** The newest block has one. */
    confirmations: z.number().int().min(1).default(12),
    poll_ms: milliseconds.default(5_000),
  }),
  market: z
    .strictObject({
      bid_window_ms: milliseconds.default(DEFAULT_RULES.bidWindowMs),
      accept_ms: milliseconds.default(DEFAULT_RULES.acceptMs),
      run_ms: milliseconds.default(DEFAULT_RULES.runMs),
      input_ms: milliseconds.default(DEFAULT_RULES.inputMs),
      check_rate: z.number().min(0).max(1).default(DEFAULT_RULES.checkRate),
      fee_basis_points: z.number().int().min(0).max(10_000).default(DEFAULT_RULES.feeBasisPoints),
      max_open: z.number().int().min(1).default(DEFAULT_RULES.maxOpen),
    })
    .prefault({}),
  settlement: z
    .strictObject({
      /** Room that the gateway keeps on its lane to each device, as a decimal. */
      lane_deposit: z.string().default("10.00"),
      /** How long vouchers may go unclaimed. */
      every_ms: z.number().int().min(1_000).default(21_600_000),
    })
    .prefault({}),
});

export type Config = z.output<typeof schema> & { readonly file: string };

/**
 * Reads and checks `gateway.toml`. Unknown keys are errors: a misspelt limit must not be no limit.
 *
 * @throws {@link Fault} `config_missing`, `config_syntax`
 */
export function readConfig(path: string): Config {
  const file = resolve(path);
  const found = z.safeDecode(schema, parseToml(file, readText(file)) as never);
  if (!found.success) throw new Fault("config_syntax", `${path}: ${z.prettifyError(found.error)}`);
  return { ...found.data, data: resolve(dirname(file), found.data.data), file };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Fault("config_missing", `cannot read ${file}; give --config FILE`, { cause });
  }
}

function parseToml(file: string, text: string): unknown {
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
    maxDeadlineMs: DEFAULT_RULES.maxDeadlineMs,
  };
}
