/** Lanes: who has promised how much to whom, and until when it can be claimed. */
import { z } from "zod";
import { account, money, party, time } from "./scalar.ts";

export const LANE_DIRECTIONS = ["incoming", "outgoing"] as const;

export const laneRow = z.strictObject({
  /** `<device address>-in` to the gateway, `<device address>-out` from it. */
  id: z.string(),
  direction: z.enum(LANE_DIRECTIONS),
  device: party,
  payer: account,
  payee: account,
  epoch: z.number().int(),
  deposit: money,
  /** Promised by vouchers, in all. */
  signed: money,
  /** Claimed on chain. */
  settled: money,
  /** signed − settled. */
  unsettled: money,
  /** deposit − signed: what can still be promised. */
  room: money,
  state: z.enum(["open", "closing", "unfunded"]),
  /** How long it can be claimed once it closes. */
  window: z.string(),
  /** When the window of a closing lane ends; null while it is open. */
  closesAt: time.nullable(),
});

export const laneList = z.strictObject({ at: time, lanes: z.array(laneRow) });

export const laneQuery = z.strictObject({
  direction: z.enum(LANE_DIRECTIONS).optional(),
  state: z.enum(["open", "closing", "unfunded"]).optional(),
  device: z.string().max(128).optional(),
});

export type LaneRow = z.output<typeof laneRow>;
