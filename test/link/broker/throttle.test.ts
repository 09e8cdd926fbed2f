import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf } from "../../../src/link/broker/origin.ts";
import { Throttle } from "../../../src/link/broker/throttle.ts";
import { VirtualClock } from "../serial/virtual-clock.ts";

describe("Throttle", () => {
  it("lets through the burst and the rate, and not one more, in any time whatever", () => {
    const rates = fc.integer({ min: 1, max: 500 });
    const pauses = fc.array(fc.oneof(fc.constant(0), fc.nat(5), fc.nat(3_000)), { maxLength: 200 });
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 50 }), pauses, (rate, burst, waits) => {
        const clock = new VirtualClock();
        const throttle = new Throttle(rate, burst, clock);
        const passed: number[] = [];
        for (const wait of waits) {
          clock.elapsedMs += wait;
          // whoever takes a token passes when its wait is over
          passed.push(clock.elapsedMs + throttle.take("a"));
        }
        passed.forEach((from, i) => {
          passed.slice(i).forEach((until, n) => {
            expect(n + 1).toBeLessThanOrEqual(burst + ((until - from) * rate) / 1_000 + 1e-6);
          });
        });
      }),
    );
  });

  it("keeps nobody waiting who keeps to the rate", () => {
    const clock = new VirtualClock();
    const throttle = new Throttle(10, 1, clock);
    for (let i = 0; i < 50; i++) {
      expect(throttle.take("a")).toBe(0);
      clock.elapsedMs += 100;
    }
  });

  it("tells how long the debt takes, one bucket apart from the other, whatever they are called", () => {
    const throttle = new Throttle(4, 2, new VirtualClock());
    for (const key of ["a", "constructor", "__proto__"]) {
      expect([1, 2, 3, 4].map(() => throttle.take(key))).toEqual([0, 0, 250, 500]);
    }
  });

  it("forgets the buckets that are full again", () => {
    const clock = new VirtualClock();
    const throttle = new Throttle(10, 5, clock);
    let most = 0;
    for (let i = 0; i < 100_000; i++) {
      throttle.take(`k${i}`);
      clock.elapsedMs += 1;
      most = Math.max(most, throttle.size);
    }
    expect(most).toBeLessThanOrEqual(1_024);
  });

  it("punishes nobody when the machine's clock is set back", () => {
    const clock = new VirtualClock();
    const throttle = new Throttle(1, 2, clock);
    throttle.take("a");
    clock.offsetMs -= 3_600_000;
    expect(throttle.take("a")).toBe(0);
  });
});

describe("addressOf", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::9", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["/dev/ttyACM0", "/dev/ttyACM0"],
    ["gone", "gone"],
    ["bed", "bed"],
  ])("counts %s by %s", (origin, address) => {
    expect(addressOf(origin)).toBe(address);
  });
});
