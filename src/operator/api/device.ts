/** Devices as their operator sees them. */
import { z } from "zod";
import { account, money, time } from "./scalar.ts";
import { taskRow } from "./task.ts";

/** `live`: in session and heard of lately; `silent`: away or quiet; `disabled`: kept out by its operator. */
export const DEVICE_STATES = ["live", "silent", "disabled"] as const;

export const deviceRow = z.strictObject({
  address: account,
  name: z.string(),
  manufacturer: z.string(),
  serialNumber: z.string(),
  owner: account.nullable(),
  state: z.enum(DEVICE_STATES),
  /** How it is connected, or was last: null before its first session since the start. */
  link: z.enum(["mqtt", "serial"]).nullable(),
  /** The broker's origin of its session: an IP address, or a serial path. */
  origin: z.string().nullable(),
  /** Whether the gateway keeps its wallet. */
  isKept: z.boolean(),
  /** When its newest message came; null before the first since the start. */
  heardAt: time.nullable(),
  /** When its session began; null while it has none. */
  sessionSince: time.nullable(),
  /** Of the asked period. */
  earned: money,
  spent: money,
  tasks: z.number().int(),
});

/** Counts since the start of the gateway. */
const deviceCounters = z.strictObject({
  messagesIn: z.number().int(),
  messagesOut: z.number().int(),
  sessions: z.number().int(),
  /** Refusals by code. */
  refused: z.record(z.string(), z.number().int()),
});

export const deviceDetail = z.strictObject({
  device: deviceRow,
  counters: deviceCounters,
  /** Of its serial line, by name, as `hirewire doctor` has them; null where it has none. */
  line: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullable(),
  /** Round trip of the newest ping of its session, milliseconds; null where the link does not measure it. */
  roundTripMs: z.number().nullable(),
  /** What it asks, one row for each memory class. Rates are the price of 10^12 of fuel. */
  prices: z.array(
    z.strictObject({
      memoryMiB: z.number().int(),
      rate: money,
      fuelPerSecond: z.number().nullable(),
      expires: time,
    }),
  ),
  money: z.strictObject({
    credit: money,
    held: money,
    owed: money,
    /** What it may spend in a day: its own limit or the general one; null without any. */
    perDay: money.nullable(),
    spentToday: money,
    /** All that may ever be signed for it; null unless the gateway keeps its wallet. */
    cap: money.nullable(),
  }),
  /** Of the tasks that it ran and that ended in the asked period. */
  runs: z.strictObject({ accepted: z.number().int(), rejected: z.number().int(), lost: z.number().int() }),
  /** The newest messages, newest first, without their payloads. */
  messages: z.array(
    z.strictObject({
      at: time,
      direction: z.enum(["in", "out"]),
      topic: z.string(),
      bytes: z.number().int(),
      refused: z.string().nullable(),
    }),
  ),
  tasks: z.array(taskRow),
  /** Whether a test task can be sent, or why not. */
  testTask: z.strictObject({ ready: z.boolean(), why: z.string() }),
});

export const deviceQuery = z.strictObject({
  /** Of the sums: milliseconds since 1970; by default the last 24 hours. */
  from: z.coerce.number().int().min(0).optional(),
  to: z.coerce.number().int().min(0).optional(),
  state: z.enum(DEVICE_STATES).optional(),
});

export const deviceList = z.strictObject({ at: time, devices: z.array(deviceRow) });

export const deviceParams = z.strictObject({
  /** Name or address. */
  device: z.string().min(1).max(128),
});

export type DeviceRow = z.output<typeof deviceRow>;
export type DeviceDetail = z.output<typeof deviceDetail>;
