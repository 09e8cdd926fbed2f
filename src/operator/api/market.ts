/** What work costs here: asks that stand, and prices that were paid. */
import { z } from "zod";
import { firmwareName, money, party, time } from "./scalar.ts";

export const marketPrices = z.strictObject({
  at: time,
  /** Rates are the price of 10^12 of fuel. Of other owners' providers the name is null. */
  asks: z.array(
    z.strictObject({
      device: party,
      memoryMiB: z.number().int(),
      rate: money,
      fuelPerSecond: z.number().nullable(),
      expires: time,
    }),
  ),
  /** By firmware, of the asked period: what the answers cost. */
  paid: z.array(
    z.strictObject({
      firmware: firmwareName,
      tasks: z.number().int(),
      least: money,
      median: money,
      most: money,
      /** Price of 10^12 of fuel, on average. */
      rate: money.nullable(),
    }),
  ),
});

export const marketQuery = z.strictObject({
  from: z.coerce.number().int().min(0).optional(),
  to: z.coerce.number().int().min(0).optional(),
});

export type MarketPrices = z.output<typeof marketPrices>;
