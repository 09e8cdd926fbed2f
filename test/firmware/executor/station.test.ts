import { expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { Child, type Listener } from "../../../src/firmware/executor/child.ts";
import type { Job } from "../../../src/firmware/executor/job.ts";
import { Station } from "../../../src/firmware/executor/station.ts";
import { READY, type ReplyHead } from "../../../src/firmware/frames.ts";
import { Shelf } from "../../../src/firmware/shelf.ts";
import { ManualClock } from "../../settlement/manual-clock.ts";

/** A child without a process: it says what it is told to. */
class Puppet {
  readonly shelf = new Shelf<true>();
  readonly words = "";
  isLive: boolean = true;
  #listener: Listener | null = null;

  listen(listener: Listener): void {
    this.#listener = listener;
  }

  write(): void {}

  kill(): void {
    if (!this.isLive) return;
    this.isLive = false;
    this.#listener?.ended();
  }

  answer(number: number): void {
    const head: ReplyHead = { number: number % READY, length: 0, verdict: "ok", valid: false, fuel: 0 };
    if (this.#listener?.accepts(head) === true) this.#listener.take(head, new Uint8Array());
  }
}

/** A station whose children are puppets, the newest last, and one job's end. */
function stand(take: Job["take"] = () => true) {
  const clock = new ManualClock();
  const children: Puppet[] = [];
  const next = () => {
    const puppet = new Puppet();
    children.push(puppet);
    return puppet as unknown as Child;
  };
  const station = new Station({ clock, child: next(), hire: async () => next(), isFree: () => {} });
  const ends: string[] = [];
  station.take({
    ...{ op: "run", firmware: new Uint8Array(8), hash: new Uint8Array(32), key: "key" },
    ...{ inputs: [new Uint8Array()], output: new Uint8Array(), fuelLimit: 1e12, maxOutput: 0, wallMs: 1000 },
    ...{ take, end: (wallMs) => ends.push(`end ${wallMs}`), fail: (fault) => ends.push(fault.code) },
  });
  return { clock, children, ends };
}

it("gives a job its time once, though its child has ended", async () => {
  const { clock, children, ends } = stand();
  await clock.advance(900);
  children[0]?.kill();
  await clock.advance(99);
  expect([children.length, ends]).toEqual([2, []]);
  await clock.advance(2);
  expect(ends).toEqual(["end 1001"]);
});

it("takes what a child had said in time, though it was stopped itself until after the deadline", async () => {
  const { clock, children, ends } = stand();
  await clock.advance(1000);
  children[0]?.answer(1);
  await clock.advance(1000);
  expect([children.length, ends]).toEqual([1, ["end 1000"]]);
});

it("ends a child whose body is nonsense, and asks another", async () => {
  let isSense = false;
  const { clock, children, ends } = stand(() => isSense);
  children[0]?.answer(1);
  expect(children[0]?.isLive).toBe(false);
  await clock.advance(1);
  isSense = true;
  children[1]?.answer(1);
  expect(ends).toEqual(["end 1"]);
});

it("gives a job up when two children in turn speak nonsense", async () => {
  const { clock, children, ends } = stand(() => false);
  children[0]?.answer(1);
  await clock.advance(1);
  children[1]?.answer(1);
  expect(ends).toEqual(["executor_died"]);
});

it("gives up a child that is not ready in time", async () => {
  const limits: number[] = [];
  const after = (ms: number, then: () => void) => {
    limits.push(ms);
    queueMicrotask(then);
    return () => {};
  };
  await expect(Child.start({ ...systemClock, after })).rejects.toThrow(
    expect.objectContaining({ code: "executor_died" }),
  );
  expect(limits).toEqual([30_000]);
});
