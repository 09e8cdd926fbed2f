/**
 * Double-entry books: every record's changes sum to zero, so nothing is made or lost.
 *
 * Debit is positive. `in:<payer>` counts what payers have signed to the gateway, `out:<payee>` (negative) what the
 * gateway has signed to payees, `credit:` and `held:` (negative) what it owes back to requesters, `owed:<device>` what
 * it has been invoiced for and not signed yet, or has taken back by a close, `fee` (negative) what the gateway has
 * earned, `recovery` (of either sign) what the chain has taken from it or given to it against the vouchers.
 * Hence Σ in + Σ owed + recovery = −(Σ out + Σ credit + Σ held + fee).
 */
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { type Amount, amount } from "../base/money.ts";
import type { Posting } from "../protocol/facts.ts";

export type Books = { readonly balances: Map<string, bigint> };

export type Account = "fee" | "recovery" | `${"in" | "out" | "credit" | "held" | "owed"}:${Hex}`;

/** Books without an account: each begins at zero with its first posting. */
export function emptyBooks(): Books {
  return { balances: new Map() };
}

/** Moves an amount: `debit` grows by it, `credit` falls by it. A move of nothing leaves no trace. */
export function move(debit: Account, credit: Account, sum: Amount): Posting[] {
  if (sum === 0n) return [];
  return [
    { account: debit, change: sum },
    { account: credit, change: -sum },
  ];
}

/**
 * Writes a record's postings.
 *
 * @throws {@link Fault} `impossible` when they do not sum to zero or a device's credit or hold would become a debt
 */
export function post(books: Books, postings: readonly Posting[]): void {
  let sum = 0n;
  for (const { account, change } of postings) {
    sum += change;
    books.balances.set(account, (books.balances.get(account) ?? 0n) + change);
  }
  if (sum !== 0n) throw new Fault("impossible", `postings of a record sum to ${sum}, not zero`);
  for (const { account } of postings) {
    const balance = books.balances.get(account) ?? 0n;
    if (account === "recovery") continue;
    if (account.startsWith("in:") || account.startsWith("owed:") ? balance < 0n : balance > 0n) {
      throw new Fault("impossible", `account ${account} has the wrong sign`, { facts: { balance } });
    }
  }
}

/** How much stands in an account, whichever its side. */
export function balanceOf(books: Books, account: Account): Amount {
  const balance = books.balances.get(account) ?? 0n;
  return amount(balance < 0n ? -balance : balance);
}

/** Sum over all accounts of one sort, as a positive amount. */
export function totalOf(books: Books, sort: "in" | "out" | "credit" | "held" | "owed" | "fee"): Amount {
  let total = 0n;
  for (const [account, balance] of books.balances) {
    if (account === sort || account.startsWith(`${sort}:`)) total += balance;
  }
  return amount(total < 0n ? -total : total);
}

/** What the chain has taken (above zero) or given (below) against the vouchers, see `payment.ts` reconcile. */
export function recoveryOf(books: Books): bigint {
  return books.balances.get("recovery") ?? 0n;
}
