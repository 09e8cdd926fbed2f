import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BackOff } from "../../../devices/robot/back-off.ts";
import { Connection } from "../../../devices/robot/connection.ts";
import { type Clock, instant } from "../../../src/base/clock.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import { FakeGateway } from "./fake-gateway.ts";

const BOUNDS = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000];

describe("the pauses before a robot tries again", () => {
  it("are never above a bound that doubles up to five seconds, whatever is drawn", () => {
    const anyDraws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(anyDraws, (draws) => {
        const backOff = new BackOff();
        for (const [at, draw] of draws.entries()) {
          expect(backOff.pause(0, draw)).toBe(draw * (BOUNDS[at] ?? 5_000));
        }
      }),
    );
  });

  it("begin again only after a session that lasted", () => {
    const backOff = new BackOff();
    const pauses = [0, 4_999, 0, 5_000, 0].map((upMs) => backOff.pause(upMs, 1));
    expect(pauses).toEqual([50, 100, 200, 50, 100]);
  });

  it("spread a thousand robots evenly over all of the time, at each try", async () => {
    const robots = 1_000;
    const pauses = await Promise.all(Array.from({ length: robots }, () => pausesOf(BOUNDS.length)));
    for (const [at, bound] of BOUNDS.entries()) {
      const sorted = pauses.map((one) => one[at] ?? -1).sort((a, b) => a - b);
      expect(sorted[0]).toBeGreaterThanOrEqual(0);
      expect(sorted.at(-1)).toBeLessThan(bound);
      // Kolmogorov and Smirnov: an even spread is further off than this once in 10^9 times
      const furthest = sorted.map((pause, i) => Math.abs(pause / bound - (i + 0.5) / robots));
      expect(Math.max(...furthest)).toBeLessThan(3.3 / Math.sqrt(robots));
    }
  });
});

/** The first pauses of a robot whose gateway is not there. */
async function pausesOf(count: number): Promise<number[]> {
  const pauses: number[] = [];
  const done = Promise.withResolvers<void>();
  const clock: Clock = {
    now: () => instant(0),
    after: () => () => {},
    sleep: (ms) => {
      pauses.push(ms);
      if (pauses.length === count) done.resolve();
      return pauses.length < count ? Promise.resolve() : closed.promise;
    },
  };
  const closed = Promise.withResolvers<void>();
  const gateway = new FakeGateway();
  const signer: Signer = {
    address: gateway.signer.address,
    sign: async () => `0x${"00".repeat(65)}` as const,
  };
  const heard = { up: () => {}, changed: () => {}, down: () => {}, heard: () => {}, ignored: () => {} };
  const factsheet = () => ({ version: 1 as const, name: "", profiles: [], memoryMiB: 0 });
  const stream = () => Promise.reject(new Error("no gateway"));
  const file = gateway.enroll("r1");
  const connection = new Connection({ file, signer, slot: "0", factsheet, clock, stream }, heard);
  connection.start().catch(() => {});
  await done.promise;
  const ended = connection.close();
  closed.resolve();
  await ended;
  return pauses;
}
