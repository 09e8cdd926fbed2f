/** The first screen: is it working, did I earn, is my money safe, what needs me. */
import { z } from "zod";
import { alertRow } from "./alert.ts";
import { deviceRow } from "./device.ts";
import { laneRow } from "./lane.ts";
import { account, digest, money, time } from "./scalar.ts";
import { taskRow } from "./task.ts";

/** The periods that the first screen can be of; `day` begins at midnight of the viewer's time zone. */
export const PERIODS = ["day", "week", "month", "all"] as const;

export const overviewQuery = z.strictObject({
  period: z.enum(PERIODS).default("day"),
  /** Minutes to add to UTC for the viewer's time zone. */
  offset: z.coerce.number().int().min(-840).max(840).default(0),
});

/** A device whose money of the period may not be known yet. */
const screenDevice = deviceRow.extend({
  earned: money.nullable(),
  spent: money.nullable(),
  tasks: z.number().int().nullable(),
});

/** Sums of one slice of the period, for the chart. */
const slice = z.strictObject({ from: time, earned: money, spent: money });

export const overview = z.strictObject({
  at: time,
  name: z.string(),
  version: z.string(),
  gateway: account,
  vault: account,
  chain: z.strictObject({ id: z.number().int(), name: z.string(), isPlayMoney: z.boolean() }),
  token: z.strictObject({ address: account, symbol: z.string(), decimals: z.number().int() }),
  /** `halted`: no new offers; `stopped`: nothing is paid either. */
  state: z.enum(["working", "halted", "stopped"]),
  /** Why it does not work; null while it does. */
  reason: z.string().nullable(),
  startedAt: time,
  journal: z.strictObject({
    entries: z.number().int(),
    hash: digest,
    /** What the newest verification has found; null before the first. */
    intact: z.boolean().nullable(),
    verifiedAt: time.nullable(),
  }),
  period: z.strictObject({ from: time, to: time }),
  /**
   * How many of the journal's entries the settlement log has read, and of how many: sums grow while it is behind. Null
   * while the log does not answer; then what it would tell is null, and the chart is empty.
   */
  log: z.strictObject({ entries: z.number().int(), of: z.number().int() }).nullable(),
  /** Paid to the devices in view for their work. `before`: in the equally long period before; null where there is none. */
  earned: z.strictObject({
    amount: money.nullable(),
    before: money.nullable(),
    tasks: z.number().int().nullable(),
  }),
  /** Paid by the devices in view, fees included. `cap`: what they may spend in a day; null without a limit. */
  spent: z.strictObject({
    amount: money.nullable(),
    cap: money.nullable(),
    tasks: z.number().int().nullable(),
  }),
  /** The gateway's part; null for one owner's view, and while it is not known. */
  fees: money.nullable(),
  /** Signed and not yet claimed: `incoming` to whoever looks, `outgoing` from it. */
  unsettled: z.strictObject({
    incoming: money,
    outgoing: money,
    lanes: z.number().int(),
    /** When the gateway claims next at the latest; null when nothing waits. */
    nextAt: time.nullable(),
  }),
  /** The gateway's own money; null for one owner's view. Amounts are null until the chain was read. */
  wallet: z
    .strictObject({
      /** Free in the vault. */
      vault: money.nullable(),
      /** Deposited on its own lanes and not signed. */
      lanes: money,
      /** Native coins of its key, decimal text. */
      gas: z.string().nullable(),
      gasSymbol: z.string(),
      /** How many settlements the coins pay for. */
      settlementsLeft: z.number().int().nullable(),
      isEnough: z.boolean().nullable(),
    })
    .nullable(),
  /** What the devices in view have with the gateway; `deposited`: on lanes and not signed. */
  funds: z.strictObject({ deposited: money, credit: money, held: money, owed: money }),
  alerts: z.array(alertRow),
  tasks: z.strictObject({ live: z.array(taskRow), open: z.number().int() }),
  devices: z.strictObject({
    rows: z.array(screenDevice),
    live: z.number().int(),
    silent: z.number().int(),
    disabled: z.number().int(),
  }),
  lanes: z.strictObject({ rows: z.array(laneRow), open: z.number().int(), closing: z.number().int() }),
  chart: z.array(slice),
});

export type Overview = z.output<typeof overview>;
export type OverviewQuery = z.output<typeof overviewQuery>;
