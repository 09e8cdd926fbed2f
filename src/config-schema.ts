/**
 * The schema of `gateway.toml`: every setting with its default and one sentence on what it means, which `hirewire config
 * check`, `hirewire init` and the page show.
 */
import { availableParallelism } from "node:os";
import { isAbsolute } from "node:path";
import { z } from "zod";
import { BROKER_LIMITS } from "./link/broker/limits.ts";
import { BAUD } from "./link/serial/baud-watch.ts";
import { isPattern } from "./link/serial/lines.ts";
import { isTcpUrl } from "./link/serial/tcp-port.ts";
import { isUsbId } from "./link/serial/usb.ts";
import { DEFAULT_RULES } from "./market/rules.ts";
import { WINDOWS } from "./operator/settings.ts";
import { isBrokerUrl } from "./protocol/connection-file.ts";
import { address, fuel } from "./protocol/scalar.ts";

const milliseconds = z.number().int().min(1).max(86_400_000);

/** One text, or several. */
const oneOrMore = z.union([z.string().transform((one) => [one]), z.array(z.string())]);

const brokerLimits = z.strictObject(
  Object.fromEntries(
    Object.keys(BROKER_LIMITS).map((name) => [
      snakeCase(name),
      z.number().int().min(1).max(2_147_483_647).optional().describe("see src/link/broker/limits.ts"),
    ]),
  ),
);

const broker = z.strictObject({
  listen: oneOrMore
    .default(() => ["127.0.0.1:1883"])
    .describe(
      'where devices connect: "host:port", mqtt://, mqtts://, ws://host:port/path or wss://, one or several; an empty list for serial lines or a broker elsewhere alone',
    ),
  certificate: z.string().default("").describe("PEM file for mqtts:// and wss://; read at the start"),
  certificate_key: z.string().default("").describe("PEM file of its private key"),
  admission: z
    .enum(["roster", "open"])
    .default("roster")
    .describe(
      '"roster": enrolled devices; "open": also whoever holds guest_deposit on a lane to this gateway, as hirewire/v1/guest/<address>/…',
    ),
  guest_deposit: z
    .string()
    .default("")
    .describe(
      'what a guest\'s lane must hold, a decimal; "" is settlement.lane_deposit, which it gets back as a lane',
    ),
  guests: z.number().int().min(1).max(100_000).default(1_000).describe("most guests there ever may be"),
  limits: brokerLimits.prefault({}),
  external: z
    .strictObject({
      url: z
        .string()
        .refine(isBrokerUrl, "expected mqtt://host:port, or mqtts, ws or wss; no user or password")
        .describe("a broker of somebody else's, besides: devices connect there and log in by message"),
      version: z
        .enum(["3.1.1", "5"])
        .default("5")
        .describe('"5" lets the gateway tell the broker what not to send it'),
      username: z.string().default("").describe("of the gateway's account at that broker"),
      password_file: z.string().default("").describe("a file with the password of that account"),
      ca: z
        .string()
        .default("")
        .describe("PEM file of the broker's certificate authority, where it is a private one"),
    })
    .optional(),
});

const serial = z
  .strictObject({
    path: z
      .string()
      .refine(
        (path) => isAbsolute(path) || isTcpUrl(path),
        "expected /dev/..., a pattern such as /dev/serial/by-id/*, or tcp://host:port",
      )
      .describe(
        "a device of this machine, tcp://host:port, or with * or ? in its last part each device that is there",
      ),
    baud: z
      .number()
      .int()
      .min(BAUD.least, `a serial line runs at ${BAUD.least} to ${BAUD.most} baud`)
      .max(BAUD.most, `a serial line runs at ${BAUD.least} to ${BAUD.most} baud`)
      .default(BAUD.usual)
      .describe("bits per second, the same at both ends"),
    profile: z
      .enum(["reliable", "raw"])
      .default("reliable")
      .describe(
        '"raw" is MQTT without the reliable link, only for devices whose bytes are checked on their whole way',
      ),
    usb: oneOrMore
      .default(() => [])
      .transform((ids) => ids.map((id) => id.toLowerCase()))
      .refine(
        (ids) => ids.every(isUsbId),
        'expected USB devices as vendor:product, such as "2e8a:000a": see lsusb',
      )
      .describe('the USB devices that are meant, "vendor:product"; an empty list is any device'),
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

const chain = z.strictObject({
  id: z.number().int().min(1).describe("of the EVM chain, EIP-155"),
  rpc: z
    .union([z.url().transform((url) => [url]), z.array(z.url()).min(1)])
    .describe(
      "one node, or several: the others are asked when one fails, and no gain is believed that two do not agree on",
    ),
  vault: address.describe("the LaneVault on that chain: hirewire deploy"),
  token: address.describe("USDT on that chain; decimals, signing domain and fee are read from it"),
  confirmations: z
    .union([z.number().int().min(1), z.literal("finalized")])
    .default(12)
    .describe('blocks until a gain counts, the newest has one; "finalized" waits for the chain\'s own mark'),
  poll_ms: milliseconds.default(5_000).describe("how often the chain is looked at"),
});

const market = z.strictObject({
  bid_window_ms: milliseconds.default(DEFAULT_RULES.bidWindowMs).describe("how long bids are gathered"),
  accept_ms: milliseconds.default(DEFAULT_RULES.acceptMs).describe("how long a provider may take to accept"),
  run_ms: milliseconds
    .default(DEFAULT_RULES.runMs)
    .describe("wall-clock limit of one run, of the gateway's own too"),
  input_ms: milliseconds
    .default(DEFAULT_RULES.inputMs)
    .describe("how long a requester may take to hand over its bytes"),
  check_rate: z
    .number()
    .min(0)
    .max(1)
    .default(DEFAULT_RULES.checkRate)
    .describe(
      "part of the answers that are run again: by a second provider, or by the gateway where none can be paid",
    ),
  fee_basis_points: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(DEFAULT_RULES.feeBasisPoints)
    .describe("the gateway's part of a price, in hundredths of a percent"),
  max_open: z.number().int().min(1).default(DEFAULT_RULES.maxOpen).describe("most open offers of one device"),
  // What burns more than this machine does in run_ms its own run cannot confirm: such a failure is not paid, and such an
  // answer is only drawn for nothing where there is no second bidder. Providers do not bid on what they might not burn.
  max_fuel: fuel
    .min(1)
    .default(DEFAULT_RULES.maxFuel)
    .describe(
      "most fuel that an offer may allow its run: what takes this machine longer than run_ms it cannot confirm",
    ),
});

const settlement = z.strictObject({
  lane_deposit: z
    .string()
    .default("10.00")
    .describe("room kept on the lane to each device, a decimal, from the gateway's vault"),
  every_ms: z.number().int().min(1_000).default(21_600_000).describe("how long vouchers may go unclaimed"),
  window: z
    .enum(WINDOWS)
    .default("24h")
    .describe("how long the gateway's own lanes can still be claimed once they close"),
  max_fee_gwei: z.number().min(0.001).default(200).describe("most that a unit of gas may cost, in gwei"),
  coin_price: z
    .string()
    .default("")
    .describe('what one native coin costs in the token, a decimal; "": only age and closes decide on claims'),
  claim_gain: z
    .number()
    .min(1)
    .default(20)
    .describe("a claim is worth while once it brings so many times what it costs"),
  lane_minimum: z
    .number()
    .min(0)
    .default(50)
    .describe("least deposit of a lane, in times of what claiming it costs"),
  gas_alarm: z
    .number()
    .int()
    .min(1)
    .default(3)
    .describe("settlements that the coins left must pay for before an alarm"),
});

const limits = z.strictObject({
  on_result: z
    .string()
    .default("0")
    .describe(
      'most that a device may owe, with what it has under way on result; "0" allows no pay-on-result',
    ),
  credit: z
    .string()
    .default("")
    .describe('credit above it goes back to its device; "" is ten times the device\'s largest maxPrice'),
  device_per_day: z
    .string()
    .default("")
    .describe('most that one device may spend in a day, UTC; "" is no limit'),
  owner_per_day: z
    .string()
    .default("")
    .describe('most that all devices of one owner may spend in a day, UTC; "" is no limit'),
  least_window: z
    .enum(WINDOWS)
    .default("24h")
    .describe("shortest window of a device's lane: how long the gateway may be off without losing a claim"),
  close_margin_ms: milliseconds
    .default(600_000)
    .describe("before the end of a closing lane's window, in which no voucher is taken: claiming takes time"),
  invoice_ms: milliseconds
    .default(600_000)
    .describe("how long an invoice may stay unpaid before it is overdue"),
});

const operator = z.strictObject({
  listen: z
    .string()
    .default("127.0.0.1:8402")
    .describe(
      'where the page and the API are, host:port; "" is nowhere; beyond this machine only with TLS or behind a proxy',
    ),
  certificate: z.string().default("").describe("PEM file: the page is served with TLS"),
  certificate_key: z.string().default("").describe("PEM file of its private key"),
  proxy: z
    .boolean()
    .default(false)
    .describe("a proxy stands before the page and does the TLS: its X-Forwarded headers are believed"),
  explorer: z
    .string()
    .refine((url) => url === "" || url.includes("{transaction}"), "expected a URL with {transaction} in it")
    .default("")
    .describe('a block explorer for links on the page, such as "https://arbiscan.io/tx/{transaction}"'),
});

const clock = z.strictObject({
  synchronized: z
    .enum(["auto", "assume"])
    .default("auto")
    .describe(
      '"auto": nothing that expires is signed while this machine says that its clock is not synchronised, or the chain\'s time is far from it; "assume": never asked',
    ),
});

const disk = z.strictObject({
  reserve: z
    .number()
    .int()
    .min(1_048_576)
    .default(67_108_864)
    .describe(
      "bytes that stay free: below that new offers are not taken, so that what is open can be finished",
    ),
  archive: z
    .enum(["month", "never"])
    .default("month")
    .describe(
      '"month": entries of months that are over go to <data>/archive, compressed and checked; "never": all stay in the journal',
    ),
  backup_every_ms: z
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .default(86_400_000)
    .describe("how often the gateway copies what it cannot make again; 0 is never"),
  backups: z.number().int().min(1).max(1_000).default(7).describe("how many of those copies are kept"),
  backup_folder: z
    .string()
    .default("backups")
    .describe("where they are, relative to the data folder: best on another disk"),
});

/** The only version of `gateway.toml` that this hirewire reads. */
export const FILE_VERSION = 1;

/** All of `gateway.toml`. Unknown keys are errors: a misspelt limit must not be no limit. */
export const configSchema = z.strictObject({
  version: z.literal(FILE_VERSION).describe("of this file's format"),
  name: z.string().min(1).max(64).default("hirewire").describe("what the gateway is called"),
  data: z
    .string()
    .default("data")
    .describe("folder of journal, blobs, keys and the roster; relative to this file"),
  broker: broker.prefault({}),
  serial: z
    .array(serial)
    .refine(namesOnce, "two [[serial]] have the same path: a device is opened once")
    .default([])
    .describe("serial lines"),
  chain,
  market: market.prefault({}),
  firmware: z
    .strictObject({
      // One is kept for inspections and jobs of little fuel; the bytes of one task more than this many are loaded for
      // checks and referee runs.
      cores: z
        .number()
        .int()
        .min(2)
        .max(1_024)
        .default(() => Math.max(2, availableParallelism()))
        .describe(
          "task firmware that runs here at a time, each in a process of its own; by default this machine's cores, at least 2",
        ),
    })
    .prefault({}),
  blobs: z
    .strictObject({
      quota: z
        .number()
        .int()
        .min(1_048_576)
        .default(1_073_741_824)
        .describe("task firmware, inputs and outputs kept in all, bytes"),
      owner_quota: z
        .number()
        .int()
        .min(1_048_576)
        .default(268_435_456)
        .describe("of those, what one owner's devices may have there, bytes"),
      retention_ms: z
        .number()
        .int()
        .min(1_000)
        .default(86_400_000)
        .describe("how long the bytes of a task that has ended are kept"),
    })
    .prefault({}),
  settlement: settlement.prefault({}),
  limits: limits.prefault({}),
  operator: operator.prefault({}),
  clock: clock.prefault({}),
  disk: disk.prefault({}),
});

/** A name of the code as the file has it. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
