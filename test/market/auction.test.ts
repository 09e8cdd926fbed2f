import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { type Amount, amount } from "../../src/base/money.ts";
import { awardTo, rankBids } from "../../src/market/auction.ts";
import { DEFAULT_RULES } from "../../src/market/rules.ts";
import type { Assignment, Bid } from "../../src/market/task.ts";
import { awardDigest } from "../../src/protocol/typed-data.ts";
import { FUEL, provider, taskWith } from "./sample-task.ts";

const NOW = instant(1_000);
const always = () => true;
const bid = (who: number, rate: bigint, expires = 9_000): Bid => ({
  provider: provider(who),
  rate: amount(rate),
  expires: instant(expires),
});
const rank = (
  bids: readonly Bid[],
  out: readonly Hex[] = [],
  hasRoom: (who: Hex, cost: Amount) => boolean = always,
) => rankBids(taskWith({ bids, out }), NOW, DEFAULT_RULES, hasRoom);

/** Bids of different providers; expiry is before, at or after now. */
const anyBids = fc
  .array(fc.record({ rate: fc.bigInt({ min: 1n, max: 5n }), expires: fc.constantFrom(999, 1_000, 1_001) }), {
    maxLength: 12,
  })
  .map((all) => all.map(({ rate, expires }, who) => bid(who, rate, expires)));

describe("the auction", () => {
  it("ranks the least rate first, and the earliest among equals", () => {
    const bids = [bid(1, 5n), bid(2, 3n), bid(3, 4n), bid(4, 3n)];
    expect(rank(bids).map((one) => one.provider)).toEqual([2, 4, 3, 1].map(provider));
  });

  it("leaves out who is out, expired, running already, or without room on its lane", () => {
    const bids = [bid(1, 1n), bid(2, 2n, 1_000), bid(3, 3n), bid(4, 4n), bid(5, 5n, 1_001)];
    const room = (who: Hex) => who !== provider(3);
    expect(rank(bids, [provider(1)], room)).toEqual([bids[3], bids[4]]);
    const run: Assignment = {
      provider: provider(4),
      rate: amount(4n),
      feeBasisPoints: 0,
      price: amount(4n),
      fee: amount(0n),
      acceptBy: NOW,
      runBy: NOW,
      award: `0x${"00".repeat(32)}`,
      signature: `0x${"00".repeat(65)}`,
      stage: "delivered",
      accept: null,
      verdict: null,
      output: null,
      outputBytes: 0,
      fuel: 0,
    };
    expect(rankBids(taskWith({ bids, run }), NOW, DEFAULT_RULES, always).map((one) => one.provider)).toEqual(
      [1, 3, 5].map(provider),
    );
  });

  it("asks for room for the most that the lane has to carry: the price of the whole limit, less the fee", () => {
    const asked: bigint[] = [];
    const hasRoom = (_: Hex, cost: Amount) => asked.push(cost) > 0;
    rank([bid(1, 10_000n)], [], hasRoom);
    const third = taskWith({ bids: [bid(1, 10_000n)], fuelLimit: FUEL / 4 });
    rankBids(third, NOW, DEFAULT_RULES, hasRoom);
    expect(asked).toEqual([9_800n, 2_450n]);
  });

  it("is a sorted choice of the bids: nobody is added, twice there, or passed over", () => {
    fc.assert(
      fc.property(anyBids, fc.array(fc.nat(11), { maxLength: 4 }), (bids, outs) => {
        const out = outs.map(provider);
        const ranked = rank(bids, out);
        const awardable = bids.filter((one) => one.expires > NOW && !out.includes(one.provider));
        expect(new Set(ranked)).toEqual(new Set(awardable));
        for (const [at, one] of ranked.entries()) {
          const next = ranked[at + 1];
          if (!next) continue;
          expect(one.rate <= next.rate).toBe(true);
          if (one.rate === next.rate) expect(bids.indexOf(one)).toBeLessThan(bids.indexOf(next));
        }
      }),
    );
  });

  it("does not care how many bids there are that cannot be awarded, nor where", () => {
    fc.assert(
      fc.property(anyBids, (bids) => {
        const alive = bids.filter((one) => one.expires > NOW);
        expect(rank(bids)).toEqual(rank(alive));
        const dead = alive.flatMap((one, at) => [bid(100 + at, 1n, 500), one]);
        expect(rank(dead)).toEqual(rank(alive));
      }),
    );
  });
});

describe("an award", () => {
  const market = {
    chainId: 1,
    vault: provider(0xa1),
    token: provider(0xa2),
    gateway: provider(0xa3),
  };

  it("names both parties, the bid's rate, how the run is metered and both deadlines", () => {
    const task = taskWith({});
    const given = awardTo(market, task, bid(1, 500n), "run", NOW, DEFAULT_RULES);
    expect(given).toMatchObject({
      kind: "awarded",
      task: task.id,
      role: "run",
      provider: provider(1),
      rate: 500n,
      feeBasisPoints: DEFAULT_RULES.feeBasisPoints,
      acceptBy: NOW + DEFAULT_RULES.acceptMs,
      runBy: task.deadline,
    });
    const { kind: _, award, signature: __, ...terms } = given;
    const { requester, firmware, input, profile, memoryMiB, fuelLimit, meter, costs } = task;
    const run = { requester, firmware, input, profile, memoryMiB, fuelLimit, meter, costs };
    expect(award).toBe(awardDigest(market, { ...terms, ...run }));
  });

  it("never runs past the task's deadline", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_999 }), (now) => {
        const given = awardTo(market, taskWith({}), bid(1, 1n), "check", instant(now), DEFAULT_RULES);
        expect(given.acceptBy).toBeLessThanOrEqual(given.runBy);
        expect(given.runBy).toBeLessThanOrEqual(10_000);
        expect(given.acceptBy).toBeGreaterThan(now);
      }),
    );
  });
});
