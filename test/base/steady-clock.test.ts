import fc from "fast-check";
import { expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { JUMP_MS, SLEW, SteadyClock } from "../../src/base/steady-clock.ts";
import { HandTime } from "./hand-time.ts";

const START = 1_800_000_000_000;

/** Time passes, and somebody sets the clock by so much. */
const step = fc.record({
  passed: fc.integer({ min: 0, max: 5_000 }),
  set: fc.oneof(
    fc.constant(0),
    fc.integer({ min: -20_000, max: 20_000 }),
    fc.integer({ min: -1e10, max: 1e10 }),
  ),
});

function clockAt(start: number) {
  const time = new HandTime(start);
  return { time, clock: new SteadyClock(time, systemClock) };
}

it("begins at what the machine's clock says, and goes on as time passes", () => {
  const { time, clock } = clockAt(START);
  expect(clock.now()).toBe(START);
  time.pass(1_234);
  expect(clock.look()).toBeNull();
  expect(clock.now()).toBe(START + 1_234);
});

it("law: without a step gateway time never goes back, and runs at the pace of time within the slew", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { time, clock } = clockAt(START);
      for (const { passed, set } of steps) {
        time.set(set);
        clock.look();
        const before = clock.now();
        time.pass(passed);
        const gone = clock.now() - before;
        expect(gone).toBeGreaterThanOrEqual(Math.floor(passed * (1 - SLEW)) - 1);
        expect(gone).toBeLessThanOrEqual(Math.ceil(passed * (1 + SLEW)) + 1);
      }
    }),
  );
});

it("law: a look says of a jump exactly while the clocks are further apart than a slew makes good, and by how much", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const { time, clock } = clockAt(START);
      for (const { passed, set } of steps) {
        time.pass(passed);
        time.set(set);
        const off = time.wall() - clock.now();
        const jump = clock.look();
        // gateway time is shown in whole milliseconds
        if (Math.abs(off) > JUMP_MS + 1) expect(Math.abs((jump?.by ?? 0) - off)).toBeLessThanOrEqual(1);
        if (Math.abs(off) < JUMP_MS - 1) expect(jump).toBeNull();
      }
    }),
  );
});

it("law: a small difference is made good by a twentieth of the time that passes, whenever anybody looks", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -JUMP_MS, max: JUMP_MS }),
      fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 40 }),
      (off, rounds) => {
        const { time, clock } = clockAt(START);
        time.set(off);
        clock.look();
        let gone = 0;
        for (const passed of rounds) {
          time.pass(passed);
          gone += passed;
          expect(clock.look()).toBeNull();
          const left = Math.max(0, Math.abs(off) - gone * SLEW);
          expect(Math.abs(Math.abs(time.wall() - clock.now()) - left)).toBeLessThanOrEqual(1.5);
        }
      },
    ),
  );
});

it("law: a step ends a jump and is as long as it", () => {
  fc.assert(
    fc.property(fc.integer({ min: JUMP_MS + 1, max: 1e11 }), fc.boolean(), (size, isForward) => {
      const { time, clock } = clockAt(START);
      const by = isForward ? size : -size;
      time.set(by);
      expect(clock.look()).toEqual({ by, since: START });
      time.pass(700);
      expect(clock.look()).toEqual({ by, since: START });
      expect(clock.step()).toBe(by);
      expect(clock.now()).toBe(time.wall());
      expect(clock.look()).toBeNull();
    }),
  );
});

it("a jump is over without a step when the clock is put back", () => {
  const { time, clock } = clockAt(START);
  time.set(3_600_000);
  expect(clock.look()).not.toBeNull();
  time.set(-3_600_000);
  expect(clock.look()).toBeNull();
  expect(clock.now()).toBe(START);
});
