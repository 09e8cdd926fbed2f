/** What owners see adds up to what the gateway sees, and that to the books, over random lives. */
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { decide } from "../../../src/exchange/decide.ts";
import { openTasks } from "../../../src/market/market.ts";
import { PERIODS } from "../../../src/operator/api/overview.ts";
import { bestOf } from "../../../src/operator/overview/best.ts";
import { balancesInView, laneSumsInView } from "../../../src/operator/overview/holdings.ts";
import { periodOf } from "../../../src/operator/overview/period.ts";
import { type Scope, scopeOf } from "../../../src/operator/overview/scope.ts";
import { liveTasks } from "../../../src/operator/overview/task-rows.ts";
import { recoveryOf, totalOf } from "../../../src/payment/books.ts";
import { claimable } from "../../../src/payment/payment.ts";
import { anyLife, commandOf, contextOf, newLife, record, signVouchers } from "../../exchange/life.ts";
import { ARM, BOARD, CAMERA, CART, ROBOT } from "../../exchange/stage.ts";

beforeAll(signVouchers);

const RED: Hex = `0x${"4e".repeat(20)}`;
const BLUE: Hex = `0x${"b1".repeat(20)}`;

const OWNERS = new Map<Hex, Hex | null>([
  [ROBOT.address, RED],
  [BOARD.address, RED],
  [CART.address, BLUE],
  [ARM.address, BLUE],
  [CAMERA.address, null],
]);

it("owners' sums and those of nobody's devices are the gateway's, which are the books'", () => {
  let busy = 0;
  fc.assert(
    fc.property(anyLife, (steps) => {
      const life = newLife();
      const { state } = life;
      for (const [address, owner] of OWNERS) {
        state.roster.set(address, {
          address,
          owner,
          name: address,
          manufacturer: "m",
          serialNumber: address,
        });
      }
      for (const step of steps) {
        const command = commandOf(life, step);
        if (!command) continue;
        const { facts, refused } = decide(state, command, contextOf(life, step.who % 2 === 0));
        if (facts.length > 0) record(life, facts, command, refused);
      }
      const whole = scopeOf(state.roster, null);
      const nobody: Scope = { ...whole, has: (device) => state.roster.get(device)?.owner === null };
      const parts = [scopeOf(state.roster, RED), scopeOf(state.roster, BLUE), nobody];
      const { payment, market } = state;
      const { books } = payment;

      const all = balancesInView(books, whole);
      for (const sort of ["credit", "held", "owed"] as const) {
        expect(parts.reduce((sum, scope) => sum + balancesInView(books, scope)[sort], 0n)).toBe(all[sort]);
        expect(all[sort]).toBe(totalOf(books, sort));
      }
      expect(totalOf(books, "in") + all.owed + recoveryOf(books)).toBe(
        totalOf(books, "out") + all.credit + all.held + totalOf(books, "fee"),
      );

      const lanesOf = (scope: Scope) => laneSumsInView(payment, scope, 100, () => null);
      const lanes = lanesOf(whole);
      for (const sum of ["toGateway", "fromGateway", "deposited"] as const) {
        expect(parts.reduce((total, scope) => total + lanesOf(scope)[sum], 0n)).toBe(lanes[sum]);
      }
      for (const count of ["unsettled", "open", "closing"] as const) {
        expect(parts.reduce((total, scope) => total + lanesOf(scope)[count], 0)).toBe(lanes[count]);
      }
      const waiting = claimable(payment);
      expect(lanes.unsettled).toBe(waiting.length);
      expect(lanes.toGateway + lanes.fromGateway).toBe(
        waiting.reduce((sum, { newest, settled }) => sum + newest.cumulative - settled, 0n),
      );
      expect(lanes.first).toHaveLength(lanes.open + lanes.closing);

      expect(liveTasks(market, whole)).toEqual([...openTasks(market)]);
      for (const scope of parts.slice(0, 2)) {
        const seen = new Set(liveTasks(market, scope).map(({ id }) => id));
        for (const { id, requester, run, check, invoice } of openTasks(market)) {
          const parties = [requester, run?.provider, check?.provider, invoice?.provider];
          expect(seen.has(id)).toBe(
            parties.some((one) => one !== undefined && OWNERS.get(one) === scope.owner),
          );
        }
      }
      if (all.held > 0n && lanes.fromGateway > 0n) busy++;
    }),
    { numRuns: 60, seed: 8 },
  );
  expect(busy).toBeGreaterThan(5);
});

it("the first few of many are those that sorting would give", () => {
  const numbers = fc.array(fc.record({ key: fc.integer({ min: 0, max: 9 }), id: fc.nat() }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(numbers, fc.integer({ min: 0, max: 12 }), (items, count) => {
      const compare = (a: { key: number }, b: { key: number }) => a.key - b.key;
      expect(bestOf(items, count, compare)).toEqual(items.toSorted(compare).slice(0, count));
    }),
  );
});

it("a period ends now, begins at a midnight of the viewer's, and its slices cover it", () => {
  const moments = fc.integer({ min: Date.UTC(2025, 0, 1), max: Date.UTC(2100, 0, 1) });
  const offsets = fc.integer({ min: -840, max: 840 });
  const ages = fc.integer({ min: 0, max: 50 * 365 * 86_400_000 });
  fc.assert(
    fc.property(moments, offsets, ages, fc.constantFrom(...PERIODS), (now, offset, age, period) => {
      const { from, to, before, starts } = periodOf({ period, offset }, now, now - age);
      expect(to).toBe(now + 1);
      expect(from === 0 || (from + offset * 60_000) % 86_400_000 === 0).toBe(true);
      expect(from <= now).toBe(true);
      const days = { day: 1, week: 7, month: 30, all: Number.POSITIVE_INFINITY }[period];
      expect(to - from <= days * 86_400_000).toBe(true);
      expect(starts[0]).toBe(from);
      expect(starts.length).toBeLessThanOrEqual(60);
      const gaps = new Set(starts.slice(1).map((start, at) => start - (starts[at] ?? 0)));
      expect(gaps.size).toBeLessThanOrEqual(1);
      const last = starts.at(-1) ?? 0;
      expect(last < to && (gaps.size === 0 || last + ([...gaps][0] ?? 0) >= to)).toBe(true);
      if (before) {
        expect(before.to - before.from).toBe(to - from);
        expect(from - before.from).toBe(days * 86_400_000);
      } else expect(period === "all" || age < to - from + days * 86_400_000).toBe(true);
    }),
  );
});
