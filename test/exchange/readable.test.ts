import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { blobsOf, isReadable, ReadingRights } from "../../src/exchange/readable.ts";
import { type Assignment, isOpen, TASK_STATES, type Task, type TaskEnd } from "../../src/market/task.ts";
import { provider, taskWith } from "../market/sample-task.ts";

const REQUESTER = provider(0xff);
const RUNNER = provider(1);
const CHECKER = provider(2);
const STRANGER = provider(3);
const FIRMWARE: Hex = `0x${"f1".repeat(32)}`;
const INPUT: Hex = `0x${"17".repeat(32)}`;
const OUTPUT: Hex = `0x${"0e".repeat(32)}`;

function assigned(who: Hex, stage: Assignment["stage"], output: Hex | null = null): Assignment {
  const terms = { rate: amount(500n), feeBasisPoints: 200, price: amount(500n), fee: amount(10n) };
  const times = { acceptBy: instant(0), runBy: instant(0) };
  const done = { verdict: output && ("ok" as const), output, outputBytes: output ? 2 : 0, fuel: 7 };
  return { provider: who, ...terms, ...times, award: "0x", signature: "0x", stage, accept: null, ...done };
}

function ended(output: Hex | null): TaskEnd {
  const sums = { spent: amount(0n), fee: amount(0n), checks: amount(0n), rate: amount(500n) };
  const done = { verdict: output && ("ok" as const), output, outputBytes: 2, fuel: 7 };
  return { reason: "", provider: RUNNER, ...done, salt: null, ...sums, receipt: null, paidUpTo: [] };
}

/** What each of them may read, as letters: firmware, input, output. */
function readers(task: Task): Record<string, string> {
  const letters = (device: Hex) =>
    [FIRMWARE, INPUT, OUTPUT].map((hash, at) => (isReadable(task, device, hash) ? "fio"[at] : "")).join("");
  const all = { requester: REQUESTER, runner: RUNNER, checker: CHECKER, stranger: STRANGER };
  const found = Object.entries(all).map(([name, device]) => [name, letters(device)]);
  return Object.fromEntries(found.filter(([, can]) => can !== ""));
}

describe("the parties to a task", () => {
  const run = (stage: Assignment["stage"], output: Hex | null = null) => assigned(RUNNER, stage, output);

  it.each<[string, Partial<Task>, Record<string, string>]>([
    ["an offer that only names its blobs", { state: "offered", bidBy: null }, {}],
    ["an offer that ended before they came", { state: "cancelled", bidBy: null, end: ended(null) }, {}],
    ["announced", {}, { requester: "fi" }],
    ["awarded and not accepted", { state: "awarded", run: run("awarded") }, { requester: "fi" }],
    ["running", { state: "running", run: run("running") }, { requester: "fi", runner: "fi" }],
    ["delivered", { state: "delivered", run: run("delivered", OUTPUT) }, { requester: "fi", runner: "fi" }],
    [
      "awarded for a check",
      { state: "delivered", run: run("delivered", OUTPUT), check: assigned(CHECKER, "awarded") },
      { requester: "fi", runner: "fi" },
    ],
    [
      "being checked",
      { state: "delivered", run: run("delivered", OUTPUT), check: assigned(CHECKER, "running") },
      { requester: "fi", runner: "fi", checker: "fi" },
    ],
    [
      "awarded to another one after its provider has failed",
      { state: "awarded", out: [RUNNER], run: assigned(CHECKER, "awarded") },
      { requester: "fi" },
    ],
    [
      "invoiced and not paid",
      { state: "invoiced", payment: "result", run: run("delivered", OUTPUT) },
      { requester: "fi", runner: "fi" },
    ],
    ["paid", { state: "paid", run: run("delivered", OUTPUT), end: ended(OUTPUT) }, { requester: "fio" }],
    [
      "settled",
      { state: "settled", run: run("delivered", OUTPUT), end: ended(OUTPUT) },
      { requester: "fio" },
    ],
    ["paid for no output", { state: "paid", run: run("delivered"), end: ended(null) }, { requester: "fi" }],
    ["refunded", { state: "refunded", run: run("delivered", OUTPUT), end: ended(null) }, { requester: "fi" }],
  ])("%s", (_, change, expected) => {
    expect(readers(taskWith({ requester: REQUESTER, firmware: FIRMWARE, input: INPUT, ...change }))).toEqual(
      expected,
    );
  });

  it("hand over what the task names, each its own", () => {
    const offer = { requester: REQUESTER, firmware: FIRMWARE, input: INPUT };
    const own = [
      { hash: FIRMWARE, device: REQUESTER },
      { hash: INPUT, device: REQUESTER },
    ];
    expect(blobsOf(taskWith({ ...offer, run: run("running") }))).toEqual(own);
    const other: Hex = `0x${"0d".repeat(32)}`;
    const both = { run: run("delivered", OUTPUT), check: assigned(CHECKER, "delivered", other) };
    expect(blobsOf(taskWith({ ...offer, ...both }))).toEqual([
      ...own,
      { hash: OUTPUT, device: RUNNER },
      { hash: other, device: CHECKER },
    ]);
  });
});

const DEVICES = [1, 2, 3, 4].map(provider);
const HASHES = [1, 2, 3].map((fill): Hex => `0x${`0${fill}`.repeat(32)}`);
const device = fc.constantFrom(...DEVICES);
const hash = fc.constantFrom(...HASHES);
const assignment = fc.option(
  fc
    .record({ who: device, stage: fc.constantFrom("awarded", "running", "delivered"), output: hash })
    .map(({ who, stage, output }) => assigned(who, stage, stage === "delivered" ? output : null)),
);
const task = fc
  .record({
    id: fc.nat(9).map((digit): Hex => `0x${String(digit).repeat(32)}`),
    requester: device,
    firmware: hash,
    input: hash,
    state: fc.constantFrom(...TASK_STATES),
    bidBy: fc.constantFrom(null, instant(1)),
    run: assignment,
    check: assignment,
    end: fc.option(fc.option(hash).map(ended)),
  })
  .map(taskWith);
const step = fc.oneof({ weight: 4, arbitrary: task }, { weight: 1, arbitrary: fc.nat(9) });

/** The rule once more, in other words: what a device is to a task, and what that lets it read. */
function isParty(one: Task, who: Hex, what: Hex): boolean {
  const isWork = one.firmware === what || one.input === what;
  if (one.requester === who && isWork && one.bidBy) return true;
  if (one.requester === who && ["paid", "settled"].includes(one.state) && one.end?.output === what)
    return true;
  const roles = [one.run, one.check].filter((role) => role?.provider === who && role.stage !== "awarded");
  return isWork && isOpen(one) && roles.length > 0;
}

describe("the rights of all tasks", () => {
  it("are those of each of them, whatever becomes of them and whichever are forgotten", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(task, { maxLength: 4 }), (steps, first) => {
        const tasks = new Map(first.map((one) => [one.id, one]));
        const rights = new ReadingRights(tasks);
        for (const next of steps) {
          if (typeof next === "number") tasks.delete(`0x${String(next).repeat(32)}`);
          else {
            tasks.set(next.id, next);
            rights.note(next);
          }
          for (const who of DEVICES) {
            for (const what of HASHES) {
              const expected = [...tasks.values()].some((one) => isParty(one, who, what));
              expect(rights.mayRead(who, what)).toBe(expected);
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("are not there before they are noted, and end unasked", () => {
    const before = taskWith({ requester: REQUESTER, firmware: FIRMWARE, bidBy: null, state: "offered" });
    const tasks = new Map([[before.id, before]]);
    const rights = new ReadingRights(tasks);
    const announced = { ...before, bidBy: instant(1), state: "announced" as const };
    tasks.set(before.id, announced);
    expect(rights.mayRead(REQUESTER, FIRMWARE)).toBe(false);
    rights.note(announced);
    expect(rights.mayRead(REQUESTER, FIRMWARE)).toBe(true);
    tasks.delete(before.id);
    expect(rights.mayRead(REQUESTER, FIRMWARE)).toBe(false);
  });

  it("ask no task about a stranger, and one about a party, however many there are and have been", () => {
    const tasks = new Map<Hex, Task>();
    let asked = 0;
    const counted: ReadonlyMap<Hex, Task> = Object.assign(new Map<Hex, Task>(), {
      get: (id: Hex) => {
        asked++;
        return tasks.get(id);
      },
      has: (id: Hex) => tasks.has(id),
      values: () => tasks.values(),
    });
    const rights = new ReadingRights(counted);
    const idOf = (at: number): Hex => `0x${at.toString(16).padStart(32, "0")}`;
    const inputOf = (at: number): Hex => `0x${at.toString(16).padStart(64, "0")}`;
    const running = { state: "running", run: assigned(RUNNER, "running") } as const;
    for (let at = 0; at < 6_000; at++) {
      const named = { id: idOf(at), requester: REQUESTER, firmware: FIRMWARE, input: inputOf(at) };
      const one = taskWith({ ...named, ...running });
      tasks.set(one.id, one);
      rights.note(one);
      if (at >= 1_000) tasks.delete(idOf(at - 1_000));
    }
    for (const what of [FIRMWARE, inputOf(5_999), inputOf(1)])
      expect(rights.mayRead(STRANGER, what)).toBe(false);
    expect(asked).toBe(0);
    expect(rights.mayRead(RUNNER, inputOf(5_999))).toBe(true);
    expect(asked).toBe(1);
    // once: those that were forgotten since it was last looked for them
    expect(rights.mayRead(RUNNER, FIRMWARE)).toBe(true);
    asked = 0;
    expect(rights.mayRead(RUNNER, FIRMWARE)).toBe(true);
    expect(asked).toBe(1);
    expect(rights.mayRead(RUNNER, inputOf(1))).toBe(false);
  });
});
