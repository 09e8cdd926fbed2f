/** What the executor adds to a task: tiny tasks through its child, and its children's start and end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, constants, setPriority } from "node:os";
import { systemClock } from "../../../src/base/clock.ts";
import { Executor } from "../../../src/firmware/executor.ts";
import { endlessLoop, padded } from "../../firmware/bombs.ts";
import { compileKernel } from "../../firmware/kernels/compile.ts";
import type { Figure } from "../main.ts";
import { absolute, fast, median } from "./figures.ts";
import { metered, refuel } from "./fuel.ts";
import { openTask } from "./task-instance.ts";

const BATCH = 512;
const DIRECT = "a call in this process";
const BARE = "a bare node process";
/** Tasks a second; microseconds; milliseconds. */
const GOALS = { batched: 150_000, single: 80, ready: 150, respawn: 200, module: 5 } as const;
const LIMITS = { fuelLimit: 10 ** 9, wallMs: 10_000, maxOutput: 64 } as const;

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function repeated(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) times.push(await timed(work));
  return times;
}

/**
 * Does the work while every core has something else to do, at the lowest priority. A virtual machine's core that has
 * nothing to do takes up to 50 us to come back, twice a task: that is the machine's time, not the executor's.
 */
async function awake<T>(work: () => Promise<T>): Promise<T> {
  const idlers = Array.from({ length: availableParallelism() }, () => {
    const idler = spawn(process.execPath, ["-e", "for (;;);"], { env: {}, stdio: "ignore" });
    if (idler.pid !== undefined) setPriority(idler.pid, constants.priority.PRIORITY_LOW);
    return idler;
  });
  try {
    return await work();
  } finally {
    for (const idler of idlers) idler.kill("SIGKILL");
  }
}

/** Milliseconds of one task without an executor: metered, its input copied in and its output out. */
function directly(firmware: Uint8Array, input: Uint8Array): number {
  const times = Array.from({ length: 20 }, () => {
    const instance = openTask(metered(firmware), input, refuel);
    const memory = instance.exports["memory"] as WebAssembly.Memory;
    const start = performance.now();
    for (let at = 0; at < BATCH; at++) {
      new Uint8Array(memory.buffer, memory.buffer.byteLength - input.length).set(input);
      instance.run();
      instance.output();
    }
    return (performance.now() - start) / BATCH;
  });
  return median(times);
}

async function tasks(executor: Executor, rounds: number): Promise<Figure[]> {
  const firmware = await compileKernel("tiny");
  const input = new Uint8Array(32).fill(3);
  const single = () => executor.run({ firmware, input, ...LIMITS });
  const inputs = Array.from({ length: BATCH }, () => input);
  const batch = async () => {
    const results = await executor.runBatch({ firmware, inputs, ...LIMITS });
    if (results.some(({ verdict }) => verdict !== "ok")) throw new Error("a tiny task failed");
  };
  await repeated(200 * rounds, single);
  await repeated(2 * rounds, batch);
  const each = median(await awake(() => repeated(200 * rounds, single)));
  const all = fast(await repeated(40 * rounds, batch));
  const direct = directly(firmware, input);
  const batched = { unit: "1/s", value: (BATCH * 1e3) / all, peer: DIRECT, peerValue: 1e3 / direct };
  const alone = {
    unit: "us",
    value: each * 1e3,
    peer: DIRECT,
    peerValue: direct * 1e3,
    ratio: direct / each,
  };
  return [
    absolute({ metric: `tiny tasks, ${BATCH} at once, fastest tenth`, ...batched }, { least: GOALS.batched }),
    absolute({ metric: "tiny task, one at a time, median", ...alone }, { most: GOALS.single }),
  ];
}

/** A node that says so when it is there. */
async function bareNode(): Promise<void> {
  const child = spawn(process.execPath, ["-e", "process.stdout.write('x')"], { env: {}, stdio: "pipe" });
  await once(child.stdout, "data");
  await once(child, "close");
}

async function starts(rounds: number): Promise<Figure[]> {
  const ready: number[] = [];
  for (let at = 0; at < rounds; at++) {
    const executor = new Executor({ clock: systemClock });
    ready.push(await timed(() => executor.start()));
    await executor.stop();
  }
  const peerValue = median(await repeated(rounds, bareNode));
  const row = { unit: "ms", value: median(ready), peer: BARE, peerValue, ratio: peerValue / median(ready) };
  return [absolute({ metric: "executor ready", ...row }, { most: GOALS.ready })];
}

/** From the deadline of a run that does not end to the answer of the next one. */
async function respawns(executor: Executor, rounds: number): Promise<Figure> {
  const firmware = await compileKernel("tiny");
  const endless = endlessLoop();
  const input = new Uint8Array(4);
  const wallMs = 300;
  const times: number[] = [];
  for (let at = 0; at < rounds; at++) {
    const took = await timed(async () => {
      const { verdict } = await executor.run({
        firmware: endless,
        input,
        ...LIMITS,
        fuelLimit: 10 ** 15,
        wallMs,
      });
      if (verdict !== "deadline") throw new Error(`an endless run ended ${verdict}`);
      await executor.run({ firmware, input, ...LIMITS });
    });
    times.push(took - wallMs);
  }
  const peerValue = median(await repeated(rounds, bareNode));
  const row = { unit: "ms", value: median(times), peer: BARE, peerValue, ratio: peerValue / median(times) };
  return absolute({ metric: "kill at the deadline, respawn and run", ...row }, { most: GOALS.respawn });
}

/** Modules that the child has not seen. */
async function newModules(executor: Executor, rounds: number): Promise<Figure> {
  const firmware = await compileKernel("astar");
  const input = Uint8Array.from([8, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0]);
  const times: number[] = [];
  for (let at = 0; at < 5 * rounds; at++) {
    const unseen = padded(firmware, at);
    times.push(await timed(() => executor.run({ firmware: unseen, input, ...LIMITS })));
  }
  const seen = median(await repeated(5 * rounds, () => executor.run({ firmware, input, ...LIMITS })));
  const row = { unit: "ms", value: median(times), peer: "a module that it has seen", peerValue: seen };
  return absolute(
    { metric: `first run of a module of ${firmware.length} bytes`, ...row, ratio: seen / median(times) },
    { most: GOALS.module },
  );
}

/** @param rounds - 10 are enough; 1 shows that all of it runs */
export async function runningFigures(rounds: number): Promise<Figure[]> {
  const figures = await starts(rounds);
  const executor = new Executor({ clock: systemClock });
  await executor.start();
  try {
    figures.push(...(await tasks(executor, rounds)), await newModules(executor, rounds));
    figures.push(await respawns(executor, rounds));
  } finally {
    await executor.stop();
  }
  return figures;
}
