import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { balanceOf, emptyBooks, move, post, totalOf } from "../../src/payment/books.ts";

const A: Hex = `0x${"aa".repeat(20)}`;
const B: Hex = `0x${"bb".repeat(20)}`;
const impossible = expect.objectContaining({ code: "impossible" });

describe("the books", () => {
  it("follow a payment from voucher to fee", () => {
    const books = emptyBooks();
    post(books, move(`in:${A}`, `credit:${A}`, amount(100n)));
    post(books, move(`credit:${A}`, `held:${A}`, amount(60n)));
    post(books, [
      ...move(`held:${A}`, `out:${B}`, amount(49n)),
      ...move(`held:${A}`, "fee", amount(1n)),
      ...move(`held:${A}`, `credit:${A}`, amount(10n)),
    ]);
    expect(balanceOf(books, `in:${A}`)).toBe(100n);
    expect(balanceOf(books, `credit:${A}`)).toBe(50n);
    expect(balanceOf(books, `held:${A}`)).toBe(0n);
    expect(balanceOf(books, `out:${B}`)).toBe(49n);
    expect(totalOf(books, "fee")).toBe(1n);
    expect(balanceOf(books, `credit:${B}`)).toBe(0n);
  });

  it("move nothing without a trace", () => {
    expect(move("fee", `in:${A}`, amount(0n))).toEqual([]);
  });

  it("take no record that does not sum to zero", () => {
    expect(() => post(emptyBooks(), [{ account: `in:${A}`, change: 1n }])).toThrow(impossible);
    const off = [...move(`in:${A}`, `credit:${A}`, amount(5n)), { account: "fee", change: -1n }];
    expect(() => post(emptyBooks(), off)).toThrow(impossible);
  });

  it.each([
    ["credit that nobody signed", move(`credit:${A}`, `held:${A}`, amount(1n))],
    ["a hold that is not there", move(`held:${A}`, `out:${B}`, amount(1n))],
    ["an income below zero", move(`credit:${A}`, `in:${A}`, amount(1n))],
    ["a fee that is given back", move("fee", `credit:${A}`, amount(1n))],
  ])("spend no %s", (_, postings) => {
    expect(() => post(emptyBooks(), postings)).toThrow(impossible);
  });

  it("balance whatever is posted, sort by sort", () => {
    const sorts = ["in", "out", "credit", "held"] as const;
    const steps = fc.array(
      fc.record({ from: fc.nat(4), to: fc.nat(4), sum: fc.bigInt(0n, 9n), who: fc.boolean() }),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const books = emptyBooks();
        post(books, move(`in:${A}`, `credit:${A}`, amount(20n)));
        for (const { from, to, sum, who } of all) {
          const account = (at: number) => {
            const sort = sorts[at];
            return sort ? (`${sort}:${who ? A : B}` as const) : ("fee" as const);
          };
          const before = new Map(books.balances);
          try {
            post(books, move(account(from), account(to), amount(sum)));
          } catch {
            // The process would end here, so what the books say by then does not matter.
            books.balances.clear();
            for (const [name, balance] of before) books.balances.set(name, balance);
          }
          const owed = [
            totalOf(books, "out"),
            totalOf(books, "credit"),
            totalOf(books, "held"),
            totalOf(books, "fee"),
          ];
          expect(totalOf(books, "in")).toBe(owed.reduce((sum, part) => sum + part, 0n));
        }
      }),
      { numRuns: 60 },
    );
  });
});
