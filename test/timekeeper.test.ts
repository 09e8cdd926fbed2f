/** The timekeeper, alone and with the heartbeat and the agenda whose time it keeps. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Agenda } from "../src/agenda.ts";
import { type Clock, type Instant, instant, systemClock } from "../src/base/clock.ts";
import type { Fault } from "../src/base/fault.ts";
import { SteadyClock } from "../src/base/steady-clock.ts";
import { isOpen } from "../src/market/task.ts";
import { AHEAD_MS, FOLLOW_MS, Timekeeper } from "../src/timekeeper.ts";
import { HandTime } from "./base/hand-time.ts";
import { type Counter, openCounter } from "./exchange/counter.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  funded,
  offer,
  offerTerms,
  ROBOT,
  RULES,
  result,
  START,
  taskOfOffer,
  voucherOf,
} from "./exchange/stage.ts";
import { announced, awardOf, TASK } from "./exchange/way.ts";

const HOUR = 3_600_000;
const LONGEST_RUN = RULES.acceptMs + RULES.runMs;

/** What the world says, which a test changes. */
type World = {
  machine: boolean | null;
  block: { time: Instant; readAt: Instant } | null;
  isIdle: () => boolean;
  asked: number;
};

function stand(synchronized: "auto" | "assume" = "auto") {
  const time = new HandTime(START);
  const clock = new SteadyClock(time, systemClock);
  const world: World = { machine: true, block: null, isIdle: () => true, asked: 0 };
  const faults: Fault[] = [];
  const steps: number[] = [];
  const said: string[] = [];
  const changes: (string | null)[] = [];
  const keeper: Timekeeper = new Timekeeper({
    ...{ clock, synchronized, longestRunMs: LONGEST_RUN },
    askMachine: () => {
      world.asked++;
      return Promise.resolve(world.machine);
    },
    newestBlock: () => world.block,
    isIdle: () => world.isIdle(),
    onFault: (fault) => faults.push(fault),
    onChange: () => changes.push(keeper.obstacle),
    onStep: (by) => steps.push(by),
    say: (line) => said.push(line),
  });
  const codes = () => faults.map(({ code }) => code);
  /** Time passes, second by second as the timekeeper looks. */
  const pass = async (ms: number) => {
    for (let gone = 0; gone < ms; gone += 1_000) {
      time.pass(Math.min(1_000, ms - gone));
      await keeper.look();
    }
  };
  return { time, clock, world, faults, codes, steps, said, changes, keeper, pass };
}

describe("whether the clock is synchronised", () => {
  it("is asked until the machine says yes, told once, and once more when it is over", async () => {
    const { world, keeper, codes, said, changes, pass } = stand();
    world.machine = false;
    await keeper.look();
    expect(keeper.obstacle).toBe("clock_unsynchronized");
    await pass(12_000);
    expect(world.asked).toBe(3);
    expect(codes()).toEqual(["clock_unsynchronized"]);
    expect(said).toEqual([]);
    world.machine = true;
    await pass(5_000);
    expect(keeper.obstacle).toBeNull();
    await pass(3_600_000);
    expect(world.asked).toBe(4);
    expect(said).toHaveLength(1);
    expect(changes).toEqual(["clock_unsynchronized", null]);
  });

  it("is nobody's to say in a container, which keeps no offer away", async () => {
    const { world, keeper, codes, pass } = stand();
    world.machine = null;
    await keeper.look();
    await pass(120_000);
    expect([keeper.obstacle, codes(), world.asked]).toEqual([null, [], 3]);
  });

  it("is not asked where it is assumed, neither of the machine nor of the chain", async () => {
    const { world, keeper, codes } = stand("assume");
    world.machine = false;
    world.block = { time: instant(START + HOUR), readAt: START };
    await keeper.look();
    expect([keeper.obstacle, codes(), world.asked]).toEqual([null, [], 0]);
  });

  it("is proven wrong by a block that is ahead, whatever the machine says, and by none that is behind", async () => {
    const { world, time, keeper, faults, pass } = stand();
    const seen = (ahead: number) => {
      const readAt = instant(time.wall());
      world.block = { time: instant(readAt + ahead), readAt };
    };
    for (const ahead of [-10 * HOUR, 0, AHEAD_MS]) {
      seen(ahead);
      await pass(1_000);
      expect(keeper.obstacle).toBeNull();
    }
    seen(AHEAD_MS + 1_000);
    await pass(1_000);
    expect(keeper.obstacle).toBe("clock_unsynchronized");
    expect(faults.map(({ facts }) => facts)).toEqual([{ by: "chain" }]);
    // while no other block is read, that one is no less a proof for being older
    await pass(600_000);
    expect(keeper.obstacle).toBe("clock_unsynchronized");
    seen(-3_000);
    await pass(1_000);
    expect(keeper.obstacle).toBeNull();
  });

  it("a clock that was known to be wrong is followed at once, whatever is open", async () => {
    const { world, time, keeper, steps, codes, clock, pass } = stand();
    world.machine = false;
    world.isIdle = () => false;
    await keeper.look();
    time.set(5 * HOUR);
    world.machine = true;
    await pass(1_000);
    expect([steps, keeper.obstacle, clock.now()]).toEqual([[5 * HOUR], null, time.wall()]);
    expect(codes()).toEqual(["clock_unsynchronized"]);
  });
});

describe("a clock that was set", () => {
  it("is told, and followed at once where nothing is open", async () => {
    const { time, keeper, faults, steps, codes, pass, world } = stand();
    await pass(10_000);
    time.set(-HOUR);
    await pass(1_000);
    expect(codes()).toEqual(["clock_jumped"]);
    expect(faults[0]?.message).toMatch(/set back by 1 h/);
    expect(faults[0]?.facts).toEqual({ by: -HOUR });
    expect([steps, keeper.obstacle]).toEqual([[-HOUR], null]);
    // whoever has set it may have stopped what keeps it
    expect(world.asked).toBe(2);
  });

  it("by a second is no jump", async () => {
    const { time, keeper, codes, pass, clock } = stand();
    time.set(1_000);
    await pass(60_000);
    expect([keeper.obstacle, codes(), time.wall() - clock.now()]).toEqual([null, [], 0]);
  });

  it("and put back before gateway time followed is over", async () => {
    const { world, time, keeper, steps, codes, pass } = stand();
    world.isIdle = () => false;
    time.set(HOUR);
    await pass(5_000);
    expect(keeper.obstacle).toBe("clock_jumped");
    time.set(-HOUR);
    await pass(1_000);
    expect([keeper.obstacle, steps, codes()]).toEqual([null, [], ["clock_jumped"]]);
    time.set(2 * HOUR);
    await pass(1_000);
    expect(codes()).toEqual(["clock_jumped", "clock_jumped"]);
  });

  it("law: gateway time follows when nothing is open or after ten minutes, whichever is first, and steps once", async () => {
    const size = fc.integer({ min: 6_000, max: 1e11 });
    const idleAfter = fc.integer({ min: 0, max: 1_200_000 });
    await fc.assert(
      fc.asyncProperty(size, fc.boolean(), idleAfter, async (length, isForward, openFor) => {
        const { world, time, clock, keeper, steps } = stand();
        const by = isForward ? length : -length;
        await keeper.look();
        const idleAt = time.steady() + openFor;
        world.isIdle = () => time.steady() >= idleAt;
        time.set(by);
        await keeper.look();
        for (const at of [openFor - 1, openFor, FOLLOW_MS - 1, FOLLOW_MS].toSorted((a, b) => a - b)) {
          time.pass(Math.max(0, at - time.steady()));
          await keeper.look();
          const isOver = time.steady() >= Math.min(openFor, FOLLOW_MS);
          expect(steps).toEqual(isOver ? [by] : []);
          expect(clock.now()).toBe(isOver ? time.wall() : START + time.steady());
          const isEnding = time.steady() >= FOLLOW_MS - LONGEST_RUN;
          expect(keeper.obstacle).toBe(isOver ? null : isEnding ? "clock_unsynchronized" : "clock_jumped");
        }
      }),
      { numRuns: 50 },
    );
  });
});

/** A market by the clock of a timekeeper, with the agenda's timer in the test's hand. */
async function town() {
  const all = stand();
  const { clock, world, keeper, time } = all;
  const counter = openCounter();
  await counter.observe(funded([ROBOT, BOARD, ARM], 10_000n));
  const { state, heartbeat } = counter;
  let timer: { at: number; then: () => void } | null = null;
  const agendaClock: Clock = {
    ...{ now: () => clock.now(), sleep: systemClock.sleep },
    after: (ms, then) => {
      timer = { at: time.steady() + ms, then };
      return () => {
        timer = null;
      };
    },
  };
  const agenda = new Agenda({
    ...{ state, clock: agendaClock, heartbeat, inputMs: RULES.inputMs, maxDeadlineMs: RULES.maxDeadlineMs },
    errands: () => ({ consider: () => undefined }),
    obstacle: () => keeper.obstacle,
  });
  world.isIdle = () => [...state.market.tasks.values()].every((task) => !isOpen(task));
  let seen = 0;
  /** What the gateway does each second. */
  const look = async () => {
    await keeper.look();
    counter.clock.set(clock.now());
    counter.hinder(keeper.obstacle);
    if (all.steps.length > seen) await agenda.stepped();
    seen = all.steps.length;
    agenda.look();
  };
  const pass = async (ms: number) => {
    for (let gone = 0; gone < ms; gone += 1_000) {
      time.pass(1_000);
      await look();
      for (let fired = 0; timer !== null && timer.at <= time.steady(); fired++) {
        if (fired > 5) throw new Error("the agenda turns in a circle");
        const { then } = timer;
        timer = null;
        then();
        await heartbeat.idle();
        await Promise.resolve();
      }
    }
  };
  await agenda.open();
  return { ...all, agenda, counter, pass, timerIn: () => timer && timer.at - time.steady() };
}

const stateIn = ({ counter }: { readonly counter: Counter }) => counter.state.market.tasks.get(TASK)?.state;

it("while the clock is not synchronised, an announced task waits without a timer, and is awarded once it is", async () => {
  const gateway = await town();
  const { counter, world, pass, timerIn } = gateway;
  await announced(counter);
  world.machine = false;
  await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n, START + 900_000));
  await pass(50_000);
  expect([gateway.keeper.obstacle, stateIn(gateway), timerIn()]).toEqual([
    ...["clock_unsynchronized", "announced", null],
  ]);
  world.machine = true;
  while (gateway.keeper.obstacle !== null) await pass(1_000);
  expect(stateIn(gateway)).toBe("awarded");
});

describe("with tasks open, a clock that is set by hours", () => {
  it.each([-5 * HOUR, 5 * HOUR, 400 * 24 * HOUR])("by %d ms ends no run early", async (by) => {
    const gateway = await town();
    const { counter, time, pass, keeper } = gateway;
    await announced(counter);
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n, START + 900_000));
    await pass(2_000);
    expect(stateIn(gateway)).toBe("awarded");
    await counter.send(BOARD, "accept", await accept(BOARD, "a-1", TASK, awardOf(counter)));
    time.set(by);
    await pass(20_000);
    expect([stateIn(gateway), keeper.obstacle]).toEqual(["running", "clock_jumped"]);
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-2")));
    expect(counter.refused.map(({ refusal }) => refusal.refused)).toEqual(["clock_unsynchronized"]);
    // its time is over when it would have been
    await pass(15_000);
    expect(stateIn(gateway)).toBe("forfeited");
    await pass(1_000);
    expect([gateway.steps, keeper.obstacle]).toEqual([[by], null]);
  });

  it.each([-5 * HOUR, -400 * 24 * HOUR])("by %d ms leaves nothing open for hours", async (by) => {
    const gateway = await town();
    const { counter, time, pass, keeper, agenda, clock } = gateway;
    const { id } = await longTask(counter);
    time.set(by);
    await pass(FOLLOW_MS - LONGEST_RUN + 2_000);
    expect(keeper.obstacle).toBe("clock_unsynchronized");
    await pass(LONGEST_RUN);
    expect(gateway.steps).toEqual([by]);
    // twenty hours and five are more than an offer may wait
    expect(counter.state.market.tasks.get(id)?.state).toBe("cancelled");
    expect(agenda.graceUntil).toBeLessThanOrEqual(clock.now() + 6_000);
  });

  it("by an hour back gathers bids anew for what is announced", async () => {
    const gateway = await town();
    const { counter, time, pass, clock } = gateway;
    const { id } = await longTask(counter);
    time.set(-HOUR);
    await pass(FOLLOW_MS + 1_000);
    const bidBy = counter.state.market.tasks.get(id)?.bidBy ?? 0;
    expect(gateway.steps).toEqual([-HOUR]);
    expect(bidBy).toBeGreaterThan(clock.now());
    expect(bidBy).toBeLessThanOrEqual(clock.now() + 1_000 + RULES.bidWindowMs);
  });

  it("makes no timer of months for what waits for its verdict", async () => {
    const gateway = await town();
    const { counter, time, pass, timerIn, clock } = gateway;
    const { id } = await longTask(counter);
    const awardNow = () => counter.state.market.tasks.get(id)?.run?.award ?? id;
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", id, 500n, START + 900_000));
    await pass(2_000);
    await counter.send(BOARD, "accept", await accept(BOARD, "a-1", id, awardNow()));
    await counter.send(BOARD, "result", await result(BOARD, "r-1", id, awardNow()));
    time.set(-400 * 24 * HOUR);
    await pass(FOLLOW_MS + 1_000);
    expect(counter.state.market.tasks.get(id)?.state).toBe("delivered");
    expect(clock.now()).toBe(time.wall());
    expect(timerIn()).toBeLessThanOrEqual(HOUR);
  });
});

/** An announced task that may wait for twenty hours. */
async function longTask(counter: Counter) {
  await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 1_200n) });
  const terms = offerTerms("o-1", { deadline: instant(START + 20 * HOUR) });
  await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
  const id = taskOfOffer(ROBOT, terms);
  await counter.tell({ topic: "blobsHere", task: id });
  return { id };
}
