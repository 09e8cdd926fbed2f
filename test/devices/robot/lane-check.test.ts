import { describe, expect, it } from "vitest";
import { type LaneDemand, whyUnpayable } from "../../../devices/robot/lane-check.ts";
import type { Sight } from "../../../devices/robot/lane-sight.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount, ZERO } from "../../../src/base/money.ts";

const sight: Sight = { epoch: 4, deposit: amount(1_000n), settled: ZERO, closeAt: 0, window: 1 };
const demand: LaneDemand = {
  ...{ due: amount(100n), runBy: instant(50_000_000), isAccepted: false, promisedEpoch: 4, received: ZERO },
  ...{ unpaid: 0n, limit: null, minWindow: 3_600 },
};
const why = (seen: Partial<Sight>, more: Partial<LaneDemand> = {}) =>
  whyUnpayable({ ...sight, ...seen }, { ...demand, ...more });

describe("the gateway's lane to a provider", () => {
  it("pays for what it has room for, to the unit", () => {
    expect(why({})).toBeNull();
    expect(why({}, { due: amount(1_000n) })).toBeNull();
    expect(why({}, { due: amount(1_001n) })).toBe("the gateway's lane to us has room for 1000, not for 1001");
    expect(why({}, { received: amount(900n) })).toBeNull();
    expect(why({}, { received: amount(901n) })).toMatch(/room for 99/);
    expect(why({ settled: amount(901n) }, { received: amount(5n) })).toMatch(/room for 99/);
    expect(why({}, { unpaid: 901n })).toMatch(/room for 99/);
    expect(why({}, { received: amount(500n), unpaid: 800n })).toMatch(/room for 0/);
  });

  it("pays nothing in another epoch than the gateway signs for", () => {
    expect(why({}, { promisedEpoch: 5 })).toMatch(/pays in epoch 5 of its lane, which is in epoch 4/);
    expect(why({}, { promisedEpoch: 3 })).toMatch(/epoch 3/);
    expect(why({}, { promisedEpoch: null })).toBeNull();
  });

  it("takes nothing new while it closes, and lets run what is paid ten minutes before its end", () => {
    const closeAt = 50_600;
    expect(why({ closeAt })).toMatch(/is closing/);
    expect(why({ closeAt }, { isAccepted: true })).toBeNull();
    expect(why({ closeAt: closeAt - 1 }, { isAccepted: true })).toMatch(/closes before/);
  });

  it("has to leave the time that this device wants", () => {
    expect(why({ window: 0 })).toBeNull();
    expect(why({ window: 0 }, { minWindow: 3_601 })).toBe(
      "the lane's challenge window is 3600 s, and 3601 s are needed",
    );
    expect(why({ window: 3 }, { minWindow: 604_800 })).toBeNull();
    expect(why({ window: null }, { minWindow: 604_800 })).toBeNull();
    expect(why({ window: 9 })).toMatch(/is 0 s/);
  });

  it("is not relied on beyond the limit", () => {
    expect(why({}, { unpaid: 200n, limit: 300n })).toBeNull();
    expect(why({}, { unpaid: 201n, limit: 300n })).toBe("301 would be unpaid, and the limit is 300");
  });
});
