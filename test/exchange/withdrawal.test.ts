import { expect, it } from "vitest";
import type { Fact } from "../../src/protocol/facts.ts";
import { type Counter, openCounter } from "./counter.ts";
import { ARM, BOARD, bid, funded, ROBOT, START } from "./stage.ts";
import { awarded, running, TASK } from "./way.ts";

const late = { version: 1 as const, id: "f-1", task: TASK, reason: "the award came too late" };

async function open(): Promise<Counter> {
  const counter = openCounter();
  await counter.observe(funded([ROBOT, BOARD, ARM], 100_000n));
  return counter;
}

const withdrawn = ({ journal }: Counter) =>
  [...journal.entries(0)]
    .flatMap(({ facts }): readonly Fact[] => facts)
    .flatMap((fact) => (fact.kind === "withdrawn" ? [{ how: fact.how, reason: fact.reason }] : []));

const taskIn = ({ state }: Counter) => state.market.tasks.get(TASK);

it("a forfeit of what was not accepted is a decline: the task waits for bids again, its provider's too", async () => {
  const counter = await open();
  await awarded(counter);
  await counter.send(BOARD, "forfeit", late);
  expect(withdrawn(counter)).toEqual([{ how: "declined", reason: late.reason }]);
  expect(taskIn(counter)).toMatchObject({ state: "announced", run: null, bids: [], out: [] });
  await counter.send(BOARD, "bid", await bid(BOARD, "b-2", TASK, 500n));
  counter.clock.set(taskIn(counter)?.bidBy ?? START);
  await counter.tell({ topic: "due", task: TASK });
  expect(taskIn(counter)?.run?.provider).toBe(BOARD.address);
});

it("a forfeit of what was accepted ends the task where no other bid is left", async () => {
  const counter = await open();
  await running(counter);
  await counter.send(BOARD, "forfeit", late);
  expect(withdrawn(counter)).toEqual([{ how: "forfeited", reason: late.reason }]);
  expect(taskIn(counter)).toMatchObject({ state: "forfeited", out: [BOARD.address] });
});
