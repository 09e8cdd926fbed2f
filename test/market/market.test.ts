import { describe, expect, it } from "vitest";
import { amount } from "../../src/base/money.ts";
import { emptyMarket, feeOf, taskOf } from "../../src/market/market.ts";
import { DEFAULT_RULES } from "../../src/market/rules.ts";
import { isOpen, moveTo, TASK_STATES, type TaskState, TRANSITIONS } from "../../src/market/task.ts";
import { taskWith } from "./sample-task.ts";

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

describe("the fee", () => {
  it.each([
    [10_000n, 200, 200n],
    [49n, 200, 0n],
    [50n, 200, 1n],
    [0n, 10_000, 0n],
    [7n, 10_000, 7n],
    [7n, 0, 0n],
    [2n ** 96n - 1n, 10_000, 2n ** 96n - 1n],
  ])("on %s units at %i basis points is %s, rounded down", (price, feeBasisPoints, fee) => {
    expect(feeOf(amount(price), { ...DEFAULT_RULES, feeBasisPoints })).toBe(fee);
  });
});
