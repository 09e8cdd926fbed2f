import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { NonceMemory } from "../../../src/link/broker/nonce-memory.ts";

const robot: Hex = "0x01";
const other: Hex = "0x02";
const nonceOf = (n: number): Hex => `0x${n.toString(16)}`;

describe("NonceMemory", () => {
  it("never lets a nonce through twice before its token expires, whatever it forgets", () => {
    const tokens = fc.array(
      fc.record({ nonce: fc.nat(30), life: fc.integer({ min: 1, max: 50 }), pass: fc.nat(5) }),
    );
    fc.assert(
      fc.property(tokens, fc.integer({ min: 1, max: 8 }), (uses, limit) => {
        const memory = new NonceMemory(limit);
        const passed = new Map<Hex, number>();
        let now = 1_000;
        for (const { nonce, life, pass } of uses) {
          now += pass;
          const claim = { nonce: nonceOf(nonce), expires: now + life };
          const usedUntil = passed.get(claim.nonce);
          // A token is signed once: the same nonce means the same expiry.
          if (usedUntil !== undefined && usedUntil > now) claim.expires = usedUntil;
          const fresh = memory.use(robot, claim, instant(now));
          if (fresh) {
            expect(usedUntil ?? 0).toBeLessThanOrEqual(now);
            passed.set(claim.nonce, claim.expires);
          }
        }
      }),
    );
  });

  it("forgets what has expired, and then only that", () => {
    const memory = new NonceMemory(2);
    expect(memory.use(robot, { nonce: "0xa", expires: 10 }, instant(0))).toBe(true);
    expect(memory.use(robot, { nonce: "0xb", expires: 20 }, instant(0))).toBe(true);
    expect(memory.use(robot, { nonce: "0xc", expires: 15 }, instant(10))).toBe(true);
    expect(memory.use(robot, { nonce: "0xb", expires: 20 }, instant(10))).toBe(false);
    expect(memory.use(robot, { nonce: "0xc", expires: 30 }, instant(15))).toBe(true);
  });

  it("forgets the first to expire when full, and takes no token that expires as early", () => {
    const memory = new NonceMemory(2);
    for (const [nonce, expires] of [
      ["0xa", 30],
      ["0xb", 10],
      ["0xc", 20],
    ] as const) {
      expect(memory.use(robot, { nonce, expires }, instant(0))).toBe(true);
    }
    expect(memory.use(robot, { nonce: "0xb", expires: 10 }, instant(0))).toBe(false);
    expect(memory.use(robot, { nonce: "0xd", expires: 10 }, instant(0))).toBe(false);
    expect(memory.use(robot, { nonce: "0xe", expires: 11 }, instant(0))).toBe(true);
  });

  it("keeps devices apart", () => {
    const memory = new NonceMemory(1);
    expect(memory.use(robot, { nonce: "0xa", expires: 10 }, instant(0))).toBe(true);
    expect(memory.use(robot, { nonce: "0xb", expires: 99 }, instant(0))).toBe(true);
    expect(memory.use(other, { nonce: "0xa", expires: 10 }, instant(0))).toBe(true);
  });
});
