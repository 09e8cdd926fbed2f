/** The settings of a gateway: the schema of `gateway.toml`, its defaults, and the file itself. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, isAbsolute, resolve } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import type { Hex } from "./base/bytes.ts";
import { Fault } from "./base/fault.ts";
import { type Amount, parseAmount } from "./base/money.ts";
import { BROKER_LIMITS, type BrokerLimits } from "./link/broker/limits.ts";
import { BAUD } from "./link/serial/baud-watch.ts";
import { isPattern } from "./link/serial/lines.ts";
import { isTcpUrl } from "./link/serial/tcp-port.ts";
import { isUsbId } from "./link/serial/usb.ts";
import { DEFAULT_RULES, type MarketRules } from "./market/rules.ts";
import { WINDOWS } from "./operator/settings.ts";
import type { Limits } from "./payment/standing.ts";
import { isBrokerUrl } from "./protocol/connection-file.ts";
import { address, fuel } from "./protocol/scalar.ts";

const milliseconds = z.number().int().min(1).max(86_400_000);

const brokerLimits = z.strictObject(
  Object.fromEntries(
    Object.keys(BROKER_LIMITS).map((name) => [
      snakeCase(name),
      z.number().int().min(1).max(2_147_483_647).optional(),
    ]),
  ),
);

const brokerSchema = z.strictObject({
  /**
   * Where devices connect: "host:port", or mqtt://, mqtts://, ws://host:port/path, wss://; one or several. An empty list
   * is none, for a gateway that only has serial lines or a broker elsewhere.
   */
  listen: z
    .union([z.string().transform((one) => [one]), z.array(z.string())])
    .default(() => ["127.0.0.1:1883"]),
  /** PEM files of mqtts:// and wss://, relative to this file; a new certificate is read at the next start. */
  certificate: z.string().default(""),
  certificate_key: z.string().default(""),
  /**
   * "roster": devices that the operator has enrolled. "open": besides them whoever holds `guest_deposit` on a lane to
   * this gateway; its topics are hirewire/v1/guest/<address>/….
   */
  admission: z.enum(["roster", "open"]).default("roster"),
  /** What a guest's lane must hold, a decimal; "" is `lane_deposit`, which it then gets on a lane back. */
  guest_deposit: z.string().default(""),
  /** Most guests there ever may be. */
  guests: z.number().int().min(1).max(100_000).default(1_000),
  limits: brokerLimits.prefault({}),
  /** A broker of somebody else's, besides: devices connect there, and log in to this gateway by message. */
  external: z
    .strictObject({
      url: z
        .string()
        .refine(isBrokerUrl, "expected mqtt://host:port, or mqtts, ws or wss; no user or password"),
      /** 5 lets the gateway tell the broker what not to send it: packets that are too large, what is retained, its own words. */
      version: z.enum(["3.1.1", "5"]).default("5"),
      username: z.string().default(""),
      /** A file with the password of that account, relative to this file. */
      password_file: z.string().default(""),
      /** A PEM file with the broker's certificate authority, where it is a private one. */
      ca: z.string().default(""),
    })
    .optional(),
});

const serialSchema = z
  .strictObject({
    /** A device of this machine; tcp://host:port; or with * or ? in its last part each device that is there. */
    path: z
      .string()
      .refine(
        (path) => isAbsolute(path) || isTcpUrl(path),
        "expected /dev/..., a pattern such as /dev/serial/by-id/*, or tcp://host:port",
      ),
    baud: z
      .number()
      .int()
      .min(BAUD.least, `a serial line runs at ${BAUD.least} to ${BAUD.most} baud`)
      .max(BAUD.most, `a serial line runs at ${BAUD.least} to ${BAUD.most} baud`)
      .default(BAUD.usual),
    /** "raw" is MQTT without the reliable link: a device whose bytes are checked on their whole way, such as native USB. */
    profile: z.enum(["reliable", "raw"]).default("reliable"),
    /** The USB devices that are meant, "vendor:product"; an empty list is any device. */
    usb: z
      .union([z.string().transform((one) => [one]), z.array(z.string())])
      .default(() => [])
      .transform((ids) => ids.map((id) => id.toLowerCase()))
      .refine(
        (ids) => ids.every(isUsbId),
        'expected USB devices as vendor:product, such as "2e8a:000a": see lsusb',
      ),
  })
  .refine(({ path, usb }) => usb.length === 0 || !isTcpUrl(path), {
    path: ["usb"],
    message: "a serial server is no USB device: leave usb out, or name the device itself",
  })
  .refine(({ profile, path }) => profile !== "raw" || !isTcpUrl(path), {
    path: ["profile"],
    message:
      'profile "raw" is for USB devices of this machine, not for tcp://: nothing checks the bytes on such a way',
  })
  .refine(({ profile, usb }) => profile !== "raw" || usb.length > 0, {
    path: ["profile"],
    message:
      'profile "raw" needs usb = ["vendor:product"]: it is only for devices that are known to need no checks',
  });

/** Patterns may be the same: each is for other devices. */
function namesOnce(lines: readonly { readonly path: string }[]): boolean {
  const names = lines.map(({ path }) => path).filter((path) => !isPattern(path));
  return new Set(names).size === names.length;
}

const schema = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1).max(64).default("hirewire"),
  /** Journal, blobs, keys and the roster; relative to the file. */
  data: z.string().default("data"),
  broker: brokerSchema.prefault({}),
  serial: z
    .array(serialSchema)
    .refine(namesOnce, "two [[serial]] have the same path: a device is opened once")
    .default([]),
  chain: z.strictObject({
    id: z.number().int().min(1),
    /** One node, or several: the others are asked when one fails, and no gain is believed that two do not agree on. */
    rpc: z.union([z.url().transform((url) => [url]), z.array(z.url()).min(1)]),
    vault: address,
    token: address,
    /** The newest block has one; "finalized" waits for the chain's own mark. */
    confirmations: z.union([z.number().int().min(1), z.literal("finalized")]).default(12),
    poll_ms: milliseconds.default(5_000),
  }),
  market: z
    .strictObject({
      bid_window_ms: milliseconds.default(DEFAULT_RULES.bidWindowMs),
      accept_ms: milliseconds.default(DEFAULT_RULES.acceptMs),
      run_ms: milliseconds.default(DEFAULT_RULES.runMs),
      input_ms: milliseconds.default(DEFAULT_RULES.inputMs),
      /** Part of answers that are run again: by a second provider, or by the gateway where none can be paid. */
      check_rate: z.number().min(0).max(1).default(DEFAULT_RULES.checkRate),
      fee_basis_points: z.number().int().min(0).max(10_000).default(DEFAULT_RULES.feeBasisPoints),
      max_open: z.number().int().min(1).default(DEFAULT_RULES.maxOpen),
      /**
       * Most fuel that an offer may allow its run. What burns more than this machine does in `run_ms`, its own run cannot
       * confirm: such a failure is not paid, and such an answer is only drawn for nothing where there is no second bidder.
       * Providers that know their speed do not bid on a limit that they might not burn in `run_ms`.
       */
      max_fuel: fuel.min(1).default(DEFAULT_RULES.maxFuel),
    })
    .prefault({}),
  firmware: z
    .strictObject({
      /**
       * Task firmware that runs here at a time, each in a process of its own: as many as this machine has cores, 2 at
       * least. One is kept for inspections and jobs of little fuel; the bytes of one task more than this many are loaded
       * for checks and referee runs.
       */
      cores: z
        .number()
        .int()
        .min(2)
        .max(1_024)
        .default(() => Math.max(2, availableParallelism())),
    })
    .prefault({}),
  blobs: z
    .strictObject({
      /** Task firmware, inputs and outputs kept in all, bytes. */
      quota: z.number().int().min(1_048_576).default(1_073_741_824),
      /** Of those, what one owner's devices may have there, bytes. */
      owner_quota: z.number().int().min(1_048_576).default(268_435_456),
      /** How long the bytes of a task that has ended are kept. */
      retention_ms: z.number().int().min(1_000).default(86_400_000),
    })
    .prefault({}),
  settlement: z
    .strictObject({
      /** Room that the gateway keeps on its lane to each device, as a decimal. */
      lane_deposit: z.string().default("10.00"),
      /** How long vouchers may go unclaimed. */
      every_ms: z.number().int().min(1_000).default(21_600_000),
      /** How long the gateway's own lanes can still be claimed once they close. */
      window: z.enum(WINDOWS).default("24h"),
      /** Most that a unit of gas may cost, in gwei. */
      max_fee_gwei: z.number().min(0.001).default(200),
      /** What one of the chain's coins costs in the token, a decimal; without it only age and closes decide on claims. */
      coin_price: z.string().default(""),
      /** A claim is worth while once it brings so many times what it costs. */
      claim_gain: z.number().min(1).default(20),
      /** Least deposit of a lane, in times of what claiming it costs. */
      lane_minimum: z.number().min(0).default(50),
      /** Settlements that the coins left must pay for before an alarm. */
      gas_alarm: z.number().int().min(1).default(3),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** Most that one device may owe, with what it has under way on result; "0" allows no pay-on-result. */
      on_result: z.string().default("0"),
      /** Credit above it goes back to its device; "" is ten times the device's largest maxPrice. */
      credit: z.string().default(""),
      /** Most that a device, and all devices of one owner, may spend in a day (UTC); "" is no limit. */
      device_per_day: z.string().default(""),
      owner_per_day: z.string().default(""),
      /** The shortest window that a device's lane may have: how long the gateway may be off without losing a claim. */
      least_window: z.enum(WINDOWS).default("24h"),
      /** Before the end of a closing lane's window, in which no voucher is taken: claiming takes time. */
      close_margin_ms: milliseconds.default(600_000),
      /** How long an invoice may stay unpaid before it is overdue. */
      invoice_ms: milliseconds.default(600_000),
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
  const folder = dirname(file);
  const { data, broker } = found.data;
  return { ...found.data, data: resolve(folder, data), broker: withPaths(broker, folder), file };
}

/** File names that are given, as paths from anywhere. */
function withPaths(broker: z.output<typeof brokerSchema>, folder: string): z.output<typeof brokerSchema> {
  const path = (name: string) => (name === "" ? "" : resolve(folder, name));
  const { certificate, certificate_key: key, external } = broker;
  return {
    ...broker,
    ...{ certificate: path(certificate), certificate_key: path(key) },
    external: external && {
      ...external,
      ...{ password_file: path(external.password_file), ca: path(external.ca) },
    },
  };
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

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
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
