/** What the gateway says while it works: the newest lines, kept in memory. */
import { z } from "zod";
import { time } from "./scalar.ts";

export const LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type Level = (typeof LEVELS)[number];

/** Who speaks: the rooms that have a level of their own. */
export const LOG_ROOMS = [
  "gateway",
  "link",
  "market",
  "verdict",
  "payment",
  "settlement",
  "firmware",
  "operator",
] as const;
export type LogRoom = (typeof LOG_ROOMS)[number];

export const logLine = z.strictObject({
  /** Counts from 1 since the start. */
  number: z.number().int(),
  time,
  level: z.enum(LEVELS),
  room: z.enum(LOG_ROOMS),
  msg: z.string(),
  /** 16 bytes as hex: the first of the task that it is about; null where it is about none. */
  trace_id: z.string().nullable(),
  /** 8 bytes as hex: of this step. */
  span_id: z.string().nullable(),
  /** Everything else, as text; money as decimals. */
  facts: z.record(z.string(), z.string()),
});

export const logQuery = z.strictObject({
  level: z.enum(LEVELS).optional(),
  room: z.enum(LOG_ROOMS).optional(),
  text: z.string().max(128).optional(),
  /** A trace id, or a task. */
  trace: z.string().max(66).optional(),
  /** Only lines after this number. */
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

export const logPage = z.strictObject({
  lines: z.array(logLine),
  levels: z.record(z.enum(LOG_ROOMS), z.enum(LEVELS)),
  /** Lines that were let go since the start. */
  dropped: z.number().int(),
});

export const levelBody = z.strictObject({ room: z.enum(LOG_ROOMS).nullable(), level: z.enum(LEVELS) });

export type LogLine = z.output<typeof logLine>;
export type LogQuery = z.output<typeof logQuery>;
