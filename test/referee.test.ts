import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../src/base/clock.ts";
import { hashBlob } from "../src/blob/blob.ts";
import { Executor } from "../src/firmware/executor.ts";
import { MAX_FUEL } from "../src/protocol/fuel.ts";
import { AWARD, Desk, type DeskOptions, ECHO_FIRMWARE, FUEL_LIMIT, INPUT } from "./errand-desk.ts";
import { ENDLESS, OP, returning, taskModule } from "./firmware/module.ts";
import { taskWith } from "./market/sample-task.ts";

const TRAP = [OP.unreachable];

const executor = new Executor({ clock: systemClock });
beforeAll(() => executor.start());
afterAll(() => executor.stop());

const openDesk = (options: Partial<DeskOptions> = {}) => new Desk({ executor, ...options });
const { id: TASK } = taskWith({});

describe("the referee", () => {
  it("runs the task, keeps the output, and names its hash and its fuel", async () => {
    const desk = openDesk();
    const firmware = taskModule({ run: returning(1024, 2) });
    const output = hashBlob(INPUT.subarray(0, 2));
    const own = await executor.run({
      firmware,
      input: INPUT,
      fuelLimit: FUEL_LIMIT,
      wallMs: 5_000,
      maxOutput: 9,
    });
    expect(own.fuel).toBeGreaterThan(0);
    expect(await desk.findOf(await desk.delivered(firmware, false))).toEqual({
      told: {
        ...{ topic: "refereed", task: TASK, award: AWARD, reason: "the gateway's own run" },
        outcome: { verdict: "ok", output, fuel: own.fuel },
      },
    });
    expect(await desk.store.get(output)).toEqual(INPUT.subarray(0, 2));
    expect(desk.asked()).toEqual([]);
  });

  it.each([
    { how: "traps", run: TRAP, verdict: "trap", reason: /^trap: / },
    {
      how: "gives no output",
      run: [OP.i64Const, 0],
      verdict: "bad-output",
      reason: /^bad-output: no_output$/,
    },
    { how: "makes no end", run: ENDLESS, verdict: "out-of-fuel", reason: /^out-of-fuel: / },
  ])("says what the fuel was, and no output, when the run $how", async ({ run, verdict, reason }) => {
    const desk = openDesk();
    const task = await desk.delivered(taskModule({ run }), false);
    const found = await desk.findOf(task);
    expect(found).toEqual({
      told: {
        ...{ topic: "refereed", task: TASK, award: AWARD, reason: expect.stringMatching(reason) },
        outcome: { verdict, output: null, fuel: expect.any(Number) },
      },
    });
    const { outcome } = (found as { told: { outcome: { fuel: number } } }).told;
    if (verdict === "out-of-fuel") expect(outcome.fuel).toBe(FUEL_LIMIT);
    else expect(outcome.fuel).toBeLessThan(100);
  });

  it("has nothing to say when its time is over first", async () => {
    const desk = openDesk({ runMs: 200 });
    const task = { ...(await desk.delivered(taskModule({ run: ENDLESS }), false)), fuelLimit: MAX_FUEL };
    expect(await desk.findOf(task)).toEqual({
      told: {
        ...{ topic: "refereed", task: TASK, award: AWARD, outcome: null },
        reason: expect.stringMatching(/^deadline: /),
      },
    });
  });

  it("has nothing to say when the executor is dead", async () => {
    const desk = openDesk({ executor: new Executor({ clock: systemClock }) });
    const said = { topic: "refereed", task: TASK, award: AWARD, outcome: null, reason: "the executor died" };
    expect(await desk.findOf(await desk.delivered(ECHO_FIRMWARE, false))).toEqual({ told: said });
  });
});
