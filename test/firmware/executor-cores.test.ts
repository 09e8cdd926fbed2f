import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Executor } from "../../src/firmware/executor.ts";
import { BRIEF_FUEL } from "../../src/firmware/frames.ts";
import { LIMITS, runOf } from "./executor-rig.ts";
import { ENDLESS, OP, taskModule } from "./module.ts";

const DIED = expect.objectContaining({ code: "executor_died" });
const echo = taskModule({ verify: [OP.i32Const, 1] });
const endless = taskModule({ run: ENDLESS, verify: ENDLESS });
/** Fuel for days: nothing but stopping the executor ends it while a test lasts. */
const FOREVER = { fuelLimit: 1e15, wallMs: 600_000 };
const BRIEF = { fuelLimit: BRIEF_FUEL };
const input = Uint8Array.of(1, 2, 3);

let executor: Executor;
let ends: Promise<unknown>[];
const openWith = async (cores: number) => {
  executor = new Executor({ clock: systemClock, cores });
  await executor.start();
};
const run = (...[firmware, request]: Parameters<ReturnType<typeof runOf>>) =>
  runOf(executor, input)(firmware, request);
/** Begins something that is still under way when the executor is stopped. */
const start = (job: Promise<unknown>) => {
  ends.push(
    job.then(
      () => "ended",
      (fault: unknown) => fault,
    ),
  );
};

beforeEach(() => {
  ends = [];
});
afterEach(async () => {
  await executor.stop();
  for (const end of await Promise.all(ends)) expect(end).toEqual(DIED);
});

describe("executor, more than one core", () => {
  it.for([2, 3])(
    "inspects and does brief runs beside more long ones than it has cores: %d",
    async (cores) => {
      await openWith(cores);
      for (let i = 0; i < 4; i++) start(run(endless, FOREVER));
      const check = { firmware: endless, input, output: input, ...FOREVER };
      for (let i = 0; i < 4; i++) start(executor.verify(check));
      const inputs = [input, input];
      start(executor.runBatch({ firmware: endless, inputs, ...LIMITS, ...FOREVER }));
      for (let i = 0; i < 3; i++) {
        expect(await executor.inspect(echo)).toMatchObject({ verdict: "ok" });
        expect(await run(echo, BRIEF)).toMatchObject({ verdict: "ok", output: input });
        const brief = { firmware: echo, input, output: input, ...LIMITS, ...BRIEF };
        expect(await executor.verify(brief)).toMatchObject({ verdict: "ok", valid: true });
      }
    },
  );

  it("does long runs on all cores but one", async () => {
    await openWith(3);
    start(run(endless, FOREVER));
    expect(await run(echo)).toMatchObject({ verdict: "ok" });
    const waits = run(endless, { ...FOREVER, wallMs: 300 });
    const behind = run(echo);
    expect(await run(echo, BRIEF)).toMatchObject({ verdict: "ok" });
    expect(await waits).toMatchObject({ verdict: "deadline" });
    expect(await behind).toMatchObject({ verdict: "ok" });
  });

  it("does not let brief runs pass a long one that may have a core", async () => {
    await openWith(2);
    const done: string[] = [];
    const brief = () => run(echo, BRIEF).then(() => done.push("brief"));
    const before = [brief(), brief()];
    const long = run(echo).then(() => done.push("long"));
    await Promise.all([...before, long, ...Array.from({ length: 3_000 }, brief)]);
    expect(done.indexOf("long")).toBeLessThan(done.length / 2);
  });
});

describe("executor, one core", () => {
  it("inspects before it checks, and checks before it runs; else in order", async () => {
    await openWith(1);
    const done: string[] = [];
    const note = (name: string) => () => done.push(name);
    const first = run(endless, { ...FOREVER, wallMs: 100 }).then(note("first"));
    const check = { firmware: echo, input, output: input, ...LIMITS };
    await Promise.all([
      first,
      run(echo).then(note("run 1")),
      executor.verify(check).then(note("check 1")),
      run(echo).then(note("run 2")),
      executor.inspect(echo).then(note("inspection 1")),
      executor.verify(check).then(note("check 2")),
      executor.inspect(echo).then(note("inspection 2")),
    ]);
    const all = ["first", "inspection 1", "inspection 2", "check 1", "check 2", "run 1", "run 2"];
    expect(done).toEqual(all);
  });
});
