/** The laws of the books, of lanes and of the journal's ids, which hold whatever was killed when. */
import { expect } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import type { State } from "../../../src/exchange/state.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { isOpen } from "../../../src/market/task.ts";
import { balanceOf, recoveryOf, totalOf } from "../../../src/payment/books.ts";
import { postingsOf } from "../../../src/protocol/facts.ts";

/** What stands in the books agrees with itself, with the lanes and with the open tasks; nothing is unexplained. */
export function expectBooks({ payment, market }: State): void {
  const { books } = payment;
  const sum = (sort: Parameters<typeof totalOf>[1]) => totalOf(books, sort);
  expect(sum("in") + sum("owed")).toBe(sum("out") + sum("credit") + sum("held") + sum("fee"));
  expect(recoveryOf(books)).toBe(0n);
  const held = new Map<Hex, bigint>();
  for (const { state, ...task } of market.tasks.values()) {
    if (!isOpen({ state, ...task }) || task.payment === "result") continue;
    held.set(task.requester, (held.get(task.requester) ?? 0n) + task.maxPrice + task.checkBudget);
  }
  expect(sum("held")).toBe([...held.values()].reduce((total, one) => total + one, 0n));
  for (const [device, lane] of payment.incoming) {
    expect(balanceOf(books, `held:${device}`)).toBe(held.get(device) ?? 0n);
    expect(balanceOf(books, `in:${device}`)).toBe(lane.signed);
    expectLane(lane);
  }
  for (const [device, lane] of payment.outgoing) {
    expect(balanceOf(books, `out:${device}`)).toBe(lane.signed);
    expectLane(lane);
  }
}

function expectLane({
  settled,
  signed,
  deposit,
  newest,
}: { [K in "settled" | "signed" | "deposit"]: bigint } & {
  readonly newest: { readonly cumulative: bigint } | null;
}): void {
  expect(settled <= signed && signed <= deposit, `${settled} ≤ ${signed} ≤ ${deposit}`).toBe(true);
  if (newest) expect(newest.cumulative).toBe(signed);
}

/** No command has had two effects, no task was paid for twice, and every record's postings sum to zero. */
export function expectNothingDoubled(journal: Journal): void {
  const commands = new Set<string>();
  const payments = new Set<string>();
  const totals = new Map<string, bigint>();
  const once = (all: Set<string>, what: string) => {
    expect(all.has(what), `twice: ${what}`).toBe(false);
    all.add(what);
  };
  for (const { cause, facts } of journal.entries()) {
    if (cause.by !== null) once(commands, `${cause.by} ${cause.id}`);
    expect(postingsOf(facts).reduce((sum, { change }) => sum + change, 0n)).toBe(0n);
    for (const fact of facts) {
      if (fact.kind === "paid" || fact.kind === "ended") once(payments, `end of ${fact.task}`);
      if (fact.kind === "invoiced") once(payments, `invoice of ${fact.task}`);
      const legs = "legs" in fact ? fact.legs : [];
      for (const { payee, role, amount, voucher } of legs) {
        if ("task" in fact) once(payments, `${fact.task} ${role} ${payee}`);
        expect(voucher.cumulative).toBe((totals.get(payee) ?? 0n) + amount);
        totals.set(payee, voucher.cumulative);
      }
      if (fact.kind !== "creditPaidOut") continue;
      expect(fact.voucher.cumulative).toBe((totals.get(fact.device) ?? 0n) + fact.amount);
      totals.set(fact.device, fact.voucher.cumulative);
    }
  }
}
