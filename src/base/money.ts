/**
 * Amounts of a token, counted in its atomic units.
 *
 * USDT has six decimals on most chains, so one unit is a millionth of a USDT and nothing smaller exists.
 * Amounts are `bigint` from the wire to the disk and never pass through `number`.
 */
import { Fault } from "./fault.ts";

declare const unit: unique symbol;

/** A count of atomic units, `0..MAX_AMOUNT`. Only this file makes one. */
export type Amount = bigint & { readonly [unit]: "atomic-units" };

/** Largest amount: the vault holds deposits and vouchers as `uint96`. */
export const MAX_AMOUNT = 2n ** 96n - 1n;

export const ZERO = 0n as Amount;

/**
 * Brands a raw count.
 *
 * @throws {@link Fault} `amount_range` outside `0..MAX_AMOUNT`
 */
export function amount(count: bigint): Amount {
  if (count < 0n || count > MAX_AMOUNT) {
    throw new Fault("amount_range", `amount ${count} is not within 0..${MAX_AMOUNT}`);
  }
  return count as Amount;
}

/**
 * Reads a decimal as a person writes it: `"0.0025"` with 6 decimals is 2_500 atomic units.
 *
 * One decimal too many is refused rather than rounded: a price that cannot be charged exactly is a typo.
 *
 * @throws {@link Fault} `amount_syntax`, and `amount_range` above `MAX_AMOUNT`
 */
export function parseAmount(text: string, decimals: number): Amount {
  const digits = /^(\d{1,20})(?:\.(\d+))?$/.exec(text);
  const fraction = digits?.[2] ?? "";
  if (!digits || fraction.length > decimals) {
    throw new Fault("amount_syntax", `expected an amount with at most ${decimals} decimals, got "${text}"`);
  }
  return amount(
    BigInt(digits[1] ?? "0") * 10n ** BigInt(decimals) + BigInt(fraction.padEnd(decimals, "0") || "0"),
  );
}

/** Writes a count with all its decimals, so that columns align: `2_500n` with 6 is `"0.002500"`. */
export function formatAmount(count: bigint, decimals: number): string {
  const digits = (count < 0n ? -count : count).toString().padStart(decimals + 1, "0");
  const sign = count < 0n ? "-" : "";
  return decimals === 0 ? sign + digits : `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** @throws {@link Fault} `amount_range` on overflow */
export function add(a: Amount, b: Amount): Amount {
  return amount(a + b);
}

/** @throws {@link Fault} `amount_range` when `b > a`: balances never go below zero */
export function subtract(a: Amount, b: Amount): Amount {
  return amount(a - b);
}
