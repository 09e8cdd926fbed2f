/** Which of several obstacles counts, and when the gateway has nothing under way. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../src/base/clock.ts";
import { SteadyClock } from "../src/base/steady-clock.ts";
import { emptyState, type State } from "../src/exchange/state.ts";
import { Obstacles } from "../src/obstacles.ts";
import { HandTime } from "./base/hand-time.ts";
import { openCounter } from "./exchange/counter.ts";
import { BOARD, funded, ROBOT } from "./exchange/stage.ts";
import { announced } from "./exchange/way.ts";

/** @param reserve - bytes: more than any disk has is a full one */
function open(reserve: number, isSynchronized: boolean | null, state: State = emptyState()) {
  const data = mkdtempSync(join(tmpdir(), "hirewire-obstacles-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  const source = new HandTime(Date.now());
  const clock = new SteadyClock(source, systemClock);
  const steps: number[] = [];
  const codes: string[] = [];
  const disk = { reserve, archive: "never", backup_every_ms: 0, backups: 1, backup_folder: "" } as const;
  const obstacles = new Obstacles({
    ...{ config: { data, clock: { synchronized: "auto" }, disk }, clock, state, longestRunMs: 1_000 },
    time: isSynchronized === null ? null : { clock, askMachine: () => Promise.resolve(isSynchronized) },
    newestBlock: () => null,
    onFault: ({ code }) => codes.push(code),
    onChange: () => undefined,
    onStep: (by) => steps.push(by),
    say: () => undefined,
  });
  onTestFinished(() => obstacles.stop());
  return { obstacles, source, steps, codes, clock };
}

it.each([
  [1, null, null],
  [1, true, null],
  [2 ** 60, null, "disk_full"],
  [2 ** 60, true, "disk_full"],
  [1, false, "clock_unsynchronized"],
  [2 ** 60, false, "clock_unsynchronized"],
])(
  "with a reserve of %d bytes and a synchronised clock: %s it is %s",
  async (reserve, isSynchronized, which) => {
    const { obstacles, codes } = open(reserve, isSynchronized);
    await obstacles.start();
    expect(obstacles.current).toBe(which);
    expect(codes.includes("disk_full")).toBe(reserve > 1);
  },
);

it("an open task keeps a jump from being followed, and a full disk counts before it", async () => {
  const counter = openCounter();
  await counter.observe(funded([ROBOT, BOARD], 10_000n));
  await announced(counter);
  const { obstacles, source, steps } = open(2 ** 60, true, counter.state);
  source.set(3_600_000);
  await obstacles.start();
  expect([obstacles.current, obstacles.ofClock, steps]).toEqual(["disk_full", "clock_jumped", []]);
});
