import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Executor } from "../../src/firmware/executor.ts";
import { LIMITS, runOf } from "./executor-rig.ts";
import { ECHO, ENDLESS, OP, taskModule } from "./module.ts";

const DIED = expect.objectContaining({ code: "executor_died" });
const echo = taskModule();
const endless = taskModule({ run: ENDLESS });
/** Fuel for days. */
const FOREVER = { fuelLimit: 1e15, wallMs: 60_000 };
const input = Uint8Array.of(1, 2, 3);
const executor = new Executor({ clock: systemClock });
const run = runOf(executor, input);

beforeAll(() => executor.start());
afterAll(() => executor.stop());

/** Whether a process is there and not a zombie that waits for its parent to ask. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
}

describe("executor, faults", () => {
  it("goes on in its warm child when one is killed at a deadline", async () => {
    const [first] = executor.pids;
    expect(await run(endless, { ...FOREVER, wallMs: 100 })).toMatchObject({ verdict: "deadline" });
    expect(await run(echo)).toMatchObject({ verdict: "ok" });
    expect(executor.pids).not.toContain(first);
  });

  it("runs again in another child when the first is killed from outside", async () => {
    const [first = 0] = executor.pids;
    const result = run(echo);
    process.kill(first, "SIGKILL");
    expect(await result).toMatchObject({ verdict: "ok", output: input });
    await vi.waitFor(() => expect(executor.pids).not.toContain(first), 10_000);
    expect(await run(echo)).toMatchObject({ verdict: "ok", output: input });
  });

  it("gives all runs that wait behind each other to another child", async () => {
    const [first = 0] = executor.pids;
    const results = Array.from({ length: 100 }, (_, i) =>
      run(echo, { input: Uint8Array.of(i), fuelLimit: 1_000_000 }),
    );
    process.kill(first, "SIGKILL");
    const outputs = (await Promise.all(results)).map((result) => result.verdict === "ok" && result.output[0]);
    expect(outputs).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("goes on with a batch where its child was killed", async () => {
    const [first = 0] = executor.pids;
    const inputs = Array.from({ length: 20_000 }, (_, i) => Uint8Array.of(i, i >> 8));
    const results = executor.runBatch({ firmware: echo, inputs, ...LIMITS });
    process.kill(first, "SIGKILL");
    const outputs = (await results).map((result) => (result.verdict === "ok" ? result.output : null));
    expect(outputs).toEqual(inputs);
  });

  it("keeps what a batch has come to before the deadline, though the fuel limit promises an early end", async () => {
    // endless where the first byte of the input is not zero
    const firmware = taskModule({
      run: [OP.get, 0, 0x2d, 0, 0, ...OP.if, ...ENDLESS, OP.end, ...ECHO],
    });
    const [quick, slow] = [Uint8Array.of(0), Uint8Array.of(1)];
    expect(await run(firmware, { input: quick })).toMatchObject({ verdict: "ok" });
    const inputs = [quick, quick, quick, slow, quick];
    const results = await executor.runBatch({ firmware, inputs, ...LIMITS, wallMs: 1000 });
    expect(results.map(({ verdict }) => verdict)).toEqual(["ok", "ok", "ok", "deadline", "deadline"]);
  });

  it("rejects of a batch only the input that is too large", async () => {
    const inputs = [input, new Uint8Array(64 * 2 ** 20 + 1), Uint8Array.of(9)];
    expect(await executor.runBatch({ firmware: echo, inputs, ...LIMITS })).toMatchObject([
      { verdict: "ok", output: input },
      { verdict: "rejected", reason: "input_too_large", fuel: 0 },
      { verdict: "ok", output: Uint8Array.of(9) },
    ]);
  });

  it("gives up when a second child is killed too, and serves the next run", async () => {
    let isDone = false;
    const failed = expect(run(endless, FOREVER).finally(() => (isDone = true))).rejects.toThrow(DIED);
    await vi.waitFor(() => {
      for (const pid of executor.pids) process.kill(pid, "SIGKILL");
      expect(isDone).toBe(true);
    }, 10_000);
    await failed;
    expect(await run(echo)).toMatchObject({ verdict: "ok" });
  });

  it("keeps answering while more modules come than its cache holds, and knows the first again", async () => {
    const filler = new Array<number>(900_000).fill(1);
    const module = (i: number) =>
      // a custom section of 900,003 bytes: name "x", then the filler and a number
      taskModule({ more: [0, 0xa3, 0xf7, 0x36, 1, 0x78, ...filler, i] });
    const modules = Array.from({ length: 12 }, (_, i) => module(i));
    for (const firmware of [...modules, ...modules]) {
      expect(await run(firmware)).toMatchObject({ verdict: "ok", output: input });
    }
  });

  it("keeps one child warm for when another ends", async () => {
    const own = new Executor({ clock: systemClock });
    await own.start();
    await vi.waitFor(() => expect(own.pids).toHaveLength(2), 10_000);
    const [, warm] = own.pids;
    expect(await runOf(own, input)(endless, { ...FOREVER, wallMs: 50 })).toMatchObject({
      verdict: "deadline",
    });
    expect(own.pids[0]).toBe(warm);
    await own.stop();
    expect(own.pids).toEqual([]);
  });

  it("ends queued runs when stopped, leaves no process, and refuses until started again", async () => {
    const other = new Executor({ clock: systemClock });
    const request = { firmware: endless, input, ...LIMITS, ...FOREVER };
    await expect(other.run(request)).rejects.toThrow(DIED);
    await other.start();
    const pids = other.pids;
    expect(pids.length).toBeGreaterThan(0);
    const runs = Promise.allSettled([other.run(request), other.run(request)]);
    await other.stop();
    expect(await runs).toMatchObject([{ reason: DIED }, { reason: DIED }]);
    for (const pid of pids) expect(isRunning(pid)).toBe(false);
    await other.start();
    expect(await other.run({ ...request, firmware: echo })).toMatchObject({ verdict: "ok" });
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

  it.runIf(process.platform === "linux")("gives its children no environment and a low priority", () => {
    const [pid = 0] = executor.pids;
    expect(readFileSync(`/proc/${pid}/environ`)).toHaveLength(0);
    expect(getPriority(pid)).toBe(10);
  });
});
