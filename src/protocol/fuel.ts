/**
 * Fuel: what a run of task firmware costs in work, counted the same way on every machine, and what work costs in money.
 */
import type { Hex } from "../base/bytes.ts";
import { type Amount, amount, MAX_AMOUNT } from "../base/money.ts";

/** The sizes of memory that a run is priced by, MiB, rising: more memory misses more caches. */
export const MEMORY_CLASSES = [1, 16, 64] as const;

export type MemoryClass = (typeof MEMORY_CLASSES)[number];

/** How task firmware is called: by our own exports, or as a WASI command from standard input to standard output. */
export const PROFILES = ["task/1", "wasi-stdio/1"] as const;

export type Profile = (typeof PROFILES)[number];

/**
 * What a provider may deliver and be paid for. All of them are the task's own doing: the same firmware and input give the
 * same one, with the same bill, on every machine. Only `ok` has an output.
 */
export const RUN_VERDICTS = ["ok", "out-of-fuel", "trap", "stack", "bad-output"] as const;

export type RunVerdict = (typeof RUN_VERDICTS)[number];

/** What a run has come to: two runs of the same task agree in all three, or one of them is wrong. */
export type Outcome = {
  readonly verdict: RunVerdict;
  /** SHA-256 of the output; null unless the verdict is `ok`. */
  readonly output: Hex | null;
  readonly fuel: number;
};

/** Most fuel of one run: the sum of a bill stays exact far below 2^53. */
export const MAX_FUEL = 10 ** 15;

/** How much fuel a rate is the price of. */
export const RATE_FUEL = 10n ** 12n;

/** Largest rate, atomic units: at {@link MAX_FUEL} its price is the largest amount. */
export const MAX_RATE = amount((MAX_AMOUNT * RATE_FUEL) / BigInt(MAX_FUEL));

/**
 * The price of a run, fee included: rate × fuel / 10^12, rounded up, at least one atomic unit.
 *
 * @param rate - atomic units for 10^12 of fuel, `0..MAX_RATE`
 * @param fuel - whole, `0..MAX_FUEL`
 * @throws {@link Fault} `amount_range` where rate or fuel is out of range and the price with it
 */
export function priceOf(rate: Amount, fuel: number): Amount {
  const price = (rate * BigInt(fuel) + RATE_FUEL - 1n) / RATE_FUEL;
  return amount(price > 1n ? price : 1n);
}

/**
 * The gateway's part of a price, rounded down; the provider receives the rest.
 *
 * @param basisPoints - hundredths of a percent, `0..10_000`
 */
export function feeOf(price: Amount, basisPoints: number): Amount {
  return amount((price * BigInt(basisPoints)) / 10_000n);
}
