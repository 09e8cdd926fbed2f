import type { Hex } from "../base/bytes.ts";
import { COSTS_HASH, METER_VERSION } from "../firmware/meter/costs.ts";

/** What an operator may set about the market; every duration in milliseconds. */
export type MarketRules = {
  /** How long bids are gathered after an announce. */
  readonly bidWindowMs: number;
  /** How long a provider has to accept an award. */
  readonly acceptMs: number;
  /** Wall-clock limit of one run, the gateway's own too. */
  readonly runMs: number;
  /** How long a device has to hand over bytes that it has named, besides {@link handoverMs} for how many they are. */
  readonly inputMs: number;
  /** Part of answers that are run again, `0..1`: by a second provider, or by the gateway where none can be paid. */
  readonly checkRate: number;
  /** The gateway's part of each price, in hundredths of a percent, `0..10_000`. */
  readonly feeBasisPoints: number;
  /** Open tasks per requester. */
  readonly maxOpen: number;
  /** How far ahead a deadline may lie. */
  readonly maxDeadlineMs: number;
  /** Most fuel that an offer may name as its limit, `1..MAX_FUEL`. */
  readonly maxFuel: number;
  /** What counts the fuel of every task here. */
  readonly meter: MeterIdentity;
};

/** A meter's version, and the hash of its cost table. */
export type MeterIdentity = { readonly version: number; readonly costs: Hex };

export const DEFAULT_RULES: MarketRules = {
  bidWindowMs: 250,
  acceptMs: 3_000,
  runMs: 30_000,
  inputMs: 10_000,
  checkRate: 0.25,
  feeBasisPoints: 200,
  maxOpen: 256,
  maxDeadlineMs: 86_400_000,
  maxFuel: 10 ** 12,
  meter: { version: METER_VERSION, costs: COSTS_HASH },
};

/** The slowest that bytes may come, bytes a millisecond: 32 KiB/s, a serial line at a third of a megabaud. */
const SLOWEST = 32;

/** How long a device has to hand over bytes that it has named, milliseconds. */
export function handoverMs(bytes: number, { inputMs }: Pick<MarketRules, "inputMs">): number {
  return inputMs + Math.ceil(bytes / SLOWEST);
}
