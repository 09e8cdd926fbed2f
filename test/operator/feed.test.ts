import { beforeEach, describe, expect, it } from "vitest";
import { Feed } from "../../src/operator/feed.ts";
import { ManualClock } from "../devices/robot/manual-clock.ts";

let clock: ManualClock;
let feed: Feed;
let heard: string[][];
let stop: () => void;

beforeEach(() => {
  clock = new ManualClock();
  feed = new Feed({ clock });
  heard = [];
  stop = feed.subscribe((topics) => heard.push([...topics]));
});

describe("the feed", () => {
  it("tells what came in one go in one go", () => {
    feed.note("tasks");
    feed.note("lanes", "tasks");
    expect(heard).toEqual([]);
    clock.advance(50);
    expect(heard).toEqual([["tasks", "lanes"]]);
    clock.advance(10_000);
    expect(heard).toHaveLength(1);
  });

  it("tells once a second at most, and forgets nothing meanwhile", () => {
    for (let ms = 0; ms < 10_000; ms += 10) {
      feed.note(ms % 20 === 0 ? "tasks" : "lanes");
      clock.advance(10);
    }
    clock.advance(1_000);
    expect(heard.length).toBeGreaterThanOrEqual(10);
    expect(heard.length).toBeLessThanOrEqual(12);
    expect(heard.slice(1, -1).every((topics) => topics.length === 2)).toBe(true);
  });

  it("tells soon what comes after a silence", () => {
    feed.note("tasks");
    clock.advance(60_000);
    feed.note("alerts");
    clock.advance(50);
    expect(heard).toEqual([["tasks"], ["alerts"]]);
  });

  it("waits a second at most when the clock was set back", () => {
    feed.note("tasks");
    clock.advance(50);
    const early = new ManualClock(0);
    const moved = { now: early.now, after: clock.after };
    const set = new Feed({
      clock: { now: () => (heard.length < 2 ? clock.now() : moved.now()), after: moved.after },
    });
    set.subscribe((topics) => heard.push([...topics]));
    set.note("lanes");
    clock.advance(50);
    set.note("alerts");
    clock.advance(1_000);
    expect(heard).toEqual([["tasks"], ["lanes"], ["alerts"]]);
  });

  it("sets no timer while nobody listens, and keeps nothing for who comes later", () => {
    stop();
    let timers = 0;
    const after: ManualClock["after"] = (ms, then) => {
      timers++;
      return clock.after(ms, then);
    };
    const counted = new Feed({ clock: { now: clock.now, after } });
    counted.note("tasks");
    expect(timers).toBe(0);
    feed.note("tasks");
    feed.subscribe((topics) => heard.push([...topics]));
    clock.advance(5_000);
    expect(heard).toEqual([]);
  });

  it("tells nobody who has left, and nobody once it is closed", () => {
    const others: string[][] = [];
    feed.subscribe((topics) => others.push([...topics]));
    feed.note("tasks");
    stop();
    clock.advance(50);
    expect([heard, others]).toEqual([[], [["tasks"]]]);
    feed.note("lanes");
    feed.close();
    clock.advance(5_000);
    expect(others).toHaveLength(1);
  });
});
