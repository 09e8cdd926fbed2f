import { describe, expect, it } from "vitest";
import { encodeMessage } from "../src/protocol/message.ts";
import { type Counter, openCounter } from "./exchange/counter.ts";
import { ARM, BOARD, bid, funded, ROBOT, START } from "./exchange/stage.ts";
import { announced, bad, TASK } from "./exchange/way.ts";

const BREATH_MS = 80;

/** A heart that has just beaten, and takes breaths which end when the test says so. */
async function breathing(breathMs = BREATH_MS) {
  const timers: { readonly ms: number; readonly then: () => void }[] = [];
  const after = (ms: number, then: () => void) => {
    const timer = { ms, then };
    timers.push(timer);
    return () => void timers.splice(timers.indexOf(timer), 1);
  };
  let breath = 0;
  const counter = openCounter({ after, breathMs: () => breath });
  await counter.observe(funded([ROBOT, BOARD, ARM], 100_000n));
  await announced(counter);
  counter.events.length = 0;
  breath = breathMs;
  return { counter, timers };
}

/** Lets all that waits for nothing but its turn run. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

const appended = ({ events }: Counter) =>
  events.flatMap((event) => (event.what === "appended" ? [event.count] : []));

describe("a group of the heartbeat", () => {
  it("gathers what comes within a breath, and is one append", async () => {
    const { counter, timers } = await breathing();
    const first = counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
    await turns();
    const second = counter.send(ARM, "bid", await bid(ARM, "b-1", TASK, 600n));
    await turns();
    expect([appended(counter), timers.map(({ ms }) => ms)]).toEqual([[], [BREATH_MS]]);
    timers[0]?.then();
    await Promise.all([first, second]);
    expect([appended(counter), counter.refused]).toEqual([[2], []]);
  });

  it("waits for what is left of a breath, and for a tenth of a second at most", async () => {
    const { counter, timers } = await breathing(5_000);
    counter.clock.set(START + 30);
    const sent = counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
    await turns();
    expect(timers.map(({ ms }) => ms)).toEqual([70]);
    timers[0]?.then();
    await sent;
    counter.clock.set(START + 130);
    await counter.tell({ topic: "abandoned", task: TASK, reason: "" });
    expect(appended(counter)).toEqual([1, 1]);
  });

  it("waits no longer once it is full, or somebody waits for all of it", async () => {
    const { counter, timers } = await breathing();
    const cancel = (at: number) => counter.send(BOARD, "cancel", bad(`c-${at}`));
    const many = Array.from({ length: 63 }, (_, at) => cancel(at));
    await turns();
    expect(timers).toHaveLength(1);
    await Promise.all([...many, cancel(63)]);
    const last = counter.send(ARM, "bid", await bid(ARM, "b-1", TASK, 600n));
    await turns();
    expect(timers).toHaveLength(1);
    await counter.heartbeat.idle();
    await last;
    expect(timers).toHaveLength(0);
  });

  it("makes no bid late: what counts is when it came", async () => {
    const { counter, timers } = await breathing();
    const message = await bid(BOARD, "b-1", TASK, 500n);
    counter.clock.set((counter.state.market.tasks.get(TASK)?.bidBy ?? 0) - 1);
    const early = counter.sendBytes(BOARD, "bid", encodeMessage("bid", message));
    await turns();
    counter.clock.set(counter.clock.now() + BREATH_MS);
    for (const { then } of timers) then();
    await early;
    expect(counter.refused).toEqual([]);
    await counter.send(ARM, "bid", await bid(ARM, "b-1", TASK, 600n));
    expect(counter.refused.map(({ refusal }) => refusal.refused)).toEqual(["bid_late"]);
  });
});
