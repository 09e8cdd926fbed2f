/**
 * An ask: the rates that a provider stands by until it expires, and how fast it runs; either may be empty. Signed, as
 * `askDigest` says.
 */
import { z } from "zod";
import { MAX_FUEL, MEMORY_CLASSES, type MemoryClass } from "./fuel.ts";
import { hash32, instant, memoryClass, meterVersion, rate, signature } from "./scalar.ts";

type ByClass = { readonly memoryMiB: MemoryClass };

/** A memory class stands in it once at most. */
const isDistinct = (list: readonly ByClass[]) =>
  new Set(list.map((one) => one.memoryMiB)).size === list.length;

export const askSchema = z.strictObject({
  /** The meter that counts the fuel, and the hash of its cost table. */
  meter: meterVersion,
  costs: hash32,
  /** By memory class: atomic units for 10^12 of fuel, above zero. A class that is not here is not offered. */
  rates: z
    .array(z.strictObject({ memoryMiB: memoryClass, rate: rate.refine((one) => one > 0n) }))
    .max(MEMORY_CLASSES.length)
    .refine(isDistinct),
  /** By memory class, as the provider has measured. */
  fuelPerSecond: z
    .array(z.strictObject({ memoryMiB: memoryClass, fuel: z.number().int().min(1).max(MAX_FUEL) }))
    .max(MEMORY_CLASSES.length)
    .refine(isDistinct),
  /** When the provider said so, gateway time; it may have measured before. */
  measured: instant,
  expires: instant,
  signature,
});

export type Ask = z.output<typeof askSchema>;
