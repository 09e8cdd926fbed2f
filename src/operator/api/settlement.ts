/** The settlement log: every movement of money as one row, filtered, summed, exported. */
import { z } from "zod";
import { digest, firmwareName, money, party, taskId, time } from "./scalar.ts";
import { story, storyEntry, storyTransaction } from "./task.ts";

/**
 * `earned`: a device was paid for work. `spent`: a device's task was paid, fee included. `fee`: the gateway's part.
 * `returned`: credit that went back to its device. `settled`: a lane was claimed on chain. `gas`: what the gateway's
 * transactions cost, in native coins; it is in no sum of the token.
 */
export const MOVEMENTS = ["earned", "spent", "fee", "returned", "settled", "gas"] as const;

/** How far the money of a row has come: promised; in a transaction; in a block; past recall; or void. */
export const SETTLEMENT_STATES = ["pending", "sent", "confirmed", "final", "failed"] as const;

/** The filter, which is the same in the address of the page, in the API and on the command line. */
export const settlementFilter = z.strictObject({
  /** Milliseconds since 1970, `from` included and `to` not. */
  from: z.coerce.number().int().min(0).optional(),
  to: z.coerce.number().int().min(0).optional(),
  kind: z.enum(MOVEMENTS).optional(),
  /** Name or address. */
  device: z.string().max(128).optional(),
  /** Name or hash, or the first digits of it. */
  firmware: z.string().max(128).optional(),
  /** Name or address of the other party. */
  counterparty: z.string().max(128).optional(),
  status: z.enum(SETTLEMENT_STATES).optional(),
  /** Least amount, decimal text. */
  min: z
    .string()
    .regex(/^\d{1,20}(\.\d{1,36})?$/)
    .optional(),
  /** Part of a name, or the first digits of a task, transaction or entry. */
  text: z.string().max(128).optional(),
});

export const settlementQuery = settlementFilter.extend({
  /** `next` of the page before: rows older than it. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export const settlementRow = z.strictObject({
  /** Its place in this log: counts from 1, the same after every rebuild. */
  sequence: z.number().int(),
  /** The journal's record that it is from. */
  entry: z.number().int(),
  at: time,
  kind: z.enum(MOVEMENTS),
  device: party.nullable(),
  counterparty: party.nullable(),
  firmware: firmwareName.nullable(),
  task: taskId.nullable(),
  /** In the token; of `gas`, in native coins. */
  amount: money,
  status: z.enum(SETTLEMENT_STATES),
  /** Blocks on top of its transaction's, its own counted; null before it is in one. */
  confirmations: z.number().int().nullable(),
  confirmationsNeeded: z.number().int().nullable(),
  transaction: digest.nullable(),
});

/** Sums of all filtered rows, not of the page alone. */
export const settlementSums = z.strictObject({
  rows: z.number().int(),
  earned: money,
  spent: money,
  fee: money,
  returned: money,
  settled: money,
  /** Native coins, decimal text. */
  gas: z.string(),
});

export const settlementPage = z.strictObject({
  at: time,
  rows: z.array(settlementRow),
  /** For `before` of the next page; null at the end. */
  next: z.number().int().nullable(),
  sums: settlementSums,
  /** How far the log has read the journal. */
  read: z.strictObject({ entries: z.number().int(), of: z.number().int() }),
});

/** What a filter can be set to: the devices, firmware and counterparties that the log knows, within the scope. */
export const settlementChoices = z.strictObject({
  devices: z.array(party),
  counterparties: z.array(party),
  firmware: z.array(firmwareName),
});

export const settlementParams = z.strictObject({ sequence: z.coerce.number().int().min(1) });

/** One row with everything behind it. */
export const settlementDetail = z.strictObject({
  row: settlementRow,
  /** Null for what belongs to no task. */
  story: story.nullable(),
  /** The record that the row is from. */
  entry: storyEntry,
  transaction: storyTransaction.nullable(),
});

export const EXPORT_FORMATS = ["csv", "jsonl", "ledger"] as const;

export const exportQuery = settlementFilter.extend({ format: z.enum(EXPORT_FORMATS).default("csv") });

/** A walk of the whole journal. */
export const verification = z.strictObject({
  state: z.enum(["never", "running", "holds", "broken"]),
  startedAt: time.nullable(),
  endedAt: time.nullable(),
  checked: z.number().int(),
  total: z.number().int(),
  signatures: z.number().int(),
  /** Hash of the newest entry that holds. */
  head: digest.nullable(),
  /** The first entry that does not hold, and why. */
  broken: z.strictObject({ index: z.number().int(), why: z.string() }).nullable(),
  /** Whether the lanes on chain are what the journal says, up to which block; null where it was not asked. */
  chain: z.strictObject({ agrees: z.boolean(), block: z.number().int(), why: z.string() }).nullable(),
});

export const entryParams = z.strictObject({ index: z.coerce.number().int().min(1) });

export type SettlementFilter = z.output<typeof settlementFilter>;
export type SettlementQuery = z.output<typeof settlementQuery>;
export type SettlementRow = z.output<typeof settlementRow>;
export type SettlementChoices = z.output<typeof settlementChoices>;
export type ExportQuery = z.output<typeof exportQuery>;
export type SettlementSums = z.output<typeof settlementSums>;
export type SettlementPage = z.output<typeof settlementPage>;
export type SettlementDetail = z.output<typeof settlementDetail>;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export type Verification = z.output<typeof verification>;
export type Movement = (typeof MOVEMENTS)[number];
