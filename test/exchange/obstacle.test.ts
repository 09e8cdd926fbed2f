/** What a nearly full disk and a clock that nobody relies on keep from being begun, and what goes on. */
import { expect, it } from "vitest";
import { instant } from "../../src/base/clock.ts";
import { firstDue } from "../../src/exchange/course.ts";
import type { Obstacle } from "../../src/exchange/state.ts";
import { type Counter, openCounter, saidOf } from "./counter.ts";
import { ARM, BOARD, bid, FUEL, funded, ROBOT, RULES, result, START } from "./stage.ts";
import { announced, awarded, awardOf, bad, running, TASK } from "./way.ts";

async function open(): Promise<Counter> {
  const counter = openCounter();
  await counter.observe(funded([ROBOT, BOARD, ARM], 10_000n));
  return counter;
}

const taskIn = ({ state }: Counter) => state.market.tasks.get(TASK);

const due = async (counter: Counter, after: number) => {
  counter.clock.set(START + after);
  await counter.tell({ topic: "due", task: TASK });
};

it.each<Obstacle>(["disk_full", "clock_jumped"])(
  "with %s what is open goes on to its payment",
  async (by) => {
    const counter = await open();
    await announced(counter);
    counter.hinder(by);
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
    await due(counter, 100);
    expect(taskIn(counter)?.state).toBe("awarded");
  },
);

it("without the right time nothing is awarded, and what is announced stays so beyond its deadline", async () => {
  const counter = await open();
  await announced(counter);
  await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
  counter.hinder("clock_unsynchronized");
  const { index } = counter.journal.head();
  for (const after of [100, 10_000, 60_000, 1e9]) await due(counter, after);
  expect(taskIn(counter)?.state).toBe("announced");
  expect(counter.journal.head().index).toBe(index);
  counter.hinder(null);
  await due(counter, 200);
  expect(taskIn(counter)?.state).toBe("awarded");
});

it("without the right time a provider that declines is not replaced, and its task waits for bids again", async () => {
  const counter = await open();
  await announced(counter);
  await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
  await counter.send(ARM, "bid", await bid(ARM, "b-2", TASK, 600n));
  await due(counter, 100);
  counter.hinder("clock_unsynchronized");
  await counter.send(BOARD, "decline", bad("d-1"));
  expect(taskIn(counter)).toMatchObject({ state: "announced", run: null });
  counter.hinder(null);
  await due(counter, 5_000);
  expect(taskIn(counter)?.run?.provider).toBe(ARM.address);
});

it("without the right time what runs is still judged and paid", async () => {
  const counter = await open();
  await running(counter);
  counter.hinder("clock_unsynchronized");
  const ran = { verdict: "ok" as const, fuel: FUEL };
  await counter.send(BOARD, "result", await result(BOARD, "r-1", TASK, awardOf(counter), ran));
  await counter.tell({
    ...{ topic: "inspected", task: TASK, award: awardOf(counter) },
    ...{ passed: true, reason: "valid" },
  });
  expect(taskIn(counter)?.state).toBe("paid");
  expect(saidOf(counter.heard(), "payment").task).toBe(TASK);
});

it("a deadline that is not enforced for now is nobody's first", async () => {
  const counter = await open();
  await awarded(counter);
  expect(firstDue(counter.state, RULES.inputMs, () => instant(0))?.task).toBe(TASK);
  expect(firstDue(counter.state, RULES.inputMs, () => null)).toBeNull();
});
