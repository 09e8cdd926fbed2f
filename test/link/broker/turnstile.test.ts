import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Turnstile } from "../../../src/link/broker/turnstile.ts";
import { ManualClock } from "../../devices/robot/manual-clock.ts";

/** Lets the promises that are due go on. */
const settle = () => new Promise<void>((done) => setImmediate(done));

describe("a turnstile", () => {
  it("lets through in order, whatever each has to wait, and never more than its room", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        async (waits, room) => {
          const clock = new ManualClock(0);
          const turnstile = new Turnstile(room, clock);
          const entered: number[] = [];
          const taken = waits.map((wait, i) => {
            const passing = turnstile.pass(
              () => wait,
              async () => void entered.push(i),
            );
            return passing === null ? [] : [i];
          });
          for (let ms = 0; ms <= 50 * waits.length; ms += 10) {
            clock.advance(10);
            await settle();
          }
          expect(entered).toEqual(taken.flat());
          const firstWait = waits.findIndex((wait) => wait > 0);
          const atOnce = firstWait < 0 ? waits.length : firstWait;
          expect(entered).toHaveLength(Math.min(waits.length, atOnce + room));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("waits as long as it is told before the one that has to, and no one passes it", () => {
    const clock = new ManualClock(0);
    const turnstile = new Turnstile(10, clock);
    const entered: string[] = [];
    const enter = (name: string) => async () => void entered.push(name);
    void turnstile.pass(() => 0, enter("a"));
    void turnstile.pass(() => 100, enter("b"));
    void turnstile.pass(() => 0, enter("c"));
    clock.advance(99);
    expect(entered).toEqual(["a"]);
    clock.advance(1);
    expect(entered).toEqual(["a", "b", "c"]);
  });

  it("stays shut until it is told, also when that fails", async () => {
    const turnstile = new Turnstile(10, new ManualClock(0));
    const entered: string[] = [];
    const login = Promise.withResolvers<void>();
    const logged = turnstile.pass(
      () => 0,
      () => turnstile.shutUntil(login.promise),
    );
    const behind = turnstile.pass(
      () => 0,
      async () => void entered.push("behind"),
    );
    expect(entered).toEqual([]);
    login.reject(new Error("no"));
    await logged;
    await behind;
    expect(entered).toEqual(["behind"]);
  });

  it("sends away all that waits", async () => {
    const clock = new ManualClock(0);
    const turnstile = new Turnstile(10, clock);
    const entered: string[] = [];
    const held = ["a", "b"].map((name) =>
      turnstile.pass(
        () => 100,
        async () => void entered.push(name),
      ),
    );
    turnstile.clear();
    await Promise.all(held);
    clock.advance(1_000);
    expect(entered).toEqual([]);
    await turnstile.pass(
      () => 0,
      async () => void entered.push("c"),
    );
    expect(entered).toEqual(["c"]);
  });
});
