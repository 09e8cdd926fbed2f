import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instant } from "../../src/base/clock.ts";
import type { Amount } from "../../src/base/money.ts";
import { decideAnnounce, emptyMarket, taskOf } from "../../src/market/market.ts";
import { DEFAULT_RULES } from "../../src/market/rules.ts";
import {
  type Assignment,
  isOpen,
  mostOf,
  moveTo,
  outcomeIn,
  TASK_STATES,
  type TaskState,
  TRANSITIONS,
  withOutcome,
} from "../../src/market/task.ts";
import { MAX_FUEL } from "../../src/protocol/fuel.ts";
import { anyRate } from "../protocol/any-scalar.ts";
import { provider, taskWith } from "./sample-task.ts";

describe("a task", () => {
  const pairs = TASK_STATES.flatMap((from) => TASK_STATES.map((to) => [from, to] as const));

  it("moves along the table's transitions and no others", () => {
    for (const [from, to] of pairs) {
      const legal: readonly TaskState[] = TRANSITIONS[from];
      const task = taskWith({ state: from });
      if (legal.includes(to)) expect(moveTo(task, to)).toEqual({ ...task, state: to });
      else expect(() => moveTo(task, to)).toThrow(expect.objectContaining({ code: "impossible" }));
      expect(task.state).toBe(from);
    }
  });

  it("is open until it is paid or ended, and every end is final but paid", () => {
    const ends = TASK_STATES.filter((state) => !isOpen(taskWith({ state })));
    expect(new Set(ends)).toEqual(
      new Set(["paid", "settled", "declined", "expired", "forfeited", "rejected", "cancelled", "refunded"]),
    );
    for (const state of ends) expect(TRANSITIONS[state]).toEqual(state === "paid" ? ["settled"] : []);
  });

  it("reaches an end from every open state, and every state from offered", () => {
    const from = (start: TaskState) => {
      const seen = new Set<TaskState>([start]);
      for (const state of seen) for (const next of TRANSITIONS[state]) seen.add(next);
      return seen;
    };
    expect(from("offered").size).toBe(TASK_STATES.length);
    for (const state of TASK_STATES) {
      expect([...from(state)].some((end) => !isOpen(taskWith({ state: end })))).toBe(true);
    }
  });

  it("that is not there is a defect of the caller", () => {
    expect(() => taskOf(emptyMarket(), "0x00")).toThrow(expect.objectContaining({ code: "impossible" }));
  });
});

describe("an announce", () => {
  const task = taskWith({ state: "announced", offeredAt: instant(0), deadline: instant(100_000) });
  const now = instant(20_000);
  const rules = { ...DEFAULT_RULES, bidWindowMs: 250 };
  const bidBy = (because: "unbid" | "reopened") =>
    decideAnnounce(task, because, now, rules).map((fact) => fact.kind === "announced" && fact.bidBy);

  it("that nobody has bid on waits as long again as it has waited", () => {
    expect(bidBy("unbid")).toEqual([40_000]);
  });

  it("of a gateway that was away waits no longer than a new one", () => {
    expect(bidBy("reopened")).toEqual([20_250]);
  });
});

describe("an assignment", () => {
  const awarded = (rate: Amount, fuelLimit: number, feeBasisPoints: number): Assignment => ({
    ...{ provider: provider(1), rate, feeBasisPoints, ...mostOf(rate, fuelLimit, feeBasisPoints) },
    ...{ acceptBy: instant(1), runBy: instant(2), award: "0x00", signature: "0x00", accept: null },
    ...{ stage: "running", verdict: null, output: null, outputBytes: 0, fuel: 0 },
  });

  it("costs what its fuel costs once it is delivered, and never more than was set aside for it", () => {
    const points = fc.integer({ min: 0, max: 9_999 });
    const limit = fc.integer({ min: 1, max: MAX_FUEL });
    fc.assert(
      fc.property(
        anyRate,
        limit,
        points,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rate, most, fee, part) => {
          const before = awarded(rate, most, fee);
          const fuel = Math.floor(most * part);
          const outcome = { verdict: "trap" as const, output: null, outputBytes: 0, fuel };
          const after = withOutcome(before, outcome);
          const exact = rate * BigInt(fuel);
          expect(after.price).toBe(exact === 0n ? 1n : (exact + 10n ** 12n - 1n) / 10n ** 12n);
          expect(after.price <= before.price).toBe(true);
          expect(after.price - after.fee <= before.price - before.fee).toBe(true);
          expect(after.fee < after.price).toBe(true);
          expect(after).toMatchObject({ ...outcome, stage: "delivered" });
          expect(outcomeIn(after)).toEqual({ verdict: "trap", output: null, fuel });
          expect(outcomeIn(before)).toBeNull();
        },
      ),
    );
  });
});
