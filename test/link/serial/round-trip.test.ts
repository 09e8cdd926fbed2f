import { describe, expect, it } from "vitest";
import { RoundTrip } from "../../../src/link/serial/round-trip.ts";

describe("round trip", () => {
  it("starts with the guess, then follows RFC 6298", () => {
    const roundTrip = new RoundTrip(300);
    expect(roundTrip.timeoutMs).toBe(300);
    roundTrip.sample(40);
    // SRTT 40, RTTVAR 20
    expect(roundTrip.timeoutMs).toBe(120);
    roundTrip.sample(48);
    // RTTVAR 20 + (8 - 20) / 4 = 17, SRTT 40 + 8 / 8 = 41
    expect(roundTrip.timeoutMs).toBe(109);
  });

  it("stays between 20 ms and a second, or the guess where that is longer", () => {
    const quick = new RoundTrip(100);
    for (let i = 0; i < 50; i++) quick.sample(1);
    expect(quick.timeoutMs).toBe(20);
    const slow = new RoundTrip(2_600);
    for (let i = 0; i < 10; i++) slow.backOff();
    expect(slow.timeoutMs).toBe(2_600);
  });

  it("doubles at each timeout until the next clean sample", () => {
    const roundTrip = new RoundTrip(100);
    roundTrip.backOff();
    roundTrip.backOff();
    expect(roundTrip.timeoutMs).toBe(400);
    roundTrip.sample(40);
    expect(roundTrip.timeoutMs).toBe(120);
  });

  it("takes no sample from a clock that was set meanwhile", () => {
    const roundTrip = new RoundTrip(100);
    roundTrip.sample(-3_600_000);
    roundTrip.sample(3_600_000);
    expect(roundTrip.timeoutMs).toBe(100);
  });
});
