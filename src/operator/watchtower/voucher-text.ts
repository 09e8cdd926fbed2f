/** Vouchers as others write them down: alone, in a message, in a list, or in a robot's wallet file. */
import { type Voucher, voucherSchema } from "../../protocol/voucher.ts";

/** What stands in one JSON value. */
export type FoundVouchers = {
  readonly vouchers: readonly Voucher[];
  /** Values that should have been vouchers. */
  readonly malformed: number;
};

/**
 * The vouchers in a JSON value: one voucher; a message whose `voucher` is one (`payment`, `voucher`, `offer`); a wallet
 * file, whose `received` lists them; or a list of any of these.
 *
 * Nothing is said of their signatures.
 */
export function vouchersIn(value: unknown): FoundVouchers {
  if (Array.isArray(value)) return merged(value.map(one));
  const received = isObject(value) ? value["received"] : null;
  return Array.isArray(received) ? merged(received.map(one)) : one(value);
}

/** The same of a text: one JSON value, or one on each line. */
export function vouchersInText(text: string): FoundVouchers {
  const whole = parse(text);
  if (whole !== undefined) return vouchersIn(whole);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return merged(lines.map((line) => vouchersIn(parse(line))));
}

function one(value: unknown): FoundVouchers {
  const found = voucherSchema.safeDecode((isObject(value) ? (value["voucher"] ?? value) : value) as never);
  return found.success ? { vouchers: [found.data], malformed: 0 } : { vouchers: [], malformed: 1 };
}

function merged(parts: readonly FoundVouchers[]): FoundVouchers {
  return {
    vouchers: parts.flatMap(({ vouchers }) => vouchers),
    malformed: parts.reduce((sum, { malformed }) => sum + malformed, 0),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
