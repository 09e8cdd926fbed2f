import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { isRefusal } from "../../src/base/refusal.ts";
import { ProgressRelay } from "../../src/exchange/progress.ts";
import { type Assignment, isOpen, TASK_STATES, type Task } from "../../src/market/task.ts";
import { type Message, PROGRESS_STEPS } from "../../src/protocol/message.ts";
import { provider, taskWith } from "../market/sample-task.ts";

const REQUESTER = provider(0xff);
const RUNNER = provider(1);
const CHECKER = provider(2);

function assigned(who: Hex, stage: Assignment["stage"], award: Hex = "0xa1"): Assignment {
  const terms = { rate: amount(500n), feeBasisPoints: 200, price: amount(500n), fee: amount(10n) };
  const times = { acceptBy: instant(0), runBy: instant(0), award, signature: "0x" as const };
  const done = { verdict: null, output: null, outputBytes: 0, fuel: 0, accept: null };
  return { provider: who, ...terms, ...times, stage, ...done };
}

/** A relay that knows one task, which may be another one later. */
function relay(change: Partial<Task>) {
  const task = taskWith({ requester: REQUESTER, ...change });
  const tasks = new Map([[task.id, task]]);
  const passes = new ProgressRelay(tasks);
  const say = (more: Partial<Message<"progress">> = {}, by = RUNNER, now = 0) => {
    const message = { version: 1 as const, from: "device" as const, task: task.id, step: "running" as const };
    const passed = passes.pass(by, { ...message, done: 1, total: 2, ...more }, instant(now));
    return isRefusal(passed) ? passed.refused : passed;
  };
  const become = (other: Partial<Task>) => tasks.set(task.id, { ...task, ...other });
  return { task, say, become };
}

describe("progress", () => {
  it("goes to the requester of the task that its provider has accepted, as the gateway's word", () => {
    const { task, say } = relay({ state: "running", run: assigned(RUNNER, "running") });
    const message = { version: 1, from: "gateway", task: task.id, step: "running", done: 1, total: 2 };
    expect(say()).toEqual({ to: REQUESTER, topic: "progress", message });
  });

  it.each<[string, Partial<Task>, Hex, string]>([
    ["without an award", { state: "announced", run: null }, RUNNER, "not_yours"],
    ["awarded and not accepted", { state: "awarded", run: assigned(RUNNER, "awarded") }, RUNNER, "not_yours"],
    ["somebody else's", { state: "running", run: assigned(RUNNER, "running") }, CHECKER, "not_yours"],
    ["its requester's", { state: "running", run: assigned(RUNNER, "running") }, REQUESTER, "not_yours"],
    [
      "its checker's",
      { state: "delivered", run: assigned(RUNNER, "delivered"), check: assigned(CHECKER, "running") },
      CHECKER,
      "not_yours",
    ],
    ["paid", { state: "paid", run: assigned(RUNNER, "delivered") }, RUNNER, "wrong_state"],
  ])("of a task that is %s is refused", (_, change, by, code) => {
    expect(relay(change).say({}, by)).toBe(code);
  });

  it("of a task that nobody knows is refused", () => {
    expect(relay({}).say({ task: `0x${"ee".repeat(16)}` })).toBe("unknown_task");
  });

  it("is passed on of an accepted award exactly as long as its task is open", () => {
    for (const state of TASK_STATES) {
      const run = assigned(RUNNER, "running");
      const passed = relay({ state, run }).say();
      expect(passed === "wrong_state", state).toBe(!isOpen(taskWith({ state, run })));
    }
  });

  it("that is our own echo is nothing", () => {
    expect(relay({ state: "running", run: assigned(RUNNER, "running") }).say({ from: "gateway" })).toBeNull();
  });

  it("never reaches a requester more often than twice a second, besides three steps, each later than the one before", () => {
    const anySaid = fc.record({
      step: fc.constantFrom(...PROGRESS_STEPS),
      after: fc.nat({ max: 400 }),
    });
    fc.assert(
      fc.property(fc.array(anySaid, { minLength: 1, maxLength: 200 }), (said) => {
        const { say } = relay({ state: "running", run: assigned(RUNNER, "running") });
        let now = 0;
        const steps: number[] = [];
        for (const { step, after } of said) {
          now += after;
          if (say({ step }, RUNNER, now) !== null) steps.push(PROGRESS_STEPS.indexOf(step));
        }
        expect(steps[0]).toBe(PROGRESS_STEPS.indexOf(said[0]?.step ?? "fetching"));
        expect(steps.length).toBeLessThanOrEqual(3 + now / 500);
        expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      }),
    );
  });

  it("begins anew with the next provider's award", () => {
    const { say, become } = relay({ state: "running", run: assigned(RUNNER, "running") });
    expect(say({ step: "delivering" })).not.toBeNull();
    expect(say({ step: "fetching" }, RUNNER, 10_000)).toBeNull();
    become({ run: assigned(CHECKER, "running", "0xa2") });
    expect(say({ step: "fetching" }, CHECKER, 10_001)).toMatchObject({ topic: "progress" });
  });
});
