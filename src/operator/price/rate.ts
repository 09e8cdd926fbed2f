/** What fuel has to cost for a provider that pays for electricity and wear: exact, rounded up once at the end. */
import { Fault } from "../../base/fault.ts";
import { type Amount, amount } from "../../base/money.ts";
import { MAX_RATE, RATE_FUEL } from "../../protocol/fuel.ts";

/** Decimals that the numbers of {@link Costs} are counted with. */
export const DECIMALS = { watts: 6, kwh: 12, wear: 12, margin: 6 } as const;

/** What keeping the machine at work costs. */
export type Costs = {
  /** Power that the work draws, millionths of a watt. */
  readonly watts: bigint;
  /** Price of a kilowatt-hour, in the token, counted in 10^-12. */
  readonly kwh: bigint;
  /** Cost of an hour besides electricity, in the token, counted in 10^-12. */
  readonly wear: bigint;
  /** What is earned on top, millionths of a percent. */
  readonly margin: bigint;
  /** Runs at the same time that share power and wear, from 1 on. */
  readonly runs: number;
  /** Decimals of the token: 6 for USDT on most chains. */
  readonly tokenDecimals: number;
};

/** An exact fraction: both whole, the denominator positive. */
type Fraction = { readonly numerator: bigint; readonly denominator: bigint };

const SECONDS = 3_600n;

/** What an hour of one run costs without the margin, in atomic units. */
export function costOfHour(costs: Costs): Fraction {
  const { watts, kwh, wear, runs, tokenDecimals } = costs;
  // a microwatt for an hour is 10^-9 kilowatt-hours; prices are counted in 10^-12 tokens
  const perHour = watts * kwh + wear * 10n ** 9n;
  return { numerator: perHour * 10n ** BigInt(tokenDecimals), denominator: 10n ** 21n * BigInt(runs) };
}

/**
 * The least rate that covers costs and margin: atomic units per 10^12 fuel, at least 1.
 *
 * @param fuelPerSecond - of one run, a whole number from 1 on
 * @throws {@link Fault} `amount_range` when no rate is high enough
 */
export function suggestRate(costs: Costs, fuelPerSecond: number): Amount {
  const hour = costOfHour(costs);
  const percent = 10n ** BigInt(DECIMALS.margin);
  const numerator = hour.numerator * (100n * percent + costs.margin) * RATE_FUEL;
  const denominator = hour.denominator * 100n * percent * BigInt(fuelPerSecond) * SECONDS;
  const rate = ceiling({ numerator, denominator });
  if (rate > MAX_RATE)
    throw new Fault("amount_range", `no rate is high enough: ${rate} is above ${MAX_RATE}`);
  return amount(rate < 1n ? 1n : rate);
}

/** What an hour of one run earns without a pause, atomic units, rounded down. */
export function earningsOfHour(rate: Amount, fuelPerSecond: number): Amount {
  return amount((rate * BigInt(fuelPerSecond) * SECONDS) / RATE_FUEL);
}

/** Rounded up. */
export function ceiling({ numerator, denominator }: Fraction): bigint {
  return (numerator + denominator - 1n) / denominator;
}
