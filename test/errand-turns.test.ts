import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { hashBlob } from "../src/blob/blob.ts";
import { VERIFY_GRACE_MS } from "../src/exchange/course.ts";
import { Executor } from "../src/firmware/executor.ts";
import type { Task } from "../src/market/task.ts";
import { MAX_FUEL } from "../src/protocol/fuel.ts";
import { BOARD, Desk, ECHO_FIRMWARE, INPUT, LIFE_MS, OUTPUT, ROBOT } from "./errand-desk.ts";
import { ENDLESS, OP, taskModule } from "./firmware/module.ts";
import { settled } from "./link/blob-stand.ts";

const CORES = 2;
/** It may run, and be checked, for longer than any test lasts. */
const SLOW = taskModule({ run: ENDLESS, verify: ENDLESS });

let executor: Executor;
let desk: Desk;
/** Names of the blobs that were loaded, in order. */
let loaded: Hex[];

beforeEach(async () => {
  executor = new Executor({ clock: systemClock, cores: CORES });
  await executor.start();
  desk = new Desk({ executor, runMs: 600_000 });
  desk.give(BOARD, OUTPUT);
  loaded = [];
  const { get } = desk.store;
  desk.store.get = (hash) => {
    loaded.push(hash);
    return get.call(desk.store, hash);
  };
});
afterEach(async () => {
  desk.errands.stop();
  await executor.stop();
  await settled();
  expect(desk.heard).toEqual([]);
});

const byteOf = (number: number) => number.toString(16).padStart(2, "0");

/** Another task, of its own requester unless told. */
const other = (task: Task, number: number, requester: Hex = `0x${byteOf(number).repeat(20)}`): Task => ({
  ...{ ...task, id: `0x${byteOf(number).repeat(16)}`, requester },
});

/** Referee runs that make no end, each of another requester. */
const overrun = async (count: number) => {
  const task = { ...(await desk.delivered(SLOW, false)), fuelLimit: MAX_FUEL };
  for (let number = 1; number <= count; number++) desk.consider(other(task, number));
  await settled();
};
const times = (bytes: Uint8Array) => loaded.filter((hash) => hash === hashBlob(bytes)).length;

describe("errands beside long runs", () => {
  it("load only what is run, and one more", async () => {
    await overrun(12);
    expect([times(SLOW), times(INPUT)]).toEqual([CORES, CORES]);
  });

  it("load an output only when it can be checked, though it has come before", async () => {
    await overrun(CORES);
    const slow = { ...(await desk.delivered(SLOW)), fuelLimit: MAX_FUEL };
    desk.consider(other(slow, 0x51));
    await settled();
    expect(desk.store.sizeOf(hashBlob(OUTPUT))).toBe(OUTPUT.length);
    expect(times(OUTPUT)).toBe(0);
  });

  it("load one task's bytes at a time for one requester", async () => {
    const task = { ...(await desk.delivered(SLOW, false)), fuelLimit: MAX_FUEL };
    for (let number = 1; number <= 5; number++) desk.consider(other(task, number, ROBOT));
    await settled();
    expect(times(SLOW)).toBe(1);
    desk.consider(other(task, 6, BOARD));
    await settled();
    expect(times(SLOW)).toBe(2);
  });

  it("look at an offer's module, and do brief checks and runs, meanwhile", async () => {
    await overrun(12);
    desk.give(ROBOT, ECHO_FIRMWARE);
    desk.give(ROBOT, INPUT);
    expect(await desk.findOf(desk.offered())).toMatchObject({ told: { topic: "blobsHere" } });
    const firmware = taskModule({ verify: [OP.i32Const, 1] });
    const checked = other(await desk.delivered(firmware), 0x61);
    expect(await desk.findOf(checked)).toMatchObject({ told: { topic: "inspected", passed: true } });
    const refereed = other(await desk.delivered(ECHO_FIRMWARE, false), 0x62);
    expect(await desk.findOf(refereed)).toMatchObject({ told: { outcome: { verdict: "ok" } } });
  });

  it("leave their turn to the next when their task is over before it", async () => {
    await overrun(CORES);
    const task = { ...(await desk.delivered(SLOW, false)), fuelLimit: MAX_FUEL };
    desk.consider(other(task, 0x41));
    await settled();
    desk.consider({ ...other(task, 0x41), state: "paid" });
    await settled();
    expect(times(SLOW)).toBe(CORES);
  });

  it("are a fault when no turn comes before their time is over", async () => {
    await overrun(CORES);
    desk.errands.stop();
    const late = new Desk({ executor, runMs: 600_000 });
    const task = { ...(await late.delivered(SLOW, false)), fuelLimit: MAX_FUEL };
    for (let number = 1; number <= CORES + 1; number++) late.consider(other(task, number));
    await settled();
    late.clock.advance(LIFE_MS + VERIFY_GRACE_MS);
    expect(await late.next()).toMatchObject({ fault: { code: "timed_out" } });
    late.errands.stop();
  });

  it("end quietly when they and the executor are stopped in the middle of runs", async () => {
    await overrun(CORES + 1);
    desk.errands.stop();
    await executor.stop();
    await settled();
    expect(desk.heard).toEqual([]);
  });
});
