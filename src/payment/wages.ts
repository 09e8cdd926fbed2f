/**
 * Pay that became credit because no voucher could be signed then, for want of room or because paying was stopped. Pure.
 *
 * It goes out as soon as a voucher can be signed, unlike what a device has brought itself. What of it the device has
 * spent meanwhile is pay no more, so that it is never above its credit.
 */
import type { Hex } from "../base/bytes.ts";
import type { Fact, Posting } from "../protocol/facts.ts";
import { type Books, balanceOf } from "./books.ts";

/** By payee, above zero. */
export type Wages = Map<Hex, bigint>;

/** Applies one fact in place: credit that a bill gives to anybody but its requester is pay without a voucher. */
export function applyToWages(wages: Wages, fact: Fact): void {
  if (fact.kind === "creditPaidOut") change(wages, fact.device, -fact.amount);
  if (fact.kind !== "paid" && fact.kind !== "invoiced" && fact.kind !== "ended") return;
  for (const { account, change: sum } of fact.postings) {
    const device = creditor(account);
    if (device !== null && device !== fact.requester && sum < 0n) change(wages, device, -sum);
  }
}

/** Takes off what a record has spent; to be called once its postings are in the books. */
export function trimWages(wages: Wages, books: Books, postings: readonly Posting[]): void {
  for (const { account } of postings) {
    const device = creditor(account);
    if (device === null) continue;
    const over = (wages.get(device) ?? 0n) - balanceOf(books, `credit:${device}`);
    if (over > 0n) change(wages, device, -over);
  }
}

function change(wages: Wages, device: Hex, sum: bigint): void {
  const left = (wages.get(device) ?? 0n) + sum;
  if (left > 0n) wages.set(device, left);
  else wages.delete(device);
}

function creditor(account: string): Hex | null {
  return account.startsWith("credit:") ? (account.slice("credit:".length) as Hex) : null;
}
