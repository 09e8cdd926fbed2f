import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { encodeInput } from "../../devices/robot/plan/job.ts";
import { randomQueries, warehouse } from "../../devices/robot/plan/warehouse.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Executor, type RunResult } from "../../src/firmware/executor.ts";
import { ECHO, ENDLESS, OP, returning, taskModule } from "./module.ts";

const DIED = expect.objectContaining({ code: "executor_died" });
const pathPlan = new Uint8Array(
  readFileSync(new URL("../../build/firmware/path-plan.wasm", import.meta.url)),
);
const echo = taskModule();
const endless = taskModule({ run: ENDLESS });
const input = Uint8Array.of(1, 2, 3);
const executor = new Executor({ clock: systemClock });

beforeAll(() => executor.start());
afterAll(() => executor.stop());

/** Deadlines are far above what a run takes, so that a busy machine does not fail a test. */
function run(firmware: Uint8Array, wallMs = 10_000, maxOutput = 1_000_000): Promise<RunResult> {
  return executor.run({ firmware, input, wallMs, maxOutput });
}

/** Whether a process is there and not a zombie that waits for its parent to ask. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
}

describe("executor", () => {
  it("runs path planning and verifies the result", async () => {
    const map = warehouse(1);
    const job = encodeInput(map, randomQueries(map, 20, 2));
    const result = await executor.run({
      firmware: pathPlan,
      input: job,
      wallMs: 10_000,
      maxOutput: 1_000_000,
    });
    if (result.verdict !== "ok") throw new Error(result.verdict);
    const check = { firmware: pathPlan, input: job, output: result.output, wallMs: 10_000 };
    expect(await executor.verify(check)).toMatchObject({ verdict: "ok", valid: true });
    const wrong = { ...check, output: result.output.slice(0, -1) };
    expect(await executor.verify(wrong)).toMatchObject({ verdict: "ok", valid: false });
  });

  it.for([0, -1, Number.NaN, 86_400_001, Number.POSITIVE_INFINITY])(
    "has no deadline of %d ms",
    async (wallMs) => {
      await expect(run(echo, wallMs)).rejects.toThrow(expect.objectContaining({ code: "usage" }));
    },
  );

  it("takes a deadline between milliseconds", async () => {
    expect(await run(echo, 9_999.5)).toMatchObject({ verdict: "ok" });
  });

  it("gives back bytes of any size", async () => {
    expect(await run(echo)).toMatchObject({ verdict: "ok", output: input });
    const empty = await executor.run({
      firmware: echo,
      input: new Uint8Array(),
      wallMs: 10_000,
      maxOutput: 0,
    });
    expect(empty).toMatchObject({ verdict: "ok", output: new Uint8Array() });
    const large = new Uint8Array(1_000_000).map((_, i) => i % 251);
    const roomy = taskModule({ memory: [16, 16], alloc: [OP.i32Const, 0] });
    const result = await executor.run({
      firmware: roomy,
      input: large,
      wallMs: 10_000,
      maxOutput: 1_000_000,
    });
    expect(result.verdict === "ok" && Buffer.compare(result.output, large)).toBe(0);
  });

  it("answers in order when many runs are asked at once", async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        executor.run({ firmware: echo, input: Uint8Array.of(i), wallMs: 10_000, maxOutput: 1 }),
      ),
    );
    expect(results.map((result) => result.verdict === "ok" && result.output[0])).toEqual([...results.keys()]);
  });

  it("kills an endless run at its deadline, and the next run works", async () => {
    const [before] = executor.pids;
    const result = await run(endless, 200);
    expect(result).toMatchObject({ verdict: "deadline" });
    expect(result.wallMs).toBeGreaterThanOrEqual(190);
    expect(await run(echo)).toMatchObject({ verdict: "ok" });
    expect(executor.pids).not.toContain(before);
    expect(executor.pids).toHaveLength(1);
  });

  it("kills an endless verify and an endless start function", async () => {
    const verify = taskModule({ verify: ENDLESS });
    const check = { firmware: verify, input, output: input, wallMs: 200 };
    expect(await executor.verify(check)).toMatchObject({ verdict: "deadline", valid: false });
    const start = taskModule({ start: [...OP.loop, OP.br, 0, OP.end] });
    expect(await run(start, 200)).toMatchObject({ verdict: "deadline" });
  });

  it.for([
    ["unreachable", [OP.unreachable]],
    ["a division by zero", [OP.i32Const, 1, OP.i32Const, 0, OP.i32DivS, OP.drop, ...ECHO]],
    ["a load outside memory", [OP.i32Const, 0x7f, ...OP.i32Load, OP.drop, ...ECHO]],
    ["endless recursion", [OP.get, 0, OP.get, 1, OP.call, 1]],
  ] as const)("calls %s a trap", async ([, body]) => {
    expect(await run(taskModule({ run: body }))).toMatchObject({ verdict: "trap" });
  });

  it("does not count a trapping verify as valid", async () => {
    const firmware = taskModule({ verify: [OP.unreachable] });
    const check = { firmware, input, output: input, wallMs: 10_000 };
    expect(await executor.verify(check)).toMatchObject({ verdict: "trap", valid: false });
  });

  it.for([
    ["no_output", taskModule({ run: returning(0, 0) })],
    ["out_of_bounds", taskModule({ run: returning(65_530, 7) })],
    ["out_of_bounds", taskModule({ run: returning(0xffff_ffff, 0xffff_ffff) })],
    ["too_long", taskModule({ run: returning(0, 4) })],
    ["alloc_out_of_bounds", taskModule({ alloc: [OP.i32Const, 0x7f] })],
  ] as const)("calls it bad output: %s", async ([reason, firmware]) => {
    expect(await run(firmware, 10_000, 3)).toMatchObject({ verdict: "bad-output", reason });
  });

  it("reads an output that ends with the memory", async () => {
    const firmware = taskModule({ run: returning(65_530, 6) });
    expect(await run(firmware)).toMatchObject({ verdict: "ok", output: new Uint8Array(6) });
  });

  it.for([
    ["imports", taskModule({ imports: true })],
    ["memory_too_large", taskModule({ memory: [1, 1025] })],
    ["memory_unbounded", taskModule({ memory: [1] })],
    ["too_large", new Uint8Array(2 ** 20 + 1)],
    ["not_wasm", new TextEncoder().encode("not a module")],
    ["invalid", taskModule({ run: [OP.i64Or] })],
  ] as const)("rejects a module: %s", async ([reason, firmware]) => {
    expect(await run(firmware)).toMatchObject({ verdict: "rejected", reason });
  });

  it("rejects a check by a module without one", async () => {
    const check = { firmware: echo, input, output: input, wallMs: 10_000 };
    expect(await executor.verify(check)).toMatchObject({
      verdict: "rejected",
      reason: "no_verify",
      valid: false,
    });
  });

  it("lets nothing stay in memory from one run to the next", async () => {
    const count = [OP.i32Const, 0, OP.i32Const, 0, ...OP.i32Load, OP.i32Const, 1, OP.i32Add, ...OP.i32Store];
    const firmware = taskModule({ run: [...count, ...returning(0, 4)] });
    for (let i = 0; i < 3; i++) {
      expect(await run(firmware)).toMatchObject({ verdict: "ok", output: Uint8Array.of(1, 0, 0, 0) });
    }
  });

  it("keeps answering while more modules come than its cache holds", async () => {
    const filler = new Array<number>(1_000_000).fill(1);
    for (let i = 0; i < 10; i++) {
      // a custom section of 1,000,003 bytes: name "x", then the filler and a number
      const firmware = taskModule({ more: [0, 0xc3, 0x84, 0x3d, 1, 0x78, ...filler, i] });
      expect(await run(firmware)).toMatchObject({ verdict: "ok" });
    }
  });
});

describe("executor, faults", () => {
  it("runs again in another child when the first is killed from outside", async () => {
    const [first = 0] = executor.pids;
    const result = run(echo);
    process.kill(first, "SIGKILL");
    expect(await result).toMatchObject({ verdict: "ok", output: input });
    expect(executor.pids).not.toContain(first);
  });

  it("gives up when a second child is killed too, and serves the next run", async () => {
    const killed = new Set<number>();
    const failed = expect(run(endless)).rejects.toThrow(DIED);
    while (killed.size < 2) {
      const pid = await vi.waitFor(() => {
        const [live] = executor.pids.filter((each) => !killed.has(each));
        if (live === undefined) throw new Error("no other child yet");
        return live;
      });
      process.kill(pid, "SIGKILL");
      killed.add(pid);
    }
    await failed;
    expect(await run(echo)).toMatchObject({ verdict: "ok" });
  });

  it("runs on as many children as it has cores", async () => {
    const two = new Executor({ clock: systemClock, cores: 2 });
    await two.start();
    expect(two.pids).toHaveLength(2);
    const busy = two.run({ firmware: endless, input, wallMs: 60_000, maxOutput: 1 });
    const other = await two.run({ firmware: echo, input, wallMs: 10_000, maxOutput: 3 });
    expect(other).toMatchObject({ verdict: "ok" });
    const ended = expect(busy).rejects.toThrow(DIED);
    await two.stop();
    await ended;
  });

  it("ends queued runs when stopped, leaves no process, and refuses until started again", async () => {
    const other = new Executor({ clock: systemClock });
    const request = { firmware: endless, input, wallMs: 60_000, maxOutput: 1 };
    await expect(other.run(request)).rejects.toThrow(DIED);
    await other.start();
    const [pid = 0] = other.pids;
    const runs = Promise.allSettled([other.run(request), other.run(request)]);
    await other.stop();
    expect(await runs).toMatchObject([
      { reason: { code: "executor_died" } },
      { reason: { code: "executor_died" } },
    ]);
    expect(() => process.kill(pid, 0)).toThrow(expect.objectContaining({ code: "ESRCH" }));
    await other.start();
    expect(await other.run({ ...request, firmware: echo, maxOutput: 3 })).toMatchObject({ verdict: "ok" });
    await other.stop();
  });

  it.runIf(process.platform === "linux").for(["idle", "busy"] as const)(
    "leaves no child behind when its own process is killed: %s",
    async (state) => {
      const program = fileURLToPath(new URL("orphan.ts", import.meta.url));
      const parent = spawn(process.execPath, [program, state], { stdio: ["ignore", "pipe", "inherit"] });
      const [line] = await once(parent.stdout, "data");
      const child = Number(String(line));
      expect(isRunning(child)).toBe(true);
      parent.kill("SIGKILL");
      await vi.waitFor(() => expect(isRunning(child)).toBe(false), 10_000);
    },
  );

  it.runIf(process.platform === "linux")("gives its child no environment", () => {
    expect(readFileSync(`/proc/${executor.pids[0]}/environ`)).toHaveLength(0);
  });
});
