import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { instant, systemClock } from "../src/base/clock.ts";
import { Fault } from "../src/base/fault.ts";
import { hashBlob } from "../src/blob/blob.ts";
import { VERIFY_GRACE_MS } from "../src/exchange/course.ts";
import { Executor } from "../src/firmware/executor.ts";
import { MAX_MODULE_BYTES } from "../src/firmware/policy.ts";
import { handoverMs } from "../src/market/rules.ts";
import type { Task } from "../src/market/task.ts";
import { MAX_FUEL } from "../src/protocol/fuel.ts";
import {
  AWARD,
  BOARD,
  DELIVERED,
  Desk,
  type DeskOptions,
  ECHO_FIRMWARE,
  FUEL_LIMIT,
  INPUT,
  INPUT_MS,
  LIFE_MS,
  OUTPUT,
  ROBOT,
} from "./errand-desk.ts";
import { ENDLESS, OP, taskModule } from "./firmware/module.ts";
import { bytesOf, settled } from "./link/blob-stand.ts";
import { taskWith } from "./market/sample-task.ts";

const YES = [OP.i32Const, 1];
const NO = [OP.i32Const, 0];
const TRAP = [OP.unreachable];

const executor = new Executor({ clock: systemClock });
beforeAll(() => executor.start());
afterAll(() => executor.stop());

/** How long the requester has for what it offers here. */
const OFFER_MS = handoverMs(ECHO_FIRMWARE.length + INPUT.length, { inputMs: INPUT_MS });

const openDesk = (options: Partial<DeskOptions> = {}) => new Desk({ executor, ...options });
const { id: TASK } = taskWith({});

describe("an offer's bytes", () => {
  it("are fetched from the requester, and then they are here", async () => {
    const desk = openDesk();
    desk.give(ROBOT, ECHO_FIRMWARE);
    desk.give(ROBOT, INPUT);
    expect(await desk.findOf(desk.offered())).toEqual({ told: { topic: "blobsHere", task: TASK } });
    expect(await desk.store.get(hashBlob(ECHO_FIRMWARE))).toEqual(ECHO_FIRMWARE);
    expect(await desk.store.get(hashBlob(INPUT))).toEqual(INPUT);
    expect(desk.refused).toEqual([]);
  });

  it("are refused with firmware_rejected when the firmware breaks the policy; the input is not fetched", async () => {
    const desk = openDesk();
    const firmware = taskModule({ imports: true });
    desk.give(ROBOT, firmware);
    const found = await desk.findOf(desk.offered(firmware));
    expect(desk.refused).toEqual([{ task: TASK, code: "firmware_rejected" }]);
    expect(found).toEqual({
      told: {
        topic: "blobsRefused",
        task: TASK,
        reason: expect.stringMatching(/^firmware_rejected: the module breaks the static policy: .*import/),
      },
    });
    expect(desk.asked().map(({ hash }) => hash)).toEqual([hashBlob(firmware)]);
  });

  it.each([
    {
      what: "profile",
      change: { profile: "wasi-stdio/1" },
      reason: /is of profile task\/1, the offer says wasi/,
    },
    { what: "memory", change: {}, reason: /may use 16 MiB of memory, the offer says 1$/ },
  ] as const)("are refused when the module is of another $what than the offer says", async (other) => {
    const desk = openDesk();
    const firmware = taskModule(other.what === "memory" ? { memory: [1, 256] } : {});
    desk.give(ROBOT, firmware);
    desk.give(ROBOT, INPUT);
    expect(await desk.findOf({ ...desk.offered(firmware), ...other.change })).toMatchObject({
      told: { topic: "blobsRefused", reason: expect.stringMatching(other.reason) },
    });
    expect(desk.refused).toEqual([{ task: TASK, code: "firmware_rejected" }]);
  });

  it("are refused, and not asked for, when the firmware is larger than any may be", async () => {
    const desk = openDesk();
    const found = await desk.findOf({ ...desk.offered(), firmwareBytes: MAX_MODULE_BYTES + 1 });
    expect(found).toMatchObject({
      told: { topic: "blobsRefused", reason: expect.stringMatching(/^too_large/) },
    });
    expect(desk.asked()).toEqual([]);
  });

  it.each(["firmware", "input"] as const)("are refused when other ones come as the %s", async (which) => {
    const desk = openDesk();
    desk.give(ROBOT, ECHO_FIRMWARE);
    desk.give(ROBOT, INPUT);
    const task = desk.offered();
    const wrong = (which === "firmware" ? ECHO_FIRMWARE : INPUT).toReversed();
    desk.give(ROBOT, wrong, task[which]);
    expect(await desk.findOf(task)).toMatchObject({
      told: { topic: "blobsRefused", task: TASK, reason: expect.stringMatching(/^hash_mismatch: /) },
    });
    expect(desk.refused).toEqual([{ task: TASK, code: "hash_mismatch" }]);
  });

  it.each([
    { when: "when the time for them is over", lifeMs: LIFE_MS, ms: OFFER_MS },
    { when: "at the task's deadline", lifeMs: 5_000, ms: 5_000 },
  ])("are given up $when, and not before", async ({ lifeMs, ms }) => {
    const desk = openDesk();
    desk.consider({ ...desk.offered(), deadline: instant(desk.clock.now() + lifeMs) });
    await settled();
    desk.clock.advance(ms - 1);
    await settled();
    expect(desk.heard).toEqual([]);
    desk.clock.advance(1);
    expect(await desk.next()).toMatchObject({ told: { topic: "blobsRefused", task: TASK } });
    expect(desk.refused).toEqual([{ task: TASK, code: "blob_unknown" }]);
  });

  it("are asked for no more, and nobody is told, once the task is cancelled", async () => {
    const desk = openDesk();
    desk.consider(desk.offered());
    await settled();
    expect(desk.asked()).toHaveLength(1);
    desk.consider({ ...desk.offered(), state: "cancelled" });
    await settled();
    desk.clock.advance(LIFE_MS);
    await settled();
    expect([desk.asked(), desk.heard, desk.refused]).toEqual([[], [], []]);
  });

  it("stay in a full store until the task has ended", async () => {
    const quota = ECHO_FIRMWARE.length + INPUT.length + 100;
    const desk = openDesk({ quota });
    desk.give(ROBOT, ECHO_FIRMWARE);
    desk.give(ROBOT, INPUT);
    await desk.findOf(desk.offered());
    const both = () => [ECHO_FIRMWARE, INPUT].map((bytes) => desk.store.sizeOf(hashBlob(bytes)) !== null);
    desk.consider({ ...desk.offered(), state: "announced" });
    const owner = `owner of ${ROBOT}`;
    for (const seed of [1, 2, 3]) await desk.store.put(bytesOf(100, seed), owner);
    expect(both()).toEqual([true, true]);
    desk.consider({ ...desk.offered(), state: "expired" });
    await desk.store.put(bytesOf(quota, 4), owner);
    expect(both()).toEqual([false, false]);
  });
});

describe("an inspection", () => {
  it.each([
    { what: "passes what verify finds valid", verify: YES, passed: true, reason: "valid" },
    { what: "fails what verify finds not valid", verify: NO, passed: false, reason: "not valid" },
    { what: "takes only 1 for valid", verify: [OP.i32Const, 2], passed: false, reason: "not valid" },
    { what: "fails an output at which verify traps", verify: TRAP, passed: false, reason: "trap" },
  ])("$what", async ({ verify, passed, reason }) => {
    const desk = openDesk();
    desk.give(BOARD, OUTPUT);
    const found = await desk.findOf(await desk.delivered(taskModule({ verify })));
    expect(found).toEqual({ told: { topic: "inspected", task: TASK, award: AWARD, passed, reason } });
    expect(desk.asked().map(({ to, hash }) => [to, hash])).toEqual([[BOARD, hashBlob(OUTPUT)]]);
  });

  it("passes every output of a firmware without verify", async () => {
    const desk = openDesk();
    desk.give(BOARD, OUTPUT);
    const reason = "the firmware has no checker";
    expect(await desk.findOf(await desk.delivered(ECHO_FIRMWARE))).toEqual({
      told: { topic: "inspected", task: TASK, award: AWARD, passed: true, reason },
    });
  });

  it.each([
    { when: "of fuel", fuelLimit: FUEL_LIMIT, reason: "out-of-fuel" },
    { when: "of time", fuelLimit: MAX_FUEL, reason: "deadline" },
  ])("fails an output at which verify runs out $when", async ({ fuelLimit, reason }) => {
    const desk = openDesk({ runMs: 200 });
    desk.give(BOARD, OUTPUT);
    const task = { ...(await desk.delivered(taskModule({ verify: ENDLESS }))), fuelLimit };
    expect(await desk.findOf(task)).toEqual({
      told: { topic: "inspected", task: TASK, award: AWARD, passed: false, reason },
    });
  });

  it("hands verify the input and the output, in this order", async () => {
    // The lengths' quotient, rounded down: 3 / 2 is valid, 2 / 3 is not.
    const verify = [OP.get, 1, OP.get, 3, OP.i32DivS];
    const desk = openDesk();
    desk.give(BOARD, OUTPUT);
    expect(await desk.findOf(await desk.delivered(taskModule({ verify })))).toMatchObject({
      told: { passed: true },
    });
  });

  it("tells that the output is missing when other bytes come; the requester hears nothing", async () => {
    const desk = openDesk();
    desk.give(BOARD, Uint8Array.of(8, 8), hashBlob(OUTPUT));
    expect(await desk.findOf(await desk.delivered(taskModule({ verify: YES })))).toMatchObject({
      told: {
        topic: "outputMissing",
        task: TASK,
        award: AWARD,
        reason: expect.stringMatching(/^hash_mismatch: /),
      },
    });
    expect(desk.refused).toEqual([]);
  });

  it.each([
    { when: "for as long as bytes may take", at: 0, ms: handoverMs(OUTPUT.length, { inputMs: INPUT_MS }) },
    {
      when: "until what was delivered in time has to be verified",
      at: LIFE_MS + VERIFY_GRACE_MS - 500,
      ms: 500,
    },
  ])("tells that the output is missing when the provider keeps silent $when", async ({ at, ms }) => {
    const desk = openDesk();
    const task = await desk.delivered(taskModule({ verify: YES }));
    desk.clock.advance(at);
    desk.consider(task);
    await settled();
    desk.clock.advance(ms - 1);
    await settled();
    expect(desk.heard).toEqual([]);
    desk.clock.advance(1);
    expect(await desk.next()).toMatchObject({
      told: { topic: "outputMissing", award: AWARD, reason: expect.stringMatching(/^blob_unknown: /) },
    });
    expect(desk.refused).toEqual([]);
  });

  it("fetches firmware and input again when the store has let them go", async () => {
    const desk = openDesk();
    const firmware = taskModule({ verify: YES });
    desk.give(BOARD, OUTPUT);
    desk.give(ROBOT, firmware);
    desk.give(ROBOT, INPUT);
    const task: Task = { ...desk.offered(firmware), ...DELIVERED };
    expect(await desk.findOf(task)).toMatchObject({ told: { topic: "inspected", passed: true } });
    expect(desk.asked().map(({ to }) => to)).toEqual([BOARD, ROBOT, ROBOT]);
  });

  it("finds nothing, and is a fault, when the requester no longer gives them", async () => {
    const desk = openDesk();
    desk.give(BOARD, OUTPUT);
    desk.consider({ ...desk.offered(), ...DELIVERED });
    await settled();
    desk.clock.advance(LIFE_MS + VERIFY_GRACE_MS);
    expect(await desk.next()).toMatchObject({ fault: { code: "blob_missing" } });
  });

  it("fails, for the referee to decide, when the executor is dead", async () => {
    const desk = openDesk({ executor: new Executor({ clock: systemClock }) });
    desk.give(BOARD, OUTPUT);
    const reason = "the executor died";
    expect(await desk.findOf(await desk.delivered(taskModule({ verify: YES })))).toEqual({
      told: { topic: "inspected", task: TASK, award: AWARD, passed: false, reason },
    });
  });
});

describe("errands", () => {
  it("take the same want on once, and again after its end", async () => {
    const desk = openDesk();
    const task = desk.offered();
    desk.consider(task);
    desk.consider({ ...task });
    await settled();
    expect(desk.asked()).toHaveLength(1);
    desk.clock.advance(OFFER_MS);
    await settled();
    expect(desk.heard).toHaveLength(1);
    expect(desk.refused).toHaveLength(1);

    desk.heard.splice(0);
    desk.give(ROBOT, ECHO_FIRMWARE);
    desk.give(ROBOT, INPUT);
    expect(await desk.findOf(desk.offered())).toMatchObject({ told: { topic: "blobsHere" } });
  });

  it("are none for a task that waits for its devices, or has ended", async () => {
    const desk = openDesk();
    for (const state of ["announced", "running", "paid", "cancelled"] as const) {
      desk.consider({ ...desk.offered(), state });
    }
    await settled();
    expect(desk.asked()).toEqual([]);
    expect(desk.heard).toEqual([]);
  });

  it("leave no timer behind", async () => {
    const desk = openDesk();
    desk.give(ROBOT, ECHO_FIRMWARE);
    desk.give(ROBOT, INPUT);
    desk.give(BOARD, OUTPUT);
    await desk.findOf(desk.offered());
    await desk.findOf(await desk.delivered(taskModule({ verify: YES })));
    await settled();
    expect(desk.timers.size).toBe(0);
  });

  it("are tried again a second after a fault of our own", async () => {
    const desk = openDesk();
    desk.give(ROBOT, ECHO_FIRMWARE);
    desk.give(ROBOT, INPUT);
    const { get } = desk.store;
    desk.store.get = () => Promise.reject(new Fault("disk_failed", "the card is gone"));
    expect(await desk.findOf(desk.offered())).toMatchObject({ fault: { code: "disk_failed" } });
    desk.store.get = get;
    desk.clock.advance(999);
    await settled();
    expect(desk.heard).toEqual([]);
    desk.clock.advance(1);
    expect(await desk.next()).toEqual({ told: { topic: "blobsHere", task: TASK } });
  });

  it("find and ask nothing more once they are stopped, and take nothing on", async () => {
    const desk = openDesk();
    const inspected = await desk.delivered(taskModule({ verify: YES }));
    desk.give(BOARD, OUTPUT);
    const lost = bytesOf(50);
    desk.consider(desk.offered(lost));
    desk.consider({
      ...inspected,
      id: `0x${"5b".repeat(16)}`,
      run: { ...DELIVERED.run, output: hashBlob(lost) },
    });
    const named = { firmware: hashBlob(lost), firmwareBytes: lost.length };
    desk.consider({ ...inspected, ...named, id: `0x${"5c".repeat(16)}` });
    await settled();
    expect(desk.asked()).toHaveLength(3);
    desk.errands.stop();
    desk.consider({ ...desk.offered(taskModule({ table: 1 })), id: `0x${"5d".repeat(16)}` });
    await settled();
    desk.clock.advance(10 * LIFE_MS);
    await settled();
    expect([desk.asked(), desk.heard, desk.refused]).toEqual([[], [], []]);
  });
});
